//! UpdateTable: billing, throughput, protection, class, encryption, stream. What is asked for holds with the answer.

use std::sync::Arc;

use super::create_table::{define, stream_label};
use super::error::invalid;
use super::{Billing, EngineError, UpdateTable, index_updates, keys, warm_throughput};
use crate::clock::Stamp;
use crate::model::{IndexKind, StreamView, TableDef, TableOptions};
use crate::store::{Batch, Read};

/// On the committer's thread.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    request: UpdateTable,
    stamp: Stamp,
) -> Result<Arc<TableDef>, EngineError> {
    let table = keys::table(read.catalog(), request.table.as_str())?;
    let mut changed = TableDef::clone(table);
    if let Some(billing) = request.billing {
        bill(&mut changed, billing, stamp.us)?;
    }
    if let Some(protection) = request.deletion_protection {
        changed.deletion_protection = protection;
    }
    if let Some(class) = request.infrequent_access {
        reclass(&mut changed.options, class, stamp.us);
    }
    if let Some(key) = request.kms_key {
        encrypt(&mut changed.options, key)?;
    }
    let options = &mut changed.options;
    warm_throughput::limit(&mut options.on_demand_most, request.on_demand_most);
    if request.warm != (None, None) {
        let warm = options.warm_throughput(options.warm, changed.provisioned);
        options.warm = warm_throughput::raise(warm, request.warm, "table")?;
    }
    if let Some(view) = request.stream {
        stream(&mut changed, view, stamp.us, read.seq().0)?;
    }
    index_updates::apply(read, &mut changed, request.indexes)?;
    if table.provisioned.is_none() {
        every_index_has_units(&changed)?;
    }
    if changed != **table {
        define(batch, &changed, stamp)?;
    }
    Ok(Arc::new(changed))
}

/// Billing mode and provisioned throughput.
fn bill(table: &mut TableDef, billing: Billing, now_us: u64) -> Result<(), EngineError> {
    let options = &mut table.options;
    let warm = options.warm_throughput(options.warm, table.provisioned);
    let wanted = match billing {
        Billing::OnDemand => {
            if table.provisioned.take().is_some() {
                (options.on_demand_us, options.warm) = (now_us, warm);
                for index in &mut table.indexes.list {
                    index.warm = options.warm_throughput(index.warm, index.provisioned.take());
                }
            }
            return Ok(());
        }
        Billing::Units(_, _) if table.provisioned.is_none() => {
            return Err(invalid(
                "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
            ));
        }
        Billing::Provisioned(read, write) | Billing::Units(read, write) => (read, write),
    };
    let Some(current) = table.provisioned.replace(wanted) else {
        options.on_demand_most = None;
        table.indexes.list.iter_mut().for_each(|index| index.on_demand_most = None);
        return Ok(());
    };
    if current == wanted {
        return Err(index_updates::unchanged_units("the table", "the table", current));
    }
    options.warm = warm;
    options.note_throughput(current, wanted, now_us);
    Ok(())
}

/// A table that has become PROVISIONED says so of its indexes too.
fn every_index_has_units(table: &TableDef) -> Result<(), EngineError> {
    let mut global = table.indexes.of_kind(IndexKind::Global);
    match global.find(|index| table.provisioned.is_some() && index.provisioned.is_none()) {
        None => Ok(()),
        Some(index) => Err(invalid(format!(
            "One or more parameter values were invalid: ProvisionedThroughput must be specified for index: {}",
            index.name
        ))),
    }
}

fn reclass(options: &mut TableOptions, infrequent_access: bool, now_us: u64) {
    if infrequent_access != options.infrequent_access {
        (options.infrequent_access, options.class_changed_us) = (infrequent_access, now_us);
    }
    options.class_given = true;
}

fn encrypt(options: &mut TableOptions, key: Option<String>) -> Result<(), EngineError> {
    if options.kms_key == key {
        return Err(invalid(match key {
            None => "One or more parameter values were invalid: Table is already encrypted by default",
            Some(_) => {
                "One or more parameter values were invalid: Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key"
            }
        }));
    }
    options.kms_key = key;
    Ok(())
}

/// Enables or disables the stream; `seq` is the newest change there is.
fn stream(table: &mut TableDef, view: Option<StreamView>, now_us: u64, seq: u64) -> Result<(), EngineError> {
    match (view, table.options.stream()) {
        (Some(_), Some(_)) => {
            let name = table.name.as_str();
            Err(invalid(format!("Table already has an enabled stream: TableName: {name}")))
        }
        (Some(view), None) => {
            table.options.enable_stream(view, stream_label, now_us, seq);
            Ok(())
        }
        (None, None) => {
            let name = table.name.as_str();
            Err(invalid(format!("Table has no stream to disable: TableName: {name}")))
        }
        (None, Some(_)) => {
            table.options.disable_stream(now_us, seq);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KeyAttribute, KeySchema, KeyType, TableId, TableName};

    fn table(provisioned: Option<(u64, u64)>) -> TableDef {
        TableDef {
            created_us: 1,
            provisioned,
            ..TableDef::new(
                TableId::FIRST,
                TableName::new("readings").unwrap(),
                KeySchema { partition: KeyAttribute { name: "d".into(), key_type: KeyType::S }, sort: None },
            )
        }
    }

    #[test]
    fn billing_changes_as_it_is_asked_for() {
        let mut provisioned = table(Some((5, 5)));
        bill(&mut provisioned, Billing::Units(6, 4), 70).unwrap();
        assert_eq!(provisioned.provisioned, Some((6, 4)));
        assert_eq!((provisioned.options.increased_us, provisioned.options.decreased_us), (70, 70));
        let same = bill(&mut provisioned, Billing::Provisioned(6, 4), 80).unwrap_err().to_string();
        assert!(same.starts_with("The provisioned throughput for the table will not change."), "{same}");
        bill(&mut provisioned, Billing::OnDemand, 90).unwrap();
        assert_eq!((provisioned.provisioned, provisioned.options.on_demand_us), (None, 90));
        bill(&mut provisioned, Billing::OnDemand, 95).unwrap();
        assert_eq!(provisioned.options.on_demand_us, 90);
        let refused = bill(&mut provisioned, Billing::Units(1, 1), 99).unwrap_err().to_string();
        assert!(refused.contains("when BillingMode is PAY_PER_REQUEST"), "{refused}");
        bill(&mut provisioned, Billing::Provisioned(1, 1), 99).unwrap();
        assert_eq!(provisioned.provisioned, Some((1, 1)));
    }

    #[test]
    fn a_stream_is_enabled_once_and_disabled_once() {
        let mut table = table(None);
        let off = stream(&mut table, None, 10, 3).unwrap_err().to_string();
        assert_eq!(off, "Table has no stream to disable: TableName: readings");
        stream(&mut table, Some(StreamView::NewImage), 10, 3).unwrap();
        let on = stream(&mut table, Some(StreamView::KeysOnly), 10, 3).unwrap_err().to_string();
        assert_eq!(on, "Table already has an enabled stream: TableName: readings");
        stream(&mut table, None, 20, 5).unwrap();
        assert!(table.options.stream().is_none());
        assert!(table.options.streams[0].holds(5) && !table.options.streams[0].holds(6));
    }
}
