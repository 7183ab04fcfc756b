//! What Query and Scan read: a table, or one of its indexes.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::error::invalid;
use super::{EngineError, OfIndex, Selection, keys};
use crate::model::key::PARTITION_PREFIX;
use crate::model::{
    Image, ImageError, IndexDef, IndexKind, KeyAttribute, KeyCodec, KeyValue, Map, MapRef, Name, Projection,
    TableDef, TableId, size,
};
use crate::store::{Direction, IndexState, KeyRange, Read, RowRef};

/// A table, or one of its indexes.
pub(super) struct Target {
    pub(super) table: Arc<TableDef>,
    /// The index's place in the table's list.
    index: Option<usize>,
    /// Items come whole, though the index does not show all of them (a local one may be asked for that).
    whole: bool,
}

impl Target {
    /// The table, or the index that is asked for.
    pub(super) fn find(table: Arc<TableDef>, asked: Option<&OfIndex>) -> Result<Target, EngineError> {
        let Some(OfIndex { name, consistent, .. }) = asked else {
            return Ok(Target { table, index: None, whole: true });
        };
        let place = table.indexes.list.iter().position(|index| !index.dropped && index.name == *name);
        let Some(index) = place.and_then(|place| table.indexes.list.get(place)) else {
            return Err(invalid(format!("The table does not have the specified index: {name}")));
        };
        if index.kind == IndexKind::Global && *consistent {
            return Err(invalid("Consistent reads are not supported on global secondary indexes"));
        }
        let whole = index.projection == Projection::All;
        Ok(Target { index: place, whole, table })
    }

    /// Takes what is wanted of the items, which an index must have: the service looks at that after the keys.
    pub(super) fn select(
        mut self,
        read: &dyn Read,
        asked: Option<&OfIndex>,
        selection: &Selection,
    ) -> Result<Target, EngineError> {
        let (Some(asked), Some(index)) = (asked, self.index()) else { return Ok(self) };
        let OfIndex { name, all_attributes, .. } = asked;
        if index.kind == IndexKind::Global && *all_attributes && index.projection != Projection::All {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index {name} because its projection type is not ALL"
            )));
        }
        let beyond = *all_attributes || Target::reaches_beyond(&self.table, index, selection)?;
        if read.index_state(index)? != IndexState::Ready {
            let kind = match index.kind {
                IndexKind::Global => "global",
                IndexKind::Local => "local",
            };
            return Err(invalid(format!("Cannot read from backfilling {kind} secondary index: {name}")));
        }
        self.whole |= beyond;
        Ok(self)
    }

    /// Whether more of the items is needed than the index shows. A local index has the rest from its table, a global one
    /// has not.
    fn reaches_beyond(
        table: &TableDef,
        index: &IndexDef,
        selection: &Selection,
    ) -> Result<bool, EngineError> {
        let beyond = |name: &&str| !index.projects(&table.keys, name);
        let projected = selection.projection.iter().flat_map(|projection| projection.attributes());
        let missing: Vec<_> = projected.map(|(name, _)| name).filter(beyond).collect();
        if index.kind == IndexKind::Global && !missing.is_empty() {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Global secondary index {} does not project [{}]",
                index.name,
                missing.join(", ")
            )));
        }
        let filtered = selection.filter.iter().flat_map(|filter| filter.attributes());
        let filters = filtered.map(|(name, _)| name).any(|name| beyond(&name));
        Ok(index.kind == IndexKind::Local && (filters || !missing.is_empty()))
    }

    /// The index.
    pub(super) fn index(&self) -> Option<&IndexDef> {
        self.index.and_then(|place| self.table.indexes.list.get(place))
    }

    /// The number that its rows begin with.
    pub(super) fn id(&self) -> TableId {
        self.index().map_or(self.table.id, |index| index.id)
    }

    /// HASH attributes.
    pub(super) fn partition(&self) -> &[KeyAttribute] {
        match self.index() {
            Some(index) => &index.partition,
            None => std::slice::from_ref(&self.table.keys.partition),
        }
    }

    /// RANGE attributes.
    pub(super) fn sort(&self) -> &[KeyAttribute] {
        match self.index() {
            Some(index) => &index.sort,
            None => self.table.keys.sort.as_slice(),
        }
    }

    /// What all rows of a partition begin with.
    pub(super) fn prefix(&self, codec: KeyCodec, partition: &[KeyValue<'_>]) -> [u8; PARTITION_PREFIX] {
        codec.index_partition(self.id(), partition)
    }

    /// The key of an item as LastEvaluatedKey has it.
    pub(super) fn last(&self, image: MapRef<'_>) -> Result<Map, EngineError> {
        let mut key = Map::new();
        for name in self.key_names() {
            let value = image.get(name)?.ok_or(ImageError)?;
            key.insert(Name::from(name), value.to_value()?);
        }
        Ok(key)
    }

    /// The names of all key attributes of table and index, each once.
    pub(super) fn key_names(&self) -> Vec<&str> {
        let table = std::iter::once(&self.table.keys.partition).chain(&self.table.keys.sort);
        let mut names: Vec<&str> = table.map(|key| key.name.as_str()).collect();
        for (_, key) in self.index().into_iter().flat_map(IndexDef::attributes) {
            if !names.contains(&key.name.as_str()) {
                names.push(&key.name);
            }
        }
        names
    }

    /// Whether an item is of this partition: its row's hash alone is not proof.
    pub(super) fn is_of(&self, image: MapRef<'_>, partition: &[KeyValue<'_>]) -> Result<bool, ImageError> {
        for (key, value) in self.partition().iter().zip(partition) {
            if !keys::has_key(image, &key.name, *value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The rows of a range, in order, until the visitor breaks.
    pub(super) fn scan(
        &self,
        read: &dyn Read,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        match self.index() {
            Some(index) => read.scan_index(&self.table, index, range, direction, visit)?,
            None => read.scan(range, direction, visit)?,
        }
        Ok(())
    }

    /// What is shown of an item, where that is not all of it.
    pub(super) fn shown(&self, image: MapRef<'_>) -> Result<Option<Image>, ImageError> {
        match self.index() {
            Some(index) if !self.whole => image.project(|name| self.shows(index, name)).map(Some),
            _ => Ok(None),
        }
    }

    /// How much is read of an item: in the index, in bytes; and beyond it, in the table, in bytes.
    pub(super) fn sizes(&self, image: MapRef<'_>) -> (usize, usize) {
        let Some(index) = self.index().filter(|index| index.projection != Projection::All) else {
            return (size::image_size(image), 0);
        };
        let beyond = if self.whole { size::image_size(image) } else { 0 };
        (size::part_size(image, |name| self.shows(index, name)), beyond)
    }

    fn shows(&self, index: &IndexDef, name: &str) -> bool {
        index.projects(&self.table.keys, name)
    }
}
