//! What the operations on one item have in common: a table, an item or a key, expressions, and what comes back.

use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::expressions::{Expressions, Takes};
use super::parameter::Shared;
use super::request::{Read, Wire};
use crate::model::dynamodb_json::DecodeError;
use crate::model::{Map, TableName};

/// Which member says what item is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// `Item`: the whole of it.
    Item,
    /// `Key`.
    Key,
}

impl Named {
    /// The member's name in requests, and in what is said of them.
    pub(super) fn member(self) -> (&'static str, &'static str) {
        match self {
            Named::Item => ("Item", "item"),
            Named::Key => ("Key", "key"),
        }
    }
}

/// A request about one item, as it stands.
#[derive(Debug)]
pub(super) struct OneItem {
    named: Named,
    pub(super) table: Option<String>,
    pub(super) item: Option<Map>,
    pub(super) consistent: Option<bool>,
    pub(super) expressions: Expressions,
    pub(super) shared: Shared,
}

impl OneItem {
    /// Nothing yet.
    pub(super) fn new(named: Named, takes: &'static Takes) -> OneItem {
        OneItem {
            named,
            table: None,
            item: None,
            consistent: None,
            expressions: Expressions::new(takes),
            shared: Shared::default(),
        }
    }

    /// Reads a member.
    pub(super) fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<(), DecodeError> {
        match name {
            "TableName" => self.table = wire.string()?,
            "ConsistentRead" if self.expressions.of_read() => self.consistent = wire.boolean()?,
            _ if name == self.named.member().0 => self.item = wire.item()?,
            _ if self.expressions.member(wire, name)? => {}
            _ => self.shared.member(wire, name)?,
        }
        Ok(())
    }

    /// Reads a whole request, checks its constraints and what may not stand together, then its values: the table, and the
    /// item or the key.
    pub(super) fn read(
        body: &[u8],
        named: Named,
        takes: &'static Takes,
    ) -> Result<(OneItem, TableName, Map), WireError> {
        let mut request = OneItem::new(named, takes);
        let read = Wire::read(body, |wire, name| request.member(wire, name))?;
        let (table, item) = request.checked(read)?;
        Ok((request, table, item))
    }

    fn checked(&mut self, read: Read) -> Result<(TableName, Map), WireError> {
        let update = self.expressions.of_update();
        // Of an UpdateItem without a key the service lists all that is wrong, in its older words.
        let listed = update && self.item.is_none();
        if !listed {
            not_empty(self.table.as_deref())?;
            self.expressions.check_operator()?;
        }
        if update && !listed {
            self.shared.check_return_first()?;
        }
        let table = self.constraints(listed)?;
        let (Some(table), Some(item)) = (table, self.item.take()) else { return Err(super::unreadable()) };
        self.expressions.check_mixture()?;
        read.values().map_err(|fault| self.expressions.refused(&fault))?;
        Ok((table, item))
    }

    fn constraints(&self, listed: bool) -> Result<Option<TableName>, WireError> {
        let mut violations = Violations::new();
        if listed {
            self.expressions.check(&mut violations);
        }
        self.shared.check_capacity(&mut violations);
        let table = violations.table(self.table.as_deref());
        let write = self.expressions.of_write();
        // The service names what is wrong with PutItem in another order.
        if write && self.named == Named::Key {
            self.check_return(listed, &mut violations);
        }
        violations.required(self.named.member().1, &self.item);
        if !listed {
            self.expressions.check(&mut violations);
        }
        if write && self.named == Named::Item {
            self.check_return(false, &mut violations);
        }
        violations.check()?;
        Ok(table)
    }

    fn check_return(&self, listed: bool, violations: &mut Violations) {
        if listed {
            self.shared.check_return_listed(violations);
        } else {
            self.shared.check_return_value(violations);
        }
        self.shared.check_return(violations);
    }
}
