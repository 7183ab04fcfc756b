//! A store on a simulated disk that dies where it is told to, for tests of the rooms above.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::faults::Died;
use super::journal::sim::Loss;
use super::testing::Bench;
use super::{IndexState, Read as _, Store};
use crate::clock::Clock;
use crate::model::TableDef;

/// What a power cut leaves of writes that were not synced: all of it, some, a torn piece, nothing.
const LOSSES: [Loss; 4] = [Loss::Everything, Loss::Some, Loss::One, Loss::Nothing];

/// The store, everything in it small.
pub(crate) struct Rig(Option<Bench>);

impl Rig {
    /// A new one.
    pub(crate) fn new() -> Rig {
        Rig(Some(Bench::small().open()))
    }

    fn bench(&self) -> &Bench {
        self.0.as_ref().unwrap()
    }

    /// The store; to be let go of before it is killed or closed.
    pub(crate) fn store(&self) -> Store {
        self.bench().store().clone()
    }

    /// Its clock, which only the test moves.
    pub(crate) fn clock(&self) -> &Clock {
        &self.bench().clock
    }

    /// Lets its threads die at the `n`th named point from here on.
    pub(crate) fn die_at(&self, n: u64) {
        let reached = Arc::new(AtomicU64::new(0));
        let hook = move |_| if reached.fetch_add(1, Ordering::SeqCst) + 1 >= n { Err(Died) } else { Ok(()) };
        self.bench().store().at_points(hook);
    }

    /// Cuts the power at the `n`th step of the journal's from here on.
    pub(crate) fn cut_after(&self, n: u64) {
        self.bench().sim.as_ref().unwrap().cut_after(n);
    }

    /// Whether it can't go on: the power is off, or what folds is dead.
    pub(crate) fn is_dead(&self) -> bool {
        self.bench().sim.as_ref().unwrap().is_off() || self.bench().store().shared().gate.ended()
    }

    /// Goes down without a word, losing what was not synced, and comes up again.
    pub(crate) fn crash(&mut self, seed: u64) {
        let bench = self.0.take().unwrap().kill();
        let loss = LOSSES[seed as usize % LOSSES.len()];
        bench.sim.as_ref().unwrap().cut(loss, seed);
        self.0 = Some(bench.open());
    }

    /// Is closed, and opened again.
    pub(crate) async fn restart(&mut self) {
        let bench = self.0.take().unwrap().close().await;
        self.0 = Some(bench.open());
    }

    /// Waits until all indexes of a table can be read, or until that will never be.
    pub(crate) async fn build(&self, table: &TableDef) {
        let shared = self.bench().store().shared();
        let ready = || {
            let view = self.bench().store().view().unwrap();
            table.indexes.live().all(|index| view.index_state(index).unwrap() == IndexState::Ready)
        };
        while !ready() && !shared.gate.ended() {
            shared.gate.wake();
            tokio::task::yield_now().await;
        }
    }
}
