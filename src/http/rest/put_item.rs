//! `PUT /v1/tables/{table}/items/{partition}[/{sort}]`: one item, whose key the path gives.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::content::{self, Media};
use super::parameter::{Form, key, only_form};
use super::problem::{Kind, Problem};
use super::write::{check, written};
use super::{Parts, Rest};
use crate::http::body;
use crate::model::{Item, TableDef, limits};

/// A path with a partition alone.
pub(super) async fn by_partition(
    State(rest): State<Rest>,
    parts: Parts<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Path((table, partition)) = parts?;
    put(&rest, (&table, &partition, None), query.as_deref(), &headers, body).await
}

/// A path with partition and sort key.
pub(super) async fn by_key(
    State(rest): State<Rest>,
    parts: Parts<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Path((table, partition, sort)) = parts?;
    put(&rest, (&table, &partition, Some(&sort)), query.as_deref(), &headers, body).await
}

async fn put(
    rest: &Rest,
    path: (&str, &str, Option<&str>),
    query: Option<&str>,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<Response, Problem> {
    let count = write(rest, path, query, headers, &mut body).await;
    if count.is_err() {
        rest.read_on(headers, body).await;
    }
    rest.count_refused(count).map(written)
}

async fn write(
    rest: &Rest,
    (table, partition, sort): (&str, &str, Option<&str>),
    query: Option<&str>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<u64, Problem> {
    let form = only_form(query)?;
    let table = rest.table(table)?;
    let media = match content::media(headers)? {
        Media::Lines => return Err(Problem::new(Kind::MediaType, "one item is sent as JSON or CBOR")),
        media => media,
    };
    let body = std::mem::take(body);
    let body = body::whole(&rest.bodies, headers, body, limits::BODY, rest.pace).await?;
    let item = item(&table, (partition, sort), media, form, &body.bytes)?;
    rest.write(&table, vec![check(&table, item)?]).await
}

/// The body's item, with the path's key in it.
fn item(
    table: &TableDef,
    (partition, sort): (&str, Option<&str>),
    media: Media,
    form: Form,
    body: &[u8],
) -> Result<Item, Problem> {
    let key = key(table, partition, sort)?;
    let mut item = content::item(media, form, body)?;
    if media == Media::Json && form == Form::Plain {
        content::binary_keys(table, &mut item);
    }
    for (name, value) in key {
        match item.get(&name) {
            Some(own) if *own != value => {
                return Err(Problem::not_an_item(format!("the item's {name} is not the one of the path")));
            }
            Some(_) => {}
            None => drop(item.insert(name, value)),
        }
    }
    Ok(item)
}
