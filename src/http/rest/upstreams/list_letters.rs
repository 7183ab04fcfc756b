//! `GET /v1/upstreams/{name}/dead-letters[?limit=…&cursor=…]`: oldest first, without the items.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Serialize;

use super::super::list_tables::json;
use super::super::parameter::Parameters;
use super::{Parts, Problem, blocking, letter_id};
use crate::operations::Upstreams;
use crate::operations::upstreams::{Letter, LetterId};

/// Letters of a list, where no limit is given.
const DEFAULT_LIMIT: usize = 100;
/// The largest limit.
const MAX_LIMIT: usize = 1000;

#[derive(Serialize)]
struct List {
    dead_letters: Vec<Letter>,
    /// Where the list goes on; none at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<LetterId>,
}

pub(super) async fn answer(
    State(upstreams): State<Upstreams>,
    parts: Parts<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let Path(name) = parts?;
    let mut parameters = Parameters::parse(query.as_deref())?;
    let limit = match parameters.take("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| Problem::bad_request(format!("limit is a number from 1 to {MAX_LIMIT}")))?,
    };
    let after = parameters.take("cursor").map(|text| letter_id(&text)).transpose()?;
    parameters.finish()?;
    let upstream = upstreams.named(&name)?;
    // One more than asked for: it tells whether there is more.
    let mut dead_letters = blocking(move || upstream.letters(after, limit + 1)).await?;
    let more = dead_letters.len() > limit;
    dead_letters.truncate(limit);
    let cursor = dead_letters.last().map(|letter| letter.id).filter(|_| more);
    json(&List { dead_letters, cursor })
}
