//! Provisioned capacity at this door: who has none left is told so before anything is done.

use super::Call;
use super::capacity::{IndexUnits, Units};
use super::error::{Kind, WireError};
use crate::engine::{Capacity, Exceeded};
use crate::model::{TableDef, TableName};

impl Call<'_> {
    /// Whether a table has capacity left. One that is not there has: what is wrong with it is said elsewhere.
    pub(super) fn has_left(&self, table: &TableName, capacity: Capacity) -> bool {
        self.engine().has_left(table.as_str(), capacity)
    }

    /// Refuses a request to a table that has no capacity left.
    pub(super) fn admit(&self, table: &TableName, capacity: Capacity) -> Result<(), WireError> {
        if self.has_left(table, capacity) { Ok(()) } else { Err(exceeded(Exceeded::Table)) }
    }

    /// The same of a read of a table, or of an index of it.
    pub(super) fn admit_read(&self, table: &TableName, index: Option<&str>) -> Result<(), WireError> {
        self.engine().read_has_left(table.as_str(), index).map_err(exceeded)
    }

    /// Takes what a request has cost.
    pub(super) fn spend(&self, table: &TableDef, capacity: Capacity, units: Units) {
        self.engine().spend(table, None, capacity, units.halves());
    }

    /// The same with what it has cost in indexes: a local one is paid by its table, a global one has units of its own.
    pub(super) fn spend_with(
        &self,
        table: &TableDef,
        capacity: Capacity,
        units: Units,
        indexes: &[IndexUnits],
    ) {
        self.spend(table, capacity, units);
        for (name, _, units) in indexes {
            self.engine().spend(table, Some(name), capacity, units.halves());
        }
    }

    /// A copy of what a batch has for tables whose global indexes have units of their own: it may come back.
    pub(super) fn held_by_indexes<T: Clone>(&self, tables: &[(TableName, T)]) -> Vec<(TableName, T)> {
        let limits = |name: &TableName| {
            self.engine().table(name.as_str()).is_ok_and(|table| table.indexes.have_units())
        };
        tables.iter().filter(|(name, _)| limits(name)).cloned().collect()
    }

    /// What of a batch can go on: the tables that have capacity left, and the others. Refused if there are none.
    pub(super) fn admitted<T>(
        &self,
        tables: Vec<(TableName, T)>,
        capacity: Capacity,
    ) -> Result<Divided<T>, WireError> {
        let (now, later): Divided<T> =
            tables.into_iter().partition(|(name, _)| self.has_left(name, capacity));
        if now.is_empty() && !later.is_empty() {
            return Err(exceeded(Exceeded::Table));
        }
        Ok((now, later))
    }
}

/// What goes on, and what has to wait.
type Divided<T> = (Vec<(TableName, T)>, Vec<(TableName, T)>);

/// The service's words for it.
pub(super) fn text(whose: Exceeded) -> &'static str {
    match whose {
        Exceeded::Table => TABLE_EXCEEDED,
        Exceeded::Index => INDEX_EXCEEDED,
    }
}

const INDEX_EXCEEDED: &str = "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API";
const TABLE_EXCEEDED: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";

/// Its refusal.
pub(super) fn exceeded(whose: Exceeded) -> WireError {
    WireError::new(Kind::ThroughputExceeded, text(whose))
}
