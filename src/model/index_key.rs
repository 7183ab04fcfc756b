//! Keys of index rows: ordered bytes that end with the item they stand for.
//!
//! ```text
//! index id (4) | hash of the partition attributes (16) | sort attributes | the item's row key without its table's id
//! ```
//! A sort attribute's bytes mark their own end, so that several stand behind each other: text and binary go in groups of
//! eight and one (the ninth byte counts what is used; 9: more follows), a number is followed by a zero. Byte order is then
//! the order of the values, and no value's bytes begin another's.
//!
//! What would be longer than [`LONGEST`] ends with a hash of the item's row key instead; what is longer still is cut, and
//! ordered by what the row's value says. The *whole* key of such a row has all sort attributes in it.

use std::hash::Hasher;

use bytes::Bytes;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::index::{IndexDef, IndexKeyValues};
use super::key::{KeyCodec, KeyValue, PARTITION_PREFIX, RowKey, TableId};

/// The longest key of a row in the store.
pub const LONGEST: usize = 1_900;
/// The hash of an item's row key.
const HASH: usize = 16;
/// Keys of rows that are cut agree with whole keys up to here.
pub const CUT: usize = LONGEST - HASH;
/// Bytes of a table's id in front of a row key.
const ID: usize = 4;
/// Text and binary go in groups of so many bytes.
const GROUP: usize = 8;
/// The last byte of a group that another one follows.
const MORE: u8 = 9;

/// An item's row in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexKey {
    /// What it stands under.
    pub key: Bytes,
    /// What the row's value says: see [`IndexKey::locate`].
    pub value: Bytes,
}

/// Where an index row's item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The item's row key.
    pub row: RowKey,
    /// The whole key, where the row's own is cut.
    pub whole: Option<Vec<u8>>,
}

impl KeyCodec {
    /// Index id and the hash of the partition attributes. With one attribute it is the hash a table would have.
    pub fn index_partition(&self, index: TableId, partition: &[KeyValue<'_>]) -> [u8; PARTITION_PREFIX] {
        match partition {
            [one] => self.partition(index, *one),
            several => {
                let mut hasher = SipHasher13::new_with_key(&self.secret().0);
                for value in several {
                    hasher.write(&self.partition(index, *value));
                }
                let mut prefix = [0; PARTITION_PREFIX];
                let (id, hash) = prefix.split_at_mut(ID);
                id.copy_from_slice(&index.0.to_be_bytes());
                hash.copy_from_slice(&hasher.finish128().as_bytes());
                prefix
            }
        }
    }

    /// The row of an item, whose own row key is `row`, in an index.
    pub fn index_key(&self, index: &IndexDef, values: &IndexKeyValues<'_>, row: &RowKey) -> IndexKey {
        let item = row.as_slice().get(ID..).unwrap_or_default();
        let mut key = Vec::with_capacity(64 + item.len());
        key.extend_from_slice(&self.index_partition(index.id, &values.partition));
        for value in &values.sort {
            encode_part(*value, &mut key);
        }
        let sorted = key.len();
        let mut value = Vec::new();
        if sorted + item.len() <= LONGEST {
            varint(sorted, &mut value);
            key.extend_from_slice(item);
            return IndexKey { key: key.into(), value: value.into() };
        }
        value.push(0);
        varint(item.len(), &mut value);
        value.extend_from_slice(item);
        if sorted > CUT {
            value.extend_from_slice(key.get(CUT..).unwrap_or_default());
            key.truncate(CUT);
        }
        let mut hasher = SipHasher13::new_with_key(&self.secret().0);
        hasher.write(item);
        key.extend_from_slice(&hasher.finish128().as_bytes());
        IndexKey { key: key.into(), value: value.into() }
    }
}

impl IndexKey {
    /// The item's row key from an index row's key and value, and the whole key where that is cut; `None` where they are
    /// not what [`KeyCodec::index_key`] writes.
    pub fn locate(table: TableId, key: &[u8], value: &[u8]) -> Option<Located> {
        let mut rest = value;
        let sorted = read_varint(&mut rest)?;
        let row = |item: &[u8]| {
            let mut row = Vec::with_capacity(ID + item.len());
            row.extend_from_slice(&table.0.to_be_bytes());
            row.extend_from_slice(item);
            RowKey(row.into())
        };
        if sorted > 0 {
            return rest.is_empty().then_some(Located { row: row(key.get(sorted..)?), whole: None });
        }
        let length = read_varint(&mut rest)?;
        let (item, beyond) = rest.split_at_checked(length)?;
        let whole = (!beyond.is_empty()).then(|| {
            let (cut, hash) = key.split_at_checked(CUT)?;
            Some([cut, beyond, hash].concat())
        });
        let whole = match whole {
            Some(whole) => Some(whole?),
            None => None,
        };
        Some(Located { row: row(item), whole })
    }

    /// The whole key: what ranges are compared with.
    pub fn whole(&self, table: TableId) -> Vec<u8> {
        let located = IndexKey::locate(table, &self.key, &self.value);
        located.and_then(|located| located.whole).unwrap_or_else(|| self.key.to_vec())
    }
}

/// Appends a sort attribute's bytes.
pub fn encode_part(value: KeyValue<'_>, out: &mut Vec<u8>) {
    match value {
        KeyValue::S(text) => groups(text.as_bytes(), out),
        KeyValue::B(bytes) => groups(bytes, out),
        KeyValue::N(number) => {
            number.encode_ordered(out);
            out.push(0);
        }
    }
}

fn groups(bytes: &[u8], out: &mut Vec<u8>) {
    let mut chunks = bytes.chunks(GROUP).peekable();
    while let Some(chunk) = chunks.next() {
        out.extend_from_slice(chunk);
        out.extend(std::iter::repeat_n(0, GROUP - chunk.len()));
        out.push(if chunks.peek().is_some() { MORE } else { chunk.len() as u8 });
    }
    if bytes.is_empty() {
        out.extend_from_slice(&[0; GROUP + 1]);
    }
}

/// Appends what the bytes of all text and binary that begin with this have in common.
pub fn encode_part_prefix(prefix: &[u8], out: &mut Vec<u8>) {
    let mut chunks = prefix.chunks(GROUP).peekable();
    while let Some(chunk) = chunks.next() {
        out.extend_from_slice(chunk);
        if chunks.peek().is_some() {
            out.push(MORE);
        }
    }
}

fn varint(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in [0, 7, 14] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
