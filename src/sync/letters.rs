//! What is known in memory of an upstream's dead letters: what a later change withdraws, what is to go again, what was thrown
//! away. Shared by the worker and whoever speaks for the owner; pure but for reading.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use super::dead_letter::{DeadLetter, each_letter};
use super::route::{Lane, Routes};
use crate::model::{KeyCodec, MapRef, RowKey};
use crate::store::{Read, ReadError, Seq};

#[cfg(test)]
mod tests;

/// The letters of one upstream.
#[derive(Debug, Default)]
pub struct Letters {
    /// All that wait for the owner, with their upstream keys; without one where the table is not sent (any more).
    all: BTreeMap<Seq, Option<RowKey>>,
    by_key: HashMap<RowKey, BTreeSet<Seq>>,
    /// To be sent again, and not yet among the changes under way.
    due: BTreeSet<Seq>,
    /// Among the changes under way; with how often they were sent before.
    under_way: BTreeMap<Seq, u32>,
    /// Thrown away; their changes are not to be sent, should they be read again.
    buried: BTreeSet<Seq>,
    /// Void; their rows are still to be removed.
    withdrawn: Vec<Seq>,
    /// Thrown away; the worker has not looked yet whether they are among the changes under way.
    discarded: Vec<(RowKey, Seq)>,
}

impl Letters {
    /// Reads which there are.
    pub fn load(
        store: &dyn Read,
        upstream: &str,
        routes: &Routes,
        codec: &KeyCodec,
    ) -> Result<Letters, ReadError> {
        let mut letters = Letters::default();
        each_letter(store, upstream, Seq(0), &mut |seq, letter| {
            if letter.dropped {
                letters.buried.insert(seq);
                return ControlFlow::Continue(());
            }
            let key = key_of(&letter, store, routes, codec);
            letters.add(key, seq);
            if letter.replay {
                letters.replay(seq);
            }
            ControlFlow::Continue(())
        })?;
        Ok(letters)
    }

    /// How many wait for the owner.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Whether this one does.
    pub fn contains(&self, seq: Seq) -> bool {
        self.all.contains_key(&seq)
    }

    /// Whether it can be sent: its table is.
    pub fn is_routed(&self, seq: Seq) -> bool {
        self.all.get(&seq).is_some_and(Option::is_some)
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Seq> {
        self.all.keys().copied().collect()
    }

    /// A letter was written (again).
    pub fn add(&mut self, key: Option<RowKey>, seq: Seq) {
        self.under_way.remove(&seq);
        if let Some(key) = &key {
            self.by_key.entry(key.clone()).or_default().insert(seq);
        }
        self.all.insert(seq, key);
    }

    /// A change of this key has reached the upstream: letters of earlier ones are void, and so is its own.
    pub fn settled(&mut self, key: &RowKey, seq: Seq) {
        self.under_way.remove(&seq);
        let Some(letters) = self.by_key.get_mut(key) else { return };
        let later = letters.split_off(&seq.next());
        let void = std::mem::replace(letters, later);
        if letters.is_empty() {
            self.by_key.remove(key);
        }
        for seq in &void {
            self.all.remove(seq);
            self.due.remove(seq);
            self.under_way.remove(seq);
        }
        self.withdrawn.extend(void);
    }

    /// Letters whose rows are to be removed, all of them together with the next cursor: none may go again behind a later
    /// change that the cursor has passed.
    pub fn withdrawn(&self) -> &[Seq] {
        &self.withdrawn
    }

    /// Whether it was thrown away.
    pub fn is_buried(&self, seq: Seq) -> bool {
        self.buried.contains(&seq)
    }

    /// Whether some of those are void once the cursor is here.
    pub fn has_buried_up_to(&self, prefix: Seq) -> bool {
        self.buried.first().is_some_and(|first| *first <= prefix)
    }

    /// The cursor is about to be here: what was thrown away before needs no row any more.
    pub fn let_go(&mut self, prefix: Seq) {
        let later = self.buried.split_off(&prefix.next());
        self.withdrawn.extend(std::mem::replace(&mut self.buried, later));
    }

    /// So many of these (the first) are removed.
    pub fn removed(&mut self, rows: usize) {
        self.withdrawn.drain(..rows.min(self.withdrawn.len()));
    }

    /// This letter is to go again, if it is still there and can.
    pub fn replay(&mut self, seq: Seq) {
        if self.is_routed(seq) && !self.under_way.contains_key(&seq) {
            self.due.insert(seq);
        }
    }

    /// Takes letters that are to go again and whose table takes changes, oldest first: they are under way from here on.
    pub fn take_due(&mut self, most: usize, open: impl Fn(Lane) -> bool) -> Vec<Seq> {
        let lane = |seq: &Seq| self.all.get(seq)?.as_ref().map(lane_of);
        let taken: Vec<Seq> =
            self.due.iter().filter(|seq| lane(seq).is_some_and(&open)).take(most).copied().collect();
        for seq in &taken {
            self.due.remove(seq);
            self.under_way.insert(*seq, 0);
        }
        taken
    }

    /// Whether a change under way is a letter's; how often it was sent before that.
    pub fn under_way(&self, seq: Seq) -> Option<u32> {
        self.under_way.get(&seq).copied()
    }

    /// A letter that was taken is now among the changes under way; it was sent so often before.
    pub fn sent_before(&mut self, seq: Seq, attempts: u32) {
        self.under_way.insert(seq, attempts);
    }

    /// A letter that was taken has not become a change under way after all, or no longer is one.
    pub fn forget(&mut self, seq: Seq) {
        self.under_way.remove(&seq);
    }

    /// All changes of a table were put back: what was under way of it is to be taken anew.
    pub fn put_back(&mut self, lane: Lane) {
        let mine = |seq: &Seq| self.all.get(seq).is_some_and(|key| key.as_ref().map(lane_of) == Some(lane));
        let back: Vec<Seq> = self.under_way.keys().filter(|seq| mine(seq)).copied().collect();
        for seq in back {
            self.under_way.remove(&seq);
            self.due.insert(seq);
        }
    }

    /// All changes were put back.
    pub fn put_all_back(&mut self) {
        let back = std::mem::take(&mut self.under_way);
        self.due.extend(back.into_keys().filter(|seq| self.all.contains_key(seq)));
    }

    /// The owner has thrown it away.
    pub fn discard(&mut self, seq: Seq) {
        self.due.remove(&seq);
        let Some(key) = self.all.remove(&seq) else { return };
        self.buried.insert(seq);
        let Some(key) = key else { return };
        if let Some(letters) = self.by_key.get_mut(&key) {
            letters.remove(&seq);
            if letters.is_empty() {
                self.by_key.remove(&key);
            }
        }
        self.discarded.push((key, seq));
    }

    /// What was thrown away since this was asked last. It may be about to go: as a letter, or as its change, read again after a
    /// crash.
    pub fn take_discarded(&mut self) -> Vec<(RowKey, Seq)> {
        std::mem::take(&mut self.discarded)
    }
}

/// The upstream row that a letter is about; `None` where its table is not sent.
pub fn key_of(letter: &DeadLetter, store: &dyn Read, routes: &Routes, codec: &KeyCodec) -> Option<RowKey> {
    let route = store.catalog().by_id(letter.table).and_then(|table| routes.of(table))?;
    route.key_of(MapRef::new(&letter.image.0), codec)
}

/// An upstream key's table part is the lane.
fn lane_of(key: &RowKey) -> Lane {
    Lane(key.table().0)
}
