//! Reading a stream while the daemon is killed again and again: the consumer goes on with the iterator it has, every
//! acknowledged change comes once, in order, and what the records add up to is the table.

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

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};
use support::chance::Chance;
use support::daemon::{Daemon, dynamodb};
use support::eventually;
use support::stream::Consumer;

const KEYS: u64 = 7;

/// Writes until told to stop; every answered version of every key, and the last one tried.
fn writer(
    address: SocketAddr,
    source: u64,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
) -> BTreeMap<String, (Vec<u64>, u64)> {
    let mut versions: BTreeMap<String, (Vec<u64>, u64)> = BTreeMap::new();
    let mut version = 0;
    while !stop.load(Ordering::Relaxed) {
        version += 1;
        let name = format!("{source}-{}", version % KEYS);
        let item = json!({"id": {"S": name}, "v": {"N": version.to_string()}});
        let known = versions.entry(name).or_default();
        known.1 = version;
        let request = json!({"TableName": "changes", "Item": item});
        if dynamodb(address, "PutItem", &request).is_some_and(|(status, _)| status == 200) {
            known.0.push(version);
            answered.fetch_add(1, Ordering::Relaxed);
        } else {
            thread::sleep(std::time::Duration::from_millis(5));
        }
    }
    versions
}

fn version(image: &Value) -> u64 {
    image["v"]["N"].as_str().unwrap().parse().unwrap()
}

#[test]
fn every_acknowledged_change_is_read_once_however_often_the_daemon_dies() {
    let mut daemon = Daemon::start("");
    let table = json!({
        "TableName": "changes",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    });
    assert_eq!(daemon.dynamodb("CreateTable", &table).0, 200);
    let mut consumer = Consumer::of(daemon.http, "changes");
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..3)
        .map(|source| {
            let (address, stop, answered) = (daemon.http, Arc::clone(&stop), Arc::clone(&answered));
            thread::spawn(move || writer(address, source, stop, answered))
        })
        .collect();
    let mut chance = Chance::seeded(4);
    for _ in 0..6 {
        let goal = answered.load(Ordering::Relaxed) + 50 + chance.below(300);
        eventually("acknowledgements", || {
            consumer.page(1 + chance.below(40)).expect("the daemon answers");
            (answered.load(Ordering::Relaxed) >= goal).then_some(())
        });
        daemon.kill();
        assert_eq!(consumer.page(10), None, "nobody answers");
        daemon.launch();
    }
    stop.store(true, Ordering::Relaxed);
    let written: Vec<_> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    // Once more by way of a clean end: the journal is folded, and the stream still there.
    daemon.stop();
    daemon.launch();
    consumer.drain();

    let mut read: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut last = String::new();
    for record in &consumer.records {
        let stream = &record["dynamodb"];
        let number = stream["SequenceNumber"].as_str().unwrap().to_owned();
        assert!(number > last, "{number} after {last}");
        last = number;
        let versions = read.entry(stream["Keys"]["id"]["S"].as_str().unwrap().to_owned()).or_default();
        let before = versions.last().copied();
        assert_eq!(record["eventName"], if before.is_some() { "MODIFY" } else { "INSERT" });
        assert_eq!(stream.get("OldImage").map(version), before, "the old image is the last new one");
        versions.push(version(&stream["NewImage"]));
    }
    let table: BTreeMap<String, u64> = daemon
        .scan("changes")
        .iter()
        .map(|item| (item["id"]["S"].as_str().unwrap().to_owned(), version(item)))
        .collect();
    for (key, (answered, tried)) in written {
        let read = &read[&key];
        assert!(read.is_sorted() && read.iter().all(|version| *version <= tried), "{key}: {read:?}");
        let missing: Vec<_> = answered.iter().filter(|version| !read.contains(version)).collect();
        assert_eq!(missing, Vec::<&u64>::new(), "{key}");
        assert_eq!(read.last(), table.get(&key), "{key}");
    }
    assert_eq!(daemon.status()["store"]["damage"], Value::Null);
    let mut again = Consumer::of(daemon.http, "changes");
    again.drain();
    assert_eq!(again.records, consumer.records, "from the beginning, it is the same");
}
