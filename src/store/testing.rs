//! What the store's tests have in common: a store in a temporary directory, a table, items.

use std::ops::{Bound, ControlFlow};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::batch::About;
use super::journal::disk::{Disk, RealDisk};
use super::journal::sim::SimDisk;
use super::open::open_on;
use super::shared::Tuning;
use super::{
    Batch, CommitError, Direction, KeyRange, Mark, OpenError, Origin, Read, Store, StoreSettings, Urgency,
};
use crate::clock::{Clock, Stamp};
use crate::model::{
    AttributeValue, Image, KeyAttribute, KeySchema, KeyType, KeyValue, Map, Number, RowKey, TableDef,
    TableId, TtlAttribute,
};

/// The second at which tests begin.
pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const TABLE: TableId = TableId(256);

/// A store that can be closed, killed and opened again.
pub(super) struct Bench {
    pub(super) _directory: tempfile::TempDir,
    pub(super) clock: Clock,
    pub(super) settings: StoreSettings,
    pub(super) store: Option<Store>,
    /// The disk that the journal is on, if it is not the real one.
    pub(super) sim: Option<SimDisk>,
    pub(super) tuning: Tuning,
}

impl Bench {
    /// A new store with the table.
    pub(super) async fn new() -> Bench {
        let bench = Bench::empty();
        let bench = bench.open();
        bench.define(table()).await;
        bench
    }

    pub(super) fn empty() -> Bench {
        // In memory where that can be had: these tests are about what is written, not about how long that takes.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut settings = StoreSettings::new(directory.path().join("store"));
        settings.max_size = 256 << 20;
        settings.commit_wait = Duration::ZERO;
        let clock = Clock::manual(NOW * 1_000_000);
        Bench { _directory: directory, clock, settings, store: None, sim: None, tuning: Tuning::default() }
    }

    /// A store whose journal is on a simulated disk, with everything small.
    pub(super) fn small() -> Bench {
        let mut bench = Bench::empty();
        bench.sim = Some(SimDisk::default());
        bench.tuning = Tuning {
            generation: 8 << 10,
            slice_pages: 3,
            unfolded: 64 << 10,
            segment: Some(16 << 10),
            index_rows: Some(7),
        };
        bench
    }

    pub(super) fn open(mut self) -> Bench {
        self.try_open().unwrap();
        self
    }

    pub(super) fn try_open(&mut self) -> Result<(), OpenError> {
        let disk = || -> Result<Arc<dyn Disk>, OpenError> {
            match &self.sim {
                Some(sim) => Ok(Arc::new(sim.clone())),
                None => Ok(Arc::new(RealDisk::open(&self.settings.path.join("journal")).unwrap())),
            }
        };
        let opened = open_on(&self.settings, &self.clock, self.tuning, disk)?;
        self.store = Some(Store::from_parts(opened, &self.settings));
        Ok(())
    }

    /// Drops it without closing: nothing is folded.
    pub(super) fn kill(mut self) -> Bench {
        self.store = None;
        self
    }

    pub(super) async fn close(mut self) -> Bench {
        self.store.take().unwrap().close().await;
        self
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub(super) fn path(&self) -> PathBuf {
        self.settings.path.clone()
    }

    pub(super) async fn define(&self, table: TableDef) {
        let stamp = self.clock.stamp();
        let define = move |_: &dyn Read, batch: &mut Batch| batch.define_table(&table, stamp).unwrap();
        self.store().submit(Urgency::Now, 0, define).await.unwrap();
    }

    pub(super) fn key(&self, device: &str, ts: i64) -> RowKey {
        self.store().keys().row_key(TABLE, KeyValue::S(device), Some(KeyValue::N(Number::from(ts))))
    }

    /// Stages an item from within a decision.
    pub(super) fn stager(&self) -> impl Fn(&mut Batch, &str, i64, Map) + Send + Clone + 'static {
        let (keys, stamp) = (self.store().keys(), self.clock.stamp());
        move |batch, device, ts, item| {
            let key = keys.row_key(TABLE, KeyValue::S(device), Some(KeyValue::N(Number::from(ts))));
            batch.put(TABLE, key, Image::encode(&item), about(stamp, None));
        }
    }

