//! The operations, one synchronous file each: read, decide, return a page or stage a change. Knows no HTTP, no MQTT, no
//! JSON, no LMDB. Takes only [`crate::security::Authorized`] requests.
//!
//! A write is prepared on its caller's task (key, image, sizes: whatever needs no other row), decided on the committer's
//! thread against everything staged before it, and answered after the group's fsync. A read takes one view, on a thread
//! where a cold page of the SD card may block (`reads`).

mod batch_get;
mod batch_write;
mod create_table;
mod delete_item;
mod delete_table;
mod describe_table;
mod error;
mod expire;
mod get_item;
mod get_records;
mod get_shard_iterator;
mod index_keys;
mod index_updates;
mod index_writes;
mod ingest;
mod key_gaps;
mod key_range;
mod keys;
mod keys_agree;
#[cfg(test)]
mod life_tests;
mod list_streams;
mod list_tables;
mod only_if;
mod page;
mod prepare;
mod put_item;
mod query;
mod reads;
pub mod request;
mod resolve_time;
mod scan;
mod set_when_full;
mod start_key;
mod streams;
mod tags;
mod target;
mod throughput;
mod transact_get;
mod transact_token;
mod transact_write;
mod update_item;
mod update_table;
mod update_time_to_live;
mod warm_throughput;

use std::sync::Arc;

pub use error::{EngineError, Reason, StreamError};
pub use expire::Expire;
pub use get_records::{GetRecords, StreamPosition, StreamRecord, StreamRecords};
pub use get_shard_iterator::{GetShardIterator, StreamStart};
pub use index_updates::{IndexChange, IndexUpdate};
pub use index_writes::IndexWrite;
pub use list_streams::{ListStreams, StreamNames};
pub use prepare::ITEM_TOO_LARGE;
pub use request::*;
pub use resolve_time::{ESTIMATED, Resolution, ResolveTime};
pub use streams::{StreamDescribed, StreamName, StreamOf};
pub use throughput::{Capacity, Exceeded};

use crate::clock::Clock;
use crate::model::{TableDef, TableName};
use crate::security::Authorized;
use crate::store::{Batch, Origin, Read, Store, Urgency, View};
use throughput::Gate;

/// The engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    clock: Clock,
    throughput: throughput::Throughput,
    reads: reads::Reads,
}

impl Engine {
    /// An engine on a store.
    pub fn new(store: Store, clock: Clock) -> Engine {
        Engine { store, clock, throughput: throughput::Throughput::default(), reads: reads::Reads::default() }
    }

    /// PutItem.
    pub async fn put_item(&self, request: Authorized<PutItem>) -> Result<Written, EngineError> {
        let put = put_item::prepare(&self.preparing(), request.into_inner())?;
        let now = self.clock.expiry_now();
        self.admit(&put.0.table, put.0.about.origin)?;
        let weight = put.0.weight();
        let gate = self.gate([&put.0.table], put.0.about.origin);
        self.write(Urgency::Now, weight, move |read, batch| {
            Gate::write(gate, batch, |batch| put_item::decide(read, batch, put, now))
        })
        .await
    }

    /// DeleteItem.
    pub async fn delete_item(&self, request: Authorized<DeleteItem>) -> Result<Written, EngineError> {
        let delete = delete_item::prepare(&self.preparing(), request.into_inner())?;
        let now = self.clock.expiry_now();
        self.admit(&delete.0.table, delete.0.about.origin)?;
        let weight = delete.0.weight();
        let gate = self.gate([&delete.0.table], delete.0.about.origin);
        self.write(Urgency::Now, weight, move |read, batch| {
            Gate::write(gate, batch, |batch| delete_item::decide(read, batch, delete, now))
        })
        .await
    }

