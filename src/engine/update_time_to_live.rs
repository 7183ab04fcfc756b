//! UpdateTimeToLive (developer guide, "Time to Live"): once an hour for clients; the configuration may always.

use std::sync::Arc;

use super::create_table::define;
use super::error::invalid;
use super::{EngineError, UpdateTimeToLive, keys};
use crate::clock::Stamp;
use crate::model::{Name, TableDef, TtlAttribute};
use crate::security::Principal;
use crate::store::{Batch, Read};

/// The service takes one change within this many seconds.
const INTERVAL_S: u64 = 3600;

/// On the committer's thread.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    principal: &Principal,
    request: &UpdateTimeToLive,
    stamp: Stamp,
) -> Result<Arc<TableDef>, EngineError> {
    let table = keys::table(read.catalog(), request.table.as_str())?;
    refuse_no_change(table, request)?;
    let now_s = stamp.us / 1_000_000;
    let too_soon = table.ttl_changed_at > 0 && now_s < table.ttl_changed_at.saturating_add(INTERVAL_S);
    if too_soon && *principal != Principal::Daemon {
        return Err(invalid("Time to live has been modified multiple times within a fixed interval"));
    }
    let ttl = request.enabled.then(|| TtlAttribute { attribute: Name::from(request.attribute.as_str()) });
    let changed = TableDef { ttl, ttl_changed_at: now_s, ..TableDef::clone(table) };
    define(batch, &changed, stamp)?;
    Ok(Arc::new(changed))
}

fn refuse_no_change(table: &TableDef, request: &UpdateTimeToLive) -> Result<(), EngineError> {
    match (&table.ttl, request.enabled) {
        (Some(ttl), _) if ttl.attribute != request.attribute => Err(invalid(format!(
            "TimeToLive is active on a different AttributeName: current AttributeName is {}",
            ttl.attribute
        ))),
        (Some(_), true) => Err(invalid("TimeToLive is already enabled")),
        (None, false) => Err(invalid("TimeToLive is already disabled")),
        _ => Ok(()),
    }
}
