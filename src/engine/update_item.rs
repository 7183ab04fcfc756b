//! UpdateItem: a new item from the one that stands there, decided on the committer's thread.

use std::sync::Arc;

use super::error::unfit;
use super::prepare::{self, Preparing};
use super::{EngineError, OnlyIf, UpdateItem, Updated, index_keys, index_writes, keys, only_if};
use crate::expression::Update;
use crate::model::{Image, RowKey, TableDef, limits, size};
use crate::store::{About, Batch, Origin, Read};

/// What an update may weigh while it waits besides its key: its constants are part of a request's body.
const WEIGHT: usize = 4096;

/// What must be within the limit of an item's size. The service measures UpdateItem in its own way, and all else by the
/// item alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// The item that the update makes.
    Item,
    /// That, and [what the update writes](Update::written_size).
    ItemAndWritten,
}

/// An update ready to be decided.
pub(super) struct PreparedUpdate {
    table: Arc<TableDef>,
    key: RowKey,
    key_image: Image,
    update: Option<Update>,
    only_if: Option<OnlyIf>,
    about: About,
}

impl PreparedUpdate {
    pub(super) fn table(&self) -> &Arc<TableDef> {
        &self.table
    }

    pub(super) fn origin(&self) -> Origin {
        self.about.origin
    }

    pub(super) fn key(&self) -> &RowKey {
        &self.key
    }

    /// About how many bytes wait with it.
    pub(super) fn weight(&self) -> usize {
        WEIGHT + self.key_image.bytes().len()
    }
}

/// On the caller's task: table, key, and that the update leaves the key alone.
pub(super) fn prepare(preparing: &Preparing, request: UpdateItem) -> Result<PreparedUpdate, EngineError> {
    let UpdateItem { table, key, update, only_if, origin } = request;
    let table = Arc::clone(keys::table(&preparing.catalog, table.as_str())?);
    let row_key = keys::of_key(preparing.keys, &table, &key)?;
    only_if::update_of_table(&table, update.as_ref())?;
    only_if::condition_of_table(&table, only_if.as_ref().map(|only_if| &only_if.condition))?;
    let about = preparing.about(origin, None, None);
    Ok(PreparedUpdate { table, key: row_key, key_image: Image::encode(&key), update, only_if, about })
}

/// On the committer's thread. An update that only takes away makes no item where there is none, whatever its paths.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    prepared: PreparedUpdate,
    measure: Measure,
    now: Option<u64>,
) -> Result<Updated, EngineError> {
    let PreparedUpdate { table, key, key_image, update, only_if, about } = prepared;
    keys::still_there(read.catalog(), &table)?;
    let old = prepare::visible(read, &table, &key, now)?;
    only_if::check(only_if.as_ref(), old.as_ref())?;
    if old.is_none() && !update.as_ref().is_none_or(Update::creates) {
        return Ok(Updated { table, old, new: None, update, size: 0, indexes: Vec::new() });
    }
    let old_size = old.as_ref().map_or(0, prepare::image_size);
    let before = old.as_ref().unwrap_or(&key_image);
    let item = match &update {
        Some(update) => update.apply(before.as_map())?,
        None => before.as_map().to_map()?,
    };
    let new_size = size::item_size(&item);
    let written = match (&update, measure) {
        (Some(update), Measure::ItemAndWritten) => update.written_size(&item),
        _ => 0,
    };
    if new_size.max(written) > limits::ITEM_SIZE {
        return Err(unfit("Item size to update has exceeded the maximum allowed size"));
    }
    index_keys::check_updated(&table, &item)?;
    let new = Image::encode(&item);
    let about = About { size: prepare::known(new_size), ..about };
    batch.put(table.id, key, new.clone(), about);
    let indexes = index_writes::of(&table, old.as_ref(), Some(&new));
    Ok(Updated { table, old, new: Some(new), update, size: old_size.max(new_size), indexes })
}
