//! What the committer does where space is short, between groups. What that is, [`crate::store::room`] decides.

use std::time::{Duration, Instant};

use super::{AppendError, Committer, Died};
use crate::store::room::{Remedy, Situation};
use crate::store::{Asked, Seq};

/// How often a store that is full looks for expired rows.
const MAKE_ROOM: Duration = Duration::from_secs(20);

/// What may be given back depends on these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    folded_before: Seq,
    folded_to: Seq,
    slowest: Option<Seq>,
}

impl Committer {
    /// Where space is short, what was deleted and what has expired is freed now, not with the next fold; and where owners
    /// chose that, the oldest goes, before anything is refused.
    pub(super) fn make_room(&mut self) -> Result<(), Died> {
        let situation = self.situation();
        let full = self.shared.space.full(self.shared.overlay.load().bytes());
        let Remedy { short, ask, items, begin, fold } = situation.remedy(self.shared.space.division());
        self.short = short.then(|| self.progress());
        let for_room = ask.map(|(through, urgent)| Asked {
            through,
            urgent,
            why: full.as_deref().unwrap_or("the store is nearly full").to_owned(),
        });
        let published = self.shared.published.load().clone();
        self.shared.backlogs.look(&self.journal, &published.cursors, for_room.as_ref());
        self.shared.space.want_items(items);
        if items > 0 {
            self.shared.gate.sweep();
        }
        if begin {
            self.rotate();
        }
        if self.shared.space.trims(situation.levels.overlay) {
            self.journal.trim();
        }
        if fold {
            self.freeze_any()?;
        }
        if full.is_some() && self.made_room.is_none_or(|at| at.elapsed() >= MAKE_ROOM) {
            self.made_room = Some(Instant::now());
            self.freeze()?;
            self.shared.gate.sweep();
        }
        Ok(())
    }

    fn situation(&self) -> Situation {
        let generations = self.shared.overlay.load();
        let Progress { folded_before, folded_to, slowest } = self.progress();
        Situation {
            levels: self.shared.space.levels(generations.bytes()),
            segments: self.journal.segments(),
            folded_to,
            folded_before,
            slowest,
            folding: generations.frozen.is_some(),
            active: generations.active.bytes() as u64,
            drops: self.shared.published.load().catalog.drops(),
            starved: self.shared.gate.starved(),
        }
    }

    fn progress(&self) -> Progress {
        let folded = self.shared.folded.load();
        let slowest = self.shared.published.load().cursors.values().min().copied();
        Progress { folded_before: folded.folded_before, folded_to: folded.folded_to, slowest }
    }

    /// Whether space was short, and there may be more of it now.
    pub(super) fn is_relieved(&self) -> bool {
        self.short.is_some_and(|seen| seen != self.progress())
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
