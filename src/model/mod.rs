//! What DynamoDB's data is made of: attribute values, exact numbers, items, keys and schemas, with their three
//! forms: in memory ([`value`]), at rest ([`image`], canonical CBOR read in place), and as text
//! ([`dynamodb_json`], [`plain_json`]). Knows no store and no protocol.

#[cfg(test)]
pub(crate) mod arbitrary;
pub mod dynamodb_json;
pub mod image;
pub mod index;
pub mod index_key;
mod json;
pub mod key;
pub mod limits;
pub mod number;
pub mod options;
pub mod plain_json;
pub mod schema;
pub mod size;
pub mod value;

pub use image::{Image, ImageError, ListRef, MapRef, SetRef, ValueRef};
pub use index::{IndexDef, IndexKeyError, IndexKeyValues, IndexKind, Indexes, Projection};
pub use index_key::IndexKey;
pub use key::{HashKey, KeyCodec, KeyError, KeyPart, KeyType, KeyValue, RowKey, TableId};
pub use number::{Number, NumberError};
pub use options::{ON_DEMAND_WARM, Stream, StreamEnd, StreamView, TableOptions};
pub use schema::{KeyAttribute, KeySchema, TableDef, TableName, TtlAttribute, WhenFull, is_expired};
pub use value::{AttributeValue, Item, Map, Name, Set};
