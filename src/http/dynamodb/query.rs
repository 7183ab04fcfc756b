//! Query: by KeyConditionExpression, or by the legacy KeyConditions.

use bytes::Bytes;

use super::Call;
use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::expressions;
use super::key_conditions;
use super::page::{Paging, UNSPECIFIC};
use super::request::Wire;
use crate::engine::Query;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut paging = Paging::new(&expressions::QUERY);
    let mut forward = None;
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "ScanIndexForward" => forward = wire.boolean()?,
            _ => paging.member(wire, name)?,
        }
        Ok(())
    })?;
    not_empty(paging.table.as_deref())?;
    paging.expressions.check_operator()?;
    let mut violations = Violations::new();
    paging.check_select(&mut violations);
    paging.shared.check_capacity(&mut violations);
    let table = violations.table(paging.table.as_deref());
    if paging.limit.is_some_and(|limit| limit < 1) {
        // The service words this one differently from Scan's.
        violations.other("Value", "Limit", "Member must have value greater than or equal to 1");
    }
    paging.expressions.check(&mut violations);
    violations.check()?;
    let Some(table) = table else { return Err(super::unreadable()) };
    paging.expressions.check_mixture()?;
    read.values().map_err(|fault| WireError::validation(fault.newer()))?;
    let projecting = paging.expressions.projecting();
    let mut ready = paging.expressions.legacy()?;
    paging.check_start()?;
    let legacy = paging.expressions.key_conditions()?;
    paging.expressions.bound(&mut ready)?;
    let mut few = Ok(());
    let conditions = match (ready.key_condition, legacy) {
        (Some(conditions), _) => conditions,
        (None, Some(conditions)) => {
            few = key_conditions::few(conditions.len(), paging.of_index());
            key_conditions::to_engine(conditions)?
        }
        (None, None) => {
            return Err(WireError::validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
            ));
        }
    };
    paging.check_selection(projecting).map_err(|error| match error.message {
        // The service reports this one as a violated constraint here, and not where it scans.
        Some(text) if text == UNSPECIFIC => WireError::of_write(text),
        _ => error,
    })?;
    few?;

    let share = paging.share(call).await?;
    // What is wrong is refused before what has no capacity left: then a page is looked at, not answered.
    let admitted = paging.admit(call, &table);
    let request = Query {
        table,
        index: paging.engine_index(),
        conditions,
        forward: forward.unwrap_or(true),
        limit: if admitted.is_ok() { paging.engine_limit() } else { Some(1) },
        start: paging.start.take(),
        selection: paging.selection(ready.filter, ready.projection),
    };
    let page = call.engine().query(call.authorize(request)).await?;
    admitted?;
    paging.spend(call, &page);
    paging.answer(&page, share)
}
