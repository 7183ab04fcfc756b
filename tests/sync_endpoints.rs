//! The way upstream against endpoints that nobody here wrote: DynamoDB Local, dynalite, moto.

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
#![cfg(test)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forebay::clock::{Clock, Trust};
use forebay::model::dynamodb_json::{read_item, write_item};
use forebay::model::{
    AttributeValue, Image, KeyAttribute, KeySchema, KeyType, KeyValue, Map, Number, Set, TableDef, TableId,
    TableName,
};
use forebay::store::batch::About;
use forebay::store::{Batch, Origin, Read, Store, StoreSettings, Urgency};
use forebay::sync::{Endpoint, UpstreamSettings};
use forebay::telemetry::{UpstreamSource, UpstreamState, UpstreamStatus};
use serde_json::{Value, json};
use support::daemon::{dynamodb, scan};
use support::eventually;
use support::peer::{Kind, Peer};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const READINGS: TableId = TableId(256);
const EVENTS: TableId = TableId(257);

/// A gateway of the library's parts: a store, and the way upstream.
struct Gateway {
    runtime: Runtime,
    _directory: tempfile::TempDir,
    clock: Clock,
    store: Store,
    settings: UpstreamSettings,
    /// What must be upstream at the end, by table and key.
    expected: BTreeMap<(String, String), Map>,
}

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    source: Arc<dyn UpstreamSource>,
}

impl Gateway {
    fn new(peer: &Peer) -> Gateway {
        let runtime = Runtime::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::system(Trust::Always, 0);
        let mut settings = StoreSettings::new(directory.path().join("store"));
        settings.max_size = 256 << 20;
        let store = {
            let _guard = runtime.enter();
            Store::open(&settings, &clock).unwrap()
        };
        let endpoint = Endpoint::parse(&format!("http://{}", peer.address)).unwrap();
        let mut settings = UpstreamSettings::new("central", endpoint, "eu-west-1");
        settings.max_backoff = Duration::from_millis(500);
        let mapping = [("readings", "fleet-readings"), ("events", "fleet-events")];
        settings.tables = Some(mapping.map(|(l, u)| (l.to_owned(), u.to_owned())).into());
        let gateway =
            Gateway { runtime, _directory: directory, clock, store, settings, expected: BTreeMap::new() };
        gateway.define(READINGS, "readings");
        gateway.define(EVENTS, "events");
        gateway
    }

    fn define(&self, id: TableId, name: &str) {
        let attribute = |name: &str, key_type| KeyAttribute { name: name.into(), key_type };
        let table = TableDef {
            created_us: 1,
            ..TableDef::new(
                id,
                TableName::new(name).unwrap(),
                KeySchema {
                    partition: attribute("device", KeyType::S),
                    sort: Some(attribute("ts", KeyType::N)),
                },
            )
        };
        let stamp = self.clock.stamp();
        self.submit(move |_, batch| batch.define_table(&table, stamp).unwrap());
    }

    fn submit(&self, decide: impl FnOnce(&dyn Read, &mut Batch) + Send + 'static) {
        self.runtime.block_on(self.store.submit(Urgency::Now, 1000, decide)).unwrap();
    }

    fn start(&self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let _guard = self.runtime.enter();
        let started =
            forebay::sync::start(self.settings.clone(), self.store.clone(), self.clock.clone(), stopped);
        let (task, source) = started.unwrap();
        Running { stop, task, source }
    }

    fn write(&mut self, table: TableId, device: &str, ts: &str, more: Option<Map>) {
        let upstream = if table == READINGS { "fleet-readings" } else { "fleet-events" };
        let number = Number::parse(ts).unwrap();
        let key = self.store.keys().row_key(table, KeyValue::S(device), Some(KeyValue::N(number)));
        let put = more.is_some();
        let mut item = more.unwrap_or_default();
        item.insert("device", AttributeValue::S(device.into()));
        item.insert("ts", AttributeValue::N(number));
        let image = Image::encode(&item);
        let place = (upstream.to_owned(), key_text(&item));
        if put {
            self.expected.insert(place, item);
        } else {
            self.expected.remove(&place);
        }
        let about =
            About { origin: Origin::Mqtt, time: self.clock.stamp(), mark: None, delivery: None, size: None };
        self.submit(move |_, batch| {
            if put {
                batch.put(table, key, image, about);
            } else {
                batch.delete(table, key, image, about);
            }
        });
    }

    /// So many writes of readings, some over and some deleting earlier ones.
    fn load(&mut self, writes: u32, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        for n in 0..writes {
            let (device, ts) = (format!("d{}", random.u8(0..9)), random.u16(0..60).to_string());
            let item = (random.u8(0..8) > 0).then(|| {
                let mut item = Map::new();
                item.insert("n", AttributeValue::N(Number::from(i64::from(n))));
                item
            });
            self.write(READINGS, &device, &ts, item);
        }
    }

    fn compare(&self, peer: &Peer) {
        let mut there = BTreeMap::new();
        for table in ["fleet-readings", "fleet-events"] {
            for item in scan(peer.address, table) {
                let item = parse(&item);
                there.insert((table.to_owned(), key_text(&item)), item);
            }
        }
        for (place, item) in &self.expected {
            assert_eq!(there.get(place), Some(item), "{place:?}");
        }
        assert_eq!(there.len(), self.expected.len());
    }

    fn stop(&self, running: Running) {
        running.stop.send_replace(true);
        self.runtime.block_on(running.task).unwrap();
    }
}

impl Running {
    fn until(&self, what: &str, so: impl Fn(&UpstreamStatus) -> bool) -> UpstreamStatus {
        eventually(what, || Some(self.source.status()).filter(|status| so(status)))
    }
}

