//! TransactWriteItems: up to 100 actions, all of them or none.

use bytes::Bytes;

use super::Call;
use super::capacity::{IndexUnits, Report, Units, index_units};
use super::collections::Collections;
use super::constraint::Violations;
use super::error::WireError;
use super::fingerprint::Fingerprint;
use super::json::{Object, list};
use super::parameter::Shared;
use super::request::Wire;
use super::transact_action::{Element, Request};
use crate::engine::{Capacity, RequestToken, TransactWrite, Transacted, TransactedTable};
use crate::model::{ImageError, limits};

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut elements, mut token, mut shared) = (None, None, Shared::default());
    Wire::read(call.body, |wire, name| {
        match name {
            "TransactItems" => {
                let mut read = Vec::new();
                let given = wire.list(|wire| {
                    read.push(Element::read(wire)?);
                    Ok(())
                })?;
                elements = given.then_some(read);
            }
            "ClientRequestToken" => token = wire.string()?,
            _ => shared.member(wire, name)?,
        }
        Ok(())
    })?;
    check(&shared, token.as_deref(), elements.as_deref())?;
    let requests = elements.into_iter().flatten().map(Element::only).collect::<Result<Vec<_>, _>>()?;

    let token = token.map(|token| RequestToken { token, fingerprint: fingerprint(&requests) });
    let payload = requests.iter().map(Request::size).sum();
    let mut collections = Collections::new(shared.wants_metrics());
    for (table, item) in requests.iter().filter(|request| request.writes()).filter_map(Request::about) {
        collections.note(call, &table, item);
    }
    let actions = requests.into_iter().map(Request::into_engine).collect::<Result<Vec<_>, _>>()?;
    let transaction = TransactWrite { actions, payload, token };
    let done = call.engine().transact_write(call.authorize(transaction)).await?;
    answer(call, &done, &collections, shared.report()).await
}

/// Constraints of the service model.
fn check(shared: &Shared, token: Option<&str>, elements: Option<&[Element]>) -> Result<(), WireError> {
    let mut violations = Violations::new();
    shared.check_capacity(&mut violations);
    shared.check_metrics(&mut violations);
    violations.text("clientRequestToken", token, 1, limits::REQUEST_TOKEN);
    check_count(elements.map(<[Element]>::len), &mut violations);
    for (at, element) in elements.into_iter().flatten().enumerate() {
        element.check(at + 1, &mut violations);
    }
    violations.check()
}

/// How many actions there may be.
pub(super) fn check_count(count: Option<usize>, violations: &mut Violations) {
    violations.required("transactItems", &count);
    if let Some(count) = count {
        let shown = if count == 0 { "[]".to_owned() } else { format!("[{count} actions]") };
        violations.length("transactItems", &shown, count, 1, limits::TRANSACTION_ACTIONS);
    }
}

/// What the token stands for: the actions. What is asked about the cost is another matter.
fn fingerprint(requests: &[Request]) -> u128 {
    let mut fingerprint = Fingerprint::new();
    fingerprint.number(requests.len());
    requests.iter().for_each(|request| request.fingerprint(&mut fingerprint));
    fingerprint.finish()
}

async fn answer(
    call: &Call<'_>,
    done: &Transacted,
    collections: &Collections,
    report: Report,
) -> Result<Bytes, WireError> {
    // A repeated transaction has only read its items.
    let capacity = if done.repeated { Capacity::Read } else { Capacity::Write };
    let costs: Vec<_> = done.tables.iter().map(|table| (table, cost(table, capacity))).collect();
    for (table, (units, indexes)) in &costs {
        call.spend_with(&table.table, capacity, *units, indexes);
    }
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if report != Report::None {
        list(costs, answer.member("ConsumedCapacity"), |(table, (units, indexes)), out| {
            report.write_transacted(capacity, table.table.name.as_str(), units, &indexes, out);
            Ok::<(), ImageError>(())
        })?;
    }
    collections.write_all(call, &mut answer).await?;
    answer.close();
    Ok(out.into())
}

/// What a table's actions have cost in it and in its indexes.
fn cost(table: &TransactedTable, capacity: Capacity) -> (Units, Vec<IndexUnits>) {
    let of = |size: &usize| match capacity {
        Capacity::Read => Units::read(*size, true).twice(),
        Capacity::Write => Units::write(*size).twice(),
    };
    let indexes = index_units(&table.indexes).into_iter();
    (
        table.sizes.iter().map(of).sum(),
        indexes.map(|(name, kind, units)| (name, kind, units.twice())).collect(),
    )
}
