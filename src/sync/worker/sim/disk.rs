//! The gateway's disk: what was acknowledged, and the rows that were committed. It outlives every worker.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use crate::model::{
    AttributeValue, HashKey, Image, IndexDef, KeyCodec, Map, MapRef, Number, RowKey, TableDef, TableId,
};
use crate::store::{
    Asked, Catalog, Direction, IndexState, KeyRange, Kind, Read, ReadError, Row, RowRef, Seq, system_key,
};
use crate::sync::batch::Change;
use crate::sync::reader::Fed;
use crate::sync::route::Routes;
use crate::sync::worker::{Around, SystemRow};

/// An item: its table and its sort key.
pub(super) type Item = (TableId, i64);

/// A record of the journal.
pub(super) struct Record {
    pub(super) seq: Seq,
    /// `None`: of the system, which nobody counts.
    pub(super) item: Option<Item>,
    /// The value that is put; `None` is a delete.
    pub(super) value: Option<u64>,
    /// The upstream refuses it for itself.
    pub(super) refused: bool,
    image: Bytes,
    time_us: u64,
}

#[derive(Default)]
pub(super) struct Disk {
    pub(super) catalog: Catalog,
    pub(super) rows: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) journal: Vec<Record>,
    pub(super) counts: BTreeMap<TableId, u64>,
    /// Things go wrong.
    pub(super) trouble: bool,
}

pub(super) fn codec() -> KeyCodec {
    KeyCodec::new(HashKey([7; 16]))
}

pub(super) fn device(item: i64) -> String {
    format!("d{}", item % 3)
}

impl Disk {
    pub(super) fn new(tables: impl Iterator<Item = TableDef>) -> Disk {
        let mut disk = Disk { trouble: true, ..Disk::default() };
        tables.for_each(|table| disk.catalog.set(table));
        disk
    }

    fn newest(&self) -> Seq {
        self.journal.last().map_or(Seq(0), |record| record.seq)
    }

    /// A device's write is acknowledged; without an item it is a row of the system.
    pub(super) fn write(&mut self, item: Option<Item>, put: bool, refused: bool, time_us: u64) -> Seq {
        let seq = self.newest().next();
        let value = (put && item.is_some()).then_some(seq.0);
        let mut map = Map::new();
        if let Some((table, sort)) = item {
            *self.counts.entry(table).or_default() += 1;
            map.insert("device", AttributeValue::S(device(sort).as_str().into()));
            map.insert("ts", AttributeValue::N(Number::from(sort)));
        }
        if let Some(value) = value {
            map.insert("v", AttributeValue::N(Number::from(value)));
            if refused {
                map.insert("refuse", AttributeValue::Bool(true));
            }
        }
        let image = Image::encode(&map).bytes().to_vec().into();
        let refused = refused && value.is_some();
        self.journal.push(Record { seq, item, value, refused, image, time_us });
        seq
    }

    pub(super) fn record(&self, seq: Seq) -> &Record {
        &self.journal[self.journal.partition_point(|record| record.seq < seq)]
    }

    /// Up to so many records behind a sequence, as a reader gives them.
    pub(super) fn read(&self, after: Seq, most: usize, routes: &Routes) -> Vec<Fed> {
        let from = self.journal.partition_point(|record| record.seq <= after);
        self.journal[from..].iter().take(most).map(|record| self.fed(record, routes)).collect()
    }

    fn fed(&self, record: &Record, routes: &Routes) -> Fed {
        let Some((table, _)) = record.item else { return Fed::Pass { seq: record.seq, counted: None } };
        let def = self.catalog.by_id(table).unwrap();
        let Some(route) = routes.of(def) else { return Fed::Pass { seq: record.seq, counted: Some(table) } };
        Fed::Change(Change {
            seq: record.seq,
            key: route.key_of(MapRef::new(&record.image), &codec()).unwrap(),
            table,
            route,
            kind: if record.value.is_some() { Kind::Put } else { Kind::Delete },
            image: record.image.clone(),
            time_us: record.time_us,
        })
    }

    /// Commits rows.
    pub(super) fn commit(&mut self, rows: &[SystemRow]) {
        for (space, key, value) in rows {
            let key = system_key(*space, key).as_slice().to_vec();
            match value {
                Some(value) => drop(self.rows.insert(key, value.clone())),
                None => drop(self.rows.remove(&key)),
            }
        }
    }
}

impl Read for Disk {
    fn seq(&self) -> Seq {
        self.newest()
    }

    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn get(&self, key: &RowKey) -> Result<Option<Row>, ReadError> {
        let found = self.rows.get(key.as_slice());
        Ok(found.map(|value| Row { seq: Seq(0), image: value.clone().into(), mark: None }))
    }

    fn scan(
        &self,
        range: &KeyRange,
        _: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        for (key, value) in self.rows.iter().filter(|(key, _)| range.contains(key)) {
            if visit(key, RowRef { seq: Seq(0), image: value, mark: None }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan_index(
        &self,
        _: &TableDef,
        _: &IndexDef,
        _: &KeyRange,
        _: Direction,
        _: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        unreachable!("a worker asks for no index")
    }

    fn index_state(&self, _: &IndexDef) -> Result<IndexState, ReadError> {
        unreachable!("a worker asks for no index")
    }

    fn delivered(&self, _: u64) -> bool {
        unreachable!("a worker asks for no delivery")
    }
}

/// What a worker finds around it here.
pub(super) struct Surroundings {
    pub(super) disk: Arc<Mutex<Disk>>,
    pub(super) routes: Arc<Routes>,
    pub(super) random: fastrand::Rng,
}

impl Surroundings {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }
}

impl Around for Surroundings {
    fn counted(&self) -> (Seq, Arc<BTreeMap<TableId, u64>>) {
        let disk = self.disk();
        (disk.newest(), Arc::new(disk.counts.clone()))
    }

    fn is_sent(&self, table: TableId) -> bool {
        self.disk().catalog.by_id(table).is_some_and(|table| self.routes.of(table).is_some())
    }

    fn drops(&self) -> bool {
        self.disk().catalog.drops()
    }

    /// The disk is large enough.
    fn asked(&self) -> Option<Asked> {
        None
    }

    fn make_ready(&mut self) -> Result<(), String> {
        let fails = self.disk().trouble && self.random.u8(..) < 3;
        if fails { Err("the certificate file can't be read".to_owned()) } else { Ok(()) }
    }

    fn forget(&mut self) {}

    fn credentials_refused(&mut self) -> bool {
        self.random.bool()
    }

    fn believe_upstream_time(&mut self) {}
}
