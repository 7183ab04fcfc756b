//! TableDescription, as CreateTable, DescribeTable and DeleteTable answer it.

use bytes::Bytes;

use super::Call;
use super::json::{Object, list};
use crate::engine::Described;
use crate::model::KeyAttribute;

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
    let keys = || std::iter::once(&table.keys.partition).chain(table.keys.sort.as_ref());
    write_definitions(keys(), out.member("AttributeDefinitions"));
    let created = seconds(table.created_us);
    if table.provisioned.is_none() {
        let mut billing = out.object("BillingModeSummary");
        billing.text("BillingMode", "PAY_PER_REQUEST");
        billing.plain("LastUpdateToPayPerRequestDateTime", &created);
        billing.close();
    }
    out.plain("CreationDateTime", &created);
    out.plain("DeletionProtectionEnabled", table.deletion_protection);
    out.plain("ItemCount", described.items);
    write_schema(keys(), out.member("KeySchema"));
    let (read, write) = table.provisioned.unwrap_or_default();
    let mut throughput = out.object("ProvisionedThroughput");
    throughput.plain("NumberOfDecreasesToday", 0);
    throughput.plain("ReadCapacityUnits", read);
    throughput.plain("WriteCapacityUnits", write);
    throughput.close();
    out.text("TableArn", &call.table_arn(table.name.as_str()));
    out.text("TableId", &table.uuid);
    out.text("TableName", table.name.as_str());
    out.plain("TableSizeBytes", described.bytes);
    out.text("TableStatus", status);
    out.close();
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

fn write_schema<'a>(keys: impl Iterator<Item = &'a KeyAttribute>, out: &mut Vec<u8>) {
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