fn parse(item: &Value) -> Map {
    read_item(&mut jiter::Jiter::new(item.to_string().as_bytes())).unwrap()
}

fn key_text(item: &Map) -> String {
    let mut key = Map::new();
    for name in ["device", "ts"] {
        key.insert(name, item.get(name).unwrap().clone());
    }
    let mut text = Vec::new();
    write_item(&key, &mut text);
    String::from_utf8(text).unwrap()
}

/// An item with every type, and every kind of text that an encoder may get wrong.
fn odd() -> Map {
    let number = |text: &str| Number::parse(text).unwrap();
    let text = "quotes \" and \\ and / and \u{1} \u{7f} \u{2028} \u{1f321}\u{fe0f} \n\t";
    let mut inner = Map::new();
    inner.insert("leer \u{e4}\"", AttributeValue::S("".into()));
    inner.insert("list", AttributeValue::L(vec![AttributeValue::Null, AttributeValue::Bool(false)]));
    let numbers = ["1", "-0.5", "1e125", "1e-130", "12345678901234567890123456789012345678"];
    let mut item = Map::new();
    item.insert("s", AttributeValue::S(text.into()));
    item.insert("n", AttributeValue::N(number("-9.9999999999999999999999999999999999999e125")));
    item.insert("b", AttributeValue::B((0..=255).collect()));
    item.insert("bool", AttributeValue::Bool(true));
    item.insert("null", AttributeValue::Null);
    item.insert("m", AttributeValue::M(inner));
    item.insert("ss", AttributeValue::SS(Set::new(vec!["b".into(), "a".into()]).unwrap()));
    item.insert("ns", AttributeValue::NS(Set::new(numbers.map(number).to_vec()).unwrap()));
    item.insert("bs", AttributeValue::BS(Set::new(vec![vec![1], vec![0, 255]]).unwrap()));
    item
}

/// Loads, cuts, compares. `durable`: the peer keeps its data when it is killed.
fn carries_everything(kind: Kind, durable: bool) {
    let mut peer = Peer::start(kind);
    peer.create_readings("fleet-readings");
    let mut gateway = Gateway::new(&peer);
    gateway.write(READINGS, "odd", "1.5", Some(odd()));
    let mut large = Map::new();
    large.insert("large", AttributeValue::S("x".repeat(300_000).as_str().into()));
    gateway.write(READINGS, "large", "1", Some(large));
    gateway.load(400, 1);
    gateway.write(EVENTS, "d1", "1", Some(Map::new()));

    let running = gateway.start();
    let status = running.until("the missing table to be all that is left", |status| status.pending == 1);
    assert_eq!(status.state, UpstreamState::Blocked);
    assert!(status.reason.unwrap().contains("fleet-events"));
    peer.create_readings("fleet-events");
    running.until("the table to be found", |status| {
        status.pending == 0 && status.state == UpstreamState::Online
    });
    gateway.compare(&peer);

    if durable {
        gateway.load(100, 2);
        peer.kill();
        gateway.load(100, 3);
        running.until("the loss to be seen", |status| status.state == UpstreamState::Offline);
        assert!(running.source.status().pending > 0);
        // The gateway's worker ends meanwhile, without a word.
        running.task.abort();
        let running = gateway.start();
        peer.launch();
        running.until("the backlog to be gone", |status| {
            status.pending == 0 && status.state == UpstreamState::Online
        });
        gateway.compare(&peer);
        gateway.stop(running);
    } else {
        gateway.stop(running);
    }
    let running = gateway.start();
    let status = running.source.status();
    assert_eq!((status.pending, status.dead_letters, status.dropped_unsent), (0, 0, 0));
    gateway.stop(running);
}

#[test]
fn dynamodb_local_gets_everything() {
    carries_everything(Kind::DynamodbLocal, true);
}

#[test]
fn dynalite_gets_everything() {
    carries_everything(Kind::Dynalite, true);
}

#[test]
fn moto_gets_everything() {
    carries_everything(Kind::Moto, false);
}

/// Items without the upstream table's own key are refused for themselves.
fn refuses(kind: Kind) {
    let peer = Peer::start(kind);
    let request = json!({
        "TableName": "fleet-readings",
        "AttributeDefinitions": [
            {"AttributeName": "device", "AttributeType": "S"}, {"AttributeName": "kind", "AttributeType": "S"}
        ],
        "KeySchema": [
            {"AttributeName": "device", "KeyType": "HASH"}, {"AttributeName": "kind", "KeyType": "RANGE"}
        ],
        "BillingMode": "PAY_PER_REQUEST",
    });
    assert_eq!(dynamodb(peer.address, "CreateTable", &request).unwrap().0, 200);
    peer.create_readings("fleet-events");
    let mut gateway = Gateway::new(&peer);
    for ts in 0..40 {
        let mut item = Map::new();
        if ts % 8 != 3 {
            item.insert("kind", AttributeValue::S(ts.to_string().as_str().into()));
        }
        gateway.write(READINGS, "d", &ts.to_string(), Some(item.clone()));
        gateway.write(EVENTS, "d", &ts.to_string(), Some(item));
    }
    let running = gateway.start();
    let status = running.until("all to be settled", |status| status.pending == 0);
    assert_eq!((status.dead_letters, status.acknowledged), (5, 75));
    assert_eq!(
        (scan(peer.address, "fleet-readings").len(), scan(peer.address, "fleet-events").len()),
        (35, 40)
    );
    gateway.stop(running);
}

#[test]
fn dynamodb_local_refuses_and_the_rest_goes_on() {
    refuses(Kind::DynamodbLocal);
}

#[test]
fn dynalite_refuses_and_the_rest_goes_on() {
    refuses(Kind::Dynalite);
}

#[test]
fn moto_refuses_and_the_rest_goes_on() {
    refuses(Kind::Moto);
}
