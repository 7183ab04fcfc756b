//! A store that is full, where owners chose that the oldest goes: what is dropped, what stays, and what is asked of upstreams.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::faults::{Died, Point};
use super::testing::*;
use super::*;
use crate::model::{Image, KeyValue, Map, Number, TableDef, TableId, WhenFull};

const KEPT: TableId = TableId(257);

/// A small store: `readings` loses its oldest, `kept` refuses.
async fn small(ttl: bool) -> Bench {
    let mut bench = Bench::empty();
    bench.settings.max_size = 16 << 20;
    (bench.tuning.generation, bench.tuning.unfolded) = (256 << 10, 1 << 20);
    let bench = bench.open();
    let ttl = table().ttl.filter(|_| ttl);
    bench.define(TableDef { when_full: WhenFull::DropOldest, ttl: ttl.clone(), ..table() }).await;
    let name = crate::model::TableName::new("kept").unwrap();
    bench.define(TableDef { id: KEPT, name, ttl, ..table() }).await;
    bench
}

/// Puts an item into either table; refusals for moments are waited for.
async fn put(bench: &Bench, table: TableId, ts: i64, item: Map) {
    let (keys, stamp) = (bench.store().keys(), bench.clock.stamp());
    let image = Image::encode(&item);
    for _ in 0..2_000 {
        let key = keys.row_key(table, KeyValue::S("d"), Some(KeyValue::N(Number::from(ts))));
        let image = image.clone();
        let put = move |_: &dyn Read, batch: &mut Batch| batch.put(table, key, image, about(stamp, None));
        match bench.store().submit(Urgency::Now, 300, put).await {
            Ok(()) => return,
            Err(CommitError::Full(_) | CommitError::Busy) => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{ts} is refused for ever: {:?}", bench.store().status());
}

fn times(bench: &Bench, table: TableId) -> Vec<i64> {
    let range = KeyRange {
        start: Bound::Included(table.0.to_be_bytes().to_vec()),
        end: Bound::Excluded((table.0 + 1).to_be_bytes().to_vec()),
    };
    let mut found = Vec::new();
    let mut visit = |_: &[u8], row: RowRef<'_>| {
        match crate::model::MapRef::new(row.image).get("ts").unwrap() {
            Some(crate::model::ValueRef::N(ts)) => found.push(ts.to_i64().unwrap()),
            _ => panic!("no ts"),
        }
        ControlFlow::Continue(())
    };
    bench.store().view().unwrap().scan(&range, Direction::Forward, &mut visit).unwrap();
    found
}

async fn the_oldest_items_make_room(ttl: bool) {
    let bench = small(ttl).await;
    let text = "x".repeat(20_000);
    let expiry = |ts: i64| NOW + 100_000 + ts as u64;
    for ts in 0..20 {
        put(&bench, KEPT, ts, expiring("d", ts, "kept", NOW + 1_000 + ts as u64)).await;
    }
    // About twice what fits.
    for ts in 0..1_500 {
        put(&bench, TABLE, ts, expiring("d", ts, &text, expiry(ts))).await;
    }
    // Dropping goes on for a while; every item is there or counted.
    let (status, left) = loop {
        let (before, left, status) = (bench.store().status(), times(&bench, TABLE), bench.store().status());
        if before.dropped_items == status.dropped_items {
            break (status, left);
        }
    };
    assert_eq!(left.len() as u64, 1_500 - status.dropped_items);
    assert!(status.dropped_items > 500, "{status:?}");
    // What is prepared beyond the need goes with the next look.
    for tries in 0.. {
        let on_disk = bench.store().status().bytes_on_disk;
        if on_disk <= 16 << 20 {
            break;
        }
        assert!(tries < 2_000, "{on_disk}");
        bench.delete("nobody", 1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(times(&bench, KEPT), (0..20).collect::<Vec<_>>());
    assert_eq!(status.items as usize, left.len() + 20);
    assert!(left.len() > 200, "{} are left", left.len());
    // What is left is the newest: but for a part of a time around, nothing older has stayed.
    let newest = (1_500 - left.len() as i64)..1_500;
    let stayed = left.iter().filter(|ts| !newest.contains(ts)).count();
    assert!(stayed <= left.len() / 4, "{stayed} of {} are older: {left:?}", left.len());
    assert_eq!(left.last(), Some(&1_499));
    let bench = bench.close().await.open();
    assert_eq!(times(&bench, KEPT), (0..20).collect::<Vec<_>>());
    assert!(left.ends_with(&times(&bench, TABLE)[..]) || !ttl);
    assert_eq!(bench.store().status().damage, Vec::<String>::new());
}

#[tokio::test]
async fn the_items_nearest_to_their_expiry_make_room() {
    the_oldest_items_make_room(true).await;
}

#[tokio::test]
async fn without_expiry_the_items_written_longest_ago_make_room() {
    the_oldest_items_make_room(false).await;
}

/// What an upstream is asked; `None` once nothing is.
fn asked(bench: &Bench) -> Option<Asked> {
    bench.store().asks().borrow().get("central").cloned()
}

async fn set_cursor(bench: &Bench, seq: Seq) {
    let stamp = bench.clock.stamp();
    let set = move |_: &dyn Read, batch: &mut Batch| {
        batch.set_system(Space::Cursor, b"central", Some(cursor_value(seq, b"")), stamp);
    };
    bench.store().submit(Urgency::Now, 0, set).await.unwrap();
}

#[tokio::test]
async fn an_upstream_is_asked_before_anything_is_refused_and_no_more_than_needed() {
    let bench = small(true).await;
    let begin = *bench.store().published().borrow();
    set_cursor(&bench, begin).await;
    let text = "x".repeat(20_000);
    let mut asked_for = 0;
    // Few keys, many changes: it is the journal that grows.
    for ts in 0..1_500 {
        put(&bench, TABLE, ts % 5, item("d", ts % 5, &text)).await;
        if let Some(Asked { through, .. }) = asked(&bench) {
            set_cursor(&bench, through).await;
            asked_for += 1;
        }
        assert_eq!(bench.store().status().full, None);
    }
    let status = bench.store().status();
    assert!(asked_for >= 5, "it was asked {asked_for} times");
    assert_eq!(status.dropped_items, 0, "it is not the items that are too large");
    assert!(status.bytes_on_disk > 10 << 20, "more was given up than had to be: {status:?}");
}

#[tokio::test]
async fn tables_that_refuse_are_refused_for_an_upstream_beyond_its_limit_and_others_are_not() {
    let mut bench = Bench::empty();
    (bench.tuning.generation, bench.tuning.segment) = (256 << 10, Some(64 << 10));
    let bench = bench.open();
    bench.define(TableDef { when_full: WhenFull::DropOldest, ..table() }).await;
    let name = crate::model::TableName::new("kept").unwrap();
    bench.define(TableDef { id: KEPT, name, ..table() }).await;
    let begin = *bench.store().published().borrow();
    set_cursor(&bench, begin).await;
    let tables = Some(["kept".to_owned(), "readings".to_owned()].into());
    bench.store().set_backlog("central", Backlog { max: Some(1 << 20), tables, aside: 0 });
    let text = "x".repeat(20_000);
    for ts in 0..100 {
        put(&bench, TABLE, ts % 5, item("d", ts % 5, &text)).await;
    }
    // It is looked at every half second at most.
    let refused = loop {
        let (keys, stamp) = (bench.store().keys(), bench.clock.stamp());
        let key = keys.row_key(KEPT, KeyValue::S("d"), Some(KeyValue::N(Number::from(1i64))));
        let put = move |_: &dyn Read, batch: &mut Batch| {
            batch.put(KEPT, key, Image::encode(&item("d", 1, "x")), about(stamp, None));
        };
        match bench.store().submit(Urgency::Now, 300, put).await {
            Ok(()) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => break error,
        }
    };
    assert!(refused.to_string().contains("upstream central holds back"), "{refused}");
    assert_eq!(
        bench.store().status().full.as_deref(),
        refused.to_string().strip_prefix("the store is full: ")
    );
    put(&bench, TABLE, 1, item("d", 1, "goes on")).await;
    let through = asked(&bench).unwrap().through;
    set_cursor(&bench, through).await;
    put(&bench, KEPT, 1, item("d", 1, "room again")).await;
    assert_eq!(bench.store().status().full, None);
}

/// Sizes from a few bytes to what an item may have: pages of all lengths come and go.
fn any_text(random: &mut fastrand::Rng) -> String {
    let most = [100, 3_000, 40_000, 390_000][random.usize(..4)];
    "x".repeat(random.usize(..most))
}

#[tokio::test]
async fn items_of_all_sizes_go_on_being_taken() {
    for ttl in [true, false] {
        let bench = small(ttl).await;
        let mut random = fastrand::Rng::with_seed(7);
        for written in 0..800 {
            let (ts, text) = (random.i64(0..400), any_text(&mut random));
            put(&bench, TABLE, ts, expiring("d", ts, &text, NOW + 1_000 + written)).await;
        }
        let bench = bench.close().await.open();
        let status = bench.store().status();
        assert_eq!((status.items, status.damage), (times(&bench, TABLE).len() as u64, Vec::new()));
    }
}

#[tokio::test]
async fn what_is_deleted_makes_room_for_items_of_all_sizes() {
    let mut bench = Bench::empty();
    bench.settings.max_size = 16 << 20;
    let bench = bench.open();
    bench.define(table()).await;
    let mut random = fastrand::Rng::with_seed(9);
    for round in 0..6 {
        for _ in 0..400 {
            let (ts, text) = (random.i64(0..400), any_text(&mut random));
            match bench.put(item("d", ts, &text)).await {
                Ok(()) => {}
                Err(CommitError::Full(_) | CommitError::Busy) => {
                    bench.delete("d", random.i64(0..400)).await.unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
        for ts in 0..400 {
            if round == 5 || random.bool() {
                bench.delete("d", ts).await.unwrap();
            }
        }
    }
    assert_eq!(bench.store().status().items, 0);
    put(&bench, TABLE, 1, item("d", 1, &"x".repeat(390_000))).await;
    let bench = bench.close().await.open();
    assert_eq!(times(&bench, TABLE), [1]);
}

#[tokio::test]
async fn what_is_deleted_is_freed_before_a_fold_that_lacks_pages() {
    let mut bench = Bench::empty();
    bench.tuning.generation = 8 << 10;
    let bench = bench.open();
    bench.define(table()).await;
    for ts in 0..10 {
        bench.put(item("a", ts, "old")).await.unwrap();
    }
    let bench = bench.close().await.open();
    let (go_on, held) = std::sync::mpsc::sync_channel::<()>(1);
    let (held, slices) = (std::sync::Mutex::new(held), AtomicU32::new(0));
    let shared = bench.store().shared().clone();
    // The fold's slice fails; then comes what was deleted; then the fold again, which dies.
    shared.faults.fail_slices(1);
    shared.faults.set(move |at| {
        if at == Point::SliceApplied && slices.fetch_add(1, Ordering::SeqCst) == 2 {
            let _ = held.lock().unwrap().recv();
            return Err(Died);
        }
        Ok(())
    });
    bench.delete("a", 1).await.unwrap();
    bench.put(item("b", 1, &"x".repeat(9_000))).await.unwrap();
    let deleted = bench.key("a", 1);
    let in_tree = || {
        let txn = shared.tree.snapshot().unwrap();
        shared.tree.rows.get(&txn, deleted.as_slice()).unwrap().is_some()
    };
    while in_tree() {
        tokio::task::yield_now().await;
    }
    assert!(shared.overlay.load().frozen.is_some(), "nothing is folded yet");
    let expected = bench.all(Direction::Forward);
    assert_eq!((expected.len(), bench.get("a", 1), bench.store().status().items), (10, None, 10));
    drop(go_on);
    drop(shared);
    let bench = bench.kill().open();
    assert_eq!((bench.all(Direction::Forward), bench.store().status().items), (expected, 10));
}
