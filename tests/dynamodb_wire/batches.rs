//! BatchWriteItem and BatchGetItem.

use serde_json::{Value, json};

use crate::client::Gateway;

fn put(id: &str) -> Value {
    json!({"PutRequest": {"Item": {"id": {"S": id}}}})
}

fn delete(id: &str) -> Value {
    json!({"DeleteRequest": {"Key": {"id": {"S": id}}}})
}

fn key(id: &str) -> Value {
    json!({"id": {"S": id}})
}

async fn ids(gateway: &Gateway) -> Vec<String> {
    let page = gateway.ok("Scan", json!({"TableName": "devices"})).await;
    let items = page["Items"].as_array().unwrap().iter();
    let mut ids: Vec<_> = items.map(|item| item["id"]["S"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_writes_and_deletes_over_tables() {
    let gateway = Gateway::with_tables().await;
    gateway.ok("BatchWriteItem", json!({"RequestItems": {"devices": [put("a"), put("b")]}})).await;
    let reading = json!({"PutRequest": {"Item": {"device": {"S": "a"}, "ts": {"N": "1"}}}});
    let batch = json!({
        "RequestItems": {"devices": [put("c"), delete("a")], "readings": [reading]},
        "ReturnConsumedCapacity": "TOTAL",
    });
    let answer = gateway.ok("BatchWriteItem", batch).await;
    assert_eq!(answer["UnprocessedItems"], json!({}));
    let capacity = answer["ConsumedCapacity"].as_array().unwrap();
    assert!(capacity.contains(&json!({"TableName": "devices", "CapacityUnits": 2.0})));
    assert!(capacity.contains(&json!({"TableName": "readings", "CapacityUnits": 1.0})));
    assert_eq!(ids(&gateway).await, ["b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_entry_refuses_the_batch_with_nothing_written() {
    let gateway = Gateway::with_tables().await;
    let cases = [
        (json!({}), "The requestItems parameter is required for BatchWriteItem"),
        (json!({"devices": [put("a"), delete("a")]}), "Provided list of item keys contains duplicates"),
        (
            json!({"devices": [put("a"), {}]}),
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        ),
        (
            json!({"devices": [put("a"), {"PutRequest": {"Item": {"id": {"N": "1"}}}}]}),
            "The provided key element does not match the schema",
        ),
        (
            json!({"devices": [put("a"), {"PutRequest": {"Item": {"id": {"S": ""}}}}]}),
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id",
        ),
        (
            json!({"devices": [put("a"), {"PutRequest": {}}]}),
            "1 validation error detected: Value null at 'requestItems.devices.member.2.member.putRequest.item' failed to satisfy constraint: Member must not be null",
        ),
    ];
    for (items, text) in cases {
        assert_eq!(gateway.invalid("BatchWriteItem", json!({"RequestItems": items})).await, text);
    }
    let absent = json!({"RequestItems": {"devices": [put("a")], "absent": [put("a")]}});
    assert_eq!(gateway.refused("BatchWriteItem", absent).await.0, "ResourceNotFoundException");
    let many: Vec<_> = (0..26).map(|at| put(&at.to_string())).collect();
    let text = gateway.invalid("BatchWriteItem", json!({"RequestItems": {"devices": many}})).await;
    assert!(text.starts_with("1 validation error detected: Value '{devices=[") && text.ends_with("at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"));
    let spread = json!({"RequestItems": {"devices": &many[..13], "readings": &many[13..]}});
    assert_eq!(
        gateway.invalid("BatchWriteItem", spread).await,
        "Too many items requested for the BatchWriteItem call"
    );
    assert!(ids(&gateway).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_reads_over_tables() {
    let gateway = Gateway::with_tables().await;
    gateway.ok("BatchWriteItem", json!({"RequestItems": {"devices": [put("a"), put("b")]}})).await;
    let batch = json!({
        "RequestItems": {
            "devices": {"Keys": [key("a"), key("none"), key("b")], "ConsistentRead": true},
            "readings": {"Keys": [{"device": {"S": "x"}, "ts": {"N": "1"}}]},
        },
        "ReturnConsumedCapacity": "INDEXES",
    });
    let answer = gateway.ok("BatchGetItem", batch).await;
    assert_eq!(answer["Responses"], json!({"devices": [key("a"), key("b")], "readings": []}));
    assert_eq!(answer["UnprocessedKeys"], json!({}));
    let capacity = answer["ConsumedCapacity"].as_array().unwrap();
    let devices = json!({"TableName": "devices", "CapacityUnits": 3.0, "Table": {"CapacityUnits": 3.0}});
    assert!(capacity.contains(&devices), "{capacity:?}");
    let readings = json!({"TableName": "readings", "CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.5}});
    assert!(capacity.contains(&readings), "{capacity:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_reads_are_refused_in_the_services_words() {
    let gateway = Gateway::with_tables().await;
    let many: Vec<_> = (0..101).map(|at| key(&at.to_string())).collect();
    let cases = [
        (
            json!({}),
            "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            json!({"devices": {"Keys": many}}),
            "1 validation error detected: Value at 'RequestItems.devices.member.Keys' failed to satisfy constraint: Member must have length less than or equal to 100",
        ),
        (
            json!({"devices": {"Keys": [key("a"), key("a")]}}),
            "Provided list of item keys contains duplicates",
        ),
        (
            json!({"devices": {"Keys": [key("a")], "ProjectionExpression": "id,"}}),
            "Invalid ProjectionExpression: Syntax error; token: \"<EOF>\", near: \",\"",
        ),
        (
            json!({"devices": {"Keys": [key("a")], "ProjectionExpression": "id.x"}}),
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: id",
        ),
        (
            json!({"devices": {"Keys": [{"id": {"N": "1"}}]}}),
            "The provided key element does not match the schema",
        ),
    ];
    for (items, text) in cases {
        assert_eq!(gateway.invalid("BatchGetItem", json!({"RequestItems": items})).await, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_16_mb_comes_back_as_keys() {
    let gateway = Gateway::with_tables().await;
    let filler = "x".repeat(390_000);
    for at in 0..50 {
        let item = json!({"id": {"S": at.to_string()}, "v": {"S": filler}});
        gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await;
    }
    let mut left: Vec<_> = (0..50).map(|at| key(&at.to_string())).collect();
    let mut seen = Vec::new();
    let mut pages = 0;
    while !left.is_empty() {
        let batch = json!({"RequestItems": {"devices": {"Keys": left, "ConsistentRead": true}}});
        let answer = gateway.ok("BatchGetItem", batch).await;
        let items = answer["Responses"]["devices"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"]["S"].as_str().unwrap().to_owned()));
        let unprocessed = &answer["UnprocessedKeys"]["devices"];
        left = unprocessed["Keys"].as_array().cloned().unwrap_or_default();
        assert!(left.is_empty() || unprocessed["ConsistentRead"] == json!(true));
        pages += 1;
    }
    assert_eq!(pages, 2);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 50);
}
