//! TransactGetItems: up to 100 items as they stood at one moment.

use std::sync::Arc;

use bytes::Bytes;

use super::Call;
use super::capacity::{Report, Units};
use super::constraint::Violations;
use super::error::WireError;
use super::expressions;
use super::json::{Object, list};
use super::mismatch::Expected;
use super::one_item::{Named, OneItem};
use super::parameter::Shared;
use super::request::Wire;
use super::transact_write_items::check_count;
use crate::engine::{Capacity, GetItem, Got, TransactGet};
use crate::model::dynamodb_json::{self, DecodeError};
use crate::model::{ImageError, TableDef, limits};

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut elements, mut shared) = (None, Shared::default());
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "TransactItems" => {
                let mut read = Vec::new();
                let given = wire.list(|wire| {
                    read.push(element(wire)?);
                    Ok(())
                })?;
                elements = given.then_some(read);
            }
            _ => shared.member(wire, name)?,
        }
        Ok(())
    })?;
    check(&shared, elements.as_deref())?;
    let gets: Vec<OneItem> = elements.into_iter().flatten().flatten().collect();
    gets.iter().try_for_each(|get| get.expressions.check_mixture())?;
    read.values()?;
    let gets = gets.into_iter().map(to_engine).collect::<Result<Vec<_>, _>>()?;

    let memory = gets.len().saturating_mul(2 * limits::ITEM_SIZE).min(2 * limits::TRANSACTION);
    let share = call.answers().take(memory).await?;
    let got = call.engine().transact_get(call.authorize(TransactGet { gets })).await?;
    let costs = costs(&got);
    for (table, units) in &costs {
        call.spend(table, Capacity::Read, *units);
    }
    Ok(share.cover(answer(&got, &costs, shared.report())?))
}

/// Reads an element: a Get, or not.
fn element(wire: &mut Wire<'_>) -> Result<Option<OneItem>, DecodeError> {
    let mut get = None;
    wire.object(Expected::Element("TransactGetItem"), |wire, name| {
        if name != "Get" {
            return wire.skip();
        }
        let mut read = OneItem::new(Named::Key, &expressions::ACTION_GET);
        let given = wire.object(Expected::Member("Get"), |wire, name| read.member(wire, name))?;
        get = given.then_some(read);
        Ok(())
    })?;
    Ok(get)
}

/// Constraints of the service model.
fn check(shared: &Shared, elements: Option<&[Option<OneItem>]>) -> Result<(), WireError> {
    let mut violations = Violations::new();
    shared.check_capacity(&mut violations);
    check_count(elements.map(<[_]>::len), &mut violations);
    for (at, get) in elements.into_iter().flatten().enumerate() {
        let at = format!("transactItems.{}.member.get", at + 1);
        violations.required(&at, get);
        if let Some(get) = get {
            violations.table_at(&format!("{at}.tableName"), get.table.as_deref());
            violations.required(&format!("{at}.key"), &get.item);
        }
    }
    violations.check()
}

fn to_engine(mut get: OneItem) -> Result<GetItem, WireError> {
    let projection = get.expressions.ready()?.projection;
    let table = Violations::new().table(get.table.as_deref());
    match (table, get.item) {
        (Some(table), Some(key)) => Ok(GetItem { table, key, projection }),
        _ => Err(super::unreadable()),
    }
}

/// What was read of each table, in the order in which the tables are named.
fn costs(got: &[Got]) -> Vec<(Arc<TableDef>, Units)> {
    let mut costs: Vec<(Arc<TableDef>, Units)> = Vec::new();
    for Got { table, size, .. } in got {
        let units = Units::read(*size, true).twice();
        match costs.iter_mut().find(|(known, _)| known.id == table.id) {
            Some((_, so_far)) => *so_far = [*so_far, units].into_iter().sum(),
            None => costs.push((Arc::clone(table), units)),
        }
    }
    costs
}

fn answer(got: &[Got], costs: &[(Arc<TableDef>, Units)], report: Report) -> Result<Vec<u8>, WireError> {
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if report != Report::None {
        list(costs, answer.member("ConsumedCapacity"), |(table, units), out| {
            report.write_transacted(Capacity::Read, table.name.as_str(), *units, &[], out);
            Ok::<(), ImageError>(())
        })?;
    }
    list(got, answer.member("Responses"), |got, out| {
        let mut one = Object::open(out);
        if let Some(item) = &got.item {
            dynamodb_json::write_image(item.as_map(), one.member("Item"))?;
        }
        one.close();
        Ok::<(), ImageError>(())
    })?;
    answer.close();
    Ok(out)
}
