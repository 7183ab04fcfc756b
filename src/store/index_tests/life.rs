//! Indexes that are added, derived again, and dropped.

use super::*;

/// Items that are stored before an index is added come into it, and those that are not fit do not; a start in the middle
/// goes on.
#[tokio::test]
async fn an_index_is_built_over_starts() {
    let mut world = World::new(4).await;
    for _ in 0..200 {
        assert!(world.commit().await);
    }
    world.bench = world.bench.close().await;
    world.recover();
    world.change_indexes().await;
    let added = world.def.indexes.list.last().unwrap().clone();
    let mut starts = 0;
    while view_state(&world.bench, &added) != IndexState::Ready {
        // Dies after the next part.
        die_at(world.bench.store(), 3);
        world.bench.store().shared().gate.wake();
        let ended = || world.bench.store().shared().gate.ended();
        while !ended() && view_state(&world.bench, &added) != IndexState::Ready {
            tokio::task::yield_now().await;
        }
        world.bench = world.bench.kill();
        world.recover();
        starts += 1;
    }
    assert!(starts > 2, "{starts}");
    world.check();
    assert!(!world.wanted(&added).is_empty());
}

/// A fold has put rows in, and not yet their index rows, when everything but the tree is lost.
#[tokio::test]
async fn indexes_are_derived_again_where_the_journal_was_lost() {
    let mut world = World::new(6).await;
    let die = |point| if point == Point::SliceCommitted { Err(Died) } else { Ok(()) };
    world.bench.store().at_points(die);
    while !world.bench.store().shared().gate.ended() {
        assert!(world.commit().await);
    }
    world.bench = world.bench.kill();
    world.bench.sim = Some(SimDisk::default());
    world.bench.try_open().unwrap();
    assert!(!world.bench.store().status().damage.is_empty());
    world.model = Model::new();
    let mut visit = |_: &[u8], row: RowRef<'_>| {
        let item = MapRef::new(row.image).to_map().unwrap();
        let (Some(AttributeValue::S(device)), Some(AttributeValue::N(ts))) =
            (item.get("device"), item.get("ts"))
        else {
            panic!("not an item of the tests")
        };
        world.model.insert((device.to_string(), ts.to_i64().unwrap()), item.clone());
        ControlFlow::Continue(())
    };
    let view = world.bench.store().view().unwrap();
    view.scan(&range(TABLE), Direction::Forward, &mut visit).unwrap();
    drop(view);
    assert!(!world.model.is_empty());
    world.settled().await;
    world.check();
    world.check_counts();
}

#[tokio::test]
async fn the_rows_of_a_dropped_table_and_its_indexes_are_freed() {
    // The last rows of one or the other fill a slice exactly.
    for seed in 0..12 {
        a_dropped_table_is_freed(seed).await;
    }
}

async fn a_dropped_table_is_freed(seed: u64) {
    let mut world = World::new(seed).await;
    for _ in 0..60 {
        assert!(world.commit().await);
    }
    world.bench = world.bench.close().await;
    world.recover();
    world.check_counts();
    world.bench.define(TableDef { dropped: true, ..world.def.clone() }).await;
    let shared = world.bench.store().shared();
    let left = |id: TableId| {
        let txn = shared.tree.snapshot().unwrap();
        shared.tree.rows.prefix_iter(&txn, &id.0.to_be_bytes()).unwrap().next().is_some()
    };
    for id in [TABLE, TableId(300), TableId(301), TableId(302)] {
        while left(id) || world.bench.store().table_statistics(id) != TableStatistics::default() {
            shared.gate.wake();
            tokio::task::yield_now().await;
        }
    }
}
