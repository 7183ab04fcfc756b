//! Reading published frames in order, live.

use super::FrameRecords;
use crate::store::Seq;

/// Makes readers; cheap to clone, for any thread.
#[derive(Clone)]
pub struct Readers {}

impl Readers {
    /// A reader of everything after this sequence.
    pub fn after(&self, _after: Seq) -> Reader {
        todo!()
    }

    /// The last published change.
    pub fn published(&self) -> Seq {
        todo!()
    }
}

/// Reads published frames in order. The segment it is in stays readable, even if released meanwhile.
pub struct Reader {
    _private: (),
}

/// What the reader wants is no longer there, or damaged: where reading can go on, if anywhere. The reader has already moved
/// there: the next call goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal has a gap after {after:?}: {what}")]
pub struct Gap {
    /// The last sequence before the gap.
    pub after: Seq,
    /// Everything after this sequence is there again (it is what to make a new reader with).
    pub resume: Option<Seq>,
    /// What happened.
    pub what: String,
}

impl Reader {
    /// The next published frame; `None` where there is none yet. Never past what is published. Blocking file reads: not
    /// for a runtime's thread. The first frame may hold changes that are not after the wanted sequence: skip them.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<FrameRecords<'_>>, Gap> {
        todo!()
    }
}
