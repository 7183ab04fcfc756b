//! What the committer does where space is short, between groups.

use std::time::{Duration, Instant};

use super::{AppendError, Committer, Died};
use crate::store::{Asked, Seq};

/// How often a store that is full looks for expired rows.
const MAKE_ROOM: Duration = Duration::from_secs(20);
/// Segments given back that are worth beginning another for, where space is short.
const RELEASED: usize = 2;

/// What keeps the journal larger than it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    /// An upstream's cursor.
    by_cursors: bool,
    /// Changes that two folds do not cover yet.
    by_folds: bool,
}

impl Committer {
    /// Where space is short, what was deleted and what has expired is freed now, not with the next fold; and where owners
    /// chose that, the oldest goes, before anything is refused.
    pub(super) fn make_room(&mut self) -> Result<(), Died> {
        let generations = self.shared.overlay.load();
        let full = self.shared.space.full(generations.bytes());
        let drops = self.shared.published.load().catalog.drops();
        let wanted = self.shared.space.wanted(generations.bytes());
        let held = self.ask_upstreams(wanted.journal, full.as_deref());
        let instead = if held == Held::default() { wanted.instead } else { 0 };
        let items = if drops { wanted.items.max(instead) } else { 0 };
        self.shared.space.want_items(items);
        if items > 0 {
            self.shared.gate.sweep();
        }
        if full.is_some() || drops && wanted.journal > 0 {
            self.free_released();
        }
        if self.shared.space.trims(generations.bytes()) {
            self.journal.trim();
        }
        let worth = generations.active.bytes() as u64 >= self.journal.segment_size();
        if drops && held.by_folds && generations.frozen.is_none() && (worth || full.is_some()) {
            self.freeze()?;
        }
        if full.is_some() && self.made_room.is_none_or(|at| at.elapsed() >= MAKE_ROOM) {
            self.made_room = Some(Instant::now());
            // Two folds let go of the journal: without the second, a store that takes nothing would keep it for ever.
            let folded = self.shared.folded.load();
            if generations.active.is_empty() && folded.folded_before < folded.folded_to {
                self.freeze_any()?;
            } else {
                self.freeze()?;
            }
            self.shared.gate.sweep();
        }
        Ok(())
    }

    /// Asks upstreams to settle, or to give up, what keeps the journal too large by so many bytes; says what does.
    fn ask_upstreams(&self, bytes: u64, full: Option<&str>) -> Held {
        let published = self.shared.published.load();
        let (mut asked, mut by_folds) = (None, false);
        if bytes > 0 {
            // More than what is missing, so that it is not asked for all the time.
            let more = bytes + 2 * self.journal.segment_size();
            let folded = self.shared.folded.load().folded_before;
            asked = self.journal.giving(more, folded);
            by_folds = self.journal.giving(bytes, Seq(u64::MAX)) > asked;
        }
        let for_room = asked.map(|through| Asked {
            through,
            urgent: full.is_some() || bytes > self.journal.segment_size(),
            why: full.unwrap_or("the store is nearly full").to_owned(),
        });
        self.shared.backlogs.look(&self.journal, &published.cursors, for_room.as_ref());
        let by_cursors =
            asked.is_some_and(|through| published.cursors.values().any(|cursor| *cursor < through));
        Held { by_cursors, by_folds }
    }

    /// Segments that were given back take space until a later one begins, which may never be while items are refused.
    fn free_released(&mut self) {
        if self.journal.released() >= RELEASED {
            self.rotate();
        }
    }

    /// Begins a segment, so that what was given back is free.
    pub(super) fn rotate(&mut self) {
        match self.journal.rotate() {
            Ok(()) => {}
            Err(error @ AppendError::Poisoned(_)) => {
                self.shared.poison.send_replace(Some(error.to_string()));
            }
            Err(error) => tracing::warn!(%error, "segments that were given back can't be freed now"),
        }
    }
}
