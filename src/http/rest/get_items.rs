//! `GET /v1/tables/{table}/items/{partition}[/{sort}]`: one item, or the items of a partition by their sort key.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::parameter::{Form, Parameters, key, key_value, only_form};
use super::problem::{Kind, Problem};
use super::{Parts, Rest, allowed, cursor};
use crate::engine::{GetItem, KeyCondition, Page, Query, Selection, SortCondition};
use crate::model::dynamodb_json::{self, write_string};
use crate::model::{Image, ImageError, KeyAttribute, Map, TableDef, limits, plain_json};

/// Items of a list, where no limit is given.
const DEFAULT_LIMIT: usize = 100;
/// The largest limit.
const MAX_LIMIT: usize = 1000;

/// A path with a partition alone: a list where the table has a sort key, else an item.
pub(super) async fn of_partition(
    State(rest): State<Rest>,
    parts: Parts<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let Path((table, partition)) = parts?;
    let table = rest.table(&table)?;
    match &table.keys.sort {
        None => item(&rest, &table, key(&table, &partition, None)?, only_form(query.as_deref())?).await,
        Some(sort) => {
            let listing = Listing::parse(&table, sort, &partition, query.as_deref())?;
            list(&rest, table.clone(), listing).await
        }
    }
}

/// A path with partition and sort key.
pub(super) async fn one(
    State(rest): State<Rest>,
    parts: Parts<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let Path((table, partition, sort)) = parts?;
    let form = only_form(query.as_deref())?;
    let table = rest.table(&table)?;
    item(&rest, &table, key(&table, &partition, Some(&sort))?, form).await
}

async fn item(rest: &Rest, table: &TableDef, key: Map, form: Form) -> Result<Response, Problem> {
    let share = rest.answers.take(4 * limits::ITEM_SIZE).await?;
    let got =
        rest.engine.get_item(allowed(GetItem { table: table.name.clone(), key, projection: None })).await?;
    let Some(image) = got.item else {
        return Err(Problem::new(Kind::NotFound, "there is no such item"));
    };
    let mut out = Vec::with_capacity(2 * got.size + 64);
    write(form, &image, &mut out)?;
    Ok(([(CONTENT_TYPE, "application/json")], axum::body::Body::from(share.cover(out))).into_response())
}

fn write(form: Form, image: &Image, out: &mut Vec<u8>) -> Result<(), ImageError> {
    match form {
        Form::Plain => plain_json::write_image(image.as_map(), out),
        Form::Dynamodb => dynamodb_json::write_image(image.as_map(), out),
    }
}

/// A list as it is asked for.
struct Listing {
    query: Query,
    limit: usize,
    form: Form,
}

impl Listing {
    fn parse(
        table: &TableDef,
        sort: &KeyAttribute,
        partition: &str,
        query: Option<&str>,
    ) -> Result<Listing, Problem> {
        let mut parameters = Parameters::parse(query)?;
        let form = parameters.form()?;
        let limit = match parameters.take("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| Problem::bad_request(format!("limit is a number from 1 to {MAX_LIMIT}")))?,
        };
        let forward = match parameters.take("order").as_deref() {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(_) => return Err(Problem::bad_request("order is asc or desc")),
        };
        let mut bound = |name: &str| match parameters.take(name) {
            None => Ok(None),
            Some(text) => {
                let wrong = |error| Problem::bad_request(format!("{name}: {error}"));
                key_value(sort, &text).map(Some).map_err(wrong)
            }
        };
        let (from, to) = (bound("from")?, bound("to")?);
        let start = match parameters.take("cursor") {
            None => None,
            Some(text) => Some(cursor::decode(table, &text)?),
        };
        parameters.finish()?;
        let value = key_value(&table.keys.partition, partition).map_err(Problem::not_an_item)?;
        let equal = SortCondition::Equal(value);
        let mut conditions = vec![condition(&table.keys.partition, equal)];
        conditions.extend(match (from, to) {
            (None, None) => None,
            (Some(from), None) => Some(condition(sort, SortCondition::GreaterOrEqual(from))),
            (None, Some(to)) => Some(condition(sort, SortCondition::LessOrEqual(to))),
            (Some(from), Some(to)) => Some(condition(sort, SortCondition::Between(from, to))),
        });
        // One more than asked for: it tells whether there is more.
        let query = Query {
            index: None,
            table: table.name.clone(),
            conditions,
            forward,
            limit: Some(limit + 1),
            start,
            selection: Selection::default(),
        };
        Ok(Listing { query, limit, form })
    }
}

fn condition(attribute: &KeyAttribute, condition: SortCondition) -> KeyCondition {
    KeyCondition { attribute: attribute.name.to_string(), condition }
}

async fn list(rest: &Rest, table: Arc<TableDef>, listing: Listing) -> Result<Response, Problem> {
    let Listing { query, limit, form } = listing;
    // The rows, and about three times that as JSON.
    let share = rest.answers.take(4 * limits::FULL_PAGE).await?;
    // What the engine finds wrong with a query is a parameter, not an item.
    let page = rest.engine.query(allowed(query)).await.map_err(|error| {
        let mut problem = Problem::from(error);
        if problem.kind == Kind::NotAnItem {
            problem.kind = Kind::BadRequest;
        }
        problem
    })?;
    let mut out = Vec::with_capacity(2 * page.size + 128);
    out.extend_from_slice(b"{\"items\":[");
    for (at, image) in page.items.iter().take(limit).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(form, image, &mut out)?;
    }
    out.push(b']');
    if let Some(key) = last_key(&table, &page, limit)? {
        out.extend_from_slice(b",\"cursor\":");
        write_string(&cursor::encode(&table, &key), &mut out);
    }
    out.push(b'}');
    Ok(([(CONTENT_TYPE, "application/json")], axum::body::Body::from(share.cover(out))).into_response())
}

/// The key behind which the list goes on; none at its end.
fn last_key(table: &TableDef, page: &Page, limit: usize) -> Result<Option<Image>, Problem> {
    if page.items.len() <= limit {
        return Ok(page.last.as_ref().map(Image::encode));
    }
    match limit.checked_sub(1).and_then(|at| page.items.get(at)) {
        Some(last) => Ok(Some(last.as_map().project(|name| table.keys.contains(name))?)),
        None => Ok(None),
    }
}
