//! Rows over their lives: expiry, tables that go, marks, cursors and the journal they pin, deliveries; a store that is
//! full, damaged, or of another format.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::batch::About;
use super::faults::Point;
use super::testing::*;
use super::*;
use crate::clock::BootId;
use crate::model::{Image, TtlAttribute};

impl Bench {
    /// Closes, which folds and sweeps, and opens again.
    async fn fold(self) -> Bench {
        self.close().await.open()
    }

    /// Waits until the store's sweep has freed so many rows.
    async fn freed(&self, rows: u64) {
        while self.store().status().expired < rows {
            self.store().shared().gate.sweep();
            tokio::task::yield_now().await;
        }
    }

    fn at(&self, second: u64, trusted: bool) {
        self.clock.set(second * 1_000_000, trusted);
    }
}

#[tokio::test]
async fn what_expires_is_not_counted_and_then_freed() {
    let bench = Bench::new().await;
    for ts in 0..100 {
        bench.put(expiring("a", ts, "x", NOW + 10 + ts as u64)).await.unwrap();
    }
    bench.put(item("b", 0, "stays")).await.unwrap();
    let bench = bench.fold().await;
    bench.put(expiring("c", 0, "in the overlay", NOW + 20)).await.unwrap();
    bench.put(expiring("a", 99, "lives longer now", NOW + 1000)).await.unwrap();
    assert_eq!(bench.store().status().items, 102);
    bench.at(NOW + 59, true);
    // Fifty of the tree and one of the overlay.
    assert_eq!(bench.store().status().items, 51);
    bench.freed(50).await;
    assert_eq!(bench.store().status().items, 51);
    assert_eq!(bench.store().table_statistics(TABLE).items, 51);
    bench.at(NOW + 500, true);
    bench.freed(99).await;
    let bench = bench.fold().await;
    // The row in the overlay was folded meanwhile, and freed after that.
    while bench.store().table_statistics(TABLE).items != 2 {
        bench.store().shared().gate.sweep();
        tokio::task::yield_now().await;
    }
    let mut left = bench.all(Direction::Forward);
    left.sort();
    assert_eq!(left, ["lives longer now", "stays"]);
    assert_eq!(bench.store().status().items, 2);
    let txn = bench.store().shared().tree.snapshot().unwrap();
    assert_eq!(bench.store().shared().tree.expiry.len(&txn).unwrap(), 1);
}

#[tokio::test]
async fn a_time_of_more_than_five_years_ago_expires_nothing() {
    let bench = Bench::new().await;
    bench.put(expiring("a", 1, "a mistake of the unit", 12)).await.unwrap();
    bench.put(expiring("a", 2, "expired", NOW - 1)).await.unwrap();
    let bench = bench.fold().await;
    while bench.store().table_statistics(TABLE).items != 1 {
        bench.store().shared().gate.sweep();
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.all(Direction::Forward), ["a mistake of the unit"]);
    assert_eq!(bench.store().status().items, 1);
}

#[tokio::test]
async fn nothing_expires_while_the_clock_is_not_trusted() {
    let bench = Bench::new().await;
    bench.put(expiring("a", 1, "x", NOW + 10)).await.unwrap();
    let bench = bench.fold().await;
    bench.at(NOW + 20, false);
    assert_eq!(bench.store().status().items, 1);
    bench.store().shared().gate.sweep();
    let bench = bench.fold().await;
    assert_eq!(bench.all(Direction::Forward), ["x"]);
    assert_eq!(bench.store().status().expired, 0);
}

#[tokio::test]
async fn ttl_that_is_switched_on_later_finds_the_rows_that_are_there() {
    let bench = Bench::empty().open();
    bench.define(crate::model::TableDef { ttl: None, ..table() }).await;
    for ts in 0..300 {
        bench.put(expiring("a", ts, "x", NOW + 10)).await.unwrap();
    }
    let bench = bench.fold().await;
    bench.define(table()).await;
    bench.at(NOW + 20, true);
    bench.freed(300).await;
    assert_eq!(bench.store().status().items, 0);
    // Off again, and by another attribute: what stands in the tree does not matter.
    let ttl = Some(TtlAttribute { attribute: "other".into() });
    bench.define(crate::model::TableDef { ttl, ..table() }).await;
    bench.put(expiring("a", 1, "stays", NOW + 15)).await.unwrap();
    let bench = bench.fold().await;
    assert_eq!(bench.all(Direction::Forward), ["stays"]);
}

