//! UpdateTable. What is asked for holds with the answer, which still calls the table UPDATING, as the service does.

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::index_updates::{self, Update};
use super::request::Wire;
use super::table_schema::Definition;
use super::table_settings::Settings;
use super::{Call, named_table, table_description};
use crate::engine::{Billing, UpdateTable};
use crate::model::dynamodb_json::DecodeError;

/// Members of the request.
#[derive(Debug, Default)]
struct Request {
    table: Option<String>,
    definitions: Option<Vec<Definition>>,
    settings: Settings,
    indexes: Option<Vec<Update>>,
}

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut request = Request::default();
    Wire::read(call.body, |wire, name| request.member(wire, name))?;
    let table = named_table::required(request.table.as_deref())?;
    let settings = &request.settings;
    let mut violations = Violations::new();
    for (at, definition) in (1..).zip(request.definitions.iter().flatten()) {
        definition.check(at, &mut violations);
    }
    settings.check(&mut violations);
    let updates = request.indexes.as_deref().unwrap_or_default();
    for (at, update) in (1..).zip(updates) {
        update.check(at, &mut violations);
    }
    violations.check()?;
    if let Some(parameter) = settings.not_yet {
        return Err(WireError::unsupported(parameter));
    }
    if settings.is_empty() && updates.is_empty() {
        return Err(WireError::validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        ));
    }
    index_updates::check(updates)?;
    let billing = request.billing()?;
    let indexes = match updates {
        [] => Vec::new(),
        updates => {
            let known = call.engine().table(table.as_str()).map_err(WireError::of_table)?;
            let provisioned = match billing {
                Some(Billing::OnDemand) => false,
                Some(_) => true,
                None => known.provisioned.is_some(),
            };
            let definitions = request.definitions.as_deref().unwrap_or_default();
            index_updates::to_engine(updates, definitions, &known, provisioned)?
        }
    };
    let request = UpdateTable {
        table,
        billing,
        deletion_protection: settings.protection,
        infrequent_access: settings.infrequent_access(),
        kms_key: settings.kms_key()?,
        on_demand_most: settings.on_demand_most()?,
        stream: settings.stream()?,
        indexes,
    };
    let described = call.engine().update_table(call.authorize(request)).await.map_err(WireError::of_table)?;
    Ok(table_description::answer(call, "TableDescription", &described, "UPDATING"))
}

impl Request {
    fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<(), DecodeError> {
        match name {
            "TableName" => self.table = wire.string()?,
            "AttributeDefinitions" => self.definitions = Definition::list(wire)?,
            "GlobalSecondaryIndexUpdates" => self.indexes = Update::list(wire)?,
            "VectorIndexUpdates" => self.settings.refuse(wire, "VectorIndexUpdates")?,
            "ReplicaUpdates" => self.settings.refuse(wire, "ReplicaUpdates")?,
            "GlobalTableWitnessUpdates" => self.settings.refuse(wire, "GlobalTableWitnessUpdates")?,
            "MultiRegionConsistency" => self.settings.refuse(wire, "MultiRegionConsistency")?,
            "GlobalTableSettingsReplicationMode" => {
                self.settings.refuse(wire, "GlobalTableSettingsReplicationMode")?;
            }
            "DisassociationProtectionEnabled" => {
                self.settings.refuse(wire, "DisassociationProtectionEnabled")?;
            }
            "WarmThroughput" => self.settings.refuse(wire, "WarmThroughput")?,
            _ if self.settings.member(wire, name)? => {}
            _ => wire.skip()?,
        }
        Ok(())
    }

    fn billing(&self) -> Result<Option<Billing>, WireError> {
        let units = match self.settings.throughput {
            Some((Some(read), Some(write))) => Some(Settings::bounded(read, write)?),
            _ => None,
        };
        let wrong = |what: &str| {
            Err(WireError::validation(format!("One or more parameter values were invalid: {what}")))
        };
        match (self.settings.billing.as_deref(), units) {
            (Some("PAY_PER_REQUEST"), Some(_)) => wrong(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
            ),
            (Some("PAY_PER_REQUEST"), None) => Ok(Some(Billing::OnDemand)),
            (Some(_), Some((read, write))) => Ok(Some(Billing::Provisioned(read, write))),
            (Some(_), None) => {
                wrong("ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
            }
            (None, Some((read, write))) => Ok(Some(Billing::Units(read, write))),
            (None, None) => Ok(None),
        }
    }
}