    /// UpdateItem.
    pub async fn update_item(&self, request: Authorized<UpdateItem>) -> Result<Updated, EngineError> {
        let update = update_item::prepare(&self.preparing(), request.into_inner())?;
        let now = self.clock.expiry_now();
        self.admit(update.table(), update.origin())?;
        let weight = update.weight();
        let gate = self.gate([update.table()], update.origin());
        self.write(Urgency::Now, weight, move |read, batch| {
            let measure = update_item::Measure::ItemAndWritten;
            Gate::write(gate, batch, |batch| update_item::decide(read, batch, update, measure, now))
        })
        .await
    }

    /// GetItem.
    pub async fn get_item(&self, request: Authorized<GetItem>) -> Result<Got, EngineError> {
        let (keys, now) = (self.store.keys(), self.clock.expiry_now());
        let read = move |view: &View| get_item::read(view, keys, request.request(), now);
        self.reads.row(&self.store, read).await
    }

    /// Query.
    pub async fn query(&self, request: Authorized<Query>) -> Result<Page, EngineError> {
        let (keys, now) = (self.store.keys(), self.clock.expiry_now());
        reads::page(&self.store, move |view| query::read(view, keys, request.request(), now)).await
    }

    /// Scan.
    pub async fn scan(&self, request: Authorized<Scan>) -> Result<Page, EngineError> {
        let (keys, now) = (self.store.keys(), self.clock.expiry_now());
        reads::page(&self.store, move |view| scan::read(view, keys, request.request(), now)).await
    }

    /// BatchGetItem.
    pub async fn batch_get(&self, request: Authorized<BatchGet>) -> Result<BatchGot, EngineError> {
        let (keys, now) = (self.store.keys(), self.clock.expiry_now());
        reads::page(&self.store, move |view| batch_get::read(view, keys, request.into_inner(), now)).await
    }

    /// BatchWriteItem: one commit.
    pub async fn batch_write(&self, request: Authorized<BatchWrite>) -> Result<BatchWritten, EngineError> {
        let request = request.into_inner();
        let origin = request.origin;
        let writes = batch_write::prepare(&self.preparing(), request)?;
        let now = self.clock.expiry_now();
        let weight = writes.weight();
        let gate = self.gate(writes.tables(), origin);
        self.write(Urgency::Now, weight, move |read, batch| {
            batch_write::decide(read, batch, writes, now, gate.as_ref())
        })
        .await
    }

    /// Whether a batch is right by itself, whatever waits of it.
    pub fn check_batch(&self, request: Authorized<BatchWrite>) -> Result<(), EngineError> {
        batch_write::prepare(&self.preparing(), request.into_inner()).map(drop)
    }

    /// TransactWriteItems: one commit, all of it or nothing.
    pub async fn transact_write(
        &self,
        request: Authorized<TransactWrite>,
    ) -> Result<Transacted, EngineError> {
        let transaction = transact_write::prepare(&self.preparing(), &self.clock, request.into_inner())?;
        self.throughput.admit_all(transaction.tables(), Capacity::Write, self.clock.now_us())?;
        let now = self.clock.expiry_now();
        let weight = transaction.weight();
        let gate = self.gate(transaction.tables(), Origin::Dynamodb);
        self.write(Urgency::Now, weight, move |read, batch| {
            transact_write::decide(read, batch, transaction, now, gate.as_ref())
        })
        .await
    }

    /// TransactGetItems: what was asked for, in order, of one moment.
    pub async fn transact_get(&self, request: Authorized<TransactGet>) -> Result<Vec<Got>, EngineError> {
        let (keys, now) = (self.store.keys(), self.clock.expiry_now());
        let (throughput, now_us) = (self.throughput.clone(), self.clock.now_us());
        reads::page(&self.store, move |view| {
            transact_get::read(view, keys, request.request(), now, (&throughput, now_us))
        })
        .await
    }

    /// Items from MQTT or REST: one commit, all or nothing.
    pub async fn ingest(&self, request: Authorized<Ingest>) -> Result<Ingested, EngineError> {
        let urgency = request.request().urgency;
        let puts = ingest::prepare(&self.preparing(), request.into_inner())?;
        let weight = puts.weight();
        self.write(urgency, weight, move |read, batch| ingest::decide(read, batch, puts)).await
    }

