//! Frames: one group of changes, encoded.

use crate::store::batch::Change;
use crate::store::{Record, Seq};

/// The longest frame, old images included: 32 MiB.
pub const MAX_FRAME: usize = 32 << 20;

/// A frame being made: a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct FrameBuf {
    #[allow(dead_code)]
    bytes: Vec<u8>,
}

/// The frame would be longer than [`MAX_FRAME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group is larger than a frame may be")]
pub struct FrameFull;

impl FrameBuf {
    /// Empties it. Its first change will have the sequence `first`.
    pub fn begin(&mut self, _first: Seq, _base_time_us: u64) {
        todo!()
    }

    /// Adds one change; its sequence is the answer. On [`FrameFull`] the frame is as it was.
    pub fn push(&mut self, _change: &Change) -> Result<Seq, FrameFull> {
        todo!()
    }

    /// Adds the changes of one decision, all or none; the first one's sequence is the answer ([`FrameBuf::next_seq`] if
    /// there are none).
    pub fn push_all(&mut self, _changes: &[Change]) -> Result<Seq, FrameFull> {
        todo!()
    }

    /// The sequence that the next change gets.
    pub fn next_seq(&self) -> Seq {
        todo!()
    }

    /// How many changes are in it.
    pub fn count(&self) -> u32 {
        todo!()
    }

    /// Its length in bytes, header included.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether there is no change in it.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// What was pushed, decoded (for the overlay, or tests).
    pub fn records(&self) -> FrameRecords<'_> {
        todo!()
    }
}

/// The records of one frame, in order. Made only of a frame whose checksum and structure were checked.
#[derive(Clone, Debug)]
pub struct FrameRecords<'a> {
    _frame: &'a [u8],
}

impl FrameRecords<'_> {
    /// The frame's number.
    pub fn number(&self) -> u64 {
        todo!()
    }

    /// The first change's sequence.
    pub fn first(&self) -> Seq {
        todo!()
    }

    /// The last change's sequence.
    pub fn last(&self) -> Seq {
        todo!()
    }

    /// How many changes it has.
    pub fn count(&self) -> u32 {
        todo!()
    }

    /// The frame's length in bytes.
    pub fn byte_len(&self) -> usize {
        todo!()
    }
}

impl<'a> Iterator for FrameRecords<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        todo!()
    }
}
