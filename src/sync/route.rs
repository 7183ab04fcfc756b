//! Which local table goes to which upstream table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::size::{image_size, part_size};
use crate::model::{ImageError, KeyCodec, KeySchema, MapRef, RowKey, TableDef, TableId};

#[cfg(test)]
mod tests;

/// An upstream table's number within one upstream, for as long as the process lives. Two local tables of one name (one
/// dropped, one made anew) share it, so that one upstream key is one key here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub u32);

/// Which attributes of a table's items are sent. Keys always are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Attributes {
    /// All.
    #[default]
    All,
    /// These.
    Only(BTreeSet<String>),
    /// All but these.
    Without(BTreeSet<String>),
}

/// How a table's changes are handled, as its owner decides; by default like those of any other table, and whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handling {
    /// The higher, the earlier.
    pub priority: i32,
    /// What is sent of an item.
    pub attributes: Attributes,
}

/// The way of one local table's changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The upstream table's number.
    pub lane: Lane,
    /// The upstream table's name.
    pub upstream: String,
    /// The local table's primary key.
    pub keys: KeySchema,
    /// How it is handled.
    pub handling: Handling,
}

/// Gives tables their routes; shared by the reader and the worker.
#[derive(Debug)]
pub struct Routes {
    mapping: Option<BTreeMap<String, String>>,
    handling: BTreeMap<String, Handling>,
    lanes: Mutex<HashMap<String, Lane>>,
}

impl Routes {
    /// With this mapping of local to upstream names (without one every table goes under its own name), and what is said of
    /// single local tables.
    pub fn new(mapping: Option<BTreeMap<String, String>>, handling: BTreeMap<String, Handling>) -> Routes {
        Routes { mapping, handling, lanes: Mutex::default() }
    }

    /// The upstream name of a local table; `None` where it is not sent.
    pub fn upstream_name<'a>(&'a self, local: &'a str) -> Option<&'a str> {
        match &self.mapping {
            Some(mapping) => mapping.get(local).map(String::as_str),
            None => Some(local),
        }
    }

    /// A table's route; `None` where it is not sent.
    pub fn of(&self, table: &TableDef) -> Option<Arc<Route>> {
        let upstream = self.upstream_name(table.name.as_str())?.to_owned();
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let next = Lane(u32::try_from(lanes.len()).unwrap_or(u32::MAX));
        let lane = *lanes.entry(upstream.clone()).or_insert(next);
        let handling = self.handling.get(table.name.as_str()).cloned().unwrap_or_default();
        Some(Arc::new(Route { lane, upstream, keys: table.keys.clone(), handling }))
    }
}

impl Route {
    /// The upstream row that an image, or the key attributes of a delete, is about.
    pub fn key_of(&self, image: MapRef<'_>, codec: &KeyCodec) -> Option<RowKey> {
        let (partition, sort) = self.keys.key_of_image(image).ok()?;
        Some(codec.row_key(TableId(self.lane.0), partition, sort))
    }

    /// Whether an attribute is sent.
    fn sends(&self, name: &str) -> bool {
        self.keys.contains(name)
            || match &self.handling.attributes {
                Attributes::All => true,
                Attributes::Only(names) => names.contains(name),
                Attributes::Without(names) => !names.contains(name),
            }
    }

    /// What is sent of an image.
    pub fn sent<'a>(&self, image: &'a [u8]) -> Result<Cow<'a, [u8]>, ImageError> {
        if self.handling.attributes == Attributes::All {
            return Ok(Cow::Borrowed(image));
        }
        let part = MapRef::new(image).project(|name| self.sends(name))?;
        Ok(Cow::Owned(part.bytes().to_vec()))
    }

    /// The size of what is sent, in bytes, as DynamoDB counts it.
    pub fn sent_size(&self, image: &[u8]) -> usize {
        match self.handling.attributes {
            Attributes::All => image_size(MapRef::new(image)),
            _ => part_size(MapRef::new(image), |name| self.sends(name)),
        }
    }
}
