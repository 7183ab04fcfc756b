//! UpdateTable. What is asked for holds with the answer, which still describes the table on its way there, as the service
//! does.

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::index_updates::{self, Update};
use super::request::Wire;
use super::table_schema::Definition;
use super::table_settings::Settings;
use super::units::{self, Of, When};
use super::{Call, named_table, table_description, update_conflicts, updated_table};
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
    request.check()?;
    let settings = &request.settings;
    let updates = request.indexes.as_deref().unwrap_or_default();
    index_updates::check(updates)?;
    let billing = request.billing()?;
    let (infrequent_access, kms_key) = (settings.infrequent_access()?, settings.kms_key()?);
    let stream = settings.stream(When::Update)?;
    let known = call.engine().table(table.as_str()).map_err(WireError::of_table)?;
    let provisioned = match billing {
        Some(Billing::OnDemand) => false,
        Some(Billing::Provisioned(..)) => true,
        Some(Billing::Units(..)) | None => known.provisioned.is_some(),
    };
    let (read, write) = settings.warm.unwrap_or_default();
    let update = UpdateTable {
        table,
        billing,
        deletion_protection: settings.protection,
        infrequent_access,
        kms_key,
        on_demand_most: units::most(settings.on_demand, Of::Table, provisioned, When::Update)?,
        warm: (units::unsigned(read), units::unsigned(write)),
        stream,
        indexes: index_updates::to_engine(updates, request.definitions.as_deref(), &known, provisioned)?,
    };
    let asked = updated_table::Asked::of(settings, updates);
    let described = call.engine().update_table(call.authorize(update)).await.map_err(WireError::of_table)?;
    let (described, moment) = updated_table::shown(&known, described, &asked);
    Ok(table_description::answer(call, "TableDescription", &described, &moment))
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
            _ if self.settings.member(wire, name)? => {}
            _ => wire.skip()?,
        }
        Ok(())
    }

    /// What can be said of the request before the table is looked at.
    fn check(&self) -> Result<(), WireError> {
        let mut violations = Violations::new();
        for (at, definition) in (1..).zip(self.definitions.iter().flatten()) {
            definition.check(at, &mut violations);
        }
        self.settings.check(&mut violations);
        for (at, update) in (1..).zip(self.indexes.iter().flatten()) {
            update.check(at, &mut violations);
        }
        violations.check()?;
        if let Some(parameter) = self.settings.not_yet {
            return Err(WireError::unsupported(parameter));
        }
        update_conflicts::check(&self.settings, index_updates::summary(self.indexes.as_deref()))
    }

    fn billing(&self) -> Result<Option<Billing>, WireError> {
        let units = match self.settings.throughput {
            Some((Some(read), Some(write))) => Some(units::bounded((read, write), Of::Table)?),
            _ => None,
        };
        let wrong = |what: &str| Err(WireError::invalid(what));
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