#[tokio::test]
async fn ttl_that_changes_while_its_rows_are_gone_through_misses_none() {
    let mut bench = Bench::empty();
    bench.tuning.slice_pages = 3;
    let bench = bench.open();
    bench.define(crate::model::TableDef { ttl: None, ..table() }).await;
    for ts in 0..600 {
        bench.put(expiring("a", NOW as i64 + ts, "x", NOW + 10)).await.unwrap();
    }
    let bench = bench.fold().await;
    let ttl = Some(TtlAttribute { attribute: "ts".into() });
    bench.define(crate::model::TableDef { ttl, ..table() }).await;
    let mut sweeper = super::expiry::Sweeper::default();
    sweeper.run(bench.store().shared(), false).unwrap();
    assert!(sweeper.has_more(), "it stopped in the middle");
    bench.define(table()).await;
    while sweeper.has_more() {
        sweeper.run(bench.store().shared(), false).unwrap();
    }
    bench.at(NOW + 11, true);
    bench.freed(600).await;
    assert_eq!(bench.store().status().items, 0);
}

#[tokio::test]
async fn the_rows_of_a_dropped_table_are_freed() {
    let bench = Bench::new().await;
    for ts in 0..500 {
        bench.put(expiring("a", ts, "x", NOW + 10_000)).await.unwrap();
    }
    let bench = bench.fold().await;
    bench.put(item("a", 1000, "in the overlay")).await.unwrap();
    bench.define(crate::model::TableDef { dropped: true, ..table() }).await;
    assert_eq!(bench.store().status().items, 0);
    let bench = bench.fold().await;
    let shared = bench.store().shared();
    let rows_left = || {
        let txn = shared.tree.snapshot().unwrap();
        (shared.tree.rows.len(&txn).unwrap(), shared.tree.expiry.len(&txn).unwrap())
    };
    while rows_left() != (1, 0) {
        shared.gate.wake();
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.store().table_statistics(TABLE).items, 0);
    assert!(bench.store().catalog().table("readings").is_none());
}

#[tokio::test]
async fn marks_are_found_in_overlay_and_tree_and_go_with_a_rewrite() {
    let (boot, other) = (BootId([1; 16]), BootId([2; 16]));
    let mark =
        |boot| Some(Mark { boot, attributes: vec![Movable { name: "ts".into(), unit: Unit::Microseconds }] });
    let bench = Bench::new().await;
    for ts in 0..10 {
        bench.put_marked(item("a", ts, &format!("{ts}")), mark(boot)).await.unwrap();
    }
    bench.put_marked(item("b", 0, "other"), mark(other)).await.unwrap();
    assert_eq!(bench.store().status().marked, 11);
    assert_eq!(bench.store().change_counts().get(&TABLE), None);
    let bench = bench.fold().await;
    assert_eq!(bench.store().status().marked, 11);
    bench.put(item("a", 3, "rewritten")).await.unwrap();
    bench.put_marked(item("a", 10, "new"), mark(boot)).await.unwrap();
    let found = bench.store().marked(boot, 100).unwrap();
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|(_, row)| row.mark.as_ref().unwrap().boot == boot));
    assert_eq!(bench.store().marked(boot, 4).unwrap().len(), 4);
    assert_eq!(bench.store().marked_boots().unwrap(), [boot, other]);
    let bench = bench.fold().await;
    assert_eq!(bench.store().status().marked, 11);
    for ts in 0..=10 {
        bench.put(item("a", ts, "resolved")).await.unwrap();
    }
    let bench = bench.fold().await;
    assert_eq!(bench.store().marked_boots().unwrap(), [other]);
    assert_eq!(bench.store().status().marked, 1);
}

#[tokio::test]
async fn a_delivery_is_known_after_a_kill_and_after_a_fold() {
    let bench = Bench::new().await;
    let (stamp, key) = (bench.clock.stamp(), bench.key("a", 1));
    let put = move |_: &dyn Read, batch: &mut Batch| {
        let about = About { origin: Origin::Mqtt, time: stamp, mark: None, delivery: Some(77), size: None };
        batch.put(TABLE, key, Image::encode(&item("a", 1, "x")), about);
    };
    bench.store().submit(Urgency::Gather, 0, put).await.unwrap();
    let mut bench = bench;
    for round in 0..3 {
        let view = bench.store().view().unwrap();
        assert!(view.delivered(77) && !view.delivered(78));
        drop(view);
        bench = if round == 0 { bench.kill() } else { bench.close().await };
        bench = bench.open();
    }
}

