//! Secondary indexes: their definitions, and the keys that items have in them.
//!
//! A global index has one to four partition attributes and up to four sort attributes of its own; a local one shares the
//! table's partition key (developer guide, "Secondary indexes" and "Multi-attribute keys").

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::image::MapRef;
use super::key::{KeyError, KeyPart, KeyValue, TableId};
use super::schema::{KeyAttribute, KeySchema};
use super::value::{Map, Name};

/// Local or global.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// Shares the table's partition key.
    Local,
    /// Has keys of its own.
    Global,
}

/// What of an item an index shows beside the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// Everything.
    All,
    /// The keys of index and table.
    KeysOnly,
    /// The keys, and these attributes.
    Include(Vec<Name>),
}

/// An index as its table's definition keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexDef {
    /// Its number in the store, from the same row of numbers as the tables'.
    pub id: TableId,
    /// Its name.
    pub name: CompactString,
    /// Local or global.
    pub kind: IndexKind,
    /// HASH attributes, one to four.
    pub partition: Vec<KeyAttribute>,
    /// RANGE attributes, up to four.
    pub sort: Vec<KeyAttribute>,
    /// What it shows.
    pub projection: Projection,
    /// Read and write units of its own.
    #[serde(default)]
    pub provisioned: Option<(u64, u64)>,
    /// The most read and write units a second that it is to take on demand: kept and shown. −1: no limit.
    #[serde(default)]
    pub on_demand_most: Option<(i64, i64)>,
    /// Read and write units a second that it was once warm for: kept and shown, see
    /// [`super::options::TableOptions::warm_throughput`].
    #[serde(default)]
    pub warm: (u64, u64),
    /// Added to a table that was there: items of before have to be brought in.
    #[serde(default)]
    pub added: bool,
    /// Removed: not visible any more; its rows are freed in the background.
    #[serde(default)]
    pub dropped: bool,
}

/// A table's indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indexes {
    /// In the order in which they were made; removed ones stay until their rows are gone.
    pub list: Vec<IndexDef>,
    /// The highest number that an index of this table has ever had: numbers are never given twice.
    pub numbered_to: u32,
}

impl Indexes {
    /// Whether any of them has units of its own.
    pub fn have_units(&self) -> bool {
        self.live().any(|index| index.provisioned.is_some())
    }

    /// The indexes that are not removed.
    pub fn live(&self) -> impl Iterator<Item = &IndexDef> {
        self.list.iter().filter(|index| !index.dropped)
    }

    /// The indexes of a kind that are not removed.
    pub fn of_kind(&self, kind: IndexKind) -> impl Iterator<Item = &IndexDef> {
        self.live().filter(move |index| index.kind == kind)
    }

    /// An index that is not removed, by name.
    pub fn named(&self, name: &str) -> Option<&IndexDef> {
        self.live().find(|index| index.name == name)
    }
}

/// Why an item can't be stored: of one index, the attribute and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in the index {index}: {error}")]
pub struct IndexKeyError {
    /// The index.
    pub index: CompactString,
    /// What is wrong.
    pub error: KeyError,
}

/// An item's key in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexKeyValues<'a> {
    /// The partition attributes' values, in the index's order.
    pub partition: Vec<KeyValue<'a>>,
    /// The sort attributes' values, in the index's order.
    pub sort: Vec<KeyValue<'a>>,
}

impl IndexDef {
    /// All key attributes, each with its part, the partition's first.
    pub fn attributes(&self) -> impl Iterator<Item = (KeyPart, &KeyAttribute)> {
        let partition = self.partition.iter().map(|attribute| (KeyPart::Partition, attribute));
        partition.chain(self.sort.iter().map(|attribute| (KeyPart::Sort, attribute)))
    }

