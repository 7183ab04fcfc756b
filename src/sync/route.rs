//! Which local table goes to which upstream table.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{KeyCodec, KeySchema, MapRef, RowKey, TableDef, TableId};

/// An upstream table's number within one upstream, for as long as the process lives. Two local tables of one name (one
/// dropped, one made anew) share it, so that one upstream key is one key here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub u32);

/// The way of one local table's changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The upstream table's number.
    pub lane: Lane,
    /// The upstream table's name.
    pub upstream: String,
    /// The local table's primary key.
    pub keys: KeySchema,
}

/// Gives tables their routes; shared by the reader and the worker.
#[derive(Debug)]
pub struct Routes {
    mapping: Option<BTreeMap<String, String>>,
    lanes: Mutex<HashMap<String, Lane>>,
}

impl Routes {
    /// With this mapping of local to upstream names; without one every table goes under its own name.
    pub fn new(mapping: Option<BTreeMap<String, String>>) -> Routes {
        Routes { mapping, lanes: Mutex::default() }
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
        Some(Arc::new(Route { lane, upstream, keys: table.keys.clone() }))
    }
}

impl Route {
    /// The upstream row that an image, or the key attributes of a delete, is about.
    pub fn key_of(&self, image: MapRef<'_>, codec: &KeyCodec) -> Option<RowKey> {
        let (partition, sort) = self.keys.key_of_image(image).ok()?;
        Some(codec.row_key(TableId(self.lane.0), partition, sort))
    }
}
