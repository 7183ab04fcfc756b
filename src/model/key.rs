//! Keys: from key attributes to the ordered bytes a row stands under.
//!
//! A base row's key is the table's id (4 bytes, big-endian), a 16-byte keyed hash of the partition key's value, then
//! the sort key's ordered bytes, raw and last. The whole key stands in the row's image and is compared on read.

use bytes::Bytes;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use super::limits::{PARTITION_KEY, SORT_KEY};
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

impl KeyType {
    /// DynamoDB's letter for it.
    pub fn name(self) -> &'static str {
        match self {
            KeyType::S => "S",
            KeyType::N => "N",
            KeyType::B => "B",
        }
    }
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

impl KeyValue<'_> {
    /// Its type.
    pub fn key_type(&self) -> KeyType {
        match self {
            KeyValue::S(_) => KeyType::S,
            KeyValue::N(_) => KeyType::N,
            KeyValue::B(_) => KeyType::B,
        }
    }

    /// The length that limits apply to; a number has none.
    fn length(&self) -> Option<usize> {
        match self {
            KeyValue::S(text) => Some(text.len()),
            KeyValue::N(_) => None,
            KeyValue::B(bytes) => Some(bytes.len()),
        }
    }
}

/// Which part of the key an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPart {
    /// The partition key (HASH), to 2,048 bytes.
    Partition,
    /// The sort key (RANGE), to 1,024 bytes.
    Sort,
}

impl KeyPart {
    /// The longest value, in bytes.
    pub fn limit(self) -> usize {
        match self {
            KeyPart::Partition => PARTITION_KEY,
            KeyPart::Sort => SORT_KEY,
        }
    }

    /// Checks a key value's length; `name` is for the error.
    pub fn check(self, name: &str, value: KeyValue<'_>) -> Result<(), KeyError> {
        match value.length() {
            Some(0) => Err(KeyError::Empty { name: name.to_owned() }),
            Some(length) if length > self.limit() => {
                Err(KeyError::TooLong { name: name.to_owned(), limit: self.limit() })
            }
            _ => Ok(()),
        }
    }
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

    /// The secret, for the hashes of index rows.
    pub(super) fn secret(&self) -> HashKey {
        self.secret
    }

    /// Table id and partition hash. The hash covers the type as well as the value.
    pub fn partition(&self, table: TableId, partition: KeyValue<'_>) -> [u8; PARTITION_PREFIX] {
        let mut prefix = [0; PARTITION_PREFIX];
        let (id, hash) = prefix.split_at_mut(4);
        id.copy_from_slice(&table.0.to_be_bytes());
        hash.copy_from_slice(&self.hash(partition));
        prefix
    }

    /// The whole key of a base row.
    pub fn row_key(&self, table: TableId, partition: KeyValue<'_>, sort: Option<KeyValue<'_>>) -> RowKey {
        let room = match sort {
            None => 0,
            Some(KeyValue::S(text)) => text.len(),
            Some(KeyValue::N(_)) => NUMBER_ROOM,
            Some(KeyValue::B(bytes)) => bytes.len(),
        };
        let mut key = Vec::with_capacity(PARTITION_PREFIX + room);
        self.write_row_key(table, partition, sort, &mut key);
        RowKey(Bytes::from(key))
    }

    /// Appends the whole key of a base row.
    pub fn write_row_key(
        &self,
        table: TableId,
        partition: KeyValue<'_>,
        sort: Option<KeyValue<'_>>,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(&self.partition(table, partition));
        if let Some(sort) = sort {
            encode_sort(sort, out);
        }
    }

    fn hash(&self, value: KeyValue<'_>) -> [u8; 16] {
        let mut hasher = SipHasher13::new_with_key(&self.secret.0);
        match value {
            KeyValue::S(text) => {
                hasher.write(b"S");
                hasher.write(text.as_bytes());
            }
            KeyValue::N(number) => {
                let mut bytes = Vec::with_capacity(NUMBER_ROOM);
                number.encode_ordered(&mut bytes);
                hasher.write(b"N");
                hasher.write(&bytes);
            }
            KeyValue::B(bytes) => {
                hasher.write(b"B");
                hasher.write(bytes);
            }
        }
        hasher.finish128().as_bytes()
    }
}

/// What a number's ordered bytes take at most.
const NUMBER_ROOM: usize = 22;

/// Appends a sort key's ordered bytes: byte order is value order. They go to the key's end: nothing marks their own.
pub fn encode_sort(value: KeyValue<'_>, out: &mut Vec<u8>) {
    match value {
        KeyValue::S(text) => out.extend_from_slice(text.as_bytes()),
        KeyValue::N(number) => number.encode_ordered(out),
        KeyValue::B(bytes) => out.extend_from_slice(bytes),
    }
}

#[cfg(test)]
mod tests;
