//! The window over the journal: which changes go next, and which prefix of the journal is settled. Pure.
//!
//! # Invariants
//! - A key is never in flight twice, and its changes leave in the order of the journal.
//! - Tables of a higher priority go first, as far as the window reaches; the others keep a share, and all of them their order
//!   per key.
//! - A later change supersedes earlier ones of its key that are not in flight (a setting).
//! - The settled prefix only grows, and ends before the first change that is not settled.
//! - What the window keeps is bounded by [`Limits`]: whoever fills it asks [`Window::has_room`] first.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::allowance::write_units;
use super::route::{Lane, Route};
use crate::model::{RowKey, TableId};
use crate::store::{Kind, Seq};

mod aside;
#[cfg(test)]
mod tests;
mod turns;

use turns::{Turns, Waiting};

/// A change to be sent.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its place in the journal.
    pub seq: Seq,
    /// The upstream row it is about: its table part is the lane, not the local table.
    pub key: RowKey,
    /// The local table.
    pub table: TableId,
    /// Where it goes.
    pub route: Arc<Route>,
    /// Put or delete.
    pub kind: Kind,
    /// The new image, or the key attributes of a delete.
    pub image: Bytes,
    /// When it was made, in microseconds since 1970.
    pub time_us: u64,
}

impl Change {
    /// What it costs the upstream table, in write units; for a delete the least.
    pub fn write_units(&self) -> u64 {
        match self.kind {
            Kind::Put => write_units(self.route.sent_size(&self.image)),
            Kind::Delete => 1,
        }
    }
}

/// A change's number in the window.
pub type Id = u64;

/// A change that was picked.
#[derive(Clone, Debug)]
pub struct Picked {
    /// Its number in the window.
    pub id: Id,
    /// How often it was sent before.
    pub attempts: u32,
    /// How often the upstream failed at a batch with it.
    pub faults: u32,
    /// The change.
    pub change: Change,
}

/// Bounds of the window and of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Changes in the window, settled ones behind an unsettled one included.
    pub changes: usize,
    /// Bytes of their images.
    pub bytes: usize,
    /// Changes in a batch.
    pub batch_changes: usize,
    /// Bytes of a batch's images; one change always goes.
    pub batch_bytes: usize,
    /// Of a hundred changes, those that tables of lower priorities are guaranteed while both wait.
    pub low_share: u8,
}

/// What may be picked of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Anything, together with other lanes.
    Open,
    /// Anything, but not together with other lanes.
    Alone,
    /// Nothing now.
    Shut,
}

/// How far an upstream is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// Everything up to here is settled.
    pub seq: Seq,
    /// Changes up to here by table, counted like [`crate::store::Store::change_counts`].
    pub counts: BTreeMap<TableId, u64>,
}

#[derive(Debug)]
struct Entry {
    /// The last journal record covered by this entry (records that are not sent may follow the change).
    through: Seq,
    table: TableId,
    /// How many counted changes it stands for.
    count: u64,
    /// Whether it is a row as it stands.
    row: bool,
    attempts: u32,
    faults: u32,
    /// Place in the order of sending: its own number, or that of a change it superseded.
    rank: Id,
    /// The change, until it is settled.
    change: Option<Change>,
}

impl Entry {
    /// With nothing to be sent.
    fn settled() -> Entry {
        let (through, table) = (Seq::default(), TableId(0));
        Entry { through, table, count: 0, row: false, attempts: 0, faults: 0, rank: 0, change: None }
    }

    /// Whether it is a dead letter's change: no journal record is behind it.
    fn is_letter(&self) -> bool {
        self.count == 0 && !self.row
    }
}

/// The window.
#[derive(Debug)]
pub struct Window {
    limits: Limits,
    supersede: bool,
    entries: VecDeque<Entry>,
    /// Number of the first entry.
    first: Id,
    /// Unsettled changes by key, in order. Only the first may be on its way.
    keys: HashMap<RowKey, VecDeque<Id>>,
    /// Keys' first changes that may be picked, by lane and rank.
    ready: BTreeMap<Lane, BTreeMap<Id, Id>>,
    turns: Turns,
    /// Groups to be sent on their own, to find out which change is refused.
    probes: VecDeque<Vec<Id>>,
    /// Changes that wait for a time of their own.
    delayed: BTreeMap<(u64, Id), ()>,
    bytes: usize,
    unsettled: usize,
    /// Of these: rows, which no journal record stands behind.
    rows: usize,
    prefix: Prefix,
    /// Settled beyond the prefix, by table.
    ahead: BTreeMap<TableId, u64>,
    read_to: Seq,
    superseded: u64,
}

impl Window {
    /// A window that begins behind a settled prefix.
    pub fn new(prefix: Prefix, limits: Limits, supersede: bool) -> Window {
        let read_to = prefix.seq;
        Window {
            limits,
            supersede,
            entries: VecDeque::new(),
            first: 0,
            keys: HashMap::new(),
            ready: BTreeMap::new(),
            turns: Turns::new(limits.low_share),
            probes: VecDeque::new(),
            delayed: BTreeMap::new(),
            bytes: 0,
            unsettled: 0,
            rows: 0,
            prefix,
            ahead: BTreeMap::new(),
            read_to,
            superseded: 0,
        }
    }

