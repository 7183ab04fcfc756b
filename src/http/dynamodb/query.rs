//! Query, with the legacy KeyConditions.

use bytes::Bytes;

use super::Call;
use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::key_conditions::{self, Condition};
use super::mismatch::Expected;
use super::page::Paging;
use super::request::Wire;
use crate::engine::Query;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut paging = Paging::default();
    let (mut conditions, mut forward) = (None::<Vec<Condition>>, None);
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "ScanIndexForward" => forward = wire.boolean()?,
            "KeyConditions" => {
                let mut read = Vec::new();
                let given = wire.object(Expected::Map("Condition"), |wire, attribute| {
                    key_conditions::read(wire, attribute, &mut read)
                })?;
                conditions = given.then_some(read);
            }
            _ => paging.member(wire, name)?,
        }
        Ok(())
    })?;
    not_empty(paging.table.as_deref())?;
    let mut violations = Violations::new();
    paging.check_select(&mut violations);
    paging.shared.check_capacity(&mut violations);
    let table = violations.table(paging.table.as_deref());
    paging.shared.check_operator(&mut violations);
    if paging.limit.is_some_and(|limit| limit < 1) {
        // The service words this one differently from Scan's.
        violations.other("Value", "Limit", "Member must have value greater than or equal to 1");
    }
    for condition in conditions.iter().flatten() {
        condition.check(&mut violations);
    }
    violations.check()?;
    let Some(table) = table else { return Err(super::unreadable()) };
    paging.shared.check_not_yet("FilterExpression and KeyConditionExpression are")?;
    read.values()?;
    let Some(conditions) = conditions else {
        return Err(WireError::validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ));
    };
    let conditions = key_conditions::to_engine(conditions);
    paging.check_selection()?;
    let conditions = match conditions {
        Ok(conditions) => conditions,
        Err(key_conditions::Refusal::Now(error)) => return Err(error),
        Err(key_conditions::Refusal::WithTable(error)) => {
            call.engine().table(table.as_str())?;
            return Err(error);
        }
    };

    let share = paging.share(call).await?;
    let request = Query {
        table,
        conditions,
        forward: forward.unwrap_or(true),
        limit: paging.engine_limit(),
        start: paging.start.take(),
    };
    let page = call.engine().query(call.authorize(request)).await?;
    paging.answer(&page, share)
}
