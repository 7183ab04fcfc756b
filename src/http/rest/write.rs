//! What the writing operations share.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, EXPECT};
use axum::response::{IntoResponse, Response};

use super::problem::{Kind, Problem};
use super::{CALLER, Rest};
use crate::http::body;
use crate::model::{Item, TableDef, limits, size};

impl Rest {
    /// Writes items in one commit, with the table's default time to live; returns how many, after the fsync.
    pub(super) async fn write(&self, table: &TableDef, items: Vec<Item>) -> Result<u64, Problem> {
        if items.is_empty() {
            return Ok(0);
        }
        Ok(self.accept.accept_items(CALLER, table.name.clone(), items).await?.stored)
    }

    /// Reads what is left of a refused body, so that a client that is still sending sees the answer. One that waits for
    /// leave to send (`Expect`) does not get it.
    pub(super) async fn read_on(&self, headers: &HeaderMap, mut body: Body) {
        if !headers.contains_key(EXPECT) {
            let _ = tokio::time::timeout(self.pace.whole, body::discard(&mut body, self.pace.idle)).await;
        }
    }

    /// Counts what can't be an item.
    pub(super) fn count_refused<T>(&self, result: Result<T, Problem>) -> Result<T, Problem> {
        if matches!(&result, Err(problem) if problem.kind == Kind::NotAnItem) {
            self.metrics.rejected.add(1);
        }
        result
    }
}

/// Looks at key and size of an item, as the engine will: here it is known which one of many items is wrong.
pub(super) fn check(table: &TableDef, item: Item) -> Result<Item, Problem> {
    table.keys.key_of(&item).map_err(|error| Problem::not_an_item(error.to_string()))?;
    let size = size::item_size(&item);
    if size > limits::ITEM_SIZE {
        let text = format!("the item has {size} bytes; it may have {} at most", limits::ITEM_SIZE);
        return Err(Problem::not_an_item(text));
    }
    Ok(item)
}

/// The answer to a write.
pub(super) fn written(count: u64) -> Response {
    ([(CONTENT_TYPE, "application/json")], format!("{{\"written\":{count}}}")).into_response()
}
