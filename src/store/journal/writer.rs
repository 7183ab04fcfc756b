//! The journal's writing side, owned by the committer's thread.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{FrameBuf, Position, Reader, Readers};
use crate::store::Seq;

/// Why a frame was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No segment could be prepared: nothing was written, the frame may be appended later.
    #[error("no journal segment could be prepared: {0}")]
    Full(String),
    /// A write or sync failed, now or earlier: whether this frame is durable is not known, and nothing more is written.
    #[error("the journal is poisoned: {0}")]
    Poisoned(String),
    /// The frame's first sequence is not beyond the last one: a mistake of the caller's. Nothing was written.
    #[error("sequence {first:?} is not beyond {last:?}")]
    Order {
        /// The frame's first sequence.
        first: Seq,
        /// The journal's last.
        last: Seq,
    },
}

/// Figures that any thread may read.
#[derive(Debug, Default)]
pub struct Figures {
    /// Bytes written since the start, in whole 4 KiB blocks: frames, headers, zeros.
    pub bytes_written: AtomicU64,
    /// Segments that hold frames still needed.
    pub segments: AtomicU64,
    /// Bytes allocated: segments needed, released and prepared.
    pub bytes_on_disk: AtomicU64,
    /// Segments prepared; below [`super::JournalSettings::reserve`] means that the disk is full.
    pub prepared: AtomicU64,
}

/// The journal, writing.
pub struct Journal {}

impl Journal {
    /// One write, one `fdatasync`: when it returns, the frame is durable. Readers see it after [`Journal::publish`].
    pub fn append(&mut self, _frame: &mut FrameBuf) -> Result<Position, AppendError> {
        todo!()
    }

    /// Lets readers see everything appended.
    pub fn publish(&mut self) {
        todo!()
    }

    /// The last change appended.
    pub fn last(&self) -> Seq {
        todo!()
    }

    /// A reader of everything after this sequence.
    pub fn reader(&self, _after: Seq) -> Reader {
        todo!()
    }

    /// Makes readers, for other threads.
    pub fn readers(&self) -> Readers {
        todo!()
    }

    /// Figures, for other threads.
    pub fn figures(&self) -> Arc<Figures> {
        todo!()
    }

    /// Bytes of journal from this sequence on, as they lie in segments (an upper bound): what it pins.
    pub fn bytes_after(&self, _after: Seq) -> u64 {
        todo!()
    }

    /// Changes up to here are no longer needed by anyone: segments wholly at or below it will be used again. They are
    /// touched only once a later segment's header says so: with the next segment, or [`Journal::rotate`].
    pub fn release(&mut self, _through: Seq) {
        todo!()
    }

    /// Prepares what is missing of the reserve. Cheap when there is nothing to do; call it between groups. An error means
    /// that the disk is full, or worse: writes go on as long as there are segments.
    pub fn maintain(&mut self) -> std::io::Result<()> {
        todo!()
    }

    /// Begins a new segment now, so that what was released is freed at once (when space is short).
    pub fn rotate(&mut self) -> Result<(), AppendError> {
        todo!()
    }
}
