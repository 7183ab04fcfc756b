//! Changes that do not go the straight way: refused batches in halves, changes that wait for a time of their own, lanes that
//! are left behind, and what was lost.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Change, Entry, Gate, Id, Lane, Picked, Window};
use crate::model::{RowKey, TableId};
use crate::store::Seq;

impl Window {
    /// After a gap, with everything read that the store has counted: what it counted and nobody read. It counts as settled
    /// from here on.
    pub fn reconcile(&mut self, counted: &BTreeMap<TableId, u64>) -> BTreeMap<TableId, u64> {
        let mut read = self.settled_counts();
        for entry in self.entries.iter().filter(|entry| entry.change.is_some()) {
            *read.entry(entry.table).or_default() += entry.count;
        }
        let mut lost = BTreeMap::new();
        for (table, count) in counted {
            let missing = count.saturating_sub(read.get(table).copied().unwrap_or(0));
            if missing > 0 {
                *self.prefix.counts.entry(*table).or_default() += missing;
                lost.insert(*table, missing);
            }
        }
        lost
    }

    pub(super) fn pick_probe(&mut self, gate: impl Fn(Lane) -> Gate) -> Option<Vec<Picked>> {
        loop {
            let at = self.probes.iter().position(|ids| {
                let first = ids.iter().find_map(|id| self.change(*id));
                first.is_none_or(|first| gate(first.route.lane) != Gate::Shut)
            })?;
            let ids = self.probes.remove(at)?;
            let probe: Vec<Picked> = ids.into_iter().filter_map(|id| self.picked(id)).collect();
            if !probe.is_empty() {
                return Some(probe);
            }
        }
    }

    /// Picks the first change that is not settled, if it is delayed and the upstream has failed at it that often.
    pub fn pick_delayed_head(&mut self, faults: u32) -> Option<Picked> {
        let at = self.entries.iter().position(|entry| entry.change.is_some())?;
        let id = self.first + at as u64;
        let key = *self.delayed.keys().find(|(_, delayed)| *delayed == id)?;
        let picked = self.picked(id).filter(|picked| picked.faults >= faults)?;
        self.delayed.remove(&key);
        Some(picked)
    }

    /// The changes that are not settled; those of dead letters are.
    pub fn unsettled_seqs(&self) -> HashSet<Seq> {
        let unsettled = self.entries.iter().filter(|entry| !entry.is_letter());
        unsettled.filter_map(|entry| entry.change.as_ref()).map(|change| change.seq).collect()
    }

    /// The first change that is not settled.
    pub fn head(&self) -> Option<&Change> {
        self.entries.iter().find_map(|entry| entry.change.as_ref())
    }

    /// The lanes that have changes here.
    pub fn lanes(&self) -> BTreeSet<Lane> {
        self.entries
            .iter()
            .filter_map(|entry| entry.change.as_ref())
            .map(|change| change.route.lane)
            .collect()
    }

    /// Takes a lane's changes out again, as if they had not been read: none of them counts, not even what is settled beyond
    /// the prefix. Gives one of them, if there were any.
    pub fn abandon(&mut self, lane: Lane) -> Option<Change> {
        let ids = (self.first..).zip(&self.entries);
        let mine = |entry: &Entry| entry.change.as_ref().is_some_and(|change| change.route.lane == lane);
        let ids: Vec<Id> = ids.filter(|(_, entry)| mine(entry)).map(|(id, _)| id).collect();
        let mut first = None;
        let mut tables = BTreeSet::new();
        for id in ids {
            let Some(change) = self.change(id).cloned() else { continue };
            self.finish(id);
            tables.insert(change.table);
            first.get_or_insert(change);
        }
        self.ready.remove(&lane);
        for entry in self.entries.iter_mut().filter(|entry| tables.contains(&entry.table)) {
            if let Some(ahead) = self.ahead.get_mut(&entry.table) {
                *ahead = ahead.saturating_sub(entry.count);
            }
            entry.count = 0;
        }
        self.advance();
        first
    }

    /// Takes a dead letter's change in, to be sent again: no journal record is behind it, so the prefix does not move with it.
    /// `false` where that is needless: the change itself, or a later one of its key, is here.
    pub fn push_letter(&mut self, change: Change) -> bool {
        let here = self.keys.get(&change.key).into_iter().flatten();
        if here.filter_map(|id| self.change(*id)).any(|other| other.seq >= change.seq) {
            return false;
        }
        self.enter(self.read_to, 0, false, change);
        true
    }

    /// Takes a dead letter's change out again, unless it is in the upstream's hands; also one that the journal stands behind: it
    /// was read again after a crash.
    pub fn retract_letter(&mut self, key: &RowKey, seq: Seq) {
        let mut here = self.keys.get(key).into_iter().flatten();
        let is_it = |entry: &Entry| entry.change.as_ref().is_some_and(|change| change.seq == seq);
        let found = here.find(|id| self.entry(**id).is_some_and(is_it)).copied();
        if let Some(id) = found
            && self.withdraw(id).is_some()
        {
            self.settle(id);
        }
    }

    /// The upstream failed at a batch with this picked change in it.
    pub fn blame(&mut self, id: Id) {
        if let Some(entry) = self.entry_mut(id) {
            entry.faults = entry.faults.saturating_add(1);
        }
    }

    /// The same as [`Window::retry`], but not before `due` (on the clock that [`Window::wake`] is told).
    pub fn delay(&mut self, id: Id, due: u64) {
        self.attempted(id);
        if self.change(id).is_some() {
            self.delayed.insert((due, id), ());
        }
    }

    /// One of these picked changes was refused: they go again in halves, each on its own.
    pub fn split(&mut self, ids: &[Id]) {
        for id in ids {
            self.attempted(*id);
        }
        let (left, right) = ids.split_at(ids.len() / 2);
        for half in [left, right] {
            if !half.is_empty() {
                self.probes.push_back(half.to_vec());
            }
        }
    }

    /// Puts back the delayed changes whose time has come; says when the next one's does.
    pub fn wake(&mut self, now: u64) -> Option<u64> {
        while let Some((&(due, id), ())) = self.delayed.first_key_value() {
            if due > now {
                return Some(due);
            }
            self.delayed.pop_first();
            self.give_back(id);
        }
        None
    }
}