    /// CreateTable.
    pub async fn create_table(&self, request: Authorized<CreateTable>) -> Result<Described, EngineError> {
        let request = request.into_inner();
        let uuid = create_table::random_uuid()?;
        let stamp = self.clock.stamp();
        let table = self
            .write(Urgency::Now, 1024, move |read, batch| {
                create_table::decide(read, batch, request, uuid, stamp)
            })
            .await?;
        Ok(Described { table, items: 0, bytes: 0, indexes: Vec::new() })
    }

    /// DescribeTable.
    pub async fn describe_table(&self, request: Authorized<TableName>) -> Result<Described, EngineError> {
        describe_table::read(&self.store, request.request())
    }

    /// DeleteTable; the answer describes what was.
    pub async fn delete_table(&self, request: Authorized<TableName>) -> Result<Described, EngineError> {
        let described = describe_table::read(&self.store, request.request())?;
        let stamp = self.clock.stamp();
        let name = request.into_inner();
        self.write(Urgency::Now, 1024, move |read, batch| delete_table::decide(read, batch, &name, stamp))
            .await?;
        Ok(described)
    }

    /// ListTables.
    pub fn list_tables(&self, request: Authorized<ListTables>) -> TableNames {
        list_tables::read(&self.store.catalog(), request.request())
    }

    /// UpdateTable.
    pub async fn update_table(&self, request: Authorized<UpdateTable>) -> Result<Described, EngineError> {
        let described = describe_table::read(&self.store, &request.request().table)?;
        let (request, stamp) = (request.into_inner(), self.clock.stamp());
        let table = self
            .write(Urgency::Now, 1024, move |read, batch| update_table::decide(read, batch, request, stamp))
            .await?;
        Ok(Described { table, ..described })
    }

    /// TagResource, UntagResource.
    pub async fn tag_table(&self, request: Authorized<TagTable>) -> Result<(), EngineError> {
        let (request, stamp) = (request.into_inner(), self.clock.stamp());
        self.write(Urgency::Now, 1024, move |read, batch| tags::decide(read, batch, request, stamp)).await
    }

    /// ListStreams.
    pub fn list_streams(&self, request: Authorized<ListStreams>) -> StreamNames {
        list_streams::read(&self.store.catalog(), request.request(), self.clock.now_us())
    }

    /// DescribeStream.
    pub fn describe_stream(&self, request: Authorized<StreamName>) -> Result<StreamDescribed, EngineError> {
        streams::describe(&self.store, request.request(), self.clock.now_us())
    }

    /// GetShardIterator.
    pub fn get_shard_iterator(
        &self,
        request: Authorized<GetShardIterator>,
    ) -> Result<StreamPosition, EngineError> {
        get_shard_iterator::read(&self.store, request.request(), self.clock.now_us())
    }

    /// GetRecords.
    pub async fn get_records(&self, request: Authorized<GetRecords>) -> Result<StreamRecords, EngineError> {
        let (store, now_us) = (self.store.clone(), self.clock.now_us());
        let task =
            tokio::task::spawn_blocking(move || get_records::read(&store, request.request(), now_us)).await;
        task.unwrap_or_else(|error| Err(EngineError::Internal(format!("a read ended early: {error}"))))
    }

    /// UpdateTimeToLive.
    pub async fn update_time_to_live(
        &self,
        request: Authorized<UpdateTimeToLive>,
    ) -> Result<Arc<TableDef>, EngineError> {
        let principal = request.principal().clone();
        let request = request.into_inner();
        let stamp = self.clock.stamp();
        self.write(Urgency::Now, 1024, move |read, batch| {
            update_time_to_live::decide(read, batch, &principal, &request, stamp)
        })
        .await
    }

    /// Decides what a table does when the store is full.
    pub async fn set_when_full(&self, request: Authorized<SetWhenFull>) -> Result<(), EngineError> {
        let (request, stamp) = (request.into_inner(), self.clock.stamp());
        self.write(Urgency::Now, 1024, move |read, batch| set_when_full::decide(read, batch, &request, stamp))
            .await
    }

