//! A table as this door shows it.

use serde::Serialize;

use crate::engine::Described;
use crate::model::KeyAttribute;

/// A table.
#[derive(Serialize)]
pub(super) struct Table {
    name: String,
    partition_key: KeyAttribute,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_key: Option<KeyAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<Ttl>,
    when_full: crate::model::WhenFull,
    /// RFC 3339.
    created: String,
    /// By the last fold.
    items: u64,
    /// By the last fold, by DynamoDB's accounting.
    bytes: u64,
}

#[derive(Serialize)]
struct Ttl {
    attribute: String,
}

impl Table {
    pub(super) fn new(described: &Described) -> Table {
        let table = &described.table;
        let created =
            i64::try_from(table.created_us).ok().and_then(|us| jiff::Timestamp::from_microsecond(us).ok());
        Table {
            name: table.name.as_str().to_owned(),
            partition_key: table.keys.partition.clone(),
            sort_key: table.keys.sort.clone(),
            ttl: table.ttl.as_ref().map(|ttl| Ttl { attribute: ttl.attribute.to_string() }),
            when_full: table.when_full,
            created: created.map(|created| created.to_string()).unwrap_or_default(),
            items: described.items,
            bytes: described.bytes,
        }
    }
}
