//! Putting estimated times right, once their boot's offset is known, or given up (`design.md`, "Time").
//!
//! A marked row waits unsent. Its resolution is a local delete plus a put under the right key, or, given up, a put with an
//! attribute that says the time is estimated. A row that a client has rewritten since is no longer marked and is left alone.

use serde::{Deserialize, Serialize};

use super::{EngineError, keys};
use crate::clock::Stamp;
use crate::model::{AttributeValue, Image, Item, KeyCodec, Number, RowKey, TableDef};
use crate::store::{About, Batch, Mark, Origin, Read, Row, Unit};

/// The attribute of an item whose time could not be put right.
pub const ESTIMATED: &str = "forebay_time_estimated";

/// What became of a boot's estimated times; decided once, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolution {
    /// Microseconds to add.
    Offset(i64),
    /// The right time will not be known.
    GivenUp,
}

/// Marked rows to resolve.
#[derive(Clone, Debug)]
pub struct ResolveTime {
    /// The rows, as they were found.
    pub rows: Vec<(RowKey, Row)>,
    /// What is known of their boot.
    pub resolution: Resolution,
}

/// On the committer's thread; returns how many rows were resolved.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    codec: KeyCodec,
    request: &ResolveTime,
    stamp: Stamp,
) -> Result<u64, EngineError> {
    let mut staged = Batch::default();
    let mut resolved = 0;
    for (key, found) in &request.rows {
        let Some(row) = read.get(key)? else { continue };
        let Some(mark) = row.mark.as_ref().filter(|_| row.seq == found.seq) else { continue };
        let Some(table) = read.catalog().by_id(key.table()).filter(|table| !table.dropped) else { continue };
        one(read, &mut staged, codec, table, key, &row, mark, request.resolution, stamp)?;
        resolved += 1;
    }
    batch.append(staged);
    Ok(resolved)
}

/// How many microseconds further a resolved time is moved, at most, to find a key that is free.
const NUDGES: i64 = 64;

#[allow(clippy::too_many_arguments)] // one row's whole context; a struct for it would be used once
fn one(
    read: &dyn Read,
    batch: &mut Batch,
    codec: KeyCodec,
    table: &TableDef,
    key: &RowKey,
    row: &Row,
    mark: &Mark,
    resolution: Resolution,
    stamp: Stamp,
) -> Result<(), EngineError> {
    let about = |origin| About { origin, time: stamp, mark: None, delivery: None };
    let old = row.item();
    let item = old.as_map().to_map()?;
    let (item, new_key) = match resolution {
        Resolution::GivenUp => {
            let mut item = item;
            item.insert(ESTIMATED, AttributeValue::Bool(true));
            (item, key.clone())
        }
        Resolution::Offset(offset) => free_place(read, codec, table, key, &item, mark, offset)?,
    };
    if new_key != *key {
        let key_image = Image::encode(&keys::key_map(&table.keys, old.as_map())?);
        batch.delete(table.id, key.clone(), key_image, about(Origin::Local));
    }
    batch.put(table.id, new_key, Image::encode(&item), about(Origin::Daemon));
    Ok(())
}

/// The item moved by the offset, under a key where no other item stands.
fn free_place(
    read: &dyn Read,
    codec: KeyCodec,
    table: &TableDef,
    key: &RowKey,
    item: &Item,
    mark: &Mark,
    offset: i64,
) -> Result<(Item, RowKey), EngineError> {
    let mut nudge = 0;
    loop {
        let moved = shift(item, mark, offset.saturating_add(nudge));
        let new_key = keys::of_item(codec, table, &moved)?;
        if new_key == *key || nudge == NUDGES || read.get(&new_key)?.is_none() {
            return Ok((moved, new_key));
        }
        nudge += 1;
    }
}

/// Adds the offset to each movable attribute, in its unit; what is no longer a time stays as it is.
fn shift(item: &Item, mark: &Mark, offset_us: i64) -> Item {
    let mut moved = item.clone();
    for movable in &mark.attributes {
        let by = match movable.unit {
            Unit::Microseconds => offset_us,
            Unit::Seconds => offset_us.div_euclid(1_000_000),
        };
        match moved.get_mut(&movable.name) {
            Some(AttributeValue::N(number)) => {
                if let Some(time) = number.to_i64().and_then(|time| time.checked_add(by)) {
                    *number = Number::from(time);
                }
            }
            Some(AttributeValue::S(text)) => {
                if let Some(time) = text.parse::<i64>().ok().and_then(|time| time.checked_add(by)) {
                    *text = time.to_string().into();
                }
            }
            _ => {}
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::BootId;
    use crate::store::Movable;

    #[test]
    fn each_movable_attribute_moves_in_its_own_unit_and_others_stay() {
        let mut item = Item::new();
        item.insert("ts", AttributeValue::N(Number::from(1_000_000_i64)));
        item.insert("text", AttributeValue::S("5".into()));
        item.insert("expires_at", AttributeValue::N(Number::from(100_i64)));
        item.insert("other", AttributeValue::N(Number::from(7_i64)));
        let movable = |name: &str, unit| Movable { name: name.into(), unit };
        let attributes = vec![
            movable("ts", Unit::Microseconds),
            movable("text", Unit::Microseconds),
            movable("expires_at", Unit::Seconds),
            movable("absent", Unit::Seconds),
        ];
        let moved = shift(&item, &Mark { boot: BootId([0; 16]), attributes }, 3_500_000);
        assert_eq!(moved.get("ts"), Some(&AttributeValue::N(Number::from(4_500_000_i64))));
        assert_eq!(moved.get("text"), Some(&AttributeValue::S("3500005".into())));
        assert_eq!(moved.get("expires_at"), Some(&AttributeValue::N(Number::from(103_i64))));
        assert_eq!(moved.get("other"), Some(&AttributeValue::N(Number::from(7_i64))));
    }
}
