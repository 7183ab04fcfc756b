//! Preparing a write on its caller's task: all that needs no other row.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::EngineError;
use super::error::invalid;
use super::{index_keys, keys};
use crate::clock::Clock;
use crate::model::{Image, Item, KeyCodec, Map, RowKey, TableDef, TableName, limits, size};
use crate::store::{About, Catalog, Mark, Origin, Read};

/// What the service says of an item of more than 400 KB.
pub const ITEM_TOO_LARGE: &str = "Item size has exceeded the maximum allowed size";

/// What preparing needs of the engine.
pub(super) struct Preparing {
    pub(super) catalog: Arc<Catalog>,
    pub(super) keys: KeyCodec,
    pub(super) clock: Clock,
}

/// An item ready to be staged.
pub(super) struct PreparedPut {
    pub(super) table: Arc<TableDef>,
    pub(super) key: RowKey,
    pub(super) image: Image,
    pub(super) size: usize,
    pub(super) about: About,
}

/// A delete ready to be staged.
pub(super) struct PreparedDelete {
    pub(super) table: Arc<TableDef>,
    pub(super) key: RowKey,
    pub(super) key_image: Image,
    pub(super) about: About,
}

impl PreparedPut {
    /// About how many bytes will be staged.
    pub(super) fn weight(&self) -> usize {
        self.image.bytes().len() + self.key.as_slice().len()
    }
}

impl PreparedDelete {
    /// About how many bytes will be staged.
    pub(super) fn weight(&self) -> usize {
        self.key_image.bytes().len() + self.key.as_slice().len()
    }
}

impl Preparing {
    /// Size first, then the table, then its key: the service's order.
    pub(super) fn put(
        &self,
        table: &TableName,
        item: &Item,
        origin: Origin,
    ) -> Result<PreparedPut, EngineError> {
        let size = fits(item)?;
        self.sized_put(table, item, size, origin)
    }

    /// The same of an item whose size is known, and fits.
    pub(super) fn sized_put(
        &self,
        table: &TableName,
        item: &Item,
        size: usize,
        origin: Origin,
    ) -> Result<PreparedPut, EngineError> {
        let table = keys::table(&self.catalog, table.as_str())?;
        let (key, image) = keys::row_of_item(self.keys, table, item)?;
        index_keys::check(table, item)?;
        let about = About { size: known(size), ..self.about(origin, None, None) };
        Ok(PreparedPut { table: Arc::clone(table), key, image, size, about })
    }

    /// A key must be exactly the table's.
    pub(super) fn delete(
        &self,
        table: &TableName,
        key: &Map,
        origin: Origin,
    ) -> Result<PreparedDelete, EngineError> {
        let table = keys::table(&self.catalog, table.as_str())?;
        let row_key = keys::of_key(self.keys, table, key)?;
        let about = self.about(origin, None, None);
        Ok(PreparedDelete { table: Arc::clone(table), key: row_key, key_image: Image::encode(key), about })
    }

    /// A change's circumstances, stamped now.
    pub(super) fn about(&self, origin: Origin, mark: Option<Mark>, delivery: Option<u64>) -> About {
        About { origin, time: self.clock.stamp(), mark, delivery, size: None }
    }
}

/// An item's size, which must fit.
pub(super) fn fits(item: &Item) -> Result<usize, EngineError> {
    let size = size::item_size(item);
    if size > limits::ITEM_SIZE { Err(invalid(ITEM_TOO_LARGE)) } else { Ok(size) }
}

/// A size as the store takes it.
pub(super) fn known(size: usize) -> Option<NonZeroU32> {
    u32::try_from(size).ok().and_then(NonZeroU32::new)
}

/// What a put replaces, where that matters: to whoever asked, to a table that counts units, or to an index that has a row
/// of it. A look is a read on the committer's thread, of a cold page perhaps.
pub(super) fn replaced(
    read: &dyn Read,
    put: &PreparedPut,
    matters: bool,
    now: Option<u64>,
) -> Result<Option<Image>, EngineError> {
    let table = &put.table;
    let matters = matters || table.provisioned.is_some() || !table.indexes.list.is_empty();
    if matters { visible(read, table, &put.key, now) } else { Ok(None) }
}

/// The visible item under a key: what has expired is not there.
pub(super) fn visible(
    read: &dyn Read,
    table: &TableDef,
    key: &RowKey,
    now: Option<u64>,
) -> Result<Option<Image>, EngineError> {
    let Some(row) = read.get(key)? else { return Ok(None) };
    let image = row.item();
    Ok((!expired(table, &image, now)).then_some(image))
}

/// Whether an item has expired: never while the clock is not trusted.
pub(super) fn expired(table: &TableDef, image: &Image, now: Option<u64>) -> bool {
    table.is_expired(image.as_map(), now)
}

/// An item's size by DynamoDB's accounting.
pub(super) fn image_size(image: &Image) -> usize {
    size::image_size(image.as_map())
}