/// Writes a few generations' worth.
async fn fill(bench: &Bench, rounds: i64) {
    let text = "x".repeat(1000);
    for ts in 0..rounds {
        // While folds fail, items are refused for moments.
        while let Err(error) = bench.put(item("fill", ts % 50, &text)).await {
            assert!(matches!(error, CommitError::Full(_) | CommitError::Busy), "{error}");
        }
    }
}

#[tokio::test]
async fn a_cursor_keeps_the_journal_and_lets_it_go() {
    let mut bench = Bench::small();
    bench.sim = None;
    let bench = bench.open();
    bench.define(table()).await;
    let stamp = bench.clock.stamp();
    let begin = *bench.store().published().borrow();
    let set = |seq: Seq| {
        move |_: &dyn Read, batch: &mut Batch| {
            batch.set_system(Space::Cursor, b"central", Some(cursor_value(seq, b"rest")), stamp);
        }
    };
    bench.store().submit(Urgency::Now, 0, set(begin)).await.unwrap();
    fill(&bench, 300).await;
    let bench = bench.close().await.open();
    let held = bench.store().status().segments;
    assert!(held > 15, "{held}");
    let mut reader = bench.store().reader(begin);
    let mut records = 0;
    while let Some(frame) = reader.next().unwrap() {
        records += frame.filter(|record| record.table == TABLE && record.seq > begin).count();
    }
    assert_eq!(records, 300);
    let forget = move |_: &dyn Read, batch: &mut Batch| {
        batch.set_system(Space::Cursor, b"central", None, stamp);
    };
    bench.store().submit(Urgency::Now, 0, forget).await.unwrap();
    fill(&bench, 60).await;
    let bench = bench.close().await.open();
    fill(&bench, 60).await;
    let left = bench.store().status().segments;
    assert!(left < held / 2, "{left} of {held}");
    assert_eq!(bench.store().status().damage, Vec::<String>::new());
}

#[tokio::test]
async fn a_full_store_refuses_items_and_still_takes_removals() {
    let mut bench = Bench::empty();
    bench.settings.max_size = 16 << 20;
    // A fold begins for want of room alone, and does not make any while it is held.
    (bench.tuning.generation, bench.tuning.unfolded) = (64 << 20, 64 << 20);
    let bench = bench.open();
    bench.define(table()).await;
    let (go_on, held) = std::sync::mpsc::sync_channel::<()>(1);
    let held = std::sync::Mutex::new(held);
    bench.store().shared().faults.set(move |at| {
        if at == Point::SliceApplied {
            let _ = held.lock().unwrap().recv();
        }
        Ok(())
    });
    let text = "x".repeat(100_000);
    let mut written = 0;
    let full = loop {
        match bench.put(item("a", written, &text)).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 200);
    };
    assert!(matches!(&full, CommitError::Full(what) if what.contains("max_size")), "{full}");
    assert_eq!(bench.store().full(), bench.store().status().full);
    assert!(bench.store().full().is_some());
    for ts in 0..written {
        bench.delete("a", ts).await.unwrap();
    }
    assert!(bench.store().full().is_some());
    drop(go_on);
    let bench = bench.close().await.open();
    bench.put(item("a", 1, "room again")).await.unwrap();
    let bench = bench.kill().open();
    assert_eq!(bench.all(Direction::Forward), ["room again"]);
    assert_eq!(bench.store().status().damage, Vec::<String>::new());
}

