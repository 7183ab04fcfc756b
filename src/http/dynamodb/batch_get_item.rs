//! BatchGetItem: up to 100 keys over several tables; what does not fit 16 MB comes back as UnprocessedKeys.

use bytes::Bytes;

use super::Call;
use super::capacity::{Report, Units};
use super::constraint::{Violations, name_of};
use super::error::WireError;
use super::expressions::{self, Expressions};
use super::json::{Object, list};
use super::mismatch::Expected;
use super::parameter::Shared;
use super::request::Wire;
use super::request_items::{self, RequestItems};
use super::throttle::exceeded;
use crate::engine::{BatchGet, BatchGot, Capacity, Exceeded};
use crate::http::memory::Share;
use crate::model::dynamodb_json::{self, DecodeError};
use crate::model::{ImageError, Map, TableName, limits};

/// One table's entry.
#[derive(Debug)]
struct Entry {
    name: String,
    keys: Option<Vec<Map>>,
    consistent: Option<bool>,
    expressions: Expressions,
}

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let RequestItems { mut entries, given, shared, read } =
        request_items::read(call.body, "KeysAndAttributes", entry)?;
    let tables = check(&shared, given, &mut entries)?;
    for entry in &entries {
        entry.expressions.check_mixture()?;
    }
    check_mixture(&entries)?;
    read.values().map_err(|fault| WireError::validation(fault.newer()))?;
    let mut projections = Vec::with_capacity(entries.len());
    for entry in &mut entries {
        projections.push(entry.expressions.ready()?.projection);
    }
    refuse_duplicates(&tables)?;

    let keys: usize = tables.iter().map(|(_, keys)| keys.len()).sum();
    let memory = keys.saturating_mul(2 * limits::ITEM_SIZE).min(2 * limits::BODY);
    let share = call.answers().take(memory).await?;
    // What is wrong is refused before what has no capacity left: that is looked at as well, but not answered.
    let waits = |(name, _): &&(TableName, Vec<Map>)| !call.has_left(name, Capacity::Read);
    let later: Vec<(TableName, Vec<Map>)> = tables.iter().filter(waits).cloned().collect();
    let none_left = !later.is_empty() && later.len() == tables.len();
    let mut got = call.engine().batch_get(call.authorize(BatchGet { tables, projections })).await?;
    if none_left {
        return Err(exceeded(Exceeded::Table));
    }
    let waits = |name: &TableName| later.iter().any(|(later, _)| later == name);
    got.tables.retain(|(table, ..)| !waits(&table.name));
    got.unprocessed.retain(|(name, _)| !waits(name));
    got.unprocessed.extend(later);
    for (table, _, sizes) in &got.tables {
        let consistent = consistent(&entries, &table.name);
        call.spend(table, Capacity::Read, sizes.iter().map(|size| Units::read(*size, consistent)).sum());
    }
    answer(&got, &entries, shared.report(), share)
}

/// JSON without the space between its parts.
fn compact(json: &[u8]) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let kept = json.iter().copied().filter(|byte| {
        let keep = quoted || !byte.is_ascii_whitespace();
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        keep
    });
    String::from_utf8_lossy(&kept.collect::<Vec<_>>()).into_owned()
}

