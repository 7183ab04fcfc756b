//! The tree's `meta` database: fixed records, each with a checksum.
//!
//! | key | value |
//! |---|---|
//! | `format` | the store's format, u32 |
//! | `state` | [`State`] |
//! | `t` + table id | [`Counted`]: exact with every slice |
//! | `c` + table id | changes to be sent, u64, as of `folded_to` |
//! | `b` + table id | the definition's TTL that expiry rows were made for ([`super::expiry`]) |
//! | `i` + index id | [`Progress`] ([`super::index_build`]) |
//! | `dropped` | items dropped before their time, u64 ([`super::evict`]) |
//!
//! `t` is kept for indexes as well.

use std::collections::BTreeMap;

use heed::{RoTxn, RwTxn};
use xxhash_rust::xxh3::xxh3_64;

use super::tree::Raw;
use super::{ReadError, Seq};
use crate::model::TableId;

/// How far the tree has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Everything up to here is in the tree.
    pub(super) folded_to: Seq,
    /// Where `folded_to` stood before the last fold: the journal is kept from here on.
    pub(super) folded_before: Seq,
    /// Nothing beyond here is in the tree.
    pub(super) touched_to: Seq,
    /// The newest record's time as of `folded_to`, in microseconds since 1970.
    pub(super) time_us: u64,
    /// Rows with a mark.
    pub(super) marked: u64,
}

/// What a table has in the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// Rows.
    pub(super) items: u64,
    /// Their size by DynamoDB's accounting.
    pub(super) bytes: u64,
}

/// How far an index is that was added, or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Rows up to this key have been brought in; none yet where it is empty.
    Building(Vec<u8>),
    /// All of them.
    Ready,
    /// It was removed, and its rows are freed.
    Freed,
}

const FORMAT: &[u8] = b"format";
const STATE: &[u8] = b"state";
const DROPPED: &[u8] = b"dropped";

fn seal(numbers: &[u64]) -> Vec<u8> {
    let mut value: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    value.extend_from_slice(&xxh3_64(&value).to_le_bytes());
    value
}

fn unseal<const N: usize>(key: &[u8], value: &[u8]) -> Result<[u64; N], ReadError> {
    let damaged = |what: &str| ReadError::Damaged {
        place: format!("the tree's meta record {}", String::from_utf8_lossy(key)),
        what: what.to_owned(),
    };
    let (numbers, sum) = value.split_last_chunk::<8>().ok_or_else(|| damaged("too short"))?;
    if xxh3_64(numbers) != u64::from_le_bytes(*sum) {
        return Err(damaged("it does not match its checksum"));
    }
    let mut out = [0; N];
    let (chunks, rest) = numbers.as_chunks::<8>();
    if chunks.len() != N || !rest.is_empty() {
        return Err(damaged("it has another length than this format says"));
    }
    for (to, from) in out.iter_mut().zip(chunks) {
        *to = u64::from_le_bytes(*from);
    }
    Ok(out)
}

fn table_key(kind: u8, table: TableId) -> [u8; 5] {
    let [a, b, c, d] = table.0.to_be_bytes();
    [kind, a, b, c, d]
}

/// The store's format; `None` in a new tree.
pub(super) fn format(meta: Raw, txn: &RoTxn<'_>) -> Result<Option<u32>, ReadError> {
    meta.get(txn, FORMAT)?
        .map(|value| unseal::<1>(FORMAT, value).map(|[format]| u32::try_from(format).unwrap_or(u32::MAX)))
        .transpose()
}

/// Sets the store's format.
pub(super) fn set_format(meta: Raw, txn: &mut RwTxn<'_>, format: u32) -> Result<(), heed::Error> {
    meta.put(txn, FORMAT, &seal(&[u64::from(format)]))
}

/// How far the tree has come; the beginning in a new one.
pub(super) fn state(meta: Raw, txn: &RoTxn<'_>) -> Result<State, ReadError> {
    let Some(value) = meta.get(txn, STATE)? else { return Ok(State::default()) };
    let [folded_to, before, touched_to, time_us, marked] = unseal(STATE, value)?;
    let (folded_to, folded_before, touched_to) = (Seq(folded_to), Seq(before), Seq(touched_to));
    Ok(State { folded_to, folded_before, touched_to, time_us, marked })
}

/// Sets how far the tree has come.
pub(super) fn set_state(meta: Raw, txn: &mut RwTxn<'_>, state: &State) -> Result<(), heed::Error> {
    let State { folded_to, folded_before, touched_to, time_us, marked } = *state;
    meta.put(txn, STATE, &seal(&[folded_to.0, folded_before.0, touched_to.0, time_us, marked]))
}

/// Items dropped before their time since the tree was made.
pub(super) fn dropped_items(meta: Raw, txn: &RoTxn<'_>) -> Result<u64, ReadError> {
    let Some(value) = meta.get(txn, DROPPED)? else { return Ok(0) };
    let [dropped] = unseal(DROPPED, value)?;
    Ok(dropped)
}

/// Sets how many items were dropped before their time.
pub(super) fn set_dropped_items(meta: Raw, txn: &mut RwTxn<'_>, dropped: u64) -> Result<(), heed::Error> {
    meta.put(txn, DROPPED, &seal(&[dropped]))
}