#[tokio::test]
async fn a_store_that_an_absent_upstream_has_filled_has_room_again_once_its_cursor_moves() {
    let mut bench = Bench::empty();
    bench.settings.max_size = 16 << 20;
    (bench.tuning.generation, bench.tuning.unfolded) = (256 << 10, 1 << 20);
    let bench = bench.open();
    bench.define(table()).await;
    let stamp = bench.clock.stamp();
    let set = |seq: Seq| {
        move |_: &dyn Read, batch: &mut Batch| {
            batch.set_system(Space::Cursor, b"central", Some(cursor_value(seq, b"")), stamp);
        }
    };
    let begin = *bench.store().published().borrow();
    bench.store().submit(Urgency::Now, 0, set(begin)).await.unwrap();
    let text = "x".repeat(100_000);
    for written in 0.. {
        match bench.put(item("a", written % 5, &text)).await {
            Ok(()) => {}
            // What a fold under way makes room for is full for moments only.
            Err(CommitError::Full(_)) if bench.store().status().full.is_some() => break,
            Err(CommitError::Full(_) | CommitError::Busy) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(written < 400);
    }
    let all = *bench.store().published().borrow();
    bench.store().submit(Urgency::Now, 0, set(all)).await.unwrap();
    // Clients try again and again.
    let mut tries = 0;
    while let Err(error) = bench.put(item("a", 0, "room again")).await {
        assert!(matches!(error, CommitError::Full(_)), "{error}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        tries += 1;
        assert!(tries < 1000, "{error}");
    }
    let bench = bench.kill().open();
    assert_eq!(bench.all(Direction::Forward).len(), 5);
    assert_eq!(bench.store().status().damage, Vec::<String>::new());
}

#[tokio::test]
async fn a_damaged_tree_is_set_aside_and_what_the_journal_has_is_there() {
    for length in [1, 100, 9000] {
        tree_cut_off_at(length).await;
    }
}

async fn tree_cut_off_at(length: u64) {
    let bench = Bench::new().await;
    for ts in 0..50 {
        bench.put(item("a", ts, "x")).await.unwrap();
    }
    let before = *bench.store().published().borrow();
    let bench = bench.close().await;
    let data = File::options().write(true).open(bench.path().join("tree/data.mdb")).unwrap();
    data.set_len(length).unwrap();
    let bench = bench.open();
    let damage = bench.store().status().damage;
    assert!(damage.iter().any(|what| what.contains("tree-damaged-1")), "{damage:?}");
    assert!(bench.path().join("tree-damaged-1/data.mdb").exists());
    // Nothing had been released: all of it is still in the journal, and so are the tables.
    assert_eq!(bench.all(Direction::Forward).len(), 50);
    bench.put(item("a", 100, "goes on")).await.unwrap();
    assert!(bench.store().published().borrow().0 > before.0);
    let bench = bench.close().await.open();
    assert_eq!(bench.store().status().damage, Vec::<String>::new());
    assert_eq!(bench.store().status().items, 51);
}

#[tokio::test]
async fn a_damaged_row_is_an_error_where_it_is_read_and_nowhere_else() {
    let bench = Bench::new().await;
    bench.put(item("a", 1, "to be damaged")).await.unwrap();
    bench.put(item("b", 1, "sound")).await.unwrap();
    let bench = bench.fold().await;
    let key = bench.key("a", 1);
    let tree = bench.store().shared().tree.clone();
    let mut txn = tree.write().unwrap();
    let mut value = tree.rows.get(&txn, key.as_slice()).unwrap().unwrap().to_vec();
    *value.last_mut().unwrap() ^= 1;
    tree.rows.put(&mut txn, key.as_slice(), &value).unwrap();
    txn.commit().unwrap();
    assert!(matches!(bench.store().view().unwrap().get(&key), Err(ReadError::Damaged { .. })));
    assert_eq!(bench.get("b", 1).as_deref(), Some("sound"));
    bench.put(item("a", 1, "mended")).await.unwrap();
    drop(tree);
    let bench = bench.fold().await;
    assert_eq!(bench.get("a", 1).as_deref(), Some("mended"));
}

#[tokio::test]
async fn a_damaged_segment_stops_replay_and_begins_an_epoch() {
    let mut bench = Bench::small();
    bench.tuning.generation = 4 << 20;
    bench.tuning.unfolded = 1 << 30;
    let bench = bench.open();
    bench.define(table()).await;
    fill(&bench, 100).await;
    let before = *bench.store().published().borrow();
    let bench = bench.kill();
    let sim = bench.sim.clone().unwrap();
    let segments = sim.list_segments();
    sim.damage(&segments[segments.len() / 2], 8192);
    let bench = bench.open();
    let status = bench.store().status();
    assert!(!status.damage.is_empty());
    assert!(status.items > 0 && status.items <= 50);
    bench.put(item("a", 1, "goes on")).await.unwrap();
    let after = *bench.store().published().borrow();
    assert!(after.epoch() > before.epoch(), "{after:?} {before:?}");
    let bench = bench.kill().open();
    assert_eq!(bench.get("a", 1).as_deref(), Some("goes on"));
    assert_eq!(bench.store().status().damage, Vec::<String>::new());
}

#[tokio::test]
async fn a_store_put_back_from_a_copy_begins_a_higher_epoch() {
    let bench = Bench::new().await;
    bench.put(item("a", 1, "before")).await.unwrap();
    let bench = bench.close().await;
    // As if a copy had been taken in epoch 1, and epoch 3 had been reached since.
    journal::EpochFile::for_store(&bench.path()).raise(3).unwrap();
    let bench = bench.open();
    bench.put(item("a", 2, "after")).await.unwrap();
    assert_eq!(bench.store().published().borrow().epoch(), 4);
    assert_eq!(bench.all(Direction::Forward), ["before", "after"]);
}

#[tokio::test]
async fn a_store_of_a_newer_format_is_refused_and_left_alone() {
    let bench = Bench::new().await;
    let tree = bench.store().shared().tree.clone();
    let mut txn = tree.write().unwrap();
    meta::set_format(tree.meta, &mut txn, 99).unwrap();
    txn.commit().unwrap();
    drop(tree);
    let mut bench = bench.close().await;
    let error = bench.try_open().unwrap_err();
    assert!(matches!(error, OpenError::TooNew { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("newer forebay"));
    assert!(!bench.path().join("tree-damaged-1").exists());
}

#[tokio::test]
async fn a_lost_identity_is_made_again_from_the_tree() {
    let bench = Bench::new().await;
    bench.put(item("a", 1, "x")).await.unwrap();
    let bench = bench.close().await;
    let file = File::options().write(true).open(bench.path().join("store.cbor")).unwrap();
    file.write_all_at(b"rubbish", 0).unwrap();
    let bench = bench.open();
    assert_eq!(bench.get("a", 1).as_deref(), Some("x"));
    assert_eq!(bench.store().status().damage.len(), 1);
    let bench = bench.close().await.open();
    assert_eq!(bench.store().status().damage, Vec::<String>::new());
}

#[tokio::test]
async fn a_failed_sync_poisons_and_a_restart_recovers() {
    let bench = Bench::small().open();
    bench.define(table()).await;
    bench.put(item("a", 1, "durable")).await.unwrap();
    let sim = bench.sim.clone().unwrap();
    sim.fail(journal::sim::Op::Sync, 0, rustix::io::Errno::IO);
    let outcome = bench.put(item("a", 2, "unknown")).await;
    assert!(matches!(outcome, Err(CommitError::OutcomeUnknown(_))), "{outcome:?}");
    assert!(!bench.store().poisoned().await.is_empty());
    assert!(matches!(bench.put(item("a", 3, "never")).await, Err(CommitError::OutcomeUnknown(_))));
    // Nothing of it is shown.
    assert_eq!(bench.all(Direction::Forward), ["durable"]);
    let bench = bench.kill();
    sim.kill();
    let bench = bench.open();
    assert!(bench.all(Direction::Forward).contains(&"durable".to_owned()));
    bench.put(item("a", 4, "goes on")).await.unwrap();
}

#[tokio::test]
async fn a_fold_that_fails_is_tried_again() {
    let bench = Bench::small().open();
    bench.define(table()).await;
    bench.store().shared().faults.fail_slices(2);
    fill(&bench, 100).await;
    while bench.store().status().folds == 0 {
        bench.store().shared().gate.wake();
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.store().shared().gate.failure(), None);
    assert_eq!(bench.store().status().items, 50);
    let bench = bench.close().await.open();
    assert_eq!(bench.store().table_statistics(TABLE).items, 50);
}

#[tokio::test]
async fn a_tree_that_has_given_up_ends_the_process_and_a_restart_recovers() {
    let bench = Bench::new().await;
    bench.put(item("a", 1, "acknowledged")).await.unwrap();
    bench.store().shared().faults.break_tree();
    let store = bench.store().clone();
    let closed = tokio::spawn(async move { store.close().await });
    assert!(bench.store().poisoned().await.contains("the tree has given up"));
    closed.await.unwrap();
    let bench = bench.kill().open();
    assert_eq!(bench.all(Direction::Forward), ["acknowledged"]);
    assert_eq!(bench.store().status().damage, Vec::<String>::new());
}
