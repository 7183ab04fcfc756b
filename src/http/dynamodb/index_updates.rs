//! GlobalSecondaryIndexUpdates of UpdateTable.

use std::collections::HashSet;

use super::constraint::Violations;
use super::error::WireError;
use super::index_schema::{self, Index, Throughput};
use super::mismatch::Expected;
use super::request::Wire;
use super::table_schema::Definition;
use super::table_settings::Settings;
use crate::engine::IndexUpdate;
use crate::model::dynamodb_json::DecodeError;
use crate::model::{IndexKind, TableDef};

/// One update, as it is given.
#[derive(Debug, Default)]
pub(super) struct Update {
    create: Option<Index>,
    update: Option<Named>,
    delete: Option<Named>,
}

/// An index by its name, with the units it is to have.
#[derive(Debug, Default)]
struct Named {
    name: Option<String>,
    throughput: Option<Throughput>,
}

impl Named {
    fn read(wire: &mut Wire<'_>, class: &'static str) -> Result<Option<Named>, DecodeError> {
        let mut named = Named::default();
        let given = wire.object(Expected::Member(class), |wire, name| {
            match name {
                "IndexName" => named.name = wire.string()?,
                "ProvisionedThroughput" => named.throughput = index_schema::throughput(wire)?,
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
        index_schema::check_throughput(self.throughput, at, violations);
    }

    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
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
            create.check(&format!("{at}.create"), violations);
        }
        if let Some(update) = &self.update {
            update.check(&format!("{at}.update"), violations);
        }
        if let Some(delete) = &self.delete {
            delete.check(&format!("{at}.delete"), violations);
        }
    }

    fn name(&self) -> Option<&str> {
        let update = self.update.as_ref().or(self.delete.as_ref());
        self.create.as_ref().map(Index::name).or(update.map(Named::name))
    }
}

/// What can be said of the list before the table is looked at: each names one thing to do, to an index of its own.
pub(super) fn check(updates: &[Update]) -> Result<(), WireError> {
    let wrong = |what: String| {
        Err(WireError::validation(format!("One or more parameter values were invalid: {what}")))
    };
    let mut seen = HashSet::new();
    for update in updates {
        let given = [update.create.is_some(), update.update.is_some(), update.delete.is_some()];
        let Some(name) = update.name() else {
            return wrong(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null"
                    .to_owned(),
            );
        };
        if given.iter().filter(|given| **given).count() > 1 {
            return wrong(
                "Only one of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete may be specified"
                    .to_owned(),
            );
        }
        if !seen.insert(name) {
            return wrong(format!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            ));
        }
    }
    Ok(())
}

/// The updates as the engine takes them. `provisioned` says how the table will be billed.
pub(super) fn to_engine(
    updates: &[Update],
    definitions: &[Definition],
    table: &TableDef,
    provisioned: bool,
) -> Result<Vec<IndexUpdate>, WireError> {
    let mut made = Vec::with_capacity(updates.len());
    let mut created = Vec::new();
    for update in updates {
        if let Some(create) = &update.create {
            let index = create.to_engine(IndexKind::Global, &table.keys, definitions, provisioned)?;
            created.push(index.clone());
            made.push(IndexUpdate::Create(index));
        }
        if let Some(Named { name: Some(name), throughput }) = &update.update
            && let Some((Some(read), Some(write))) = throughput
        {
            made.push(IndexUpdate::Throughput(name.clone(), Settings::bounded(*read, *write)?));
        }
        if let Some(delete) = &update.delete {
            made.push(IndexUpdate::Delete(delete.name().to_owned()));
        }
    }
    let known = table.indexes.live().cloned();
    index_schema::all_used(&table.keys, &created.into_iter().chain(known).collect::<Vec<_>>(), definitions)?;
    Ok(made)
}