    pub(super) async fn put(&self, item: Map) -> Result<(), CommitError> {
        self.put_marked(item, None).await
    }

    pub(super) async fn put_marked(&self, item: Map, mark: Option<Mark>) -> Result<(), CommitError> {
        let (device, ts) = key_of(&item);
        let (key, stamp) = (self.key(&device, ts), self.clock.stamp());
        let put = move |_: &dyn Read, batch: &mut Batch| {
            batch.put(TABLE, key, Image::encode(&item), about(stamp, mark));
        };
        self.store().submit(Urgency::Now, 300, put).await
    }

    pub(super) async fn delete(&self, device: &str, ts: i64) -> Result<(), CommitError> {
        let (key, stamp) = (self.key(device, ts), self.clock.stamp());
        let image = Image::encode(&item(device, ts, ""));
        let delete =
            move |_: &dyn Read, batch: &mut Batch| batch.delete(TABLE, key, image, about(stamp, None));
        self.store().submit(Urgency::Now, 300, delete).await
    }

    /// An item's text, read by key.
    pub(super) fn get(&self, device: &str, ts: i64) -> Option<String> {
        let row = self.store().view().unwrap().get(&self.key(device, ts)).unwrap()?;
        Some(text(&row.image))
    }

    /// The texts of all items, in key order.
    pub(super) fn all(&self, direction: Direction) -> Vec<String> {
        texts(&self.store().view().unwrap(), direction)
    }
}

/// The texts of all items that a view shows.
pub(super) fn texts(read: &dyn Read, direction: Direction) -> Vec<String> {
    let range = KeyRange {
        start: Bound::Included(TABLE.0.to_be_bytes().to_vec()),
        end: Bound::Excluded((TABLE.0 + 1).to_be_bytes().to_vec()),
    };
    let mut found = Vec::new();
    let mut visit = |_: &[u8], row: super::RowRef<'_>| {
        found.push(text(row.image));
        ControlFlow::Continue(())
    };
    read.scan(&range, direction, &mut visit).unwrap();
    found
}

pub(super) fn text(image: &[u8]) -> String {
    match crate::model::MapRef::new(image).get("text").unwrap().unwrap() {
        crate::model::ValueRef::S(text) => text.to_owned(),
        _ => panic!("not a text"),
    }
}

pub(super) fn about(time: Stamp, mark: Option<Mark>) -> About {
    About { origin: Origin::Rest, time, mark, delivery: None, size: None }
}

pub(super) fn table() -> TableDef {
    let attribute = |name: &str, key_type| KeyAttribute { name: name.into(), key_type };
    TableDef {
        ttl: Some(TtlAttribute { attribute: "expires_at".into() }),
        ..TableDef::new(
            TABLE,
            crate::model::TableName::new("readings").unwrap(),
            KeySchema { partition: attribute("device", KeyType::S), sort: Some(attribute("ts", KeyType::N)) },
        )
    }
}

pub(super) fn item(device: &str, ts: i64, text: &str) -> Map {
    let mut item = Map::new();
    item.insert("device", AttributeValue::S(device.into()));
    item.insert("ts", AttributeValue::N(Number::from(ts)));
    item.insert("text", AttributeValue::S(text.into()));
    item
}

pub(super) fn expiring(device: &str, ts: i64, text: &str, at: u64) -> Map {
    let mut item = item(device, ts, text);
    item.insert("expires_at", AttributeValue::N(Number::from(at)));
    item
}

fn key_of(item: &Map) -> (String, i64) {
    match (item.get("device"), item.get("ts")) {
        (Some(AttributeValue::S(device)), Some(AttributeValue::N(ts))) => {
            (device.to_string(), ts.to_i64().unwrap())
        }
        _ => panic!("not an item of the tests"),
    }
}
