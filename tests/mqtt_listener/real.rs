//! The listener in front of the real store: what is acknowledged is there after a restart, once.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use forebay::clock::{Clock, Trust};
use forebay::engine::{CreateTable, Engine, Scan};
use forebay::ingest::{Accept, RuleSet, RuleSettings, TableSettings};
use forebay::model::{KeyAttribute, KeySchema, KeyType, Name, TableName};
use forebay::mqtt::{Ledger, Listener, ListenerSettings};
use forebay::security::{Principal, authorize};
use forebay::store::{Store, StoreSettings};
use forebay::telemetry::{IngestMetrics, ListenerMetrics};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::wire::*;

/// Store, engine, rules and listener.
struct Gateway {
    store: Store,
    engine: Engine,
    ingest: Arc<IngestMetrics>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn readings() -> (TableName, KeySchema) {
    let key = |name: &str, key_type| KeyAttribute { name: Name::from(name), key_type };
    let keys = KeySchema { partition: key("device", KeyType::S), sort: Some(key("ts", KeyType::N)) };
    (TableName::new("readings").unwrap(), keys)
}

impl Gateway {
    async fn start(folder: &Path) -> Gateway {
        let clock = Clock::system(Trust::Always, 0);
        let store =
            Store::open(&StoreSettings { max_size: 64 << 20, ..StoreSettings::new(folder) }, &clock).unwrap();
        let engine = Engine::new(store.clone(), clock.clone());
        let (table, keys) = readings();
        if engine.table("readings").is_err() {
            let create = CreateTable {
                table: table.clone(),
                keys: keys.clone(),
                provisioned: None,
                deletion_protection: false,
                settings: Default::default(),
            };
            engine.create_table(authorize(Principal::Daemon, create)).await.unwrap();
        }
        let tables = vec![TableSettings { name: table, keys, ttl_attribute: None, ttl_default: None }];
        let rules = RuleSet::new(&[RuleSettings::default_rule()], tables).unwrap();
        let ingest = Arc::new(IngestMetrics::default());
        let rules = Arc::new(arc_swap::ArcSwap::from_pointee(rules));
        let ledger = Ledger::new(store.clone(), clock.clone());
        let accept = Accept::new(engine.clone(), clock, rules, Arc::clone(&ingest));
        let settings = ListenerSettings::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let listener = Listener::bind(settings).await.unwrap().with_ledger(ledger);
        let (address, (stop, stopped)) = (listener.local_addr(), watch::channel(false));
        let task = tokio::spawn(listener.run(accept, stopped, Arc::new(ListenerMetrics::default())));
        Gateway { store, engine, ingest, address, stop, task }
    }

    async fn items(&self) -> usize {
        let scan = Scan {
            table: readings().0,
            index: None,
            limit: None,
            start: None,
            segment: None,
            selection: Default::default(),
        };
        self.engine.scan(authorize(Principal::Daemon, scan)).await.unwrap().items.len()
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
        self.store.close().await;
    }
}

fn persistent() -> Connect<'static> {
    Connect { clean: false, ..Connect::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_repeated_after_a_restart_makes_no_second_item() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path()).await;
    let (mut raw, _) = Raw::connect(gateway.address, persistent()).await;
    for (qos, ack) in [(1, puback(1)), (2, pubrec(2))] {
        raw.send(&publish(V::Four, qos, false, qos.into(), b"{\"t\":1}")).await;
        raw.expect(&ack).await;
    }
    assert_eq!(gateway.items().await, 2);
    gateway.stop().await;
    let gateway = Gateway::start(folder.path()).await;
    let (mut raw, present) = Raw::connect(gateway.address, persistent()).await;
    assert!(present, "a client that is told otherwise forgets what it has in flight");
    for (qos, ack) in [(1, puback(1)), (2, pubrec(2))] {
        raw.send(&publish(V::Four, qos, true, qos.into(), b"{\"t\":1}")).await;
        raw.expect(&ack).await;
    }
    assert_eq!((gateway.items().await, gateway.ingest.skipped.get()), (2, 2));
    // Not marked as a repetition: a reading of its own.
    raw.send(&publish(V::Four, 1, false, 1, b"{\"t\":1}")).await;
    raw.expect(&puback(1)).await;
    assert_eq!(gateway.items().await, 3);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_outlives_the_process_until_the_client_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path()).await;
    assert!(!Raw::connect(gateway.address, persistent()).await.1, "the first time there is none");
    gateway.stop().await;
    let gateway = Gateway::start(folder.path()).await;
    assert!(Raw::connect(gateway.address, persistent()).await.1);
    assert!(!Raw::connect(gateway.address, Connect::default()).await.1, "a clean session ends it");
    gateway.stop().await;
    let gateway = Gateway::start(folder.path()).await;
    assert!(!Raw::connect(gateway.address, persistent()).await.1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_flight_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path()).await;
    let (mut raw, _) = Raw::connect(gateway.address, Connect::default()).await;
    let before = gateway.store.status().commits;
    for window in 0..20u16 {
        for id in 1..=50 {
            raw.send(&publish(V::Four, 1, false, window * 50 + id, b"{\"t\":1}")).await;
        }
        for id in 1..=50 {
            raw.expect(&puback(window * 50 + id)).await;
        }
    }
    let commits = gateway.store.status().commits - before;
    assert_eq!(gateway.items().await, 1000);
    assert!(commits < 200, "{commits} commits for 20 windows of 50");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_rule_maps_is_acknowledged_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path()).await;
    let (mut raw, _) = Raw::connect(gateway.address, Connect::default()).await;
    raw.send(&publish_to("$secret", V::Four, 1, false, 1, b"x")).await;
    raw.expect(&puback(1)).await;
    assert_eq!((gateway.items().await, gateway.ingest.rejected.get()), (0, 1));
    gateway.stop().await;
}
