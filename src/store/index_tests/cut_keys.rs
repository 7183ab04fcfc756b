//! Keys that are too long for a row's: cut, and put in order by what the row says.

use super::*;

/// More rows whose keys are cut at the same place than are put in order at one time.
#[tokio::test]
async fn long_runs_of_cut_keys_are_in_order() {
    let mut world = World::new(3).await;
    let by_room = world.def.indexes.list[2].clone();
    for ts in 0..700 {
        let mut item = item("d0", ts, "x");
        item.insert("kind", AttributeValue::S("k".into()));
        item.insert("room", AttributeValue::S("r".repeat(1024).into()));
        let wide = [vec![7; 1000], (ts * 7919 % 700).to_be_bytes().to_vec()].concat();
        item.insert("wide", AttributeValue::B(wide));
        world.bench.put(item.clone()).await.unwrap();
        world.model.insert(("d0".to_owned(), ts), item);
    }
    assert!(world.wanted(&by_room)[0].0.len() > crate::model::index_key::LONGEST);
    world.check();
}

/// A change of what was cut off a key: the row stands where it stood, and says something else.
#[tokio::test]
async fn what_was_cut_off_a_key_may_change() {
    let mut world = World::new(7).await;
    for last in [1, 9, 4] {
        for ts in 0..3 {
            let mut item = item("d0", ts, "x");
            item.insert("kind", AttributeValue::S("k".into()));
            item.insert("room", AttributeValue::S("r".repeat(1024).into()));
            item.insert("wide", AttributeValue::B([vec![7; 1000], vec![last + ts as u8 * 3 % 7]].concat()));
            world.bench.put(item.clone()).await.unwrap();
            world.model.insert(("d0".to_owned(), ts), item);
        }
        world.bench = world.bench.close().await;
        world.recover();
        for _ in 0..20 {
            world.check();
        }
        world.check_counts();
    }
}
