//! GlobalSecondaryIndexUpdates of UpdateTable.

use std::collections::HashSet;

use super::constraint::Violations;
use super::error::WireError;
use super::index_key::Key;
use super::index_schema::Index;
use super::mismatch::Expected;
use super::request::Wire;
use super::table_schema::Definition;
use super::units::{self, Of, Throughput, When};
use super::update_conflicts::Indexes;
use crate::engine::{IndexChange, IndexUpdate};
use crate::model::dynamodb_json::DecodeError;
use crate::model::{IndexKind, TableDef};

/// One update, as it is given.
#[derive(Debug, Default)]
pub(super) struct Update {
    create: Option<Index>,
    update: Option<Named>,
    delete: Option<Named>,
}

/// An index by its name, with the throughput it is to have.
#[derive(Debug, Default)]
struct Named {
    name: Option<String>,
    throughput: Option<Throughput>,
    on_demand: Option<Throughput>,
    warm: Option<Throughput>,
}

impl Named {
    fn read(wire: &mut Wire<'_>, class: &'static str) -> Result<Option<Named>, DecodeError> {
        let mut named = Named::default();
        let given = wire.object(Expected::Member(class), |wire, name| {
            match name {
                "IndexName" => named.name = wire.string()?,
                "ProvisionedThroughput" => named.throughput = units::provisioned(wire)?,
                "OnDemandThroughput" => named.on_demand = units::on_demand(wire)?,
                "WarmThroughput" => named.warm = units::warm(wire)?,
                _ => wire.skip()?,
            }
            Ok(())
        })?;
        Ok(given.then_some(named))
    }

    fn check(&self, at: &str, violations: &mut Violations) {
        let place = format!("{at}.indexName");
        violations.required(&place, &self.name);
        if let Some(name) = &self.name {
            violations.name(&place, name);
        }
        units::check(self.throughput, &format!("{at}.provisionedThroughput"), violations);
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The change as the engine takes it.
    fn to_engine(&self, provisioned: bool) -> Result<IndexChange, WireError> {
        let name = self.name();
        let units = match self.throughput {
            Some((Some(read), Some(write))) => Some(units::bounded((read, write), Of::Index(name))?),
            _ => None,
        };
        if self.warm == Some((None, None)) {
            return Err(WireError::invalid(format!(
                "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: {name}"
            )));
        }
        let (read, write) = self.warm.unwrap_or_default();
        Ok(IndexChange {
            name: name.to_owned(),
            units,
            on_demand_most: units::most(self.on_demand, Of::Index(name), provisioned, When::Update)?,
            warm: (units::unsigned(read), units::unsigned(write)),
        })
    }
}

impl Update {
    /// Reads the list.
    pub(super) fn list(wire: &mut Wire<'_>) -> Result<Option<Vec<Update>>, DecodeError> {
        let mut updates = Vec::new();
        let given = wire.list(|wire| {
            let mut update = Update::default();
            wire.object(Expected::Element("GlobalSecondaryIndexUpdate"), |wire, name| {
                match name {
                    "Create" => {
                        let class = "CreateGlobalSecondaryIndexAction";
                        update.create = Index::read(wire, Expected::Member(class))?;
                    }
                    "Update" => update.update = Named::read(wire, "UpdateGlobalSecondaryIndexAction")?,
                    "Delete" => update.delete = Named::read(wire, "DeleteGlobalSecondaryIndexAction")?,
                    _ => wire.skip()?,
                }
                Ok(())
            })?;
            updates.push(update);
            Ok(())
        })?;
        Ok(given.then_some(updates))
    }

    /// Constraints of the element at a place, from 1.
    pub(super) fn check(&self, at: usize, violations: &mut Violations) {
        let at = format!("globalSecondaryIndexUpdates.{at}.member");
        if let Some(create) = &self.create {
            create.check(IndexKind::Global, &format!("{at}.create"), violations);
        }
        if let Some(update) = &self.update {
            update.check(&format!("{at}.update"), violations);
        }
        if let Some(delete) = &self.delete {
            delete.check(&format!("{at}.delete"), violations);
        }
    }

    /// The index that is to have other throughput, where it is that.
    pub(super) fn changed(&self) -> Option<&str> {
        self.update.as_ref().map(Named::name)
    }

    fn name(&self) -> Option<&str> {
        let update = self.update.as_ref().or(self.delete.as_ref());
        self.create.as_ref().map(Index::name).or(update.map(Named::name))
    }
}

/// What a request has of them.
pub(super) fn summary(updates: Option<&[Update]>) -> Indexes {
    let Some(updates) = updates else { return Indexes::default() };
    let create = updates.iter().any(|update| update.create.is_some());
    Indexes {
        given: true,
        empty: updates.is_empty(),
        create,
        online: create || updates.iter().any(|update| update.delete.is_some()),
    }
}

/// What can be said of the list before the table is looked at: each names one thing to do, to an index of its own.
pub(super) fn check(updates: &[Update]) -> Result<(), WireError> {
    let mut seen = HashSet::new();
    for update in updates {
        let given = [update.create.is_some(), update.update.is_some(), update.delete.is_some()];
        let Some(name) = update.name() else {
            return Err(WireError::invalid(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
            ));
        };
        if given.iter().filter(|given| **given).count() > 1 {
            return Err(WireError::invalid(
                "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
            ));
        }
        if !seen.insert(name) {
            return Err(WireError::invalid(format!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
    }
    Ok(())
}

/// The updates as the engine takes them. `provisioned` says how the table will be billed. Definitions that no new index
/// needs are not looked at.
pub(super) fn to_engine(
    updates: &[Update],
    definitions: Option<&[Definition]>,
    table: &TableDef,
    provisioned: bool,
) -> Result<Vec<IndexUpdate>, WireError> {
    let mut made = Vec::with_capacity(updates.len());
    for update in updates {
        if let Some(create) = &update.create {
            let Some(definitions) = definitions else {
                let name = create.name();
                let text = format!("AttributeDefinitions is not specified for index: {name}");
                return Err(WireError::invalid(text));
            };
            let key = Key::of(create, IndexKind::Global, &table.keys, definitions)?;
            let index = create.to_engine(IndexKind::Global, key, provisioned, When::Update)?;
            made.push(IndexUpdate::Create(index));
        }
        if let Some(named) = &update.update {
            made.push(IndexUpdate::Change(named.to_engine(provisioned)?));
        }
        if let Some(delete) = &update.delete {
            made.push(IndexUpdate::Delete(delete.name().to_owned()));
        }
    }
    Ok(made)
}
