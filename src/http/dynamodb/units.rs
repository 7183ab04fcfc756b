//! Figures for reading and writing: provisioned, the most on demand, and warm throughput, of a table or an index.

use super::constraint::Violations;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use crate::model::ON_DEMAND_WARM;
use crate::model::dynamodb_json::DecodeError;

/// The most units of either kind.
const MOST: i64 = 1_000_000_000_000;

/// Read and write units, as they are given.
pub(super) type Throughput = (Option<i64>, Option<i64>);

/// What the units belong to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of<'a> {
    /// The table.
    Table,
    /// The index of this name.
    Index(&'a str),
}

/// Reads ProvisionedThroughput.
pub(super) fn provisioned(wire: &mut Wire<'_>) -> Result<Option<Throughput>, DecodeError> {
    read(wire, "ProvisionedThroughput", ["ReadCapacityUnits", "WriteCapacityUnits"])
}

/// Reads OnDemandThroughput.
pub(super) fn on_demand(wire: &mut Wire<'_>) -> Result<Option<Throughput>, DecodeError> {
    read(wire, "OnDemandThroughput", ["MaxReadRequestUnits", "MaxWriteRequestUnits"])
}

/// Reads WarmThroughput.
pub(super) fn warm(wire: &mut Wire<'_>) -> Result<Option<Throughput>, DecodeError> {
    read(wire, "WarmThroughput", ["ReadUnitsPerSecond", "WriteUnitsPerSecond"])
}

fn read(
    wire: &mut Wire<'_>,
    class: &'static str,
    [of_read, of_write]: [&str; 2],
) -> Result<Option<Throughput>, DecodeError> {
    let (mut read, mut write) = (None, None);
    let given = wire.object(Expected::Member(class), |wire, name| {
        match name {
            name if name == of_read => read = wire.integer("Long")?,
            name if name == of_write => write = wire.integer("Long")?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    Ok(given.then_some((read, write)))
}

/// The members; a structure without any is as good as none.
pub(super) fn members(given: Option<Throughput>) -> Option<Throughput> {
    given.filter(|given| *given != (None, None))
}

/// Constraints of provisioned units at a place: `provisionedThroughput`.
pub(super) fn check(throughput: Option<Throughput>, at: &str, violations: &mut Violations) {
    let Some((read, write)) = throughput else { return };
    for (name, units) in [("writeCapacityUnits", write), ("readCapacityUnits", read)] {
        let place = format!("{at}.{name}");
        violations.required(&place, &units);
        violations.range(&place, units, 1, None);
    }
}

/// Provisioned units within their bounds.
pub(super) fn bounded((read, write): (i64, i64), of: Of<'_>) -> Result<(u64, u64), WireError> {
    for (name, units) in [("ReadCapacityUnits", read), ("WriteCapacityUnits", write)] {
        if units > MOST {
            let of = match of {
                Of::Table => String::new(),
                Of::Index(name) => format!(" for index {name}"),
            };
            let text = format!("Given value {units} for {name} is out of bounds{of}");
            return Err(WireError::validation(text));
        }
    }
    Ok((read.unsigned_abs(), write.unsigned_abs()))
}

/// Whether OnDemandThroughput is for a new table or index, or for one that is there, where −1 lifts a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// CreateTable.
    New,
    /// UpdateTable.
    Update,
}

/// The most units on demand. A table that is `provisioned` has none.
pub(super) fn most(
    given: Option<Throughput>,
    of: Of<'_>,
    provisioned: bool,
    when: When,
) -> Result<Throughput, WireError> {
    let Some((read, write)) = given else { return Ok((None, None)) };
    for (name, units) in [("MaxReadRequestUnits", read), ("MaxWriteRequestUnits", write)] {
        let Some(units) = units else { continue };
        if provisioned {
            let of = match of {
                Of::Table => String::new(),
                Of::Index(name) => format!(" for index: {name}"),
            };
            let what = format!("{name} for OnDemandThroughput{of} cannot be specified when");
            return Err(WireError::invalid(&match when {
                When::New => format!("{what} table BillingMode is PROVISIONED."),
                When::Update => format!("{what} the table BillingMode is PROVISIONED"),
            }));
        }
        let lifts = units == -1 && when == When::Update;
        if !lifts && !(1..=MOST).contains(&units) {
            let of = match of {
                Of::Table => "table".to_owned(),
                Of::Index(name) => format!("index : {name}"),
            };
            return Err(WireError::invalid(format!(
                "Requested {name} for OnDemandThroughput for {of} is outside of valid range"
            )));
        }
    }
    Ok((read, write))
}

/// What a new table or index is to be warm for: at least what its billing makes it. 0: nothing is asked for.
pub(super) fn warmed(
    given: Option<Throughput>,
    of: Of<'_>,
    provisioned: Option<(u64, u64)>,
) -> Result<(u64, u64), WireError> {
    let Some((read, write)) = members(given) else { return Ok((0, 0)) };
    let least = provisioned.unwrap_or(ON_DEMAND_WARM);
    let asked = (unsigned(read).unwrap_or(least.0), unsigned(write).unwrap_or(least.1));
    for (kind, asked, least) in [("Read", asked.0, least.0), ("Write", asked.1, least.1)] {
        if asked < least {
            let of = match of {
                Of::Table => "table".to_owned(),
                Of::Index(name) => format!("index {name}"),
            };
            let than = match provisioned {
                None => "initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial".to_owned(),
                Some(_) => format!("{kind}CapacityUnits of ProvisionedThroughput"),
            };
            return Err(WireError::invalid(format!(
                "Requested {kind}UnitsPerSecond for WarmThroughput for {of} is lower than {than}"
            )));
        }
    }
    Ok(asked)
}

/// What is below 0 is as little as can be.
pub(super) fn unsigned(units: Option<i64>) -> Option<u64> {
    units.map(|units| u64::try_from(units).unwrap_or(0))
}
