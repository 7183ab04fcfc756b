//! The fold: moves the frozen generation into the tree, in key order, in slices; then frees what has expired. A thread of
//! its own; commits go on meanwhile.
//!
//! Invariants:
//! - `touched_to` moves with the first slice, `folded_to` and the change counts with the last: a fold that did not finish
//!   is done again from the journal, and repeating a slice changes nothing.
//! - The generation is dropped after the commit of the last slice, never before.
//! - A fold that fails is tried again; the journal has everything.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::apply::{ApplyError, Later, NewRow, Slice};
use super::evict::Dropper;
use super::expiry::Sweeper;
use super::faults::{Died, Point};
use super::index_build;
use super::meta::State;
use super::overlay::{Frozen, Version};
use super::shared::Shared;
use super::{Catalog, Seq, wear};

/// How long a failed fold waits before it is tried again: twice as long each time, up to the second of these.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];
/// What freeing leaves to commits between its parts.
const BETWEEN_SWEEPS: Duration = Duration::from_millis(100);
/// How often expiry looks whether there is something to free when nothing is folded.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// The longest the thread sleeps.
const TICK: Duration = Duration::from_secs(60);

impl From<Died> for ApplyError {
    fn from(_: Died) -> ApplyError {
        ApplyError::Stopped
    }
}

#[derive(Debug, Default)]
struct Gate {
    work: bool,
    sweep: bool,
    stop: bool,
    ended: bool,
    failure: Option<String>,
    starved: bool,
}

/// Where the committer and the fold meet.
#[derive(Debug, Default)]
pub(super) struct FoldGate {
    gate: Mutex<Gate>,
    changed: Condvar,
}

