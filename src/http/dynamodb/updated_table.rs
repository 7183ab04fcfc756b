//! What UpdateTable's answer shows: the table on its way to what was asked for, as the service shows it. New units, a new
//! class and more warm throughput are not there yet, nor is the time since when the table is on-demand.

use std::sync::Arc;

use super::index_updates::Update;
use super::table_description::Moment;
use super::table_settings::Settings;
use super::units::Throughput;
use crate::engine::Described;
use crate::model::TableDef;

/// What of a request makes a difference to that.
#[derive(Debug)]
pub(super) struct Asked {
    billing: bool,
    /// The table itself is UPDATING.
    slow: bool,
    encryption: bool,
    warm: bool,
    on_demand: Throughput,
    /// Indexes that get other throughput.
    indexes: Vec<String>,
}

impl Asked {
    /// Of a request.
    pub(super) fn of(settings: &Settings, updates: &[Update]) -> Asked {
        let billing = settings.billing.is_some();
        let online = updates.iter().any(|update| update.changed().is_none());
        Asked {
            billing,
            slow: billing
                || settings.throughput.is_some()
                || settings.stream.is_some()
                || settings.class.is_some()
                || online,
            encryption: settings.encryption.is_some(),
            warm: settings.warm.is_some(),
            on_demand: settings.on_demand.unwrap_or_default(),
            indexes: updates.iter().filter_map(Update::changed).map(str::to_owned).collect(),
        }
    }
}

/// The table as it is shown.
pub(super) fn shown(old: &TableDef, described: Described, asked: &Asked) -> (Described, Moment) {
    let mut table = TableDef::clone(&described.table);
    if table.provisioned.is_some() && old.provisioned.is_some() {
        (table.provisioned, table.options.decreases) = (old.provisioned, old.options.decreases);
    }
    table.options.infrequent_access = old.options.infrequent_access;
    if asked.warm {
        table.options.warm = old.options.warm;
    }
    for index in
        table.indexes.list.iter_mut().filter(|index| asked.indexes.iter().any(|name| index.name == name))
    {
        let before = old.indexes.named(&index.name);
        if let Some(before) = before.filter(|before| before.provisioned.is_some()) {
            index.provisioned = before.provisioned;
        }
        index.warm = before.map_or(index.warm, |before| before.warm);
    }
    let mut moment = Moment::of(if asked.slow { "UPDATING" } else { "ACTIVE" });
    moment.billed_since = !asked.billing;
    moment.limits = asked.on_demand;
    moment.updating = asked.indexes.clone();
    if asked.encryption {
        moment.encryption = "UPDATING";
    }
    if asked.warm {
        moment.warm = "UPDATING";
    }
    (Described { table: Arc::new(table), ..described }, moment)
}