    /// Whether this attribute is part of the index's key.
    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|(_, attribute)| attribute.name == name)
    }

    /// Whether the index shows this attribute.
    pub fn projects(&self, table: &KeySchema, name: &str) -> bool {
        match &self.projection {
            Projection::All => true,
            Projection::Include(names) if names.iter().any(|included| included == name) => true,
            _ => table.contains(name) || self.contains(name),
        }
    }

    /// The key of an item in this index; `None` where it is not in it, because an attribute is missing or unfit.
    pub fn key_of_image<'a>(&self, image: MapRef<'a>) -> Option<IndexKeyValues<'a>> {
        let mut values = IndexKeyValues { partition: Vec::with_capacity(1), sort: Vec::with_capacity(1) };
        for (part, attribute) in self.attributes() {
            let value = attribute.of_image(part, image).ok()?;
            match part {
                KeyPart::Partition => values.partition.push(value),
                KeyPart::Sort => values.sort.push(value),
            }
        }
        Some(values)
    }

    /// Whether an item may be stored: a key attribute of the index may be missing, but not be of another type, empty or
    /// too long.
    pub fn check(&self, item: &Map) -> Result<(), IndexKeyError> {
        for (part, attribute) in self.attributes() {
            match attribute.of(part, item.get(&attribute.name)) {
                Ok(_) | Err(KeyError::Missing { .. }) => {}
                Err(error) => return Err(IndexKeyError { index: self.name.clone(), error }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AttributeValue, Image, KeyType, Number};

    fn index() -> IndexDef {
        let attribute = |name: &str, key_type| KeyAttribute { name: name.into(), key_type };
        IndexDef {
            id: TableId(300),
            name: "by-kind".into(),
            kind: IndexKind::Global,
            partition: vec![attribute("kind", KeyType::S)],
            sort: vec![attribute("room", KeyType::S), attribute("ts", KeyType::N)],
            projection: Projection::Include(vec!["note".into()]),
            provisioned: None,
            on_demand_most: None,
            warm: (0, 0),
            added: false,
            dropped: false,
        }
    }

    fn item(pairs: &[(&str, AttributeValue)]) -> Map {
        let pairs = pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        Map::from_pairs(pairs).unwrap()
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    #[test]
    fn only_items_with_the_whole_key_are_in_an_index() {
        let n = AttributeValue::N(Number::from(5_u64));
        let whole = item(&[("kind", s("k")), ("room", s("r")), ("ts", n.clone()), ("x", s("y"))]);
        let image = Image::encode(&whole);
        let key = index().key_of_image(image.as_map()).unwrap();
        assert_eq!(key.partition, [KeyValue::S("k")]);
        assert_eq!(key.sort, [KeyValue::S("r"), KeyValue::N(Number::from(5_u64))]);
        for (pairs, allowed) in [
            (vec![("kind", s("k")), ("ts", n.clone())], true),
            (vec![("kind", s("k")), ("room", s("")), ("ts", n.clone())], false),
            (vec![("kind", s("k")), ("room", n.clone())], false),
            (vec![("kind", AttributeValue::Null), ("room", s("r")), ("ts", n.clone())], false),
            (vec![("kind", s("k")), ("room", s(&"r".repeat(1025))), ("ts", n.clone())], false),
        ] {
            let item = item(&pairs);
            assert_eq!(index().key_of_image(Image::encode(&item).as_map()), None, "{pairs:?}");
            assert_eq!(index().check(&item).is_ok(), allowed, "{pairs:?}");
        }
    }

    #[test]
    fn keys_are_always_projected() {
        let table =
            KeySchema { partition: KeyAttribute { name: "id".into(), key_type: KeyType::S }, sort: None };
        let shown: Vec<_> =
            ["id", "kind", "room", "ts", "note", "other"].map(|name| index().projects(&table, name)).into();
        assert_eq!(shown, [true, true, true, true, true, false]);
        let keys_only = IndexDef { projection: Projection::KeysOnly, ..index() };
        assert!(keys_only.projects(&table, "ts") && !keys_only.projects(&table, "note"));
        let all = IndexDef { projection: Projection::All, ..index() };
        assert!(all.projects(&table, "other"));
    }
}
