//! A group being made: its decisions in order, and the frame they fill.

use super::batch::Change;
use super::journal::FrameBuf;
use super::queue::Work;
use super::shared::Shared;
use super::staged::Staged;
use super::{Batch, CommitError, Kind, Seq, Urgency};
use crate::model::TableId;

/// A group of this many bytes, or changes, is closed.
const GROUP_BYTES: usize = 1 << 20;
const GROUP_CHANGES: u32 = 10_000;

/// A decision that has been made, and what became of it so far.
pub(super) type Decided = (Box<dyn Work>, Result<(), CommitError>);

/// A group being made.
pub(super) struct Group<'s> {
    shared: &'s Shared,
    pub(super) staged: Staged<'s>,
    pub(super) decided: Vec<Decided>,
    /// A decision that does not fit: it goes first in the next group.
    pub(super) leftover: Option<(Box<dyn Work>, Vec<Change>)>,
    next: Seq,
    changes: u32,
    bytes: usize,
    full: Option<String>,
    poisoned: Option<String>,
}

/// Why changes were not taken.
pub(super) enum Refused {
    /// The frame has no room for them; here they are.
    Frame(Vec<Change>),
    /// Never.
    Commit(CommitError),
}

impl<'s> Group<'s> {
    /// Begins one whose first change gets the sequence `next`.
    pub(super) fn begin(shared: &'s Shared, next: Seq) -> Group<'s> {
        let staged = Staged::begin(shared);
        let full = shared.space.full(staged.overlay_bytes().1);
        Group {
            shared,
            staged,
            decided: Vec::new(),
            leftover: None,
            next,
            changes: 0,
            bytes: 0,
            full,
            poisoned: shared.poison.borrow().clone(),
        }
    }

    /// Whether another decision may come in.
    pub(super) fn has_room(&self) -> bool {
        self.leftover.is_none() && self.bytes < GROUP_BYTES && self.changes < GROUP_CHANGES
    }

    /// Whether the frame holds anything of it.
    pub(super) fn is_empty(&self) -> bool {
        self.changes == 0
    }

    /// Makes a decision; whether it wants the group closed.
    pub(super) fn decide(&mut self, frame: &mut FrameBuf, mut work: Box<dyn Work>) -> bool {
        let urgent = work.urgency() == Urgency::Now;
        if let Some(what) = &self.poisoned {
            self.decided.push((work, Err(CommitError::OutcomeUnknown(what.clone()))));
            return true;
        }
        let mut batch = Batch::default();
        if !work.decide(&self.staged, &mut batch) {
            tracing::error!("a decision ended in a panic; nothing of it was written");
            self.decided.push((work, Ok(())));
            return urgent;
        }
        match self.take(frame, batch.changes) {
            Ok(()) => self.decided.push((work, Ok(()))),
            Err(Refused::Commit(error)) => self.decided.push((work, Err(error))),
            Err(Refused::Frame(changes)) => self.leftover = Some((work, changes)),
        }
        urgent
    }

    /// Takes the changes of one decision in, all or none.
    pub(super) fn take(&mut self, frame: &mut FrameBuf, changes: Vec<Change>) -> Result<(), Refused> {
        let changes = self.staged.look_before(changes);
        let Some(first) = changes.first() else { return Ok(()) };
        self.staged.check(&changes).map_err(Refused::Commit)?;
        self.room_for(&changes).map_err(Refused::Commit)?;
        if self.is_empty() {
            frame.begin(self.next, first.time.us);
        }
        let Ok(seq) = frame.push_all(&changes) else {
            if self.is_empty() {
                let what = "the request has more than one frame of the journal holds; send less at a time";
                return Err(Refused::Commit(CommitError::Full(what.to_owned())));
            }
            return Err(Refused::Frame(changes));
        };
        self.changes = frame.count();
        self.bytes = frame.len();
        self.staged.stage(seq, changes);
        Ok(())
    }

    /// Items are refused where there is no room; removals and the store's own rows have the reserve.
    fn room_for(&self, changes: &[Change]) -> Result<(), CommitError> {
        if !changes.iter().any(|change| change.kind == Kind::Put && change.table >= TableId::FIRST) {
            return Ok(());
        }
        if let Some(full) = &self.full {
            return Err(CommitError::Full(full.clone()));
        }
        let puts = changes.iter().filter(|change| change.kind == Kind::Put);
        let mut tables = puts.filter_map(|put| self.staged.next.catalog.by_id(put.table));
        if let Some(what) = tables.find_map(|table| self.shared.backlogs.refuses(table)) {
            return Err(CommitError::Full(what));
        }
        if self.staged.overlay_bytes().0 < 2 * self.shared.tuning.generation {
            return Ok(());
        }
        match self.shared.gate.failure() {
            Some(failure) => Err(CommitError::Full(format!("items can't be moved into the tree: {failure}"))),
            None => Err(CommitError::Busy),
        }
    }
}
