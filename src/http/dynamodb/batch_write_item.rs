//! BatchWriteItem: up to 25 puts and deletes over several tables, one commit. One bad entry refuses them all.

use bytes::Bytes;

use super::Call;
use super::capacity::{Report, Units, index_units};
use super::collections::Collections;
use super::constraint::{Violations, name_of};
use super::error::{Kind, WireError};
use super::json::{Object, list};
use super::mismatch::Expected;
use super::parameter::Shared;
use super::request::Wire;
use super::request_items::{self, RequestItems};
use super::shown;
use crate::engine::{BatchWrite, BatchWritten, Capacity, EngineError, Write};
use crate::model::dynamodb_json::{DecodeError, write_item};
use crate::model::{ImageError, Map, TableName, limits};
use crate::store::Origin;

/// One table's entry.
pub(super) type Entry = (String, Option<Vec<WriteRequest>>);

/// PutRequest and DeleteRequest as they stand: each there or not, and with an item or not.
#[derive(Debug, Default)]
pub(super) struct WriteRequest {
    pub(super) put: Option<Option<Map>>,
    pub(super) delete: Option<Option<Map>>,
}

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let RequestItems { entries, given, shared, read } =
        request_items::read(call.body, "WriteRequests", |wire, table| entry(wire, table).map(Some))?;
    check(&shared, given.map(drop), &entries)?;
    let tables = to_engine(entries)?;
    read.values()?;

    let request = |tables| BatchWrite {
        tables,
        old_matters: shared.report() != Report::None,
        origin: Origin::Dynamodb,
    };
    let refused = |error: EngineError| not_the_schema(error.into());
    if tables.iter().any(|(name, _)| !call.has_left(name, Capacity::Write)) {
        // What is wrong refuses all of it, also where it would have to wait.
        call.engine().check_batch(call.authorize(request(tables.clone()))).map_err(refused)?;
    }
    let (tables, mut later) = call.admitted(tables, Capacity::Write)?;
    let kept = call.held_by_indexes(&tables);
    let mut collections = Collections::new(shared.wants_metrics());
    for (table, writes) in &tables {
        for Write::Put(item) | Write::Delete(item) in writes {
            collections.note(call, table, item);
        }
    }
    let written = call.engine().batch_write(call.authorize(request(tables))).await.map_err(refused)?;
    later.extend(kept.into_iter().filter(|(name, _)| written.throttled.contains(name)));
    for ((table, sizes), indexes) in written.tables.iter().zip(&written.indexes) {
        let units = sizes.iter().map(|size| Units::write(*size)).sum();
        call.spend_with(table, Capacity::Write, units, &index_units(indexes));
    }
    answer(call, &written, &later, shared.report(), &collections).await
}

fn entry(wire: &mut Wire<'_>, table: &str) -> Result<Entry, DecodeError> {
    let mut requests = Vec::new();
    let given = wire.list(|wire| {
        requests.push(write_request(wire)?);
        Ok(())
    })?;
    Ok((name_of(table).to_owned(), given.then_some(requests)))
}

