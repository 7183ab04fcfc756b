//! ListTables.

use super::{ListTables, TableNames};
use crate::store::Catalog;

/// A page of names, in order.
pub(super) fn read(catalog: &Catalog, request: &ListTables) -> TableNames {
    let mut after = catalog
        .tables()
        .into_iter()
        .map(|table| &table.name)
        .filter(|name| request.start.as_ref().is_none_or(|start| name.as_str() > start.as_str()));
    let names: Vec<_> = after.by_ref().take(request.limit).cloned().collect();
    TableNames { names, more: after.next().is_some() }
}
