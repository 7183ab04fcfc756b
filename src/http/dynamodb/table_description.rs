//! TableDescription, as CreateTable, DescribeTable and DeleteTable answer it.

use bytes::Bytes;

use super::json::{Object, list};
use super::units::Throughput;
use super::{Call, index_description};
use crate::engine::Described;
use crate::model::{KeyAttribute, TableDef};

/// When in a table's life it is described: the service does not show everything at any time.
#[derive(Debug)]
pub(super) struct Moment {
    /// TableStatus.
    pub(super) status: &'static str,
    /// Since when the table is on-demand is shown.
    pub(super) billed_since: bool,
    /// The limits on demand that were just asked for: a limit that was lifted is shown once.
    pub(super) limits: Throughput,
    /// The status of encryption and of warm throughput.
    pub(super) encryption: &'static str,
    pub(super) warm: &'static str,
    /// Indexes that get other throughput.
    pub(super) updating: Vec<String>,
}

impl Moment {
    /// A table of this status.
    pub(super) fn of(status: &'static str) -> Moment {
        Moment {
            status,
            billed_since: status != "CREATING",
            limits: (None, None),
            encryption: "ENABLED",
            warm: if status == "CREATING" { "UPDATING" } else { "ACTIVE" },
            updating: Vec::new(),
        }
    }
}

/// Appends `{"<member>": {TableDescription}}`.
pub(super) fn answer(call: &Call<'_>, member: &str, described: &Described, moment: &Moment) -> Bytes {
    let mut out = Vec::with_capacity(768);
    let mut answer = Object::open(&mut out);
    write(call, described, moment, answer.object(member));
    answer.close();
    out.into()
}

fn write(call: &Call<'_>, described: &Described, moment: &Moment, mut out: Object<'_>) {
    let table = &described.table;
    let arn = call.table_arn(table.name.as_str());
    // Of a table that goes the service shows no schema.
    let goes = moment.status == "DELETING";
    if !goes {
        let definitions = index_description::definitions(table);
        write_definitions(definitions.into_iter(), out.member("AttributeDefinitions"));
        out.plain("CreationDateTime", seconds(table.created_us));
        write_schema(keys(table), out.member("KeySchema"));
        index_description::write(described, &arn, moment, &mut out);
    }
    write_billing(table, moment, &mut out);
    out.plain("DeletionProtectionEnabled", table.deletion_protection);
    out.plain("ItemCount", described.items);
    write_stream(call, table, &mut out);
    write_throughput(table, moment, &mut out);
    write_options(call, table, moment, &mut out);
    out.text("TableArn", &arn);
    out.text("TableId", &table.uuid);
    out.text("TableName", table.name.as_str());
    out.plain("TableSizeBytes", described.bytes);
    out.text("TableStatus", moment.status);
    out.close();
}

/// How the table is billed; a table that was PROVISIONED from the beginning has no summary.
fn write_billing(table: &TableDef, moment: &Moment, out: &mut Object<'_>) {
    let since = table.options.on_demand_us;
    let mode = match table.provisioned {
        None => "PAY_PER_REQUEST",
        Some(_) if since > 0 => "PROVISIONED",
        Some(_) => return,
    };
    let mut billing = out.object("BillingModeSummary");
    billing.text("BillingMode", mode);
    if moment.billed_since {
        let since = if since > 0 { since } else { table.created_us };
        billing.plain("LastUpdateToPayPerRequestDateTime", seconds(since));
    }
    billing.close();
}

fn write_throughput(table: &TableDef, moment: &Moment, out: &mut Object<'_>) {
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
    if table.provisioned.is_none() {
        write_limits(options.on_demand_most, moment.limits, out);
    }
    if moment.status != "CREATING" || options.warm != (0, 0) {
        let warm = options.warm_throughput(options.warm, table.provisioned);
        write_warm(warm, moment.warm, out);
    }
}

/// The most units on demand, as far as there is a limit or one was just lifted.
pub(super) fn write_limits(most: Option<(i64, i64)>, asked: Throughput, out: &mut Object<'_>) {
    let (read, write) = most.unwrap_or((-1, -1));
    let shown = |most: i64, asked: Option<i64>| Some(most).filter(|most| *most != -1).or(asked);
    let limits =
        [("MaxReadRequestUnits", shown(read, asked.0)), ("MaxWriteRequestUnits", shown(write, asked.1))];
    if limits.iter().all(|(_, limit)| limit.is_none()) {
        return;
    }
    let mut most = out.object("OnDemandThroughput");
    for (member, limit) in limits {
        if let Some(limit) = limit {
            most.plain(member, limit);
        }
    }
    most.close();
}

/// What a table or an index is warm for.
pub(super) fn write_warm((read, write): (u64, u64), status: &str, out: &mut Object<'_>) {
    let mut warm = out.object("WarmThroughput");
    warm.plain("ReadUnitsPerSecond", read);
    warm.text("Status", status);
    warm.plain("WriteUnitsPerSecond", write);
    warm.close();
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
fn write_options(call: &Call<'_>, table: &TableDef, moment: &Moment, out: &mut Object<'_>) {
    let options = &table.options;
    if let Some(key) = &options.kms_key {
        let mut encryption = out.object("SSEDescription");
        encryption.text("KMSMasterKeyArn", &call.kms_arn(key));
        encryption.text("SSEType", "KMS");
        encryption.text("Status", moment.encryption);
        encryption.close();
    }
    if options.class_given || options.infrequent_access || options.class_changed_us > 0 {
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
