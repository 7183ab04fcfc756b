//! Configured tables: created if they aren't there, never altered or deleted; only the TTL attribute and what happens when
//! the store is full follow the configuration.

use super::AppError;
use crate::config::ConfiguredTable;
use crate::engine::{CreateTable, Engine, EngineError, SetWhenFull, UpdateTimeToLive};
use crate::model::{KeySchema, TableDef, WhenFull};
use crate::security::{Principal, authorize};

/// Makes every configured table be there, with its key, its TTL, and its answer to a full store.
pub(super) async fn ensure(engine: &Engine, tables: &[ConfiguredTable]) -> Result<(), AppError> {
    for table in tables {
        let result = one(engine, table).await;
        result.map_err(|error| AppError::Table(format!("table {}: {error}", table.name.as_str())))?;
    }
    when_full(engine, tables).await
}

/// A table that is not configured (any more) refuses: nothing of it is given up that nobody chose.
async fn when_full(engine: &Engine, tables: &[ConfiguredTable]) -> Result<(), AppError> {
    for def in engine.tables() {
        let wanted = tables.iter().find(|table| table.name == def.name);
        let wanted = wanted.map_or(WhenFull::default(), |table| table.when_full);
        if def.when_full != wanted {
            let request = SetWhenFull { table: def.name.clone(), when_full: wanted };
            let set = engine.set_when_full(authorize(Principal::Daemon, request)).await;
            set.map_err(|error| AppError::Table(format!("table {}: {error}", def.name.as_str())))?;
        }
    }
    Ok(())
}

/// Whether every configured table that is there has the key that the configuration says; changes nothing.
pub(super) fn check(engine: &Engine, tables: &[ConfiguredTable]) -> Result<(), AppError> {
    for wanted in tables {
        if let Ok(existing) = engine.table(wanted.name.as_str()) {
            same_key(wanted, &existing)
                .map_err(|error| AppError::Table(format!("table {}: {error}", wanted.name.as_str())))?;
        }
    }
    Ok(())
}

fn same_key(wanted: &ConfiguredTable, existing: &TableDef) -> Result<(), String> {
    if existing.keys == wanted.keys {
        return Ok(());
    }
    Err(format!(
        "the configuration says {}, the table in the store has {}; a table's key never changes: give the configured table another name, or correct it",
        describe(&wanted.keys),
        describe(&existing.keys)
    ))
}

async fn one(engine: &Engine, wanted: &ConfiguredTable) -> Result<(), String> {
    let existing = match engine.table(wanted.name.as_str()) {
        Ok(existing) => existing,
        Err(_) => {
            let request = CreateTable {
                table: wanted.name.clone(),
                keys: wanted.keys.clone(),
                provisioned: None,
                deletion_protection: false,
                settings: Default::default(),
            };
            let created = engine.create_table(authorize(Principal::Daemon, request)).await;
            created.map_err(|error| error.to_string())?.table
        }
    };
    same_key(wanted, &existing)?;
    ttl(engine, wanted, &existing).await.map_err(|error| error.to_string())
}

/// Brings the TTL attribute in line; a table without `ttl` in the configuration keeps what a client has set.
async fn ttl(engine: &Engine, wanted: &ConfiguredTable, existing: &TableDef) -> Result<(), EngineError> {
    let Some(attribute) = &wanted.ttl_attribute else { return Ok(()) };
    let current = existing.ttl.as_ref().map(|ttl| &ttl.attribute);
    if current == Some(attribute) {
        return Ok(());
    }
    let update = |attribute: &str, enabled| UpdateTimeToLive {
        table: wanted.name.clone(),
        attribute: attribute.to_owned(),
        enabled,
    };
    if let Some(current) = current {
        engine.update_time_to_live(authorize(Principal::Daemon, update(current, false))).await?;
    }
    engine.update_time_to_live(authorize(Principal::Daemon, update(attribute, true))).await?;
    Ok(())
}

fn describe(keys: &KeySchema) -> String {
    let partition = format!("partition key {} ({:?})", keys.partition.name, keys.partition.key_type);
    match &keys.sort {
        Some(sort) => format!("{partition}, sort key {} ({:?})", sort.name, sort.key_type),
        None => format!("{partition}, no sort key"),
    }
}
