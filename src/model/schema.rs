//! Tables: names, key schemas, and what else is known of one.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::image::MapRef;
use super::key::{KeyError, KeyType, KeyValue, TableId};
use super::value::Map;

/// A table's name: 3 to 255 characters of `a-z A-Z 0-9 _ - .`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableName(CompactString);

impl TableName {
    /// Checks a name.
    pub fn new(_name: &str) -> Option<TableName> {
        todo!()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One attribute of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    /// The attribute's name, to 255 characters.
    pub name: CompactString,
    /// Its type.
    #[serde(rename = "type")]
    pub key_type: KeyType,
}

/// A primary key: partition key and optional sort key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    /// HASH.
    pub partition: KeyAttribute,
    /// RANGE.
    pub sort: Option<KeyAttribute>,
}

impl KeySchema {
    /// The key attributes' values in an item, checked for type, emptiness and length. Other attributes are not looked at.
    pub fn key_of<'a>(&self, _item: &'a Map) -> Result<(KeyValue<'a>, Option<KeyValue<'a>>), KeyError> {
        todo!()
    }

    /// The same from an image.
    pub fn key_of_image<'a>(
        &self,
        _image: MapRef<'a>,
    ) -> Result<(KeyValue<'a>, Option<KeyValue<'a>>), KeyError> {
        todo!()
    }

    /// The type of a key attribute.
    pub fn type_of(&self, name: &str) -> Option<KeyType> {
        std::iter::once(&self.partition)
            .chain(self.sort.as_ref())
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.key_type)
    }

    /// Whether this attribute is part of the key.
    pub fn contains(&self, name: &str) -> bool {
        self.partition.name == name || self.sort.as_ref().is_some_and(|sort| sort.name == name)
    }
}

/// A table's TTL setting (UpdateTimeToLive).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TtlAttribute {
    /// The attribute that holds the expiry time: a Number, in whole seconds since 1970.
    pub attribute: CompactString,
}

/// What happens to new writes from MQTT and REST when the store is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// Refuse them: devices and clients keep the data.
    #[default]
    Reject,
    /// Give up the oldest changes that have not been sent upstream, counted as `dropped_unsent`.
    DropOldest,
}

/// A table as the catalog keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDef {
    /// Its number in the store.
    pub id: TableId,
    /// Its name.
    pub name: TableName,
    /// Its primary key.
    pub keys: KeySchema,
    /// TTL, where enabled.
    pub ttl: Option<TtlAttribute>,
    /// When TTL was last switched on or off, in seconds since 1970; 0: never.
    #[serde(default)]
    pub ttl_changed_at: u64,
    /// CreateTable's time, in microseconds since 1970.
    pub created_us: u64,
    /// `TableId` of DescribeTable: a UUID as text.
    pub uuid: String,
    /// PAY_PER_REQUEST, or the provisioned read and write units.
    pub provisioned: Option<(u64, u64)>,
    /// Deletion protection.
    pub deletion_protection: bool,
    /// When full (configured tables; others reject).
    #[serde(default)]
    pub when_full: WhenFull,
    /// Deleted: no longer visible; its rows are freed by folds, its id is never reused.
    #[serde(default)]
    pub dropped: bool,
}

impl TableDef {
    /// Whether the item has expired at this second; never where it is `None` (the clock is not trusted).
    pub fn is_expired(&self, image: MapRef<'_>, now: Option<u64>) -> bool {
        let Some(now) = now else { return false };
        self.expiry_of(image).is_some_and(|second| second <= now)
    }

    /// When the item expires, in whole seconds since 1970: the TTL attribute's value, where the table has TTL and the
    /// attribute is a Number. More than five years in the past does not count (developer guide, "Time to Live").
    pub fn expiry_of(&self, _image: MapRef<'_>) -> Option<u64> {
        todo!()
    }
}