    /// Removes what has expired, of tables with a stream; returns how many rows were removed.
    pub async fn expire(&self, request: Authorized<Expire>) -> Result<u64, EngineError> {
        let request = request.into_inner();
        let (now, stamp) = (self.clock.expiry_now(), self.clock.stamp());
        let weight = 256 * request.rows.len();
        self.write(Urgency::Gather, weight, move |read, batch| {
            expire::decide(read, batch, &request, now, stamp)
        })
        .await
    }

    /// Puts estimated times right; returns how many rows were resolved.
    pub async fn resolve_time(&self, request: Authorized<ResolveTime>) -> Result<u64, EngineError> {
        let request = request.into_inner();
        let (codec, stamp) = (self.store.keys(), self.clock.stamp());
        let weight = request.rows.iter().map(|(_, row)| row.image.len() * 2).sum();
        self.write(Urgency::Gather, weight, move |read, batch| {
            resolve_time::decide(read, batch, codec, &request, stamp)
        })
        .await
    }

    /// Whether a table has provisioned capacity left: asked by doors that limit. An on-demand table always has, and so has
    /// one that is not there.
    pub fn has_left(&self, table: &str, capacity: Capacity) -> bool {
        let catalog = self.store.catalog();
        catalog.table(table).is_none_or(|table| self.throughput.admits(table, capacity, self.clock.now_us()))
    }

    /// The same of a read of the table, or of an index of it.
    pub fn read_has_left(&self, table: &str, index: Option<&str>) -> Result<(), Exceeded> {
        let catalog = self.store.catalog();
        let Some(table) = catalog.table(table) else { return Ok(()) };
        self.throughput.admits_read(table, index, self.clock.now_us())
    }

    /// Takes what a request has cost, in halves of a unit: from the table, or from a global index of it.
    pub fn spend(&self, table: &TableDef, index: Option<&str>, capacity: Capacity, halves: u64) {
        self.throughput.spend(table, index, capacity, halves);
    }

    /// Refuses a write of DynamoDB's door to a table that has no capacity left. Asked once the write is known to be right: what
    /// is wrong stays wrong however long one waits.
    fn admit(&self, table: &TableDef, origin: Origin) -> Result<(), EngineError> {
        let admitted =
            origin != Origin::Dynamodb || self.throughput.admits(table, Capacity::Write, self.clock.now_us());
        if admitted { Ok(()) } else { Err(EngineError::ThroughputExceeded(Exceeded::Table)) }
    }

    /// What holds indexes to their units, where any of these tables has such.
    fn gate<'t>(&self, tables: impl IntoIterator<Item = &'t Arc<TableDef>>, origin: Origin) -> Option<Gate> {
        let limited = |table: &Arc<TableDef>| table.indexes.have_units();
        let gate = || Gate { throughput: self.throughput.clone(), now_us: self.clock.now_us() };
        (origin == Origin::Dynamodb && tables.into_iter().any(limited)).then(gate)
    }

    /// A live table's definition (DescribeTimeToLive, the doors).
    pub fn table(&self, name: &str) -> Result<Arc<TableDef>, EngineError> {
        keys::table(&self.store.catalog(), name).cloned()
    }

    /// The live tables' definitions, by name.
    pub fn tables(&self) -> Vec<Arc<TableDef>> {
        self.store.catalog().tables().into_iter().cloned().collect()
    }

    /// What preparing a write needs.
    fn preparing(&self) -> prepare::Preparing {
        prepare::Preparing {
            catalog: self.store.catalog(),
            keys: self.store.keys(),
            clock: self.clock.clone(),
        }
    }

    /// Runs a decision; its refusals go out after the sync of what they were decided against.
    async fn write<R: Send + 'static>(
        &self,
        urgency: Urgency,
        weight: usize,
        decide: impl FnOnce(&dyn Read, &mut Batch) -> Result<R, EngineError> + Send + 'static,
    ) -> Result<R, EngineError> {
        self.store.submit(urgency, weight, decide).await?
    }
}
