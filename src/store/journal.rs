//! The journal: segments of frames, one group each. A frame is one write with one checksum over segment salt, frame
//! number, length, first sequence and payload.

use super::{Record, Seq};

/// Reads published frames in order.
pub struct Reader {
    _private: (),
}

/// What the reader wants is no longer there, or damaged: where reading can go on, if anywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal has a gap after {after:?}: {what}")]
pub struct Gap {
    /// The last sequence before the gap.
    pub after: Seq,
    /// Where it goes on.
    pub resume: Option<Seq>,
    /// What happened.
    pub what: String,
}

impl Reader {
    /// The next published frame; `None` where there is none yet. Never past what is published. Blocking file reads: not
    /// for a runtime's thread.
    pub fn next(&mut self) -> Result<Option<FrameRecords<'_>>, Gap> {
        todo!()
    }
}

/// The records of one frame, in order.
pub struct FrameRecords<'a> {
    _frame: &'a [u8],
}

impl<'a> Iterator for FrameRecords<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        todo!()
    }
}
