//! What the doors ask of the engine, and what they get.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;

use super::index_updates::IndexUpdate;
use super::index_writes::IndexWrite;
use crate::expression::{Condition, Projection, Update};
pub use crate::expression::{KeyCondition, SortCondition};
use crate::model::{
    Image, IndexDef, IndexKind, Item, KeySchema, Map, StreamView, TableDef, TableId, TableName, WhenFull,
};
use crate::store::{IndexState, Mark, Origin};

/// What must hold of the item that stands there, for a single write to be made.
#[derive(Clone, Debug)]
pub struct OnlyIf {
    /// The condition.
    pub condition: Condition,
    /// A refusal carries the item that stands there.
    pub return_old: bool,
}

/// PutItem.
#[derive(Clone, Debug)]
pub struct PutItem {
    /// The table.
    pub table: TableName,
    /// The item.
    pub item: Item,
    /// The condition, if any.
    pub only_if: Option<OnlyIf>,
    /// Whether the answer needs the old item or its size.
    pub old_matters: bool,
    /// The door it came through.
    pub origin: Origin,
}

/// DeleteItem.
#[derive(Clone, Debug)]
pub struct DeleteItem {
    /// The table.
    pub table: TableName,
    /// Exactly the key attributes.
    pub key: Map,
    /// The condition, if any.
    pub only_if: Option<OnlyIf>,
    /// The door it came through.
    pub origin: Origin,
}

/// UpdateItem.
#[derive(Clone, Debug)]
pub struct UpdateItem {
    /// The table.
    pub table: TableName,
    /// Exactly the key attributes.
    pub key: Map,
    /// What changes; without it the item is made where there is none.
    pub update: Option<Update>,
    /// The condition, if any.
    pub only_if: Option<OnlyIf>,
    /// The door it came through.
    pub origin: Origin,
}

/// What UpdateItem found and did.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The table.
    pub table: Arc<TableDef>,
    /// The visible item that stood there.
    pub old: Option<Image>,
    /// The item that stands there now: none where there was none, and the update only takes away.
    pub new: Option<Image>,
    /// The update, whose [`Update::touched`] tells the parts that changed.
    pub update: Option<Update>,
    /// Size of the larger of old and new, in bytes.
    pub size: usize,
    /// What was written to indexes.
    pub indexes: Vec<IndexWrite>,
}

/// What a single write found and did.
#[derive(Clone, Debug)]
pub struct Written {
    /// The table.
    pub table: Arc<TableDef>,
    /// The visible item that stood there, where that matters.
    pub old: Option<Image>,
    /// Size of the larger of old and new, in bytes: write units are its kilobytes, rounded up.
    pub size: usize,
    /// What was written to indexes.
    pub indexes: Vec<IndexWrite>,
}

/// GetItem.
#[derive(Clone, Debug)]
pub struct GetItem {
    /// The table.
    pub table: TableName,
    /// Exactly the key attributes.
    pub key: Map,
    /// The parts that are wanted; all without it.
    pub projection: Option<Projection>,
}

/// GetItem's answer.
#[derive(Clone, Debug)]
pub struct Got {
    /// The table.
    pub table: Arc<TableDef>,
    /// The item, or the wanted parts of it.
    pub item: Option<Image>,
    /// Bytes read: of the whole item.
    pub size: usize,
}

/// What a page keeps of the rows it reads.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only items of which this holds.
    pub filter: Option<Condition>,
    /// Only these parts of them; all without it.
    pub projection: Option<Projection>,
    /// Nothing of them but their number.
    pub count_only: bool,
}

/// Reading an index instead of its table.
#[derive(Clone, Debug)]
pub struct OfIndex {
    /// The index's name.
    pub name: String,
    /// A consistent read is asked for: a global index has none.
    pub consistent: bool,
    /// Whole items are asked for, not what the index shows of them.
    pub all_attributes: bool,
}

/// Query.
#[derive(Clone, Debug)]
pub struct Query {
    /// The table.
    pub table: TableName,
    /// The index, where not the table is to be read.
    pub index: Option<OfIndex>,
    /// Equality for each partition attribute, and conditions on sort attributes from the left.
    pub conditions: Vec<KeyCondition>,
    /// Ascending order of the sort key.
    pub forward: bool,
    /// The most items to read, from 1.
    pub limit: Option<usize>,
    /// Where the last page ended: exactly the key attributes of table and index.
    pub start: Option<Map>,
    /// What of it is wanted. A filter may not look at the table's key.
    pub selection: Selection,
}

/// Scan.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The table.
    pub table: TableName,
    /// The index, where not the table is to be read.
    pub index: Option<OfIndex>,
    /// The most items to read, from 1.
    pub limit: Option<usize>,
    /// Where the last page ended: exactly the key attributes.
    pub start: Option<Map>,
    /// Segment and number of segments of a parallel scan.
    pub segment: Option<(u32, u32)>,
    /// What of it is wanted.
    pub selection: Selection,
}

