//! The store as a whole.

use std::sync::Arc;
use std::sync::mpsc;

use super::faults::{Died, Point};
use super::testing::*;
use super::*;
use crate::model::TableId;

impl Store {
    /// Sets the hook of the named points.
    pub(super) fn at_points(&self, hook: impl Fn(Point) -> Result<(), Died> + Send + Sync + 'static) {
        self.shared().faults.set(hook);
    }
}

#[tokio::test]
async fn what_was_committed_is_read_and_survives_a_kill_and_a_close() {
    let mut bench = Bench::new().await;
    for ts in 0..50 {
        bench.put(item("a", ts, &format!("a{ts}"))).await.unwrap();
    }
    bench.delete("a", 7).await.unwrap();
    bench.put(item("a", 8, "again")).await.unwrap();
    let mut expected: Vec<_> = (0..50).filter(|ts| *ts != 7).map(|ts| format!("a{ts}")).collect();
    expected[7] = "again".to_owned();
    for round in 0..4 {
        assert_eq!(bench.all(Direction::Forward), expected);
        let mut backward = bench.all(Direction::Backward);
        backward.reverse();
        assert_eq!(backward, expected);
        assert_eq!(bench.get("a", 7), None);
        assert_eq!(bench.get("a", 8).as_deref(), Some("again"));
        assert_eq!(bench.store().status().items, 49);
        assert_eq!(bench.store().change_counts().get(&TABLE), Some(&52));
        assert_eq!(bench.store().status().damage, Vec::<String>::new());
        bench = if round % 2 == 0 { bench.kill() } else { bench.close().await };
        bench = bench.open();
    }
    assert_eq!(bench.store().table_statistics(TABLE).items, 49);
    assert_eq!(bench.store().status().overlay_bytes, 0);
}

#[tokio::test]
async fn decisions_see_what_was_staged_before_them() {
    let bench = Bench::new().await;
    let stage = bench.stager();
    let key = bench.key("a", 1);
    let mut waiting = Vec::new();
    for n in 0..20 {
        let (stage, key) = (stage.clone(), key.clone());
        let count = move |read: &dyn Read, batch: &mut Batch| {
            let row = read.get(&key).unwrap();
            stage(batch, "a", 1, item("a", 1, &format!("{n}")));
            row.is_some()
        };
        let store = bench.store().clone();
        waiting.push(tokio::spawn(async move { store.submit(Urgency::Gather, 0, count).await.unwrap() }));
    }
    let mut first = 0;
    for outcome in waiting {
        first += usize::from(!outcome.await.unwrap());
    }
    assert_eq!(first, 1);
}

#[tokio::test]
async fn a_panic_in_a_decision_drops_its_changes_and_nothing_else() {
    let bench = Bench::new().await;
    let stage = bench.stager();
    let decide = move |_: &dyn Read, batch: &mut Batch| {
        stage(batch, "a", 1, item("a", 1, "never"));
        panic!("a test's");
    };
    let outcome: Result<(), _> = bench.store().submit(Urgency::Now, 0, decide).await;
    assert!(matches!(outcome, Err(CommitError::OutcomeUnknown(what)) if what.contains("bug")));
    bench.put(item("a", 2, "goes on")).await.unwrap();
    assert_eq!(bench.all(Direction::Forward), ["goes on"]);
}

#[tokio::test]
async fn a_row_of_an_unknown_table_is_refused() {
    let bench = Bench::new().await;
    let stamp = bench.clock.stamp();
    let key = bench.store().keys().row_key(TableId(999), crate::model::KeyValue::S("x"), None);
    let image = crate::model::Image::encode(&item("a", 1, ""));
    let decide =
        move |_: &dyn Read, batch: &mut Batch| batch.put(TableId(999), key, image, about(stamp, None));
    assert!(bench.store().submit(Urgency::Now, 0, decide).await.is_err());
}

