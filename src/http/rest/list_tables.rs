//! `GET /v1/tables`: all tables.

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::parameter::Parameters;
use super::problem::{Kind, Problem};
use super::table::Table;
use super::{Rest, allowed};
use crate::engine::{EngineError, ListTables};

/// Names that are asked for at once.
const PAGE: usize = 100;

#[derive(Serialize)]
struct Tables {
    tables: Vec<Table>,
}

pub(super) async fn answer(State(rest): State<Rest>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    Parameters::parse(query.as_deref())?.finish()?;
    let mut tables = Vec::new();
    let mut start = None;
    loop {
        let page = rest.engine.list_tables(allowed(ListTables { start, limit: PAGE }));
        start = page.names.last().map(|name| name.as_str().to_owned());
        for name in page.names {
            match rest.engine.describe_table(allowed(name)).await {
                Ok(described) => tables.push(Table::new(&described)),
                // Deleted in the meantime.
                Err(EngineError::ResourceNotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !page.more {
            return json(&Tables { tables });
        }
    }
}

/// An answer of JSON.
pub(super) fn json(value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}
