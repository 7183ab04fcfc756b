//! Scan, parallel ones too.

use bytes::Bytes;

use super::Call;
use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::expressions;
use super::page::Paging;
use super::request::Wire;
use crate::engine::Scan;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut paging = Paging::new(&expressions::SCAN);
    let (mut segment, mut total) = (None, None);
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "Segment" => segment = wire.integer("Integer")?,
            "TotalSegments" => total = wire.integer("Integer")?,
            _ => paging.member(wire, name)?,
        }
        Ok(())
    })?;
    not_empty(paging.table.as_deref())?;
    let mut violations = Violations::new();
    paging.check_select(&mut violations);
    violations.range("totalSegments", total, 1, Some(1_000_000));
    paging.shared.check_capacity(&mut violations);
    let table = violations.table(paging.table.as_deref());
    violations.range("segment", segment, 0, Some(999_999));
    violations.range("limit", paging.limit, 1, None);
    paging.expressions.check(&mut violations);
    violations.check()?;
    let Some(table) = table else { return Err(super::unreadable()) };
    paging.expressions.check_mixture()?;
    read.values()?;
    let projecting = paging.expressions.projecting();
    let mut ready = paging.expressions.legacy()?;
    paging.check_start()?;
    let segment = segments(segment, total)?;
    paging.expressions.bound(&mut ready)?;
    paging.check_selection(projecting)?;

    let share = paging.share(call).await?;
    // What is wrong is refused before what has no capacity left: then a page is looked at, not answered.
    let admitted = paging.admit(call, &table);
    let request = Scan {
        table,
        index: paging.engine_index(),
        limit: if admitted.is_ok() { paging.engine_limit() } else { Some(1) },
        start: paging.start.take(),
        segment,
        selection: paging.selection(ready.filter, ready.projection),
    };
    let page = call.engine().scan(call.authorize(request)).await?;
    admitted?;
    paging.spend(call, &page);
    paging.answer(&page, share)
}

/// Segment and TotalSegments: both or none.
fn segments(segment: Option<i64>, total: Option<i64>) -> Result<Option<(u32, u32)>, WireError> {
    match (segment, total) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(WireError::validation(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        )),
        (None, Some(_)) => Err(WireError::validation(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        )),
        (Some(segment), Some(total)) if segment >= total => Err(WireError::validation(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is not less than TotalSegments: {total}"
        ))),
        (Some(segment), Some(total)) => match (u32::try_from(segment), u32::try_from(total)) {
            (Ok(segment), Ok(total)) => Ok(Some((segment, total))),
            _ => Err(super::unreadable()),
        },
    }
}
