//! Global indexes of provisioned tables have units of their own: for what is written to them, and for reads of them.

use serde_json::{Value, json};

use crate::client::Gateway;

const INDEX: &str = "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API";
const TABLE: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
const EXCEEDED: &str = "ProvisionedThroughputExceededException";

/// A table that has plenty, whose global index `by-kind` has one unit of each kind, and whose local one `by-kind-here` has
/// none of its own.
async fn limited(gateway: &Gateway, units: u64) {
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let (all, throughput) = (
        json!({"ProjectionType": "ALL"}),
        |units: u64| json!({"ReadCapacityUnits": units, "WriteCapacityUnits": units}),
    );
    let table = json!({
        "TableName": "limited", "ProvisionedThroughput": throughput(units),
        "KeySchema": [key("id", "HASH"), key("at", "RANGE")],
        "AttributeDefinitions": [attribute("id"), attribute("at"), attribute("kind"), attribute("here")],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-kind", "Projection": all, "KeySchema": [key("kind", "HASH")],
            "ProvisionedThroughput": throughput(1),
        }],
        "LocalSecondaryIndexes": [{
            "IndexName": "by-here", "Projection": all, "KeySchema": [key("id", "HASH"), key("here", "RANGE")],
        }],
    });
    gateway.ok("CreateTable", table).await;
}

/// An item of almost 200 units, with an attribute that brings it into an index, or without.
fn item(id: &str, indexed: &[&str]) -> Value {
    let mut item = json!({"id": {"S": id}, "at": {"S": "0"}, "x": {"S": "x".repeat(200_000)}});
    for attribute in indexed {
        item[*attribute] = json!({"S": "k"});
    }
    item
}

fn put(item: Value) -> Value {
    json!({"TableName": "limited", "Item": item})
}

/// Two writes take what the index has saved up: 300 units.
async fn used_up(gateway: &Gateway) {
    for id in ["a", "b"] {
        gateway.ok("PutItem", put(item(id, &["kind"]))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_changes_an_index_without_units_is_refused() {
    let gateway = Gateway::with_tables().await;
    limited(&gateway, 10_000).await;
    used_up(&gateway).await;
    let refused = (EXCEEDED.to_owned(), INDEX.to_owned());
    assert_eq!(gateway.refused("PutItem", put(item("c", &["kind"]))).await, refused);
    let key = |id: &str| json!({"id": {"S": id}, "at": {"S": "0"}});
    let of = |id: &str| json!({"TableName": "limited", "Key": key(id)});
    assert_eq!(gateway.refused("DeleteItem", of("a")).await, refused);
    let mut update = of("a");
    update["UpdateExpression"] = "SET y = :y".into();
    update["ExpressionAttributeValues"] = json!({":y": {"S": "y"}});
    assert_eq!(gateway.refused("UpdateItem", update).await, refused);
    // What is not in the index costs it nothing.
    gateway.ok("PutItem", put(item("d", &[]))).await;
    // Nothing was written.
    assert_eq!(gateway.ok("GetItem", of("c")).await, json!({}));
    assert!(gateway.ok("GetItem", of("a")).await["Item"].get("y").is_none());
    // What it owes comes back with a unit a second.
    gateway.clock.set(gateway.clock.now_us() + 93_000_000, true);
    gateway.ok("DeleteItem", of("a")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_leaves_the_table_for_later_and_a_transaction_is_cancelled() {
    let gateway = Gateway::with_tables().await;
    limited(&gateway, 10_000).await;
    used_up(&gateway).await;
    let large = json!([{"PutRequest": {"Item": item("c", &["kind"])}}]);
    let other = json!([{"PutRequest": {"Item": {"id": {"S": "c"}}}}]);
    let batch = json!({"RequestItems": {"limited": large, "devices": other}});
    let answer = gateway.ok("BatchWriteItem", batch).await;
    assert_eq!(answer, json!({"UnprocessedItems": {"limited": large}}));
    let alone = json!({"RequestItems": {"limited": large}});
    assert_eq!(gateway.refused("BatchWriteItem", alone).await, (EXCEEDED.to_owned(), INDEX.to_owned()));
    let transaction = json!({"TransactItems": [
        {"Put": {"TableName": "devices", "Item": {"id": {"S": "d"}}}}, {"Put": put(item("c", &["kind"]))},
    ]});
    let answer = gateway.call("TransactWriteItems", transaction).await.json();
    let reason = json!({"Code": "ProvisionedThroughputExceeded", "Message": INDEX});
    assert_eq!(answer["CancellationReasons"], json!([{"Code": "None"}, reason]));
    let found = gateway.ok("Scan", json!({"TableName": "devices"})).await;
    assert_eq!(found["Items"], json!([{"id": {"S": "c"}}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_of_a_global_index_takes_its_units_and_one_of_a_local_index_the_tables() {
    let gateway = Gateway::with_tables().await;
    limited(&gateway, 10_000).await;
    gateway.ok("PutItem", put(item("a", &["kind", "here"]))).await;
    let read = |index: Option<&str>, condition: &str| {
        let value = if index == Some("by-kind") { "k" } else { "a" };
        let mut query = json!({
            "TableName": "limited", "KeyConditionExpression": condition, "Select": "COUNT",
            "ExpressionAttributeValues": {":v": {"S": value}},
        });
        if let Some(index) = index {
            query["IndexName"] = index.into();
        }
        query
    };
    // 24.5 units each, of 300.
    for _ in 0..13 {
        gateway.ok("Query", read(Some("by-kind"), "kind = :v")).await;
    }
    let refused = gateway.refused("Query", read(Some("by-kind"), "kind = :v")).await;
    assert_eq!(refused, (EXCEEDED.to_owned(), INDEX.to_owned()));
    let scan = json!({"TableName": "limited", "IndexName": "by-kind", "Select": "COUNT"});
    assert_eq!(gateway.refused("Scan", scan).await.1, INDEX);
    for query in [read(None, "id = :v"), read(Some("by-here"), "id = :v")] {
        gateway.ok("Query", query).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_index_is_paid_by_its_table() {
    let gateway = Gateway::with_tables().await;
    limited(&gateway, 1).await;
    // Each costs the table about 200 units, and as many for its local index.
    gateway.ok("PutItem", put(item("a", &["here"]))).await;
    assert_eq!(
        gateway.refused("PutItem", put(item("b", &[]))).await,
        (EXCEEDED.to_owned(), TABLE.to_owned())
    );
}
