//! TableDescription, as CreateTable, DescribeTable and DeleteTable answer it.

use bytes::Bytes;

use super::json::{Object, list};
use super::{Call, index_description};
use crate::engine::Described;
use crate::model::{KeyAttribute, TableDef};

/// Appends `{"<member>": {TableDescription}}`.
pub(super) fn answer(call: &Call<'_>, member: &str, described: &Described, status: &str) -> Bytes {
    let mut out = Vec::with_capacity(768);
    let mut answer = Object::open(&mut out);
    write(call, described, status, answer.object(member));
    answer.close();
    out.into()
}

fn write(call: &Call<'_>, described: &Described, status: &str, mut out: Object<'_>) {
    let table = &described.table;
    write_definitions(index_description::definitions(table).into_iter(), out.member("AttributeDefinitions"));
    let created = seconds(table.created_us);
    write_billing(table, &mut out);
    out.plain("CreationDateTime", &created);
    out.plain("DeletionProtectionEnabled", table.deletion_protection);
    out.plain("ItemCount", described.items);
    write_schema(keys(table), out.member("KeySchema"));
    let arn = call.table_arn(table.name.as_str());
    index_description::write(described, &arn, status == "CREATING", &mut out);
    write_stream(call, table, &mut out);
    write_throughput(table, &mut out);
    write_options(call, table, &mut out);
    out.text("TableArn", &arn);
    out.text("TableId", &table.uuid);
    out.text("TableName", table.name.as_str());
    out.plain("TableSizeBytes", described.bytes);
    out.text("TableStatus", status);
    out.close();
}

/// How the table is billed; a table that was PROVISIONED from the beginning has no summary.
fn write_billing(table: &TableDef, out: &mut Object<'_>) {
    let since = table.options.on_demand_us;
    let mode = match table.provisioned {
        None => "PAY_PER_REQUEST",
        Some(_) if since > 0 => "PROVISIONED",
        Some(_) => return,
    };
    let mut billing = out.object("BillingModeSummary");
    billing.text("BillingMode", mode);
    billing.plain(
        "LastUpdateToPayPerRequestDateTime",
        seconds(if since > 0 { since } else { table.created_us }),
    );
    billing.close();
}

fn write_throughput(table: &TableDef, out: &mut Object<'_>) {
    let options = &table.options;
    let (read, write) = table.provisioned.unwrap_or_default();
    let mut throughput = out.object("ProvisionedThroughput");
    if options.decreased_us > 0 {
        throughput.plain("LastDecreaseDateTime", seconds(options.decreased_us));
    }
    if options.increased_us > 0 {
        throughput.plain("LastIncreaseDateTime", seconds(options.increased_us));
    }
    throughput.plain("NumberOfDecreasesToday", options.decreases);
    throughput.plain("ReadCapacityUnits", read);
    throughput.plain("WriteCapacityUnits", write);
    throughput.close();
    if let (None, Some((read, write))) = (table.provisioned, options.on_demand_most) {
        let mut most = out.object("OnDemandThroughput");
        most.plain("MaxReadRequestUnits", read);
        most.plain("MaxWriteRequestUnits", write);
        most.close();
    }
}

/// The newest stream, and whether it is enabled.
fn write_stream(call: &Call<'_>, table: &TableDef, out: &mut Object<'_>) {
    if let Some(latest) = table.options.streams.last() {
        out.text("LatestStreamArn", &call.stream_arn(table.name.as_str(), &latest.label));
        out.text("LatestStreamLabel", &latest.label);
    }
    // What DeleteTable describes was enabled until then.
    if let Some(stream) = table.options.stream() {
        let mut specification = out.object("StreamSpecification");
        specification.plain("StreamEnabled", true);
        specification.text("StreamViewType", stream.view.name());
        specification.close();
    }
}

/// Encryption and class.
fn write_options(call: &Call<'_>, table: &TableDef, out: &mut Object<'_>) {
    let options = &table.options;
    if let Some(key) = &options.kms_key {
        let mut encryption = out.object("SSEDescription");
        encryption.text("KMSMasterKeyArn", &call.kms_arn(key));
        encryption.text("SSEType", "KMS");
        encryption.text("Status", "ENABLED");
        encryption.close();
    }
    if options.infrequent_access || options.class_changed_us > 0 {
        let class = if options.infrequent_access { "STANDARD_INFREQUENT_ACCESS" } else { "STANDARD" };
        let mut summary = out.object("TableClassSummary");
        if options.class_changed_us > 0 {
            summary.plain("LastUpdateDateTime", seconds(options.class_changed_us));
        }
        summary.text("TableClass", class);
        summary.close();
    }
}

/// A table's key attributes, the partition key first.
pub(super) fn keys(table: &TableDef) -> impl Iterator<Item = &KeyAttribute> {
    std::iter::once(&table.keys.partition).chain(table.keys.sort.as_ref())
}

fn write_definitions<'a>(keys: impl Iterator<Item = &'a KeyAttribute>, out: &mut Vec<u8>) {
    let _ = list(keys, out, |key, out| {
        let mut definition = Object::open(out);
        definition.text("AttributeName", &key.name);
        definition.text("AttributeType", &format!("{:?}", key.key_type));
        definition.close();
        Ok::<(), std::convert::Infallible>(())
    });
}

pub(super) fn write_schema<'a>(keys: impl Iterator<Item = &'a KeyAttribute>, out: &mut Vec<u8>) {
    let _ = list(keys.zip(["HASH", "RANGE"]), out, |(key, kind), out| {
        let mut element = Object::open(out);
        element.text("AttributeName", &key.name);
        element.text("KeyType", kind);
        element.close();
        Ok::<(), std::convert::Infallible>(())
    });
}

/// Microseconds as seconds with milliseconds: the wire's form of a time.
pub(super) fn seconds(us: u64) -> String {
    let ms = us / 1000;
    format!("{}.{:03}", ms / 1000, ms % 1000)
}
