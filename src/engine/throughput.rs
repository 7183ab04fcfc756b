//! Provisioned capacity (developer guide, "Burst capacity"): a table that asks for so many units a second gets them, and
//! what it has not used for five minutes on top. An on-demand table is not limited.
//!
//! A request is let through as long as anything is left, and pays what it has cost afterwards: that is known only then,
//! and an item may cost more than a small table ever saves up. What it owes, the next ones wait for.
//!
//! Kept in memory: a restart fills every table up. What comes by MQTT and REST is not limited: a device can't be told
//! to come back later, and its readings cost nothing here that units would pay for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{EngineError, Reason};
use crate::model::{TableDef, TableId};

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

/// What is left of all tables' capacity; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Throughput(Arc<Mutex<HashMap<(TableId, Capacity), Bucket>>>);

impl Throughput {
    fn buckets(&self) -> MutexGuard<'_, HashMap<(TableId, Capacity), Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request to a table is let through.
    pub(super) fn admits(&self, table: &TableDef, capacity: Capacity, now_us: u64) -> bool {
        let Some((read, write)) = table.provisioned else { return true };
        let rate = match capacity {
            Capacity::Read => read,
            Capacity::Write => write,
        };
        let mut buckets = self.buckets();
        let bucket = buckets.entry((table.id, capacity)).or_insert_with(|| Bucket::full(rate, now_us));
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
            false => Reason::ThroughputExceeded,
        };
        let reasons: Vec<Reason> = tables.map(|table| reason(table)).collect();
        match reasons.contains(&Reason::ThroughputExceeded) {
            true => Err(EngineError::Cancelled(reasons)),
            false => Ok(()),
        }
    }

    /// What a request has cost, in halves of a unit.
    pub(super) fn spend(&self, table: &TableDef, capacity: Capacity, halves: u64) {
        if table.provisioned.is_none() {
            return;
        }
        if let Some(bucket) = self.buckets().get_mut(&(table.id, capacity)) {
            bucket.spend(halves);
        }
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