fn write_request(wire: &mut Wire<'_>) -> Result<WriteRequest, DecodeError> {
    let mut request = WriteRequest::default();
    wire.object(Expected::Element("WriteRequest"), |wire, name| {
        match name {
            "PutRequest" => request.put = inner(wire, "PutRequest", "Item")?,
            "DeleteRequest" => request.delete = inner(wire, "DeleteRequest", "Key")?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    Ok(request)
}

/// The one member of a PutRequest or DeleteRequest.
fn inner(wire: &mut Wire<'_>, class: &'static str, member: &str) -> Result<Option<Option<Map>>, DecodeError> {
    let mut item = None;
    let given = wire.object(Expected::Member(class), |wire, name| {
        if name == member {
            item = wire.item()?;
            return Ok(());
        }
        wire.skip()
    })?;
    Ok(given.then_some(item))
}

/// Constraints of the service model.
fn check(shared: &Shared, given: Option<()>, entries: &[Entry]) -> Result<(), WireError> {
    let mut violations = Violations::new();
    shared.check_capacity(&mut violations);
    shared.check_metrics(&mut violations);
    if !violations.any() {
        // The service says nothing of the tables' names beside a violation of these.
        let names = entries.iter().map(|(name, _)| name.as_str());
        violations.table_keys(|| shown::request_items(entries), names);
    }
    violations.required("requestItems", &given);
    if entries.is_empty() {
        violations.check()?;
        return Err(WireError::validation("The requestItems parameter is required for BatchWriteItem"));
    }
    let shown = |entries| format!("Value '{}'", shown::request_items(entries));
    for (name, requests) in entries {
        let count = requests.as_ref().map_or(0, Vec::len);
        if count == 0 || count > limits::BATCH_WRITES {
            violations.other(
                &shown(entries),
                "requestItems",
                "Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]",
            );
        }
        for (at, request) in requests.iter().flatten().enumerate() {
            if let Some(item @ None) = &request.put {
                violations
                    .required(&format!("requestItems.{name}.member.{}.member.putRequest.item", at + 1), item);
            }
            if let Some(key @ None) = &request.delete {
                let place = format!("requestItems.{name}.member.{}.member.deleteRequest.key", at + 1);
                violations.required(&place, key);
            }
        }
    }
    violations.check()?;
    if entries.iter().flat_map(|(_, requests)| requests).flatten().count() > limits::BATCH_WRITES {
        return Err(WireError::validation("Too many items requested for the BatchWriteItem call"));
    }
    Ok(())
}

/// The writes as the engine takes them: each entry is a put or a delete, not both, not neither.
fn to_engine(entries: Vec<Entry>) -> Result<Vec<(TableName, Vec<Write>)>, WireError> {
    let mut tables = Vec::with_capacity(entries.len());
    for (name, requests) in entries {
        let writes = requests.into_iter().flatten().map(|request| match request {
            WriteRequest { put: Some(Some(item)), delete: None } => Ok(Write::Put(item)),
            WriteRequest { put: None, delete: Some(Some(key)) } => Ok(Write::Delete(key)),
            _ => Err(WireError::validation(
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            )),
        });
        let writes = writes.collect::<Result<Vec<_>, _>>()?;
        tables.push((TableName::new(&name).ok_or_else(super::unreadable)?, writes));
    }
    Ok(tables)
}

/// A put whose key is missing or of the wrong type: PutItem names the attribute, this operation does not.
fn not_the_schema(error: WireError) -> WireError {
    let text = error.message.as_deref().unwrap_or_default();
    let of_key = |text: &str| text.contains("Missing the key ") || text.contains("Type mismatch for key ");
    if error.kind == Kind::Validation && of_key(text) {
        return WireError::validation("The provided key element does not match the schema");
    }
    error
}

/// A request as it came.
fn write_back(write: &Write, out: &mut Vec<u8>) {
    let (request, member, item) = match write {
        Write::Put(item) => ("PutRequest", "Item", item),
        Write::Delete(key) => ("DeleteRequest", "Key", key),
    };
    let mut whole = Object::open(out);
    let mut inner = whole.object(request);
    write_item(item, inner.member(member));
    inner.close();
    whole.close();
}

async fn answer(
    call: &Call<'_>,
    written: &BatchWritten,
    later: &[(TableName, Vec<Write>)],
    report: Report,
    collections: &Collections,
) -> Result<Bytes, WireError> {
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    // One commit: all of it was processed, but for tables that have no capacity left.
    let mut unprocessed = answer.object("UnprocessedItems");
    for (table, writes) in later {
        list(writes, unprocessed.named(table.as_str()), |write, out| {
            write_back(write, out);
            Ok::<(), ImageError>(())
        })?;
    }
    unprocessed.close();
    if report != Report::None {
        list(
            written.tables.iter().zip(&written.indexes),
            answer.member("ConsumedCapacity"),
            |((table, sizes), indexes), out| {
                let units = sizes.iter().map(|size| Units::write(*size)).sum();
                report.write_with(table.name.as_str(), units, &index_units(indexes), out);
                Ok::<(), ImageError>(())
            },
        )?;
    }
    collections.write_all(call, &mut answer).await?;
    answer.close();
    Ok(out.into())
}