/// What a table has in the tree.
pub(super) fn counted(meta: Raw, txn: &RoTxn<'_>, table: TableId) -> Result<Counted, ReadError> {
    let key = table_key(b't', table);
    let Some(value) = meta.get(txn, &key)? else { return Ok(Counted::default()) };
    let [items, bytes] = unseal(&key, value)?;
    Ok(Counted { items, bytes })
}

/// Sets what a table has in the tree.
pub(super) fn set_counted(
    meta: Raw,
    txn: &mut RwTxn<'_>,
    table: TableId,
    counted: Counted,
) -> Result<(), heed::Error> {
    meta.put(txn, &table_key(b't', table), &seal(&[counted.items, counted.bytes]))
}

/// Changes to be sent, by table, as of `folded_to`.
pub(super) fn change_counts(meta: Raw, txn: &RoTxn<'_>) -> Result<BTreeMap<TableId, u64>, ReadError> {
    let mut counts = BTreeMap::new();
    for entry in meta.prefix_iter(txn, b"c")? {
        let (key, value) = entry?;
        if let [b'c', id @ ..] = key
            && let Ok(id) = <[u8; 4]>::try_from(id)
        {
            let [count] = unseal(key, value)?;
            counts.insert(TableId(u32::from_be_bytes(id)), count);
        }
    }
    Ok(counts)
}

/// How many changes to be sent a table has seen, as of `folded_to`.
pub(super) fn change_count(meta: Raw, txn: &RoTxn<'_>, table: TableId) -> Result<u64, ReadError> {
    let key = table_key(b'c', table);
    let Some(value) = meta.get(txn, &key)? else { return Ok(0) };
    let [count] = unseal(&key, value)?;
    Ok(count)
}

/// Sets how many changes to be sent a table has seen.
pub(super) fn set_change_count(
    meta: Raw,
    txn: &mut RwTxn<'_>,
    table: TableId,
    count: u64,
) -> Result<(), heed::Error> {
    meta.put(txn, &table_key(b'c', table), &seal(&[count]))
}

/// The fingerprint of the TTL that a table's expiry rows were made for.
pub(super) fn expiry_made_for(meta: Raw, txn: &RoTxn<'_>, table: TableId) -> Result<u64, ReadError> {
    let key = table_key(b'b', table);
    let Some(value) = meta.get(txn, &key)? else { return Ok(0) };
    let [fingerprint] = unseal(&key, value)?;
    Ok(fingerprint)
}

/// Sets the fingerprint of the TTL that a table's expiry rows were made for.
pub(super) fn set_expiry_made_for(
    meta: Raw,
    txn: &mut RwTxn<'_>,
    table: TableId,
    fingerprint: u64,
) -> Result<(), heed::Error> {
    meta.put(txn, &table_key(b'b', table), &seal(&[fingerprint]))
}

/// How far an index is.
pub(super) fn index_progress(
    meta: Raw,
    txn: &RoTxn<'_>,
    index: TableId,
) -> Result<Option<Progress>, ReadError> {
    let key = table_key(b'i', index);
    let Some(value) = meta.get(txn, &key)? else { return Ok(None) };
    let damaged = || ReadError::Damaged {
        place: format!("the tree's meta record of index {}", index.0),
        what: "it does not match its checksum".to_owned(),
    };
    let (record, sum) = value.split_last_chunk::<8>().ok_or_else(damaged)?;
    if xxh3_64(record) != u64::from_le_bytes(*sum) {
        return Err(damaged());
    }
    match record {
        [0, after @ ..] => Ok(Some(Progress::Building(after.to_vec()))),
        [1] => Ok(Some(Progress::Ready)),
        [2] => Ok(Some(Progress::Freed)),
        _ => Err(damaged()),
    }
}

/// Sets how far an index is.
pub(super) fn set_index_progress(
    meta: Raw,
    txn: &mut RwTxn<'_>,
    index: TableId,
    progress: &Progress,
) -> Result<(), heed::Error> {
    let mut record = match progress {
        Progress::Building(after) => [&[0], after.as_slice()].concat(),
        Progress::Ready => vec![1],
        Progress::Freed => vec![2],
    };
    record.extend_from_slice(&xxh3_64(&record).to_le_bytes());
    meta.put(txn, &table_key(b'i', index), &record)
}

/// Forgets how far an index is.
pub(super) fn forget_index(meta: Raw, txn: &mut RwTxn<'_>, index: TableId) -> Result<(), heed::Error> {
    meta.delete(txn, &table_key(b'i', index))?;
    Ok(())
}

/// Whether anything is known of a table or an index that [`forget`] and [`forget_index`] would take away.
pub(super) fn remembers(meta: Raw, txn: &RoTxn<'_>, table: TableId) -> Result<bool, heed::Error> {
    for kind in *b"tbi" {
        if meta.get(txn, &table_key(kind, table))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets a dropped table.
pub(super) fn forget(meta: Raw, txn: &mut RwTxn<'_>, table: TableId) -> Result<(), heed::Error> {
    for kind in [b't', b'b'] {
        meta.delete(txn, &table_key(kind, table))?;
    }
    Ok(())
}
