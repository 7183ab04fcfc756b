//! Provisioned capacity (developer guide, "Burst capacity"): a table that asks for so many units a second gets them, and
//! what it has not used for five minutes on top. An on-demand table is not limited.
//!
//! A request is let through as long as anything is left, and pays what it has cost afterwards: that is known only then,
//! and an item may cost more than a small table ever saves up. What it owes, the next ones wait for.
//!
//! A global index of a provisioned table has units of its own: reads of it are paid by it alone, and a write that would
//! change it while it has nothing left is refused. That is known once the write is decided. A local index is paid by its table.
//!
//! Kept in memory: a restart fills every table up. What comes by MQTT and REST is not limited: a device can't be told
//! to come back later, and its readings cost nothing here that units would pay for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{EngineError, IndexWrite, Reason, Updated, Written};
use crate::model::{IndexDef, IndexKind, TableDef, TableId};
use crate::store::Batch;

/// How long unused capacity is kept, in seconds.
const BURST: u64 = 300;
/// Parts that a unit is counted in: an eventually consistent read costs half of one.
const PARTS: u64 = 1_000_000;

/// Reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capacity {
    /// Read units.
    Read,
    /// Write units.
    Write,
}

/// What is left of one table's capacity of one kind. Pure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    /// Units a second.
    rate: u64,
    /// In parts of a unit; less than nothing is owed.
    left: i128,
    /// When that was, in microseconds.
    at_us: u64,
}

impl Bucket {
    /// A full one.
    fn full(rate: u64, now_us: u64) -> Bucket {
        Bucket { rate, left: most(rate), at_us: now_us }
    }

    /// What has come since.
    fn refill(&mut self, now_us: u64) {
        let passed = now_us.saturating_sub(self.at_us);
        // A unit a second is a part a microsecond.
        self.left = (self.left + i128::from(self.rate) * i128::from(passed)).min(most(self.rate));
        self.at_us = self.at_us.max(now_us);
    }

    /// Whether a request is let through.
    fn admits(&mut self, now_us: u64) -> bool {
        self.refill(now_us);
        self.left > 0
    }

    /// What it has cost, in halves of a unit.
    fn spend(&mut self, halves: u64) {
        self.left -= i128::from(halves) * i128::from(PARTS / 2);
    }

    /// Another rate: what was saved up beyond its burst is gone.
    fn set_rate(&mut self, rate: u64) {
        self.rate = rate;
        self.left = self.left.min(most(rate));
    }
}

/// The most that is saved up.
fn most(rate: u64) -> i128 {
    i128::from(rate) * i128::from(BURST) * i128::from(PARTS)
}

/// Whose capacity it is that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// The table's.
    Table,
    /// A global index's.
    Index,
}

/// What is left of all tables' and global indexes' capacity; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Throughput(Arc<Mutex<HashMap<(TableId, Capacity), Bucket>>>);

impl Throughput {
    fn buckets(&self) -> MutexGuard<'_, HashMap<(TableId, Capacity), Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request to a table is let through.
    pub(super) fn admits(&self, table: &TableDef, capacity: Capacity, now_us: u64) -> bool {
        self.has(table.id, table.provisioned, capacity, now_us)
    }

    /// Whether a read is let through: by the table, or by the global index that it is of.
    pub(super) fn admits_read(
        &self,
        table: &TableDef,
        index: Option<&str>,
        now_us: u64,
    ) -> Result<(), Exceeded> {
        match index.and_then(|name| global(table, name)) {
            Some(index) if self.has(index.id, index.provisioned, Capacity::Read, now_us) => Ok(()),
            Some(_) => Err(Exceeded::Index),
            None if self.admits(table, Capacity::Read, now_us) => Ok(()),
            None => Err(Exceeded::Table),
        }
    }

    /// Whether all global indexes that a write changes have something left.
    pub(super) fn admits_writes(&self, table: &TableDef, writes: &[IndexWrite], now_us: u64) -> bool {
        let mut indexes = writes.iter().filter_map(|write| global(table, &write.name));
        indexes.all(|index| self.has(index.id, index.provisioned, Capacity::Write, now_us))
    }

    fn has(&self, id: TableId, units: Option<(u64, u64)>, capacity: Capacity, now_us: u64) -> bool {
        let Some((read, write)) = units else { return true };
        let rate = match capacity {
            Capacity::Read => read,
            Capacity::Write => write,
        };
        let mut buckets = self.buckets();
        let bucket = buckets.entry((id, capacity)).or_insert_with(|| Bucket::full(rate, now_us));
        if bucket.rate != rate {
            bucket.refill(now_us);
            bucket.set_rate(rate);
        }
        bucket.admits(now_us)
    }

