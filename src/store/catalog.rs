//! The tables, in memory; kept as rows of [`super::Space::Catalog`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{TableDef, TableId, WhenFull};

/// All tables at one point in the order of changes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    by_id: BTreeMap<TableId, Arc<TableDef>>,
}

impl Catalog {
    /// A live table by name.
    pub fn table(&self, name: &str) -> Option<&Arc<TableDef>> {
        self.by_id.values().find(|table| !table.dropped && table.name.as_str() == name)
    }

    /// A table by number, dropped ones too.
    pub fn by_id(&self, id: TableId) -> Option<&Arc<TableDef>> {
        self.by_id.get(&id)
    }

    /// The live tables, by name.
    pub fn tables(&self) -> Vec<&Arc<TableDef>> {
        let mut tables: Vec<_> = self.by_id.values().filter(|table| !table.dropped).collect();
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        tables
    }

    /// All tables, dropped ones too, by number.
    pub fn all(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.by_id.values()
    }

    /// Whether any table's oldest may go where space is short.
    pub fn drops(&self) -> bool {
        self.by_id.values().any(|table| !table.dropped && table.when_full == WhenFull::DropOldest)
    }

    /// The next number for a table or an index.
    pub fn next_id(&self) -> TableId {
        let last = self.by_id.values().map(|table| table.id.0.max(table.indexes.numbered_to)).max();
        last.map_or(TableId::FIRST, |last| TableId(last + 1).max(TableId::FIRST))
    }

    /// Puts a definition in.
    pub(crate) fn set(&mut self, table: TableDef) {
        self.by_id.insert(table.id, Arc::new(table));
    }
}
