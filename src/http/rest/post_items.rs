//! `POST /v1/tables/{table}/items`: one item, an array of them in one commit, or a stream of lines.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::response::Response;

use super::content::{self, Media};
use super::parameter::{Form, only_form};
use super::problem::{Kind, Problem};
use super::write::{check, written};
use super::{Parts, Rest, stream_items};
use crate::http::body;
use crate::model::{Item, TableDef, limits};

/// Items of one commit: what is around each in memory and in the journal counts beside the body's own bytes.
const ITEMS: usize = 128 * 1024;
/// Bodies beyond this are read on a thread that may be busy for a while.
const SHORT: usize = 64 * 1024;

pub(super) async fn answer(
    State(rest): State<Rest>,
    table: Parts<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Problem> {
    let count = write(&rest, table, query.as_deref(), &headers, &mut body).await;
    if count.is_err() {
        rest.read_on(&headers, body).await;
    }
    rest.count_refused(count).map(written)
}

async fn write(
    rest: &Rest,
    table: Parts<String>,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<u64, Problem> {
    let Path(table) = table?;
    let form = only_form(query)?;
    let table = rest.table(&table)?;
    match content::media(headers)? {
        Media::Lines => stream_items::write(rest, &table, form, headers, body).await,
        media => whole(rest, table, media, form, headers, std::mem::take(body)).await,
    }
}

async fn whole(
    rest: &Rest,
    table: Arc<TableDef>,
    media: Media,
    form: Form,
    headers: &HeaderMap,
    body: Body,
) -> Result<u64, Problem> {
    let body = body::whole(&rest.bodies, headers, body, limits::BODY, rest.pace).await?;
    let read = move || {
        let items = items(&table, media, form, &body.bytes);
        // The share of memory is held until the items are written.
        (body, table, items)
    };
    let (held, table, items) = if may_be_long(headers) {
        let ended = tokio::task::spawn_blocking(read).await;
        ended.map_err(|_| Problem::new(Kind::Internal, "reading the body ended early"))?
    } else {
        read()
    };
    let count = rest.write(&table, items?).await;
    drop(held);
    count
}

/// Whether the body may be long, by what its head says.
fn may_be_long(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse::<usize>().ok());
    length.is_none_or(|length| length > SHORT) || headers.contains_key(CONTENT_ENCODING)
}

fn items(table: &TableDef, media: Media, form: Form, body: &[u8]) -> Result<Vec<Item>, Problem> {
    let mut items = Vec::new();
    content::items(media, form, body, |mut item| {
        if media == Media::Json && form == Form::Plain {
            content::binary_keys(table, &mut item);
        }
        if items.len() >= ITEMS {
            let text = format!(
                "one commit takes {ITEMS} items at most; send lines (application/x-ndjson) or several arrays"
            );
            return Err(Problem::new(Kind::TooLarge, text));
        }
        items.push(check(table, item)?);
        Ok(())
    })?;
    Ok(items)
}
