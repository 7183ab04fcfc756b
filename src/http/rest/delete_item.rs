//! `DELETE /v1/tables/{table}/items/{partition}[/{sort}]`: 204, whether or not there was an item.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;

use super::parameter::{Parameters, key};
use super::problem::Problem;
use super::{Parts, Rest, allowed};
use crate::engine::DeleteItem;
use crate::store::Origin;

/// A path with a partition alone.
pub(super) async fn by_partition(
    State(rest): State<Rest>,
    parts: Parts<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let Path((table, partition)) = parts?;
    delete(&rest, &table, &partition, None, query.as_deref()).await
}

/// A path with partition and sort key.
pub(super) async fn by_key(
    State(rest): State<Rest>,
    parts: Parts<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let Path((table, partition, sort)) = parts?;
    delete(&rest, &table, &partition, Some(&sort), query.as_deref()).await
}

async fn delete(
    rest: &Rest,
    table: &str,
    partition: &str,
    sort: Option<&str>,
    query: Option<&str>,
) -> Result<StatusCode, Problem> {
    Parameters::parse(query)?.finish()?;
    let table = rest.table(table)?;
    let key = key(&table, partition, sort)?;
    let request = DeleteItem { table: table.name.clone(), key, only_if: None, origin: Origin::Rest };
    rest.engine.delete_item(allowed(request)).await?;
    Ok(StatusCode::NO_CONTENT)
}
