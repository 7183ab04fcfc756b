//! `GET /v1/tables/{table}`: one table.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::list_tables::json;
use super::parameter::Parameters;
use super::problem::Problem;
use super::table::Table;
use super::{Parts, Rest, allowed};

pub(super) async fn answer(
    State(rest): State<Rest>,
    table: Parts<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let Path(table) = table?;
    Parameters::parse(query.as_deref())?.finish()?;
    let name = rest.table(&table)?.name.clone();
    let described = rest.engine.describe_table(allowed(name)).await?;
    json(&Table::new(&described))
}
