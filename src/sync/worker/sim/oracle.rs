//! What must hold, whatever happens on the way: checked with every single write that the upstream applies.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::Seq;

/// An item of the upstream: its table and its sort key.
pub(super) type Place = (String, i64);

/// What it has seen.
#[derive(Default)]
pub(super) struct Oracle {
    /// All unsettled changes fit the window, and later changes supersede: no item ever passes through an earlier state, not
    /// even after a crash.
    pub(super) strict: bool,
    /// A table was missing while the window was too small for what waited: it is read again from where it was left.
    pub(super) left: bool,
    /// The last change of each item that was applied.
    last: BTreeMap<Place, Seq>,
    /// The same, by the gateway that lives.
    last_in_life: BTreeMap<Place, Seq>,
    /// What the gateway that lives was told was taken; and what a clean stop has settled for good.
    confirmed: BTreeSet<Seq>,
    on_the_way: BTreeSet<Place>,
    /// Letters that the owner has thrown away.
    discarded: BTreeSet<Seq>,
    /// Of these: the ones that were about to go, or on their way, in the life of then.
    too_late: BTreeSet<Seq>,
    /// All changes that were ever applied.
    pub(super) applied: BTreeSet<Seq>,
    /// How many writes were applied, and how many of them again.
    pub(super) writes: u64,
    pub(super) again: u64,
}

impl Oracle {
    pub(super) fn new(strict: bool) -> Oracle {
        Oracle { strict, ..Oracle::default() }
    }

    /// A batch leaves.
    pub(super) fn sent(&mut self, places: &BTreeMap<Place, Seq>) {
        for (place, seq) in places {
            assert!(self.on_the_way.insert(place.clone()), "{place:?} is on its way twice");
            assert!(
                self.left || !self.confirmed.contains(seq),
                "{seq:?} of {place:?} is sent again, though it is known to have been taken"
            );
        }
    }

    /// A batch is no longer on its way, as far as the gateway knows.
    pub(super) fn ended(&mut self, places: &BTreeMap<Place, Seq>) {
        self.on_the_way.retain(|place| !places.contains_key(place));
    }

    /// The gateway knows that this was taken.
    pub(super) fn confirmed(&mut self, seq: Seq) {
        self.confirmed.insert(seq);
    }

    /// The owner throws a letter away.
    pub(super) fn discarded(&mut self, place: &Place, seq: Seq) {
        self.discarded.insert(seq);
        if self.on_the_way.contains(place) {
            self.too_late.insert(seq);
        }
    }

    pub(super) fn is_discarded(&self, seq: Seq) -> bool {
        self.discarded.contains(&seq)
    }

    /// The upstream applies a write; `refusable`: it may have been a dead letter.
    pub(super) fn applied(&mut self, place: &Place, seq: Seq, refusable: bool) {
        let thrown_away = self.discarded.contains(&seq) && !self.too_late.contains(&seq);
        assert!(!thrown_away, "{place:?} {seq:?} arrives, although it was thrown away");
        self.writes += 1;
        self.again += u64::from(!self.applied.insert(seq));
        let before = self.last.insert(place.clone(), seq);
        let in_life = self.last_in_life.insert(place.clone(), seq);
        // An upstream that says it failed may have taken it all the same: that is a letter in the end, and goes after earlier ones.
        let unknown = refusable && in_life.is_some_and(|seq| !self.confirmed.contains(&seq));
        if !self.left && !unknown {
            assert!(in_life <= Some(seq), "{place:?} went from {in_life:?} back to {seq:?}");
        }
        // What remains (docs/sync.md): a letter that goes again, of whose item a gateway of before had sent a later change,
        // which an even later letter has superseded since.
        let remains = refusable && in_life <= Some(seq);
        assert!(
            !self.strict || before <= Some(seq) || remains,
            "{place:?} passed from {before:?} through the earlier {seq:?} after a crash"
        );
    }

    /// The gateway has died; `clean`: all was settled, and the cursor says so.
    pub(super) fn life_ends(&mut self, clean: bool) {
        self.last_in_life.clear();
        self.on_the_way.clear();
        self.too_late.clear();
        if !clean {
            self.confirmed.clear();
        }
    }

    /// The change that the upstream has of an item.
    pub(super) fn last(&self, place: &Place) -> Option<Seq> {
        self.last.get(place).copied()
    }
}