#[tokio::test]
async fn commits_are_acknowledged_while_a_fold_is_held_open() {
    let bench = Bench::new().await;
    let (reached, at_slice) = mpsc::sync_channel(100);
    let (go_on, held) = mpsc::sync_channel::<()>(1);
    let held = std::sync::Mutex::new(Some(held));
    let frozen = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let freeze = frozen.clone();
    bench.store().at_points(move |point| {
        if point == Point::GenerationFrozen {
            freeze.store(true, std::sync::atomic::Ordering::SeqCst);
        }
        if point == Point::SliceApplied
            && let Some(held) = held.lock().unwrap().take()
        {
            reached.send(()).map_err(|_| Died)?;
            held.recv().map_err(|_| Died)?;
        }
        Ok(())
    });
    let filler = "x".repeat(2000);
    let mut ts = 0;
    while !frozen.load(std::sync::atomic::Ordering::SeqCst) {
        bench.put(item("a", ts, &filler)).await.unwrap();
        ts += 1;
    }
    at_slice.recv().unwrap();
    // The fold stands before its first commit, and stays there.
    let folded = bench.store().status().folded_to;
    for more in 0..100 {
        bench.put(item("b", more, "while it is held")).await.unwrap();
    }
    assert_eq!(bench.store().status().folded_to, folded);
    assert_eq!(bench.all(Direction::Forward).len() as i64, ts + 100);
    assert_eq!(bench.store().status().items as i64, ts + 100);
    go_on.send(()).unwrap();
    let bench = bench.close().await.open();
    assert_eq!(bench.all(Direction::Forward).len() as i64, ts + 100);
    assert_eq!(bench.store().table_statistics(TABLE).items as i64, ts + 100);
}

#[tokio::test]
async fn a_pair_written_together_is_seen_together_while_folds_run() {
    let bench = Bench::new().await;
    let store = bench.store().clone();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (left, right) = (bench.key("left", 0), bench.key("right", 0));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, stop, left, right) = (store.clone(), stop.clone(), left.clone(), right.clone());
            std::thread::spawn(move || {
                let mut pairs = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let view = store.view().unwrap();
                    let pair = (view.get(&left).unwrap(), view.get(&right).unwrap());
                    let images = (pair.0.map(|row| row.image), pair.1.map(|row| row.image));
                    match images {
                        (Some(left), Some(right)) => {
                            let (left, right) = (text_of(&left), text_of(&right));
                            assert_eq!(left, right);
                        }
                        (left, right) => assert_eq!(left.is_some(), right.is_some()),
                    }
                    let seen = texts(&view, Direction::Forward);
                    let pair: Vec<_> = seen.iter().filter(|text| text.starts_with("pair")).collect();
                    assert!(pair.is_empty() || pair.len() == 2 && pair[0] == pair[1], "{pair:?}");
                    pairs += 1;
                }
                pairs
            })
        })
        .collect();
    let filler = "x".repeat(10_000);
    let stage = bench.stager();
    for n in 0..1500i64 {
        let (stage, filler) = (stage.clone(), filler.clone());
        let decide = move |_: &dyn Read, batch: &mut Batch| {
            stage(batch, "left", 0, item("left", 0, &format!("pair{n}")));
            stage(batch, "filler", n % 40, item("filler", n % 40, &filler));
            stage(batch, "right", 0, item("right", 0, &format!("pair{n}")));
        };
        bench.store().submit(Urgency::Now, 0, decide).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        assert!(reader.join().unwrap() > 0);
    }
    assert!(bench.store().status().folds > 0);
}

fn text_of(image: &[u8]) -> String {
    match crate::model::MapRef::new(image).get("text").unwrap() {
        Some(crate::model::ValueRef::S(text)) => text.to_owned(),
        _ => String::new(),
    }
}

#[tokio::test]
async fn a_second_store_on_the_same_directory_is_refused() {
    let bench = Bench::new().await;
    assert!(matches!(Store::open(&bench.settings, &bench.clock), Err(OpenError::InUse { .. })));
    let bench = bench.close().await;
    bench.open();
}

#[tokio::test]
async fn after_close_nothing_is_taken_any_more() {
    let bench = Bench::new().await;
    bench.store().close().await;
    assert!(matches!(bench.put(item("a", 1, "")).await, Err(CommitError::OutcomeUnknown(_))));
}