/// A page of Query or Scan.
#[derive(Clone, Debug)]
pub struct Page {
    /// The table.
    pub table: Arc<TableDef>,
    /// The items that passed the filter, or the wanted parts of them; none where only their number was wanted.
    pub items: Vec<Image>,
    /// How many passed the filter.
    pub count: usize,
    /// How many were read.
    pub scanned: usize,
    /// Where the next page begins: the key of the last item read; `None` at the end.
    pub last: Option<Map>,
    /// Bytes read, summed: of what the index shows, where an index was read.
    pub size: usize,
    /// The index that was read.
    pub index: Option<(CompactString, IndexKind)>,
    /// Read units for items that were read from the table beyond that, each for itself.
    pub fetched_units: usize,
}

/// BatchGetItem: keys by table, already checked for number and duplicates of tables.
#[derive(Clone, Debug)]
pub struct BatchGet {
    /// The tables, each with its keys.
    pub tables: Vec<(TableName, Vec<Map>)>,
    /// The parts that are wanted of each table's items, in the same order; all without it.
    pub projections: Vec<Option<Projection>>,
}

/// BatchGetItem's answer.
#[derive(Clone, Debug)]
pub struct BatchGot {
    /// Per table, in the order asked: what was found, and the bytes read for each key.
    pub tables: Vec<(Arc<TableDef>, Vec<Image>, Vec<usize>)>,
    /// What did not fit 16 MB: keys by table.
    pub unprocessed: Vec<(TableName, Vec<Map>)>,
}

/// One action of a batch.
#[derive(Clone, Debug)]
pub enum Write {
    /// PutRequest.
    Put(Item),
    /// DeleteRequest: exactly the key attributes.
    Delete(Map),
}

/// BatchWriteItem: one commit.
#[derive(Clone, Debug)]
pub struct BatchWrite {
    /// The tables, each with its actions.
    pub tables: Vec<(TableName, Vec<Write>)>,
    /// Whether the answer needs the sizes of the items that puts replace.
    pub old_matters: bool,
    /// The door it came through.
    pub origin: Origin,
}

/// BatchWriteItem's answer.
#[derive(Clone, Debug)]
pub struct BatchWritten {
    /// Per table, in the order asked: the larger size of old (where that matters) and new of each action.
    pub tables: Vec<(Arc<TableDef>, Vec<usize>)>,
    /// What was written to indexes, for each of the tables.
    pub indexes: Vec<Vec<IndexWrite>>,
    /// The tables of which nothing was written, since a global index of theirs has no units left.
    pub throttled: Vec<TableName>,
}

/// A condition on an item that a transaction does not write.
#[derive(Clone, Debug)]
pub struct CheckItem {
    /// The table.
    pub table: TableName,
    /// Exactly the key attributes.
    pub key: Map,
    /// The condition.
    pub only_if: OnlyIf,
}

/// One action of a transaction.
#[derive(Clone, Debug)]
pub enum Action {
    /// Put.
    Put(PutItem),
    /// Update.
    Update(UpdateItem),
    /// Delete.
    Delete(DeleteItem),
    /// ConditionCheck.
    Check(CheckItem),
}

/// ClientRequestToken.
#[derive(Clone, Debug)]
pub struct RequestToken {
    /// The token.
    pub token: String,
    /// Of the request that it comes with.
    pub fingerprint: u128,
}

/// TransactWriteItems: all of it or nothing.
#[derive(Clone, Debug)]
pub struct TransactWrite {
    /// The actions, in order.
    pub actions: Vec<Action>,
    /// Size of the items, keys and values in the request, in bytes.
    pub payload: usize,
    /// The token, if any.
    pub token: Option<RequestToken>,
}

/// TransactWriteItems' answer.
#[derive(Clone, Debug, Default)]
pub struct Transacted {
    /// The tables, in the order in which the actions name them.
    pub tables: Vec<TransactedTable>,
    /// The token was known: nothing was done, and the sizes are those of the items as they stand.
    pub repeated: bool,
}

/// What a transaction has cost in a table.
#[derive(Clone, Debug)]
pub struct TransactedTable {
    /// The table.
    pub table: Arc<TableDef>,
    /// The larger size of old and new for each action, in bytes; of what a condition was checked of, its size.
    pub sizes: Vec<usize>,
    /// What was written to indexes.
    pub indexes: Vec<IndexWrite>,
}

/// TransactGetItems.
#[derive(Clone, Debug)]
pub struct TransactGet {
    /// What is wanted, in order.
    pub gets: Vec<GetItem>,
}

/// One item from MQTT or REST.
#[derive(Clone, Debug)]
pub struct IngestPut {
    /// The table.
    pub table: TableName,
    /// The item.
    pub item: Item,
    /// Estimated times in it.
    pub mark: Option<Mark>,
    /// Fingerprint of the delivery, where a second delivery would make a second item.
    pub delivery: Option<u64>,
    /// The sender says that it may have sent this before: look whether the delivery is known.
    pub dup: bool,
}

