//! The operations, one synchronous file each: read, decide, return a page or stage a change. Knows no HTTP, no MQTT, no
//! JSON, no LMDB. Takes only [`crate::security::Authorized`] requests.

pub mod request;

pub use request::*;

use std::sync::Arc;

use crate::clock::Clock;
use crate::model::{TableDef, TableName};
use crate::security::Authorized;
use crate::store::Store;

/// The engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    #[allow(dead_code)]
    store: Store,
    #[allow(dead_code)]
    clock: Clock,
}

impl Engine {
    /// An engine on a store.
    pub fn new(store: Store, clock: Clock) -> Engine {
        Engine { store, clock }
    }

    /// PutItem.
    pub async fn put_item(&self, _request: Authorized<PutItem>) -> Result<Written, EngineError> {
        todo!()
    }

    /// DeleteItem.
    pub async fn delete_item(&self, _request: Authorized<DeleteItem>) -> Result<Written, EngineError> {
        todo!()
    }

    /// GetItem.
    pub async fn get_item(&self, _request: Authorized<GetItem>) -> Result<Got, EngineError> {
        todo!()
    }

    /// Query.
    pub async fn query(&self, _request: Authorized<Query>) -> Result<Page, EngineError> {
        todo!()
    }

    /// Scan.
    pub async fn scan(&self, _request: Authorized<Scan>) -> Result<Page, EngineError> {
        todo!()
    }

    /// BatchGetItem.
    pub async fn batch_get(&self, _request: Authorized<BatchGet>) -> Result<BatchGot, EngineError> {
        todo!()
    }

    /// BatchWriteItem.
    pub async fn batch_write(&self, _request: Authorized<BatchWrite>) -> Result<BatchWritten, EngineError> {
        todo!()
    }

    /// Items from MQTT or REST.
    pub async fn ingest(&self, _request: Authorized<Ingest>) -> Result<Ingested, EngineError> {
        todo!()
    }

    /// CreateTable.
    pub async fn create_table(&self, _request: Authorized<CreateTable>) -> Result<Described, EngineError> {
        todo!()
    }

    /// DescribeTable.
    pub async fn describe_table(&self, _request: Authorized<TableName>) -> Result<Described, EngineError> {
        todo!()
    }

    /// DeleteTable; the answer describes what was.
    pub async fn delete_table(&self, _request: Authorized<TableName>) -> Result<Described, EngineError> {
        todo!()
    }

    /// ListTables.
    pub fn list_tables(&self, _request: Authorized<ListTables>) -> TableNames {
        todo!()
    }

    /// UpdateTimeToLive.
    pub async fn update_time_to_live(
        &self,
        _request: Authorized<UpdateTimeToLive>,
    ) -> Result<Arc<TableDef>, EngineError> {
        todo!()
    }

    /// A live table's definition (DescribeTimeToLive, the doors).
    pub fn table(&self, _name: &str) -> Result<Arc<TableDef>, EngineError> {
        todo!()
    }
}
