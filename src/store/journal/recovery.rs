//! From the files of a directory to a journal: survey, replay, start. Only the last of these writes.

use std::io;
use std::sync::Arc;

use super::disk::Disk;
use super::{FrameRecords, Journal, JournalSettings, StoreId};
use crate::store::Seq;

/// The journal can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system said no.
    #[error("can't {what}: {source}")]
    Io {
        /// What was tried, on which file.
        what: String,
        /// The system's word.
        source: io::Error,
    },
    /// Segments of a newer format than this binary knows.
    #[error("the journal has format {found}, this forebay knows up to {known}")]
    Newer {
        /// The segments' format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The one who replays said stop.
    #[error("replaying the journal: {0}")]
    Replay(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Something acknowledged that can't be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is damaged, and where what is left of it is kept: for people.
    pub what: String,
    /// The last sequence before it.
    pub after: Seq,
    /// Replay stopped here: later changes exist, but are not part of the store any more.
    pub stopped: bool,
}

/// A frame that was being written when the power went: never acknowledged, and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment's number.
    pub segment: u64,
    /// Where the frame began.
    pub offset: u64,
}

/// What the segments' headers say. Nothing has been written or replayed.
pub struct Survey {}

impl Survey {
    /// Reads the headers of the directory's segments.
    pub fn of(_disk: Arc<dyn Disk>, _settings: JournalSettings) -> Result<Survey, JournalError> {
        todo!()
    }

    /// Whose journal it is; `None` if there is none.
    pub fn store_id(&self) -> Option<StoreId> {
        todo!()
    }

    /// Everything after this sequence should be there (0: from the first change on).
    pub fn begins_after(&self) -> Seq {
        todo!()
    }

    /// Calls back with every whole frame that has a change after `after` (which the tree has; `Seq(0)`: all there is), in
    /// order. Segments wholly at or below it are not read. A torn tail ends it quietly; damage at or below `after` is
    /// passed over, damage beyond stops it: see [`Recovered::damage`]. Blocking, and past the page cache.
    pub fn replay<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        self,
        _after: Seq,
        _each: impl FnMut(FrameRecords<'_>) -> Result<(), E>,
    ) -> Result<Recovered, JournalError> {
        todo!()
    }
}

/// A journal that has been read, and not yet been written to.
pub struct Recovered {
    /// The last change in it (0: none). The next one is [`Recovered::next_seq`].
    pub last: Seq,
    /// The highest epoch seen anywhere, segments that are set aside included.
    pub highest_epoch: u16,
    /// Frames and their bytes that were replayed.
    pub frames: u64,
    /// Bytes of these frames.
    pub bytes: u64,
    /// The frame that was cut.
    pub cut: Option<Cut>,
    /// What can't be read. If any of it [stopped](Damage::stopped) the replay, a higher epoch must begin.
    pub damage: Vec<Damage>,
}

impl Recovered {
    /// Whether sequences after [`Recovered::last`] may have been used: a higher epoch than `highest_epoch` must begin.
    pub fn needs_epoch(&self) -> bool {
        self.damage.iter().any(|damage| damage.stopped)
    }

    /// The first sequence to use, if `epoch` is the one chosen (and [raised](super::EpochFile::raise) durably).
    pub fn next_seq(&self, epoch: u16) -> Seq {
        if self.last.epoch() == epoch { self.last.next() } else { Seq::start_of(epoch).next() }
    }

    /// Ends the old durably, sets damage aside, begins a new segment. Nothing that was replayed may be shown or sent
    /// before this has returned. A full disk does not fail it: the first append does then.
    pub fn start(self, _store: StoreId) -> Result<Journal, JournalError> {
        todo!()
    }
}
