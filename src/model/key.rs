//! Keys: from key attributes to the ordered bytes a row stands under.
//!
//! A base row's key is the table's id (4 bytes, big-endian), a 16-byte keyed hash of the partition key's value, then
//! the sort key's ordered bytes, raw and last. The whole key stands in the row's image and is compared on read.

use bytes::Bytes;

use super::number::Number;

/// A table's number in the store; never reused. Numbers below [`TableId::FIRST`] are the store's own spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct TableId(pub u32);

impl TableId {
    /// The first number given to a table of the user's.
    pub const FIRST: TableId = TableId(256);
}

/// The three types a key attribute may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum KeyType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

/// A key attribute's value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyValue<'a> {
    /// String, compared by its UTF-8 bytes.
    S(&'a str),
    /// Number, compared by value.
    N(Number),
    /// Binary, compared as unsigned bytes.
    B(&'a [u8]),
}

/// Why an item or a key is not one of a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key attribute is not there.
    #[error("the key attribute {name} is missing")]
    Missing {
        /// The attribute.
        name: String,
    },
    /// It has another type than the table's definition says.
    #[error("the key attribute {name} is of type {actual}, the table wants {expected:?}")]
    WrongType {
        /// The attribute.
        name: String,
        /// The table's type.
        expected: KeyType,
        /// The type found, as DynamoDB writes it.
        actual: &'static str,
    },
    /// Keys may not be empty.
    #[error("the key attribute {name} is empty")]
    Empty {
        /// The attribute.
        name: String,
    },
    /// Longer than 2,048 (partition) or 1,024 (sort) bytes.
    #[error("the key attribute {name} is longer than {limit} bytes")]
    TooLong {
        /// The attribute.
        name: String,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// The secret of a store's partition-key hash: random, made with the store, kept in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey(pub [u8; 16]);

/// The bytes a row stands under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey(pub Bytes);

impl RowKey {
    /// The key's bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The space (table) the row is in.
    pub fn table(&self) -> TableId {
        let mut id = [0; 4];
        for (to, from) in id.iter_mut().zip(self.0.iter()) {
            *to = *from;
        }
        TableId(u32::from_be_bytes(id))
    }
}

/// Length of a table's id and the partition's hash together: what all rows of one partition have in common.
pub const PARTITION_PREFIX: usize = 20;

/// Makes row keys with one store's secret.
#[derive(Clone, Copy)]
pub struct KeyCodec {
    secret: HashKey,
}

impl KeyCodec {
    /// A codec with this secret.
    pub fn new(secret: HashKey) -> KeyCodec {
        KeyCodec { secret }
    }

    /// Table id and partition hash. The hash covers the type as well as the value.
    pub fn partition(&self, _table: TableId, _partition: KeyValue<'_>) -> [u8; PARTITION_PREFIX] {
        let _ = self.secret;
        todo!()
    }

    /// The whole key of a base row.
    pub fn row_key(&self, _table: TableId, _partition: KeyValue<'_>, _sort: Option<KeyValue<'_>>) -> RowKey {
        todo!()
    }
}

/// Appends a sort key's ordered bytes: byte order is value order.
pub fn encode_sort(_value: KeyValue<'_>, _out: &mut Vec<u8>) {
    todo!()
}