    /// Cancels a transaction some of whose actions go to tables that have nothing left; one table for each action.
    pub(super) fn admit_all<'t>(
        &self,
        tables: impl Iterator<Item = &'t Arc<TableDef>>,
        capacity: Capacity,
        now_us: u64,
    ) -> Result<(), EngineError> {
        let reason = |table| match self.admits(table, capacity, now_us) {
            true => Reason::None,
            false => Reason::ThroughputExceeded(Exceeded::Table),
        };
        let reasons: Vec<Reason> = tables.map(|table| reason(table)).collect();
        match reasons.contains(&Reason::ThroughputExceeded(Exceeded::Table)) {
            true => Err(EngineError::Cancelled(reasons)),
            false => Ok(()),
        }
    }

    /// What a request has cost, in halves of a unit: of the table, or of a global index of it.
    pub(super) fn spend(&self, table: &TableDef, index: Option<&str>, capacity: Capacity, halves: u64) {
        let id = index.and_then(|name| global(table, name)).map_or(table.id, |index| index.id);
        if table.provisioned.is_none() {
            return;
        }
        if let Some(bucket) = self.buckets().get_mut(&(id, capacity)) {
            bucket.spend(halves);
        }
    }
}

/// A global index with units of its own.
fn global<'t>(table: &'t TableDef, name: &str) -> Option<&'t IndexDef> {
    table.indexes.live().find(|index| index.kind == IndexKind::Global && index.name == name)
}

/// Holds the global indexes that writes change to their units: those of DynamoDB's door.
pub(super) struct Gate {
    pub(super) throughput: Throughput,
    pub(super) now_us: u64,
}

impl Gate {
    /// Decides a write, and stages it unless a global index that it changes has nothing left.
    pub(super) fn write<W: Wrote>(
        gate: Option<Gate>,
        batch: &mut Batch,
        decide: impl FnOnce(&mut Batch) -> Result<W, EngineError>,
    ) -> Result<W, EngineError> {
        let Some(gate) = gate else { return decide(batch) };
        let mut staged = Batch::default();
        let wrote = decide(&mut staged)?;
        if !gate.admits(wrote.table(), wrote.indexes()) {
            return Err(EngineError::ThroughputExceeded(Exceeded::Index));
        }
        batch.append(staged);
        Ok(wrote)
    }

    /// Whether all global indexes that a write changes have something left.
    pub(super) fn admits(&self, table: &TableDef, writes: &[IndexWrite]) -> bool {
        self.throughput.admits_writes(table, writes, self.now_us)
    }
}

/// What a write of one item has written to.
pub(super) trait Wrote {
    /// The table.
    fn table(&self) -> &TableDef;
    /// Its indexes.
    fn indexes(&self) -> &[IndexWrite];
}

impl Wrote for Written {
    fn table(&self) -> &TableDef {
        &self.table
    }

    fn indexes(&self) -> &[IndexWrite] {
        &self.indexes
    }
}

impl Wrote for Updated {
    fn table(&self) -> &TableDef {
        &self.table
    }

    fn indexes(&self) -> &[IndexWrite] {
        &self.indexes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn five_minutes_are_saved_up_and_then_it_is_the_rate() {
        let mut bucket = Bucket::full(2, 0);
        let mut done = 0;
        while bucket.admits(0) {
            bucket.spend(2);
            done += 1;
        }
        assert_eq!(done, 600);
        assert!(bucket.admits(SECOND / 2));
        bucket.spend(2);
        assert!(!bucket.admits(SECOND / 2));
        assert!(bucket.admits(SECOND / 2 + 1), "anything that is left lets one through");
        bucket.spend(2);
        assert!(!bucket.admits(SECOND), "which is owed");
        assert!(bucket.admits(SECOND + 2));
        let mut rested = bucket;
        rested.refill(10_000 * SECOND);
        assert_eq!(rested.left, most(2));
    }

    #[test]
    fn what_is_larger_than_all_that_is_saved_up_is_let_through_once() {
        let mut bucket = Bucket::full(1, 0);
        assert!(bucket.admits(0));
        bucket.spend(2 * 400);
        assert!(!bucket.admits(100 * SECOND));
        assert!(bucket.admits(101 * SECOND));
    }

    #[test]
    fn half_units_count_half_and_a_clock_set_back_gives_nothing() {
        let mut bucket = Bucket::full(1, 50 * SECOND);
        for _ in 0..600 {
            assert!(bucket.admits(50 * SECOND));
            bucket.spend(1);
        }
        assert!(!bucket.admits(50 * SECOND));
        assert!(!bucket.admits(0));
        assert!(bucket.admits(51 * SECOND));
    }

    #[test]
    fn a_lower_rate_takes_what_was_saved_up_beyond_its_own_burst() {
        let mut bucket = Bucket::full(100, 0);
        bucket.set_rate(1);
        assert_eq!(bucket.left, most(1));
        bucket.set_rate(100);
        assert_eq!(bucket.left, most(1), "a higher one gives nothing at once");
    }
}