impl FoldGate {
    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut Gate)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// A generation has been frozen.
    pub(super) fn wake(&self) {
        self.set(|gate| gate.work = true);
    }

    /// Space is short: free what has expired now.
    pub(super) fn sweep(&self) {
        self.set(|gate| (gate.work, gate.sweep) = (true, true));
    }

    /// Ends the thread after its slice.
    pub(super) fn stop(&self) {
        self.set(|gate| gate.stop = true);
    }

    /// Whether the thread is to end.
    pub(super) fn stopping(&self) -> bool {
        self.lock().stop
    }

    /// Whether the thread has ended.
    #[cfg(test)]
    pub(super) fn ended(&self) -> bool {
        self.lock().ended
    }

    /// Why the last fold failed, until one succeeds.
    pub(super) fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    /// Whether it failed for want of pages: there may be enough of them, and none that lie together as a large item wants.
    pub(super) fn starved(&self) -> bool {
        self.lock().starved
    }

    /// Waits until `done`, the fold's thread has ended, or the time is over: a shorter one where
    /// folds fail.
    pub(super) fn wait(&self, longest: Duration, failing: Duration, mut done: impl FnMut() -> bool) -> bool {
        let mut until = Instant::now() + longest;
        let mut gate = self.lock();
        let mut fails = false;
        loop {
            if done() {
                return true;
            }
            if gate.failure.is_some() && !std::mem::replace(&mut fails, true) {
                until = until.min(Instant::now() + failing);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || gate.ended {
                return false;
            }
            (gate, _) = self.changed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Leaves the disk to others for a moment; whether the thread may go on with what is not urgent.
    pub(super) fn pause(&self, moment: Duration) -> bool {
        let until = Instant::now() + moment;
        let mut gate = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if gate.stop || gate.work || left.is_zero() {
                return !gate.stop && !gate.work;
            }
            (gate, _) = self.changed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for work; `None`: end. Else whether to sweep in any case.
    fn next(&self, longest: Duration) -> Option<bool> {
        let until = Instant::now() + longest;
        let mut gate = self.lock();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if gate.stop {
                return None;
            }
            if gate.work || left.is_zero() {
                gate.work = false;
                return Some(std::mem::take(&mut gate.sweep));
            }
            (gate, _) = self.changed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The thread.
pub(super) fn run(shared: &Arc<Shared>) {
    /// Says that the thread has ended, however it does.
    struct Ended<'a>(&'a FoldGate);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.set(|gate| gate.ended = true);
        }
    }
    let _ended = Ended(&shared.gate);
    let (mut sweeper, mut dropper) = (Sweeper::default(), Dropper::default());
    let mut swept = Instant::now();
    let mut wait = Duration::ZERO;
    let [mut retry, _] = RETRY;
    while let Some(sweep_now) = shared.gate.next(wait) {
        wait = TICK;
        let mut due = sweep_now || swept.elapsed() >= SWEEP_EVERY;
        match fold_frozen(shared) {
            Ok(folded) => {
                due |= folded;
                [retry, _] = RETRY;
            }
            Err(ApplyError::Stopped) => return,
            Err(error @ ApplyError::Broken(_)) => return give_up(shared, &error),
            Err(error) => {
                tracing::error!(%error, "folding failed; it is tried again");
                let starved = matches!(error, ApplyError::Full);
                shared.gate.set(|gate| (gate.failure, gate.starved) = (Some(error.to_string()), starved));
                let [_, longest] = RETRY;
                wait = retry;
                retry = longest.min(retry * 2);
                // Freed rows may be what it needs.
                due |= starved;
            }
        }
        if due {
            swept = Instant::now();
        }
        let deleted = if shared.gate.starved() { free_deleted(shared) } else { Ok(()) };
        let freed = deleted.and_then(|()| sweeper.run(shared, due)).and_then(|()| {
            shared.space.look_at_tree(&shared.tree);
            let drops = dropper.run(shared)?;
            Ok(index_build::run(shared)? || drops)
        });
        match freed {
            Ok(more) => wait = if more { wait.min(BETWEEN_SWEEPS) } else { wait },
            Err(ApplyError::Stopped) => return,
            Err(error @ ApplyError::Broken(_)) => return give_up(shared, &error),
            Err(error) => {
                tracing::error!(%error, "freeing rows failed; it is tried again");
                let [_, longest] = RETRY;
                wait = wait.min(longest);
            }
        }
        if sweeper.has_more() {
            wait = wait.min(BETWEEN_SWEEPS);
        }
        shared.space.look_at_tree(&shared.tree);
    }
}

/// Only a new start helps: it opens the tree anew, and folds from the journal.
fn give_up(shared: &Shared, error: &ApplyError) {
    shared.poison.send_replace(Some(error.to_string()));
}

/// Folds the frozen generation, if there is one.
fn fold_frozen(shared: &Shared) -> Result<bool, ApplyError> {
    let Some(frozen) = shared.overlay.load().frozen.clone() else { return Ok(false) };
    let state = fold(shared, &frozen)?;
    shared.faults.reach(Point::FoldCommitted)?;
    shared.overlay.thaw();
    shared.folded.store(Arc::new(state));
    shared.stats.folds.fetch_add(1, Ordering::Relaxed);
    shared.gate.set(|gate| (gate.failure, gate.starved) = (None, false));
    shared.faults.reach(Point::GenerationDropped)?;
    Ok(true)
}

fn fold(shared: &Shared, frozen: &Frozen) -> Result<State, ApplyError> {
    let catalog = shared.published.load().catalog.clone();
    let closing = &frozen.closing;
    let mut later = Later::default();
    let mut slice = Slice::begin(&shared.tree, &catalog, shared.keys)?;
    for found in frozen.generation.newest() {
        let new = match found.value() {
            Version::Put { image, mark, size } => {
                Some(NewRow { seq: found.key().seq, mark: mark.as_deref(), image, size: *size })
            }
            Version::Delete => None,
        };
        slice.apply(&found.key().key, new, &mut later)?;
        slice = next_if_full(shared, &catalog, slice, closing.seq)?;
    }
    let Later { mut expiry, mut index } = later;
    expiry.sort_unstable();
    for (second, key) in &expiry {
        slice.put_expiry(*second, key)?;
        slice = next_if_full(shared, &catalog, slice, closing.seq)?;
    }
    index.sort_unstable();
    for row in &index {
        slice.put_entry(row)?;
        slice = next_if_full(shared, &catalog, slice, closing.seq)?;
    }
    for (table, count) in closing.counts.iter() {
        slice.set_change_count(*table, *count)?;
    }
    let state = &mut slice.state;
    state.touched_to = state.touched_to.max(closing.seq);
    state.folded_before = state.folded_to;
    state.folded_to = closing.seq;
    state.time_us = closing.time_us;
    let state = *state;
    commit(shared, slice)?;
    Ok(state)
}

/// Takes out what was deleted, by the active generation too, where a fold lacks pages: deletes would wait behind it. It is
/// done again by the folds to come, or the replay, and changes nothing then.
fn free_deleted(shared: &Shared) -> Result<(), ApplyError> {
    let published = shared.published.load().clone();
    let generations = shared.overlay.load();
    let mut slice = Slice::begin(&shared.tree, &published.catalog, shared.keys)?;
    for found in generations.each().flat_map(|generation| generation.newest_up_to(published.seq)) {
        if matches!(found.value(), Version::Delete) {
            slice.apply(&found.key().key, None, &mut Later::default())?;
            slice = next_if_full(shared, &published.catalog, slice, published.seq)?;
        }
    }
    slice.state.touched_to = slice.state.touched_to.max(published.seq);
    commit(shared, slice)
}

/// The slice to go on with: a new one, where this one is full.
fn next_if_full<'t>(
    shared: &'t Shared,
    catalog: &'t Catalog,
    mut slice: Slice<'t>,
    touched: Seq,
) -> Result<Slice<'t>, ApplyError> {
    if slice.pages() < shared.tuning.slice_pages {
        return Ok(slice);
    }
    slice.state.touched_to = slice.state.touched_to.max(touched);
    commit(shared, slice)?;
    shared.faults.reach(Point::SliceCommitted)?;
    Slice::begin(&shared.tree, catalog, shared.keys)
}

/// Commits a slice, and counts what that wrote.
pub(super) fn commit(shared: &Shared, slice: Slice<'_>) -> Result<(), ApplyError> {
    shared.faults.reach(Point::SliceApplied)?;
    if shared.faults.slice_fails() {
        return Err(ApplyError::Full);
    }
    if shared.faults.tree_breaks() {
        return Err(heed::Error::Mdb(heed::MdbError::Panic).into());
    }
    let (committed, written) = wear::measured(slice.pages(), || slice.commit());
    shared.stats.tree_written.fetch_add(written, Ordering::Relaxed);
    committed?;
    if shared.gate.stopping() {
        return Err(ApplyError::Stopped);
    }
    Ok(())
}