    /// Whether more may be read into it.
    pub fn has_room(&self) -> bool {
        self.entries.len() < self.limits.changes && self.bytes < self.limits.bytes
    }

    /// Whether nothing waits and nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.unsettled == 0
    }

    /// Changes that are not settled.
    pub fn unsettled(&self) -> usize {
        self.unsettled
    }

    /// How far the journal was read.
    pub fn read_to(&self) -> Seq {
        self.read_to
    }

    /// Changes that a later one of their key replaced before they were sent.
    pub fn superseded(&self) -> u64 {
        self.superseded
    }

    /// The settled prefix: what a durable cursor may say.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Settled changes by table, those beyond the prefix included: for the live figures only.
    pub fn settled_counts(&self) -> BTreeMap<TableId, u64> {
        let mut counts = self.prefix.counts.clone();
        for (table, count) in &self.ahead {
            *counts.entry(*table).or_default() += count;
        }
        counts
    }

    /// The time of the first change that is not settled.
    pub fn oldest_us(&self) -> Option<u64> {
        self.head().map(|change| change.time_us)
    }

    /// Reads past a record; `counted` is its table where the store counts it among the changes to be sent.
    pub fn pass(&mut self, seq: Seq, counted: Option<TableId>) {
        self.read_to = seq;
        match (self.entries.back_mut(), counted) {
            (Some(last), None) => last.through = seq,
            (Some(last), Some(table)) if last.change.is_none() && last.table == table => {
                last.through = seq;
                last.count += 1;
                *self.ahead.entry(table).or_default() += 1;
            }
            (Some(last), Some(table)) => {
                let rank = last.rank;
                let entry = Entry { through: seq, table, count: 1, rank, ..Entry::settled() };
                self.entries.push_back(entry);
                *self.ahead.entry(table).or_default() += 1;
            }
            (None, counted) => {
                self.prefix.seq = seq;
                if let Some(table) = counted {
                    *self.prefix.counts.entry(table).or_default() += 1;
                }
            }
        }
    }

    /// Reads a change that is to be sent.
    pub fn push(&mut self, change: Change) {
        self.read_to = change.seq;
        self.enter(change.seq, 1, false, change);
    }

    /// Takes a row as it stands in the store, for an upstream that has seen nothing yet: no journal record is behind it, so
    /// the prefix does not move with it.
    pub fn push_row(&mut self, row: Change) {
        self.rows += 1;
        self.enter(self.read_to, 0, true, row);
    }

    /// Takes a change that was set aside when the journal was released: it comes before everything that is read behind the
    /// prefix, and counts once it is settled.
    pub fn push_aside(&mut self, change: Change) {
        self.enter(self.read_to, 1, false, change);
    }

    /// Whether such rows wait.
    pub fn has_rows(&self) -> bool {
        self.rows > 0
    }

    pub(super) fn enter(&mut self, through: Seq, count: u64, row: bool, change: Change) {
        let id = self.first + self.entries.len() as u64;
        let mut rank = id;
        if self.supersede
            && let Some(waiting) = self.keys.get(&change.key).and_then(|queue| queue.back()).copied()
            && let Some(freed) = self.withdraw(waiting)
        {
            // It takes the place in the order too: else a key that changes all the time would never be sent.
            rank = freed;
            self.superseded += 1;
            self.finish(waiting);
        }
        let queue = self.keys.entry(change.key.clone()).or_default();
        queue.push_back(id);
        if queue.len() == 1 {
            self.ready.entry(change.route.lane).or_default().insert(rank, id);
        }
        self.bytes += change.image.len();
        self.unsettled += 1;
        let (table, change) = (change.table, Some(change));
        let entry = Entry { through, table, count, row, rank, change, ..Entry::settled() };
        self.entries.push_back(entry);
        // The superseded one may have been the head of the prefix.
        self.advance();
    }

    /// Picks the changes that go next, at most `changes` of them: a probe, else the oldest that may go, by the priorities of
    /// their tables.
    pub fn pick(&mut self, changes: usize, gate: impl Fn(Lane) -> Gate) -> Vec<Picked> {
        if let Some(probe) = self.pick_probe(&gate) {
            return probe;
        }
        let mut lanes = self.waiting(gate);
        let mut out: Vec<Picked> = Vec::new();
        let mut bytes = 0;
        while out.len() < changes.min(self.limits.batch_changes) {
            let Some(lane) = self.turns.next(&lanes) else { break };
            if out.is_empty() {
                let alone = lanes.iter().any(|l| l.lane == lane && l.gate == Gate::Alone);
                for l in &mut lanes {
                    l.fits = if alone { l.lane == lane } else { l.gate == Gate::Open };
                }
            }
            let Some(ids) = self.ready.get_mut(&lane) else { break };
            let Some((rank, id)) = ids.pop_first() else { break };
            let next = ids.keys().next().copied();
            lanes.iter_mut().filter(|l| l.lane == lane).for_each(|l| l.rank = next);
            let Some(picked) = self.picked(id) else { continue };
            bytes += picked.change.image.len();
            if bytes > self.limits.batch_bytes && !out.is_empty() {
                self.ready.entry(lane).or_default().insert(rank, id);
                break;
            }
            self.turns.went(picked.change.route.handling.priority, &lanes);
            out.push(picked);
        }
        self.ready.retain(|_, ids| !ids.is_empty());
        out
    }

    /// The lanes that something may go of.
    fn waiting(&self, gate: impl Fn(Lane) -> Gate) -> Vec<Waiting> {
        let open = self.ready.iter().map(|(lane, ids)| (*lane, ids, gate(*lane)));
        open.filter(|(.., gate)| *gate != Gate::Shut)
            .filter_map(|(lane, ids, gate)| {
                let (rank, id) = ids.first_key_value()?;
                let priority = self.change(*id).map_or(0, |change| change.route.handling.priority);
                Some(Waiting { lane, gate, priority, rank: Some(*rank), fits: true })
            })
            .collect()
    }

    /// A picked change has reached the upstream, or counts as if it had.
    pub fn settle(&mut self, id: Id) {
        self.finish(id);
        self.advance();
    }

    /// A picked change was not sent after all (the batch was full).
    pub fn put_back(&mut self, id: Id) {
        self.give_back(id);
    }

    /// A picked change was sent, and did not (or may not) have arrived: it goes again, or a later one in its place.
    pub fn retry(&mut self, id: Id) {
        self.attempted(id);
        self.give_back(id);
    }

    fn entry_mut(&mut self, id: Id) -> Option<&mut Entry> {
        let at = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(at)
    }

    fn entry(&self, id: Id) -> Option<&Entry> {
        let at = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.entries.get(at)
    }

    fn change(&self, id: Id) -> Option<&Change> {
        self.entry(id)?.change.as_ref()
    }

    fn picked(&mut self, id: Id) -> Option<Picked> {
        let entry = self.entry_mut(id)?;
        let (attempts, faults) = (entry.attempts, entry.faults);
        entry.change.clone().map(|change| Picked { id, attempts, faults, change })
    }

    fn attempted(&mut self, id: Id) {
        if let Some(entry) = self.entry_mut(id) {
            entry.attempts = entry.attempts.saturating_add(1);
        }
    }

    /// Takes a change out of the order of sending, if nothing has it in hand; says its rank.
    fn withdraw(&mut self, id: Id) -> Option<Id> {
        let entry = self.entry_mut(id)?;
        let rank = entry.rank;
        let (lane, key) = entry.change.as_ref().map(|change| (change.route.lane, change.key.clone()))?;
        if self.keys.get(&key).and_then(|queue| queue.front()) != Some(&id) {
            return Some(rank);
        }
        let ready = self.ready.get_mut(&lane)?;
        let freed = ready.remove(&rank).map(|_| rank);
        if ready.is_empty() {
            self.ready.remove(&lane);
        }
        freed
    }

    fn give_back(&mut self, id: Id) {
        let Some(entry) = self.entry_mut(id) else { return };
        let rank = entry.rank;
        let Some((lane, key)) = entry.change.as_ref().map(|change| (change.route.lane, change.key.clone()))
        else {
            return;
        };
        let later = self.keys.get(&key).and_then(|queue| queue.get(1)).copied();
        match later {
            Some(later) if self.supersede => {
                if let Some(later) = self.entry_mut(later) {
                    later.rank = rank;
                }
                self.superseded += 1;
                self.settle(id);
            }
            _ => {
                self.ready.entry(lane).or_default().insert(rank, id);
            }
        }
    }

    /// Marks a change as settled, and readies the next of its key.
    fn finish(&mut self, id: Id) {
        let Some(entry) = self.entry_mut(id) else { return };
        let (count, row) = (entry.count, entry.row);
        let Some(change) = entry.change.take() else { return };
        self.bytes = self.bytes.saturating_sub(change.image.len());
        self.unsettled = self.unsettled.saturating_sub(1);
        self.rows = self.rows.saturating_sub(usize::from(row));
        *self.ahead.entry(change.table).or_default() += count;
        let Some(queue) = self.keys.get_mut(&change.key) else { return };
        let was_first = queue.front() == Some(&id);
        queue.retain(|other| *other != id);
        let next = queue.front().copied();
        if queue.is_empty() {
            self.keys.remove(&change.key);
        } else if was_first
            && let Some(next) = next
            && let Some(rank) = self.entry_mut(next).map(|entry| entry.rank)
        {
            self.ready.entry(change.route.lane).or_default().insert(rank, next);
        }
    }

    /// Moves the prefix over what is settled.
    fn advance(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.change.is_none()) {
            let Some(entry) = self.entries.pop_front() else { break };
            debug_assert!(entry.through >= self.prefix.seq);
            self.first += 1;
            self.prefix.seq = entry.through;
            *self.prefix.counts.entry(entry.table).or_default() += entry.count;
            if let Some(ahead) = self.ahead.get_mut(&entry.table) {
                *ahead = ahead.saturating_sub(entry.count);
            }
        }
        self.ahead.retain(|_, count| *count > 0);
    }
}
