//! Putting estimated times right, once their boot's offset is known, or given up (`design.md`, "Time").
//!
//! A marked row waits unsent. Its resolution is a local delete plus a put under the right key, or, given up, a put with an
//! attribute that says the time is estimated. A row that a client has rewritten since is no longer marked and is left alone.

use std::collections::HashSet;

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
    let mut resolving = Resolving {
        read,
        codec,
        stamp,
        staged: Batch::default(),
        taken: HashSet::new(),
        left: HashSet::new(),
        resolved: 0,
    };
    // Against the way the rows move: each leaves its place before the next one may come there.
    let forwards = matches!(request.resolution, Resolution::Offset(offset) if offset > 0);
    if forwards {
        request.rows.iter().rev().try_for_each(|found| resolving.one(found, request.resolution))?;
    } else {
        request.rows.iter().try_for_each(|found| resolving.one(found, request.resolution))?;
    }
    batch.append(resolving.staged);
    Ok(resolving.resolved)
}

/// How many microseconds further a resolved time is moved, at most, to find a key that is free.
const NUDGES: i64 = 64;

/// Rows being resolved in one commit, and what that does to keys: nothing staged here is seen by `read`.
struct Resolving<'r> {
    read: &'r dyn Read,
    codec: KeyCodec,
    stamp: Stamp,
    staged: Batch,
    /// Keys that a resolved row has now.
    taken: HashSet<RowKey>,
    /// Keys that a resolved row had.
    left: HashSet<RowKey>,
    resolved: u64,
}

impl Resolving<'_> {
    fn one(&mut self, (key, found): &(RowKey, Row), resolution: Resolution) -> Result<(), EngineError> {
        let read = self.read;
        let Some(row) = read.get(key)? else { return Ok(()) };
        let Some(mark) = row.mark.as_ref().filter(|_| row.seq == found.seq) else { return Ok(()) };
        let Some(table) = read.catalog().by_id(key.table()) else { return Ok(()) };
        let old = row.item();
        self.resolved += 1;
        if table.dropped {
            // Nobody waits for it; its mark must not hold up those of other tables.
            return self.leave(table, key, &old);
        }
        let mut item = old.as_map().to_map()?;
        let place = match resolution {
            Resolution::GivenUp => None,
            Resolution::Offset(offset) => self.free_place(table, key, &item, mark, offset)?,
        };
        let new_key = match place {
            Some((moved, new_key)) => {
                item = moved;
                new_key
            }
            None => {
                item.insert(ESTIMATED, AttributeValue::Bool(true));
                key.clone()
            }
        };
        if new_key != *key {
            self.leave(table, key, &old)?;
        }
        self.taken.insert(new_key.clone());
        self.staged.put(table.id, new_key, Image::encode(&item), self.about(Origin::Daemon));
        Ok(())
    }

    /// Removes a row from where it stands, here only.
    fn leave(&mut self, table: &TableDef, key: &RowKey, old: &Image) -> Result<(), EngineError> {
        let key_image = Image::encode(&keys::key_map(&table.keys, old.as_map())?);
        self.staged.delete(table.id, key.clone(), key_image, self.about(Origin::Local));
        self.left.insert(key.clone());
        Ok(())
    }

    fn about(&self, origin: Origin) -> About {
        About { origin, time: self.stamp, mark: None, delivery: None, size: None }
    }

    /// The item moved by the offset, under a key where no other item stands; `None` if all places near are taken.
    fn free_place(
        &self,
        table: &TableDef,
        key: &RowKey,
        item: &Item,
        mark: &Mark,
        offset: i64,
    ) -> Result<Option<(Item, RowKey)>, EngineError> {
        for nudge in 0..=NUDGES {
            let moved = shift(item, mark, offset.saturating_add(nudge));
            let new_key = keys::of_item(self.codec, table, &moved)?;
            let free = !self.taken.contains(&new_key)
                && (new_key == *key || self.left.contains(&new_key) || self.read.get(&new_key)?.is_none());
            if free {
                return Ok(Some((moved, new_key)));
            }
        }
        Ok(None)
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
    use crate::clock::{BootId, Clock};
    use crate::engine::{CreateTable, Engine, Ingest, IngestPut, Scan};
    use crate::model::{KeyAttribute, KeySchema, KeyType, TableName};
    use crate::security::{Principal, authorize};
    use crate::store::{Movable, Store, StoreSettings, Urgency};

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

    /// Rows of one device, one a microsecond, moved by less than they span.
    #[tokio::test]
    async fn rows_that_move_into_each_others_places_are_all_kept() {
        for (offset, at_once) in [(7, 1000), (-7, 1000), (200, 1000), (40, 100), (-40, 100)] {
            let directory = tempfile::tempdir().unwrap();
            let clock = Clock::manual(1_800_000_000_000_000);
            let settings =
                StoreSettings { max_size: 64 << 20, ..StoreSettings::new(directory.path().join("store")) };
            let store = Store::open(&settings, &clock).unwrap();
            let engine = Engine::new(store.clone(), clock.clone());
            let attribute = |name: &str, key_type| KeyAttribute { name: name.into(), key_type };
            let table = TableName::new("readings").unwrap();
            let partition = attribute("device", KeyType::S);
            let create = CreateTable {
                table: table.clone(),
                keys: KeySchema { partition, sort: Some(attribute("ts", KeyType::N)) },
                provisioned: None,
                deletion_protection: false,
                settings: Default::default(),
            };
            engine.create_table(authorize(Principal::Daemon, create)).await.unwrap();
            let put = |ts: i64| {
                let mut item = Item::new();
                item.insert("device", AttributeValue::S("d".into()));
                item.insert("ts", AttributeValue::N(Number::from(ts)));
                item.insert("was", AttributeValue::N(Number::from(ts)));
                let attributes = vec![Movable { name: "ts".into(), unit: Unit::Microseconds }];
                let mark = Some(Mark { boot: clock.boot(), attributes });
                IngestPut { table: table.clone(), item, mark, delivery: None, dup: false }
            };
            let puts = (1000..1300).map(put).collect();
            let ingest = Ingest { puts, origin: Origin::Mqtt, urgency: Urgency::Now };
            engine.ingest(authorize(Principal::Daemon, ingest)).await.unwrap();
            loop {
                let rows = store.marked(clock.boot(), at_once).unwrap();
                if rows.is_empty() {
                    break;
                }
                let request = ResolveTime { rows, resolution: Resolution::Offset(offset) };
                engine.resolve_time(authorize(Principal::Daemon, request)).await.unwrap();
            }
            let scan = Scan {
                index: None,
                table,
                limit: None,
                start: None,
                segment: None,
                selection: crate::engine::Selection::default(),
            };
            let page = engine.scan(authorize(Principal::Daemon, scan)).await.unwrap();
            let items: Vec<Item> = page.items.iter().map(|image| image.as_map().to_map().unwrap()).collect();
            let number = |item: &Item, name| match item.get(name) {
                Some(AttributeValue::N(number)) => number.to_i64().unwrap(),
                other => panic!("{other:?}"),
            };
            let mut were: Vec<i64> = items.iter().map(|item| number(item, "was")).collect();
            were.sort_unstable();
            assert_eq!(were, (1000..1300).collect::<Vec<_>>(), "moved by {offset}, {at_once} at once");
            if at_once == 1000 {
                assert!(items.iter().all(|item| number(item, "ts") == number(item, "was") + offset));
            }
        }
    }
}