/// Items from MQTT or REST: one commit, all or nothing.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// The items, in order.
    pub puts: Vec<IngestPut>,
    /// MQTT or REST.
    pub origin: Origin,
    /// REST: answer soon. MQTT: wait for company.
    pub urgency: crate::store::Urgency,
}

/// What became of an [`Ingest`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Items stored.
    pub stored: u64,
    /// Deliveries that had been stored before.
    pub repeated: u64,
}

/// CreateTable.
#[derive(Clone, Debug)]
pub struct CreateTable {
    /// Its name.
    pub table: TableName,
    /// Its key.
    pub keys: KeySchema,
    /// Read and write units; none for PAY_PER_REQUEST.
    pub provisioned: Option<(u64, u64)>,
    /// Deletion protection.
    pub deletion_protection: bool,
    /// What it has besides.
    pub settings: TableSettings,
}

/// What CreateTable gives a table besides its key and its billing.
#[derive(Clone, Debug, Default)]
pub struct TableSettings {
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Class STANDARD_INFREQUENT_ACCESS, or STANDARD; none asked for.
    pub infrequent_access: Option<bool>,
    /// Server-side encryption with this key.
    pub kms_key: Option<String>,
    /// The most on-demand read and write units a second; −1: no limit.
    pub on_demand_most: Option<(i64, i64)>,
    /// Read and write units a second that the table is to be warm for; 0: none asked for.
    pub warm: (u64, u64),
    /// A stream.
    pub stream: Option<StreamView>,
    /// Indexes; their numbers are given when the table is made.
    pub indexes: Vec<IndexDef>,
}

/// How a table is to be billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// PAY_PER_REQUEST.
    OnDemand,
    /// PROVISIONED, with read and write units.
    Provisioned(u64, u64),
    /// Other read and write units, for a table that is PROVISIONED.
    Units(u64, u64),
}

/// UpdateTable: what is `None` stays.
#[derive(Clone, Debug)]
pub struct UpdateTable {
    /// The table.
    pub table: TableName,
    /// Billing mode and throughput.
    pub billing: Option<Billing>,
    /// Deletion protection.
    pub deletion_protection: Option<bool>,
    /// Class STANDARD_INFREQUENT_ACCESS, or STANDARD.
    pub infrequent_access: Option<bool>,
    /// Server-side encryption with this key, or with the service's own.
    pub kms_key: Option<Option<String>>,
    /// The most on-demand read and write units a second; −1: no limit.
    pub on_demand_most: (Option<i64>, Option<i64>),
    /// Read and write units a second that the table is to be warm for.
    pub warm: (Option<u64>, Option<u64>),
    /// A stream of this view, or none.
    pub stream: Option<Option<StreamView>>,
    /// Changes of its global indexes.
    pub indexes: Vec<IndexUpdate>,
}

/// TagResource, UntagResource.
#[derive(Clone, Debug)]
pub struct TagTable {
    /// The table.
    pub table: TableName,
    /// Tags to set.
    pub set: BTreeMap<String, String>,
    /// Keys of tags to remove.
    pub remove: Vec<String>,
}

/// A table and its statistics.
#[derive(Clone, Debug)]
pub struct Described {
    /// The table.
    pub table: Arc<TableDef>,
    /// Items, by the last fold.
    pub items: u64,
    /// Their size by DynamoDB's accounting, in bytes, by the last fold.
    pub bytes: u64,
    /// Its indexes, removed ones too.
    pub indexes: Vec<DescribedIndex>,
}

/// An index and its statistics, by the last fold.
#[derive(Clone, Copy, Debug)]
pub struct DescribedIndex {
    /// Its number.
    pub id: TableId,
    /// How far it is.
    pub state: IndexState,
    /// Items in it.
    pub items: u64,
    /// Size of what it shows of them by DynamoDB's accounting, in bytes.
    pub bytes: u64,
}

/// ListTables.
#[derive(Clone, Debug)]
pub struct ListTables {
    /// Begin after this name.
    pub start: Option<String>,
    /// The most names, 1 to 100.
    pub limit: usize,
}

/// ListTables' answer.
#[derive(Clone, Debug)]
pub struct TableNames {
    /// The names, in order.
    pub names: Vec<TableName>,
    /// There are more after the last one.
    pub more: bool,
}

/// UpdateTimeToLive.
#[derive(Clone, Debug)]
pub struct UpdateTimeToLive {
    /// The table.
    pub table: TableName,
    /// The attribute.
    pub attribute: String,
    /// On or off.
    pub enabled: bool,
}

/// What a table does when the store is full.
#[derive(Clone, Debug)]
pub struct SetWhenFull {
    /// The table.
    pub table: TableName,
    /// From now on.
    pub when_full: WhenFull,
}