/// Reads a table's entry; null is none.
fn entry(wire: &mut Wire<'_>, table: &str) -> Result<Option<Entry>, DecodeError> {
    let expressions = Expressions::new(&expressions::GET);
    let mut entry = Entry { name: name_of(table).to_owned(), keys: None, consistent: None, expressions };
    let given = wire.object(Expected::Element("KeysAndAttributes"), |wire, name| {
        match name {
            "Keys" => {
                let mut keys = Vec::new();
                let given = wire.list(|wire| {
                    keys.extend(wire.item()?);
                    Ok(())
                })?;
                entry.keys = given.then_some(keys);
            }
            "ConsistentRead" => entry.consistent = wire.boolean()?,
            _ if entry.expressions.member(wire, name)? => {}
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    Ok(given.then_some(entry))
}

/// Constraints; the keys by table, taken out of the entries.
fn check(
    shared: &Shared,
    given: Option<&[u8]>,
    entries: &mut [Entry],
) -> Result<Vec<(TableName, Vec<Map>)>, WireError> {
    let mut violations = Violations::new();
    let shown = || compact(given.unwrap_or_default());
    violations.table_keys(shown, entries.iter().map(|entry| entry.name.as_str()));
    shared.check_capacity(&mut violations);
    violations.required("requestItems", &given);
    if given.is_some() && entries.is_empty() {
        violations.too_few("RequestItems");
    }
    let mut tables: Vec<(TableName, Vec<Map>)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let at = format!("requestItems.{}.member.keys", entry.name);
        violations.required(&at, &entry.keys);
        entry.expressions.check(&mut violations);
        let keys = entry.keys.take();
        if let Some(keys) = &keys {
            let at = format!("RequestItems.{}.member.Keys", entry.name);
            if keys.is_empty() {
                violations.too_few(&at);
            }
            if keys.len() > limits::BATCH_GETS {
                violations.other("Value", &at, "Member must have length less than or equal to 100");
            }
        }
        if let (Some(name), Some(keys)) = (TableName::new(&entry.name), keys) {
            tables.push((name, keys));
        }
    }
    violations.check()?;
    if tables.iter().map(|(_, keys)| keys.len()).sum::<usize>() > limits::BATCH_GETS {
        return Err(WireError::validation("Too many items requested for the BatchGetItem call"));
    }
    Ok(tables)
}

/// One table's entry may not have an expression where another's has a legacy parameter.
fn check_mixture(entries: &[Entry]) -> Result<(), WireError> {
    let any = |wanted| entries.iter().any(|entry| entry.expressions.projecting() == Some(wanted));
    if any("AttributesToGet") && any("ProjectionExpression") {
        return Err(WireError::validation(
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}",
        ));
    }
    Ok(())
}

/// A key asked for twice, or a table named twice (by name and by ARN).
fn refuse_duplicates(tables: &[(TableName, Vec<Map>)]) -> Result<(), WireError> {
    let twice_named = tables
        .iter()
        .enumerate()
        .any(|(at, (name, _))| tables.iter().take(at).any(|(earlier, _)| earlier == name));
    let twice_asked = tables.iter().any(|(_, keys)| {
        keys.iter().enumerate().any(|(at, key)| keys.iter().take(at).any(|earlier| earlier == key))
    });
    if twice_named || twice_asked {
        return Err(WireError::validation("Provided list of item keys contains duplicates"));
    }
    Ok(())
}

/// Whether a table is to be read consistently.
fn consistent(entries: &[Entry], table: &TableName) -> bool {
    entries.iter().any(|entry| entry.name == table.as_str() && entry.consistent == Some(true))
}

fn answer(got: &BatchGot, entries: &[Entry], report: Report, share: Share) -> Result<Bytes, WireError> {
    let consistent = |name: &TableName| consistent(entries, name);
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    let mut responses = answer.object("Responses");
    for (table, items, _) in &got.tables {
        list(items, responses.named(table.name.as_str()), |item, out| {
            dynamodb_json::write_image(item.as_map(), out)
        })?;
    }
    responses.close();
    let mut unprocessed = answer.object("UnprocessedKeys");
    for (name, keys) in &got.unprocessed {
        let mut table = Object::open(unprocessed.named(name.as_str()));
        list(keys, table.member("Keys"), |key, out| {
            dynamodb_json::write_item(key, out);
            Ok::<(), ImageError>(())
        })?;
        if consistent(name) {
            table.plain("ConsistentRead", true);
        }
        if let Some(entry) = entries.iter().find(|entry| entry.name == name.as_str()) {
            entry.expressions.write_projection(&mut table);
        }
        table.close();
    }
    unprocessed.close();
    if report != Report::None {
        list(&got.tables, answer.member("ConsumedCapacity"), |(table, _, sizes), out| {
            let units = sizes.iter().map(|size| Units::read(*size, consistent(&table.name))).sum();
            report.write(table.name.as_str(), units, out);
            Ok::<(), ImageError>(())
        })?;
    }
    answer.close();
    Ok(share.cover(out))
}
