//! The way in on a real store.

use tempfile::TempDir;

use super::*;
use crate::engine::{CreateTable, Scan};
use crate::ingest::tests::{NOW_US, assert_items, compile, item, message, readings};
use crate::store::{Store, StoreSettings};

const RULES: &str = r#"
[[rule]]
topic = "each/{device}"
each = ""
set = { device = "{device}", ts = "{now_us}" }

[[rule]]
topic = "{device..}"
set = { device = "{device}", ts = { from = "/ts", time = "ms", or = "now" } }
"#;

struct Bench {
    folder: TempDir,
    clock: Clock,
    store: Store,
    accept: Accept,
}

impl Bench {
    async fn new() -> Bench {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::manual(NOW_US));
        let store = Store::open(
            &StoreSettings { max_size: 64 << 20, ..StoreSettings::new(folder.path().join("store")) },
            &clock,
        )
        .unwrap();
        let engine = Engine::new(store.clone(), clock.clone());
        let create = CreateTable {
            table: readings().name,
            keys: readings().keys,
            provisioned: None,
            deletion_protection: false,
            settings: Default::default(),
        };
        engine.create_table(authorize(Principal::Daemon, create)).await.unwrap();
        Bench { accept: accept(&store, &clock), folder, clock, store }
    }

    async fn reopened(self) -> Bench {
        self.store.close().await;
        drop((self.accept, self.store));
        let store = Store::open(
            &StoreSettings { max_size: 64 << 20, ..StoreSettings::new(self.folder.path().join("store")) },
            &self.clock,
        )
        .unwrap();
        Bench { accept: accept(&store, &self.clock), folder: self.folder, clock: self.clock, store }
    }

    async fn items(&self) -> Vec<Item> {
        let scan = Scan {
            index: None,
            table: readings().name,
            limit: None,
            start: None,
            segment: None,
            selection: Default::default(),
        };
        let engine = Engine::new(self.store.clone(), self.clock.clone());
        let page = engine.scan(authorize(Principal::Daemon, scan)).await.unwrap();
        page.items.iter().map(|image| image.as_map().to_map().unwrap()).collect()
    }

    fn counted(&self) -> (u64, u64, u64) {
        let metrics = &self.accept.inner.driver.metrics;
        (metrics.accepted.get(), metrics.rejected.get(), metrics.skipped.get())
    }
}

fn accept(store: &Store, clock: &Clock) -> Accept {
    let rules = Arc::new(ArcSwap::from_pointee(compile(RULES, vec![readings()])));
    Accept::new(Engine::new(store.clone(), clock.clone()), clock.clone(), rules, Arc::default())
}

const SETTLED_ONE: Settled = Settled { count: 1, failed: None };

#[tokio::test]
async fn a_reading_is_read_back() {
    let bench = Bench::new().await;
    let offered = vec![
        message("d1", r#"{"ts":1700000000123,"celsius":21.50}"#),
        message("d1", "x".repeat(410_000)),
        message("d1", r#"{"ts":1700000000124,"celsius":21.6}"#),
    ];
    assert_eq!(bench.accept.accept(offered).await, Settled { count: 3, failed: None });
    let wanted = [
        item(r#"{"device":{"S":"d1"},"ts":{"N":"1700000000123000"},"celsius":{"N":"21.5"}}"#),
        item(r#"{"device":{"S":"d1"},"ts":{"N":"1700000000124000"},"celsius":{"N":"21.6"}}"#),
    ];
    assert_items(&bench.items().await, &wanted, "stored");
    assert_eq!(bench.counted(), (2, 1, 0));
    assert!(bench.accept.rejected()[0].reason.contains("400 KB"));
}

#[tokio::test]
async fn what_is_delivered_twice_makes_no_second_item() {
    let bench = Bench::new().await;
    let first = vec![message("each/d1", "[1,2]"), message("d2", "on")];
    assert_eq!(bench.accept.accept(first.clone()).await.count, 2);
    let again = |message: Message| Message { dup: true, ..message };
    let second: Vec<_> = first.into_iter().map(again).collect();
    assert_eq!(bench.accept.accept(second.clone()).await.count, 2);
    assert_eq!(bench.items().await.len(), 3);
    assert_eq!(bench.counted(), (3, 0, 3));

    // Nor after a restart: the sender repeats what it has no acknowledgement of.
    let bench = bench.reopened().await;
    assert_eq!(bench.accept.accept(second).await.count, 2);
    assert_eq!(bench.items().await.len(), 3);
    // A repeated message that had not come before is stored.
    assert_eq!(bench.accept.accept(vec![again(message("d3", "on"))]).await, SETTLED_ONE);
    assert_eq!(bench.items().await.len(), 4);
}

#[tokio::test]
async fn an_equal_message_without_the_flag_is_another_reading() {
    let bench = Bench::new().await;
    for _ in 0..2 {
        assert_eq!(bench.accept.accept(vec![message("d1", "on")]).await, SETTLED_ONE);
    }
    assert_eq!(bench.items().await.len(), 2);
}

#[tokio::test]
async fn estimated_times_wait_marked() {
    let bench = Bench::new().await;
    bench.clock.set(NOW_US, false);
    let offered = vec![message("d1", "on"), message("d1", r#"{"ts":1700000000123}"#)];
    assert_eq!(bench.accept.accept(offered).await.count, 2);
    assert_eq!(bench.store.status().marked, 1);
}
