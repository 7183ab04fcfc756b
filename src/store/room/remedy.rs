//! What is done while space is short. Pure.
//!
//! Whatever takes the room has its step, so that a store never stays full for the sake of what it may give up:
//!
//! | what takes the room | the step |
//! |---|---|
//! | files prepared beyond the reserve | they are removed ([`Levels::trims`]) |
//! | segments given back that still take space | a segment is begun, which frees them |
//! | a large segment that is still written to | a segment is begun: it can be given back once it has ended |
//! | changes that upstreams have not had | they are asked |
//! | changes that two folds do not cover | a fold, of nothing too: only the second lets go of the journal |
//! | rows that wait to be folded | a fold |
//! | items, in tables that drop their oldest | they go |
//!
//! What it leaves alone is the owner's: changes and items of tables that refuse, and files of others on the disk.

use super::{Full, Levels};
use crate::store::Seq;
use crate::store::journal::giving;
use crate::store::space::Division;

/// What was seen of the store.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Situation {
    pub(in crate::store) levels: Levels,
    /// Each segment's last sequence before it, and its size; the oldest first, the last one is written to.
    pub(in crate::store) segments: Vec<(Seq, u64)>,
    /// Everything up to here is folded.
    pub(in crate::store) folded_to: Seq,
    /// Everything up to here is covered by two folds.
    pub(in crate::store) folded_before: Seq,
    /// Where the upstream is that is furthest behind.
    pub(in crate::store) slowest: Option<Seq>,
    /// A generation is being folded.
    pub(in crate::store) folding: bool,
    /// What the active generation holds, in bytes.
    pub(in crate::store) active: u64,
    /// Whether a table loses its oldest where there is no room.
    pub(in crate::store) drops: bool,
    /// The last fold failed for want of pages.
    pub(in crate::store) starved: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Remedy {
    /// There is less room than is kept ahead.
    pub(in crate::store) short: bool,
    /// Upstreams are to have settled everything up to here; whether those that are catching up are to be made to.
    pub(in crate::store) ask: Option<(Seq, bool)>,
    /// So many bytes of items are to go.
    pub(in crate::store) items: u64,
    /// A segment is to be begun.
    pub(in crate::store) begin: bool,
    /// The active generation is to be folded, though it may hold nothing.
    pub(in crate::store) fold: bool,
}

impl Situation {
    /// What is to be done now.
    pub(in crate::store) fn remedy(&self, division: &Division) -> Remedy {
        let segment = division.journal.segment_size;
        let full = self.levels.full(division);
        let wanted = self.levels.wanted(division);
        let short = full.is_some() || wanted.journal > 0;
        let ask = (wanted.journal > 0).then(|| {
            // More than what is missing, so that it is not asked for all the time.
            giving(&self.segments, wanted.journal + 2 * segment, self.folded_before)
        });
        let ask = ask.flatten();
        let by_cursors = ask.is_some_and(|through| self.slowest.is_some_and(|cursor| cursor < through));
        let by_folds = wanted.journal > 0 && giving(&self.segments, wanted.journal, Seq(u64::MAX)) > ask;
        let large = self.segments.last().is_some_and(|(_, size)| *size > segment);
        Remedy {
            short,
            ask: ask.map(|through| (through, full.is_some() || wanted.journal > 2 * segment)),
            items: match (self.drops, self.starved) {
                (true, true) => wanted.items.max(division.reserve),
                (true, false) => wanted.items,
                (false, _) => 0,
            },
            begin: large || short && self.levels.released >= 2 * segment,
            fold: !self.folding && self.folds(division, full, by_folds && (self.drops || !by_cursors)),
        }
    }

    /// Whether to fold before a generation is due. `by_folds`: folds would let go of journal that is wanted.
    fn folds(&self, division: &Division, full: Option<Full>, by_folds: bool) -> bool {
        let worth = self.active >= 2 * division.journal.segment_size;
        if by_folds {
            return worth || full.is_some() && (self.active > 0 || self.folded_before < self.folded_to);
        }
        let folded = Levels { overlay: 0, ..self.levels };
        worth && full == Some(Full::Items) && folded.full(division).is_none()
    }
}
