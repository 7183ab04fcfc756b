//! What of the store's space an upstream may hold back, what may be spent on it, and which of these keys do nothing.

use super::settings::Settings;
use super::validate::Fault;
use crate::model::WhenFull;
use crate::sync::UpstreamSettings;
use crate::sync::allowance::Allowances;

/// The journal needs so much by itself; below it an upstream that is online would be over its limit.
const SMALLEST_BACKLOG: u64 = 16 << 20;

/// Whether `max_backlog` is one that can be kept.
pub(super) fn backlog(upstream: &UpstreamSettings, max_size: u64) -> Result<(), Fault> {
    let Some(backlog) = upstream.max_backlog else { return Ok(()) };
    let fault = |what: &str| {
        Err(Fault::of("max_backlog", format!("upstream {:?}: max_backlog {what}", upstream.name)))
    };
    if backlog < SMALLEST_BACKLOG {
        return fault("is too small: \"16MiB\" is the least");
    }
    if backlog >= max_size {
        return fault(
            "must be less than store.max_size, which journal and items share; leave it out for no limit of its own",
        );
    }
    Ok(())
}

/// Whether something can go at all, and the smaller spans are not larger than the larger ones: the key that is wrong, and why.
pub(super) fn allowances(allowances: &Allowances) -> Result<(), (&'static str, String)> {
    let Allowances { write_units_per_second, bytes_per_second, bytes_per_day, bytes_per_month } = allowances;
    for (key, limit) in [
        ("write_units_per_second", write_units_per_second),
        ("bytes_per_second", bytes_per_second),
        ("bytes_per_day", bytes_per_day),
        ("bytes_per_month", bytes_per_month),
    ] {
        if *limit == Some(0) {
            let what = format!(
                "{key} = 0 lets nothing go; leave it out for no limit, or pause the upstream (forebay upstream pause)"
            );
            return Err((key, what));
        }
    }
    match (bytes_per_day, bytes_per_month) {
        (Some(day), Some(month)) if day > month => Err((
            "bytes_per_day",
            "bytes_per_day is more than bytes_per_month, which would end it; lower it or leave it out"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// A sentence for each key that does nothing.
pub(super) fn advice(settings: &Settings) -> Vec<String> {
    let drops = |name: &str| {
        let table = settings.tables.iter().find(|table| table.name.as_str() == name);
        table.is_some_and(|table| table.when_full == WhenFull::DropOldest)
    };
    let mut advice = Vec::new();
    for upstream in settings.upstreams.iter().filter(|upstream| upstream.max_backlog.is_some()) {
        let sent = |name: &str| upstream.tables.as_ref().is_none_or(|tables| tables.contains_key(name));
        let some = settings.tables.iter().any(|table| sent(table.name.as_str()));
        if some
            && !settings.tables.iter().any(|table| sent(table.name.as_str()) && drops(table.name.as_str()))
        {
            advice.push(format!(
                "upstream {:?}: max_backlog is set and every table it gets refuses when full: while it is away, writes are \
                 refused once it holds back that much; give tables whose oldest readings may be lost when_full = \"drop-oldest\"",
                upstream.name
            ));
        }
    }
    advice
}
