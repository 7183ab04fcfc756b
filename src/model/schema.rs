//! Tables: names, key schemas, and what else is known of one.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::image::{ImageError, MapRef, ValueRef};
use super::index::Indexes;
use super::key::{KeyError, KeyPart, KeyType, KeyValue, TableId};
use super::limits::{TABLE_NAME_MAX, TABLE_NAME_MIN, TTL_PAST_SECONDS};
use super::number::Number;
use super::options::TableOptions;
use super::value::{AttributeValue, Map};

/// A table's name: 3 to 255 characters of `a-z A-Z 0-9 _ - .`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableName(CompactString);

impl TableName {
    /// Checks a name.
    pub fn new(name: &str) -> Option<TableName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let fits = (TABLE_NAME_MIN..=TABLE_NAME_MAX).contains(&name.len());
        (fits && name.bytes().all(allowed)).then(|| TableName(CompactString::from(name)))
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

/// A key attribute's value, or the name of a type that no key has.
type Found<'a> = Result<KeyValue<'a>, &'static str>;

fn from_memory(value: &AttributeValue) -> Found<'_> {
    match value {
        AttributeValue::S(text) => Ok(KeyValue::S(text)),
        AttributeValue::N(number) => Ok(KeyValue::N(*number)),
        AttributeValue::B(bytes) => Ok(KeyValue::B(bytes)),
        other => Err(other.type_name()),
    }
}

fn from_image(value: ValueRef<'_>) -> Found<'_> {
    match value {
        ValueRef::S(text) => Ok(KeyValue::S(text)),
        ValueRef::N(number) => Ok(KeyValue::N(number)),
        ValueRef::B(bytes) => Ok(KeyValue::B(bytes)),
        ValueRef::Bool(_) => Err("BOOL"),
        ValueRef::Null => Err("NULL"),
        ValueRef::L(_) => Err("L"),
        ValueRef::M(_) => Err("M"),
        ValueRef::SS(_) => Err("SS"),
        ValueRef::NS(_) => Err("NS"),
        ValueRef::BS(_) => Err("BS"),
    }
}

impl KeyAttribute {
    /// A value as this part of a key, checked for presence, type, emptiness and length.
    pub fn of<'a>(&self, part: KeyPart, value: Option<&'a AttributeValue>) -> Result<KeyValue<'a>, KeyError> {
        self.checked(part, value.map(from_memory))
    }

    /// The same from an image; an attribute that can't be read counts as missing.
    pub fn of_image<'a>(&self, part: KeyPart, image: MapRef<'a>) -> Result<KeyValue<'a>, KeyError> {
        self.checked(part, image.get(&self.name).ok().flatten().map(from_image))
    }

    fn checked<'a>(&self, part: KeyPart, found: Option<Found<'a>>) -> Result<KeyValue<'a>, KeyError> {
        let wrong_type =
            |actual| KeyError::WrongType { name: self.name.to_string(), expected: self.key_type, actual };
        let value = match found {
            None => return Err(KeyError::Missing { name: self.name.to_string() }),
            Some(Err(actual)) => return Err(wrong_type(actual)),
            Some(Ok(value)) => value,
        };
        if value.key_type() != self.key_type {
            return Err(wrong_type(value.key_type().name()));
        }
        part.check(&self.name, value)?;
        Ok(value)
    }
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
    pub fn key_of<'a>(&self, item: &'a Map) -> Result<(KeyValue<'a>, Option<KeyValue<'a>>), KeyError> {
        self.key_with(|name| item.get(name).map(from_memory))
    }

    /// The same from an image. An attribute that can't be read counts as missing.
    pub fn key_of_image<'a>(
        &self,
        image: MapRef<'a>,
    ) -> Result<(KeyValue<'a>, Option<KeyValue<'a>>), KeyError> {
        self.key_with(|name| image.get(name).ok().flatten().map(from_image))
    }

    fn key_with<'a>(
        &self,
        find: impl Fn(&str) -> Option<Found<'a>>,
    ) -> Result<(KeyValue<'a>, Option<KeyValue<'a>>), KeyError> {
        let partition = self.partition.checked(KeyPart::Partition, find(&self.partition.name))?;
        let sort = match &self.sort {
            Some(sort) => Some(sort.checked(KeyPart::Sort, find(&sort.name))?),
            None => None,
        };
        Ok((partition, sort))
    }

    /// The key attributes of an image, as an item of their own.
    pub fn key_map(&self, image: MapRef<'_>) -> Result<Map, ImageError> {
        let mut key = Map::new();
        for attribute in std::iter::once(&self.partition).chain(self.sort.as_ref()) {
            let value = image.get(&attribute.name)?.ok_or(ImageError)?;
            key.insert(attribute.name.clone(), value.to_value()?);
        }
        Ok(key)
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
    /// Its secondary indexes.
    #[serde(default)]
    pub indexes: Indexes,
    /// Tags, class, streams …
    #[serde(default)]
    pub options: TableOptions,
    /// Deleted: no longer visible; its rows are freed by folds, its id is never reused.
    #[serde(default)]
    pub dropped: bool,
}

impl TableDef {
    /// A table with nothing but keys: on demand, without TTL, indexes, options or protection, made in 1970.
    pub fn new(id: TableId, name: TableName, keys: KeySchema) -> TableDef {
        TableDef {
            id,
            name,
            keys,
            ttl: None,
            ttl_changed_at: 0,
            created_us: 0,
            uuid: String::new(),
            provisioned: None,
            deletion_protection: false,
            when_full: WhenFull::default(),
            indexes: Indexes::default(),
            options: TableOptions::default(),
            dropped: false,
        }
    }

    /// Whether the item has expired at this second; never where it is `None` (the clock is not trusted).
    pub fn is_expired(&self, image: MapRef<'_>, now: Option<u64>) -> bool {
        let Some(now) = now else { return false };
        self.expiry_of(image).is_some_and(|expiry| is_expired(expiry, now))
    }

    /// When the item expires, in whole seconds since 1970: the TTL attribute's value, where the table has TTL and the
    /// attribute is a Number. A fraction of a second rounds up, so that nothing expires early; what is before 1970 or
    /// beyond 64 bits never expires. Whether that time has come is [`is_expired`]'s to say: a time of more than five
    /// years ago does not count, and this function knows no `now`.
    pub fn expiry_of(&self, image: MapRef<'_>) -> Option<u64> {
        let ttl = self.ttl.as_ref()?;
        match image.get(&ttl.attribute) {
            Ok(Some(ValueRef::N(number))) => expiry_second(&number),
            _ => None,
        }
    }

    /// The same from an item in memory.
    pub fn expiry_of_item(&self, item: &Map) -> Option<u64> {
        let ttl = self.ttl.as_ref()?;
        match item.get(&ttl.attribute) {
            Some(AttributeValue::N(number)) => expiry_second(number),
            _ => None,
        }
    }
}

/// A TTL attribute's value as the second of expiry.
fn expiry_second(number: &Number) -> Option<u64> {
    if number.is_negative() { None } else { number.ceil_u64() }
}

/// Whether an item whose expiry is this second has expired: its second has come, and is at most five years past
/// (developer guide, "Time to Live": older values, mostly mistakes of unit or zeros, do not expire).
pub fn is_expired(expiry: u64, now_s: u64) -> bool {
    expiry <= now_s && now_s - expiry <= TTL_PAST_SECONDS
}

#[cfg(test)]
mod tests;
