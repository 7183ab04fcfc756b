//! What a decision stages.

use std::num::NonZeroU32;

use bytes::Bytes;

use super::{Before, Kind, Mark, Origin, Space};
use crate::clock::Stamp;
use crate::model::{Image, RowKey, TableDef, TableId};

/// The changes of one decision: all of them become durable, or none.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) changes: Vec<Change>,
}

/// One staged change.
#[derive(Debug)]
pub struct Change {
    /// The table, or a system space.
    pub table: TableId,
    /// The row's whole key.
    pub key: RowKey,
    /// Put or delete.
    pub kind: Kind,
    /// Who made it.
    pub origin: Origin,
    /// When.
    pub time: Stamp,
    /// Estimated attributes in the image.
    pub mark: Option<Mark>,
    /// Fingerprint of the MQTT delivery.
    pub delivery: Option<u64>,
    /// The item's size by DynamoDB's accounting, in bytes, where whoever staged it knows.
    pub size: Option<NonZeroU32>,
    /// New image, key attributes of a delete, or a system row's value.
    pub image: Bytes,
    /// What stood there before, where a stream asks; found out when the change is taken in.
    pub before: Option<Before<Bytes>>,
}

/// What goes with a change besides its row.
#[derive(Clone, Debug)]
pub struct About {
    /// Who made it.
    pub origin: Origin,
    /// When.
    pub time: Stamp,
    /// Estimated attributes in the image.
    pub mark: Option<Mark>,
    /// Fingerprint of the MQTT delivery.
    pub delivery: Option<u64>,
    /// The new item's size by DynamoDB's accounting, in bytes; `None`: it is counted from the image when that is folded.
    pub size: Option<NonZeroU32>,
}

impl Batch {
    /// Stages an item.
    pub fn put(&mut self, table: TableId, key: RowKey, image: Image, about: About) {
        self.item(Kind::Put, table, key, image, about);
    }

    /// Stages the removal of an item; `key_image` holds its key attributes.
    pub fn delete(&mut self, table: TableId, key: RowKey, key_image: Image, about: About) {
        self.item(Kind::Delete, table, key, key_image, about);
    }

    fn item(&mut self, kind: Kind, table: TableId, key: RowKey, image: Image, about: About) {
        let About { origin, time, mark, delivery, size } = about;
        let (image, before) = (image.into_bytes(), None);
        let change = Change { table, key, kind, origin, time, mark, delivery, size, image, before };
        self.changes.push(change);
    }

    /// Stages a row of the store's own; `None` removes it.
    pub fn set_system(&mut self, space: Space, key: &[u8], value: Option<Vec<u8>>, time: Stamp) {
        let kind = if value.is_some() { Kind::Put } else { Kind::Delete };
        self.changes.push(Change {
            table: TableId(space as u32),
            key: super::system_key(space, key),
            kind,
            origin: Origin::Local,
            time,
            mark: None,
            delivery: None,
            size: None,
            image: value.unwrap_or_default().into(),
            before: None,
        });
    }

    /// Stages a table's definition: a new one, or a changed one (a dropped table stays, marked so).
    pub fn define_table(&mut self, table: &TableDef, time: Stamp) -> Result<(), DefinitionTooOdd> {
        let mut value = Vec::new();
        ciborium::into_writer(table, &mut value).map_err(|_| DefinitionTooOdd)?;
        self.set_system(Space::Catalog, &table.id.0.to_be_bytes(), Some(value), time);
        Ok(())
    }

    /// Stages all that another batch holds, behind what is here.
    pub fn append(&mut self, mut other: Batch) {
        self.changes.append(&mut other.changes);
    }

    /// Whether nothing was staged.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// A table definition that can't be encoded.
#[derive(Debug, thiserror::Error)]
#[error("the table's definition can't be encoded")]
pub struct DefinitionTooOdd;
