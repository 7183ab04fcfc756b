//! Provisioned capacity at this door: who has none left is told so before anything is done.

use super::Call;
use super::capacity::Units;
use super::error::{Kind, WireError};
use crate::engine::Capacity;
use crate::model::{TableDef, TableName};

impl Call<'_> {
    /// Whether a table has capacity left. One that is not there has: what is wrong with it is said elsewhere.
    pub(super) fn has_left(&self, table: &TableName, capacity: Capacity) -> bool {
        self.engine().has_left(table.as_str(), capacity)
    }

    /// Refuses a request to a table that has no capacity left.
    pub(super) fn admit(&self, table: &TableName, capacity: Capacity) -> Result<(), WireError> {
        if self.has_left(table, capacity) { Ok(()) } else { Err(exceeded()) }
    }

    /// Takes what a request has cost.
    pub(super) fn spend(&self, table: &TableDef, capacity: Capacity, units: Units) {
        self.engine().spend(table, capacity, units.halves());
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
            return Err(exceeded());
        }
        Ok((now, later))
    }
}

/// What goes on, and what has to wait.
type Divided<T> = (Vec<(TableName, T)>, Vec<(TableName, T)>);

/// The service's words for it.
pub(super) const THROUGHPUT_EXCEEDED: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";

fn exceeded() -> WireError {
    WireError::new(Kind::ThroughputExceeded, THROUGHPUT_EXCEEDED)
}
