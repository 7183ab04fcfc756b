//! Death at every step. The journal is on a simulated disk that loses what was not synced; an LMDB commit counts as atomic.
//! What was acknowledged is there, what was not is there wholly or not at all, counters agree, and no sequence comes twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::faults::Died;
use super::journal::sim::{Loss, SimDisk};
use super::testing::*;
use super::*;

type Model = BTreeMap<(String, i64), String>;

/// What one decision does: texts to put, or removals.
type Step = Vec<((String, i64), Option<String>)>;

struct World {
    bench: Bench,
    model: Model,
    /// A decision whose outcome nobody knows.
    doubt: Option<Step>,
    changes: u64,
    doubtful_changes: u64,
    highest: Seq,
    random: fastrand::Rng,
}

impl World {
    async fn new(seed: u64) -> World {
        let bench = Bench::small().open();
        bench.define(table()).await;
        World {
            bench,
            model: Model::new(),
            doubt: None,
            changes: 0,
            doubtful_changes: 0,
            highest: Seq(0),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    fn step(&mut self) -> Step {
        let count = if self.random.u8(..8) == 0 { self.random.usize(2..12) } else { 1 };
        (0..count)
            .map(|_| {
                let key = (format!("d{}", self.random.u8(..5)), i64::from(self.random.u8(..30)));
                let text = "x".repeat(self.random.usize(..900));
                let text = (self.random.u8(..4) > 0).then(|| format!("{}{text}", self.random.u32(..)));
                (key, text)
            })
            .collect()
    }

    /// Commits a step; whether it was acknowledged.
    async fn commit(&mut self) -> bool {
        let step = self.step();
        let keys = self.bench.store().keys();
        let stamp = self.bench.clock.stamp();
        let staged = step.clone();
        let decide = move |_: &dyn Read, batch: &mut Batch| {
            for ((device, ts), text) in staged {
                let sort = crate::model::KeyValue::N(crate::model::Number::from(ts));
                let key = keys.row_key(TABLE, crate::model::KeyValue::S(&device), Some(sort));
                let image = crate::model::Image::encode(&item(&device, ts, text.as_deref().unwrap_or("")));
                match text {
                    Some(_) => batch.put(TABLE, key, image, about(stamp, None)),
                    None => batch.delete(TABLE, key, image, about(stamp, None)),
                }
            }
        };
        match self.bench.store().submit(Urgency::Now, 1000, decide).await {
            Ok(()) => {
                self.changes += step.len() as u64;
                apply(&mut self.model, &step);
                let published = *self.bench.store().published().borrow();
                assert!(published > self.highest, "{published:?} came after {:?}", self.highest);
                self.highest = published;
                true
            }
            Err(CommitError::OutcomeUnknown(_)) => {
                self.doubtful_changes = step.len() as u64;
                self.doubt = Some(step);
                false
            }
            // No segment could be prepared, because the power had gone: nothing was written.
            Err(CommitError::Full(_)) if self.bench.sim.as_ref().is_some_and(SimDisk::is_off) => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens it again after a death, and holds it against the model.
    fn recover(mut self) -> World {
        self.bench = self.bench.open();
        self.settle();
        self.check();
        self
    }

    /// Finds out what became of the decision in doubt.
    fn settle(&mut self) {
        let Some(step) = self.doubt.take() else { return };
        let found = self.contents();
        let mut with = self.model.clone();
        apply(&mut with, &step);
        let count = self.bench.store().change_counts().get(&TABLE).copied().unwrap_or(0);
        if count == self.changes + self.doubtful_changes {
            assert_eq!(found, texts_of(&with), "the decision in doubt is counted, but not there");
            self.model = with;
            self.changes = count;
        } else {
            assert_eq!(count, self.changes);
            assert_eq!(found, texts_of(&self.model), "not what was acknowledged");
        }
    }

    fn contents(&self) -> BTreeSet<String> {
        let found = self.bench.all(Direction::Forward);
        let mut backward = self.bench.all(Direction::Backward);
        backward.reverse();
        assert_eq!(found, backward);
        found.into_iter().collect()
    }

    fn check(&self) {
        assert_eq!(self.contents(), texts_of(&self.model));
        let status = self.bench.store().status();
        assert_eq!(status.items, self.model.len() as u64);
        assert_eq!(status.damage, Vec::<String>::new());
        let counts = self.bench.store().change_counts();
        assert_eq!(counts.get(&TABLE).copied().unwrap_or(0), self.changes);
        for ((device, ts), text) in &self.model {
            assert_eq!(self.bench.get(device, *ts).as_ref(), Some(text));
        }
    }

    /// Goes on for a while, closes, opens, and looks again.
    async fn go_on(mut self) -> World {
        for _ in 0..8 {
            assert!(self.commit().await);
        }
        self.check();
        self.bench = self.bench.close().await.open();
        self.check();
        assert_eq!(self.bench.store().table_statistics(TABLE).items, self.model.len() as u64);
        self
    }
}

fn apply(model: &mut Model, step: &Step) {
    for (key, text) in step {
        match text {
            Some(text) => model.insert(key.clone(), text.clone()),
            None => model.remove(key),
        };
    }
}

fn texts_of(model: &Model) -> BTreeSet<String> {
    model.values().cloned().collect()
}

/// Lets all threads die at the `n`th named point; whether that many were reached.
fn die_at(store: &Store, n: u64) -> Arc<AtomicU64> {
    let reached = Arc::new(AtomicU64::new(0));
    let count = reached.clone();
    store.at_points(move |_| if count.fetch_add(1, Ordering::SeqCst) + 1 >= n { Err(Died) } else { Ok(()) });
    reached
}

#[tokio::test]
async fn death_between_any_two_steps_of_commits_and_folds() {
    let mut n = 1;
    loop {
        let mut world = World::new(n).await;
        let reached = die_at(world.bench.store(), n);
        let mut alive = true;
        for _ in 0..60 {
            alive = world.commit().await;
            if !alive {
                break;
            }
        }
        let all = reached.load(Ordering::SeqCst) < n;
        world.bench = world.bench.kill();
        let sim = world.bench.sim.clone().unwrap();
        sim.cut([Loss::Everything, Loss::Nothing, Loss::Some, Loss::One][n as usize % 4], n);
        world.recover().go_on().await;
        if alive && all {
            break;
        }
        n += if n < 40 { 1 } else { 7 };
    }
    assert!(n > 150, "only {n} points were reached");
}

#[tokio::test]
async fn power_cuts_at_the_journals_own_steps() {
    for seed in 0..60u64 {
        let mut world = World::new(seed).await;
        let sim = world.bench.sim.clone().unwrap();
        for _ in 0..seed % 25 {
            assert!(world.commit().await);
        }
        sim.cut_after(1 + seed % 23);
        for _ in 0..60 {
            if !world.commit().await {
                break;
            }
        }
        world.bench = world.bench.kill();
        sim.cut([Loss::Everything, Loss::Nothing, Loss::Some, Loss::One][seed as usize % 4], seed);
        world.recover().go_on().await;
    }
}

#[derive(Clone, Debug)]
enum Act {
    Commit(u8),
    Kill,
    Close,
    Die(u8),
    Cut(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1u8..30).prop_map(Act::Commit),
        1 => Just(Act::Kill),
        1 => Just(Act::Close),
        1 => (1u8..60).prop_map(Act::Die),
        1 => (1u8..40).prop_map(Act::Cut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_life_agrees_with_the_model(seed in any::<u64>(), acts in prop::collection::vec(act(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(seed).await;
            for (index, act) in acts.into_iter().enumerate() {
                let sim = world.bench.sim.clone().unwrap();
                match act {
                    Act::Commit(count) => {
                        for _ in 0..count {
                            assert!(world.commit().await);
                        }
                        world.check();
                        continue;
                    }
                    Act::Kill => world.bench = world.bench.kill(),
                    Act::Close => world.bench = world.bench.close().await,
                    Act::Die(n) => {
                        die_at(world.bench.store(), u64::from(n));
                        while world.commit().await {}
                        world.bench = world.bench.kill();
                    }
                    Act::Cut(steps) => {
                        sim.cut_after(u64::from(steps));
                        while world.commit().await {}
                        world.bench = world.bench.kill();
                    }
                }
                sim.cut([Loss::Everything, Loss::Some, Loss::Nothing][index % 3], seed);
                world = world.recover();
            }
            world.go_on().await;
        });
    }
}
