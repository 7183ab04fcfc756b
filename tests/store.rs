//! The store by its public face, with `kill -9`: what a process said was committed is there after it was killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test: panicking is how it fails"
)]

use std::io::{BufRead, BufReader};
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::process::{Command, Stdio};

use forebay::clock::{Clock, Trust};
use forebay::model::{
    AttributeValue, Image, KeyAttribute, KeySchema, KeyType, KeyValue, Map, Number, TableDef, TableId,
    TableName,
};
use forebay::store::batch::About;
use forebay::store::{Batch, Direction, KeyRange, Origin, Read, RowRef, Store, StoreSettings, Urgency};

const TABLE: TableId = TableId(256);
const GROUP: i64 = 7;

fn open(path: &Path) -> (Store, Clock) {
    let clock = Clock::system(Trust::Always, 0);
    (Store::open(&StoreSettings { max_size: 64 << 20, ..StoreSettings::new(path) }, &clock).unwrap(), clock)
}

fn table() -> TableDef {
    let attribute = |name: &str, key_type| KeyAttribute { name: name.into(), key_type };
    TableDef::new(
        TABLE,
        TableName::new("readings").unwrap(),
        KeySchema { partition: attribute("device", KeyType::S), sort: Some(attribute("ts", KeyType::N)) },
    )
}

/// Stages the readings of one group: all of them carry its first number.
fn stage(store: &Store, clock: &Clock, first: i64) -> impl FnOnce(&dyn Read, &mut Batch) + Send + 'static {
    let (keys, stamp) = (store.keys(), clock.stamp());
    move |_, batch| {
        for ts in first..first + GROUP {
            let device = format!("d{}", ts % 10);
            let key = keys.row_key(TABLE, KeyValue::S(&device), Some(KeyValue::N(Number::from(ts))));
            let mut item = Map::new();
            item.insert("device", AttributeValue::S(device.into()));
            item.insert("ts", AttributeValue::N(Number::from(ts)));
            item.insert("note", AttributeValue::S("x".repeat(300).into()));
            let about = About { origin: Origin::Mqtt, time: stamp, mark: None, delivery: None, size: None };
            batch.put(TABLE, key, Image::encode(&item), about);
        }
    }
}

fn count(store: &Store) -> i64 {
    let range = KeyRange {
        start: Bound::Included(TABLE.0.to_be_bytes().to_vec()),
        end: Bound::Excluded((TABLE.0 + 1).to_be_bytes().to_vec()),
    };
    let mut count = 0;
    let mut visit = |_: &[u8], _: RowRef<'_>| {
        count += 1;
        ControlFlow::Continue(())
    };
    store.view().unwrap().scan(&range, Direction::Forward, &mut visit).unwrap();
    count
}

/// What the killed process does: goes on where the store ends, and says how far it has come.
#[tokio::test]
#[ignore = "run by the other test, to be killed"]
async fn writer() {
    let Ok(path) = std::env::var("FOREBAY_TEST_STORE") else { return };
    let (store, clock) = open(Path::new(&path));
    if store.catalog().table("readings").is_none() {
        let stamp = clock.stamp();
        let define = move |_: &dyn Read, batch: &mut Batch| batch.define_table(&table(), stamp).unwrap();
        store.submit(Urgency::Now, 0, define).await.unwrap();
    }
    let mut next = count(&store);
    loop {
        store.submit(Urgency::Now, 3000, stage(&store, &clock, next)).await.unwrap();
        next += GROUP;
        println!("committed {next}");
    }
}

#[test]
fn kill_9_at_any_moment_loses_nothing_that_was_committed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let mut committed = 0;
    for round in 0..12u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["writer", "--exact", "--ignored", "--nocapture"])
            .env("FOREBAY_TEST_STORE", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = 30 + round * 97;
        for line in lines {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("committed ") {
                committed = number.parse().unwrap();
                left -= 1;
            }
            if left == 0 {
                child.kill().unwrap();
                left = u32::MAX;
            }
        }
        child.wait().unwrap();
        let (store, _) = open(&path);
        let found = count(&store);
        assert!(found >= committed, "{found} of {committed} in round {round}");
        assert_eq!(found % GROUP, 0, "a group is there in part");
        let status = store.status();
        assert_eq!(status.items as i64, found);
        assert_eq!(store.change_counts().get(&TABLE).copied(), Some(found as u64));
        assert_eq!(status.damage, Vec::<String>::new());
        if round % 4 == 3 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(store.close());
        }
    }
    assert!(committed > 1000);
}
