//! Conditions, UpdateItem, filters and projections through the door.

use serde_json::{Value, json};

use crate::client::{Gateway, NOW_US};

fn update(id: &str, text: &str, more: Value) -> Value {
    let mut body = json!({"TableName": "devices", "Key": {"id": {"S": id}}, "UpdateExpression": text});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_condition_does_not_hold_changes_nothing() {
    let gateway = Gateway::with_tables().await;
    let item = json!({"id": {"S": "a"}, "v": {"N": "1"}});
    let put = |condition: &str, item: &Value, old: &str| {
        json!({
            "TableName": "devices", "Item": item, "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": old,
        })
    };
    gateway.ok("PutItem", put("attribute_not_exists(id)", &item, "NONE")).await;
    let other = json!({"id": {"S": "a"}, "v": {"N": "2"}});
    let refused = gateway.call("PutItem", put("attribute_not_exists(id)", &other, "ALL_OLD")).await;
    assert_eq!(
        refused.text(),
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{"id":{"S":"a"},"v":{"N":"1"}},"message":"The conditional request failed"}"#
    );
    let refused = gateway.call("PutItem", put("attribute_not_exists(id)", &other, "NONE")).await;
    assert!(refused.status == 400 && refused.json().get("Item").is_none(), "{}", refused.text());
    let values = json!({"ExpressionAttributeValues": {":v": {"N": "7"}}});
    let mut delete =
        json!({"TableName": "devices", "Key": {"id": {"S": "a"}}, "ConditionExpression": "v = :v"});
    delete.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    assert_eq!(gateway.refused("DeleteItem", delete.clone()).await.0, "ConditionalCheckFailedException");
    let mut change = update("a", "SET v = :v", values);
    change["ConditionExpression"] = json!("v = :v");
    assert_eq!(gateway.refused("UpdateItem", change).await.0, "ConditionalCheckFailedException");
    let get = json!({"TableName": "devices", "Key": {"id": {"S": "a"}}});
    assert_eq!(gateway.ok("GetItem", get.clone()).await, json!({"Item": item}));
    delete["ExpressionAttributeValues"][":v"] = json!({"N": "1"});
    gateway.ok("DeleteItem", delete).await;
    assert_eq!(gateway.ok("GetItem", get).await, json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_counts_every_update_that_succeeded() {
    let gateway = std::sync::Arc::new(Gateway::with_tables().await);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let gateway = std::sync::Arc::clone(&gateway);
        clients.spawn(async move {
            for _ in 0..10 {
                let one = json!({"ExpressionAttributeValues": {":one": {"N": "1"}}});
                gateway.ok("UpdateItem", update("counter", "ADD n :one", one)).await;
            }
        });
    }
    clients.join_all().await;
    let get = json!({"TableName": "devices", "Key": {"id": {"S": "counter"}}});
    assert_eq!(gateway.ok("GetItem", get).await["Item"]["n"], json!({"N": "80"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_makes_an_item_unless_it_only_takes_away() {
    let gateway = Gateway::with_tables().await;
    let all_new = json!({"ReturnValues": "ALL_NEW"});
    assert_eq!(gateway.ok("UpdateItem", update("a", "REMOVE x", all_new.clone())).await, json!({}));
    assert_eq!(gateway.ok("UpdateItem", update("a", "REMOVE x.y, z[0]", all_new.clone())).await, json!({}));
    let get = |id: &str| json!({"TableName": "devices", "Key": {"id": {"S": id}}});
    assert_eq!(gateway.ok("GetItem", get("a")).await, json!({}));
    let made = gateway
        .ok(
            "UpdateItem",
            json!({"TableName": "devices", "Key": {"id": {"S": "b"}}, "ReturnValues": "ALL_NEW"}),
        )
        .await;
    assert_eq!(made, json!({"Attributes": {"id": {"S": "b"}}}));
    assert_eq!(gateway.ok("GetItem", get("b")).await, json!({"Item": {"id": {"S": "b"}}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_answered_path_by_path() {
    let gateway = Gateway::with_tables().await;
    let item = json!({"id": {"S": "a"}, "m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}}}, "l": {"L": [{"N": "1"}, {"N": "2"}]}});
    gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await;
    let of = |returned: &str| {
        json!({
            "ExpressionAttributeValues": {":v": {"N": "9"}}, "ReturnValues": returned, "ReturnConsumedCapacity": "TOTAL",
        })
    };
    let old = gateway.ok("UpdateItem", update("a", "SET m.x = :v, l[1] = :v", of("UPDATED_OLD"))).await;
    assert_eq!(old["Attributes"], json!({"m": {"M": {"x": {"N": "1"}}}, "l": {"L": [{"N": "2"}]}}));
    assert_eq!(old["ConsumedCapacity"], json!({"TableName": "devices", "CapacityUnits": 1.0}));
    let new = gateway.ok("UpdateItem", update("a", "SET m.z = :v REMOVE m.y", of("UPDATED_NEW"))).await;
    assert_eq!(new["Attributes"], json!({"m": {"M": {"z": {"N": "9"}}}}));
    let refused = gateway.invalid("UpdateItem", update("a", "SET id = :v", of("NONE"))).await;
    assert_eq!(
        refused,
        "One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_counts_what_it_reads_and_what_it_lets_through() {
    let gateway = Gateway::with_tables().await;
    for ts in 0..6 {
        let item = json!({"device": {"S": "d"}, "ts": {"N": ts.to_string()}, "even": {"BOOL": ts % 2 == 0}});
        gateway.ok("PutItem", json!({"TableName": "readings", "Item": item})).await;
    }
    let query = json!({
        "TableName": "readings", "KeyConditionExpression": "device = :d AND ts >= :t", "FilterExpression": "even = :yes",
        "ProjectionExpression": "ts",
        "ExpressionAttributeValues": {":d": {"S": "d"}, ":t": {"N": "1"}, ":yes": {"BOOL": true}}, "Limit": 2,
    });
    let page = gateway.ok("Query", query.clone()).await;
    assert_eq!(page["Items"], json!([{"ts": {"N": "2"}}]));
    assert_eq!((&page["Count"], &page["ScannedCount"]), (&json!(1), &json!(2)));
    assert_eq!(page["LastEvaluatedKey"], json!({"device": {"S": "d"}, "ts": {"N": "2"}}));
    let mut rest = query;
    rest["Limit"] = json!(null);
    rest["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
    let page = gateway.ok("Query", rest).await;
    assert_eq!((&page["Count"], &page["ScannedCount"]), (&json!(1), &json!(3)));
    assert_eq!(page.get("LastEvaluatedKey"), None);
    let count = json!({
        "TableName": "readings", "Select": "COUNT", "FilterExpression": "even = :yes", "Limit": 5,
        "ExpressionAttributeValues": {":yes": {"BOOL": true}},
    });
    let page = gateway.ok("Scan", count).await;
    assert_eq!((&page["Count"], &page["ScannedCount"], page.get("Items")), (&json!(3), &json!(5), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_not_there_for_conditions_and_updates() {
    let gateway = Gateway::with_tables().await;
    let ttl =
        json!({"TableName": "devices", "TimeToLiveSpecification": {"AttributeName": "end", "Enabled": true}});
    gateway.ok("UpdateTimeToLive", ttl).await;
    let past = (NOW_US / 1_000_000 - 5).to_string();
    let item = json!({"id": {"S": "a"}, "n": {"N": "1"}, "end": {"N": past}});
    gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await;
    let one = json!({"ExpressionAttributeValues": {":one": {"N": "1"}}, "ReturnValues": "ALL_NEW"});
    let mut change = update("a", "ADD n :one", one);
    change["ConditionExpression"] = json!("attribute_exists(id)");
    assert_eq!(gateway.refused("UpdateItem", change.clone()).await.0, "ConditionalCheckFailedException");
    change["ConditionExpression"] = json!("attribute_not_exists(id)");
    let made = gateway.ok("UpdateItem", change).await;
    assert_eq!(made["Attributes"], json!({"id": {"S": "a"}, "n": {"N": "1"}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_writes_come_in_an_envelope() {
    let gateway = Gateway::with_tables().await;
    assert_eq!(
        gateway.invalid("UpdateItem", update("a", "SET size = size", json!({}))).await,
        "1 validation error detected: Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: size"
    );
    let scan = json!({"TableName": "devices", "FilterExpression": "size = size"});
    assert_eq!(
        gateway.invalid("Scan", scan).await,
        "Invalid FilterExpression: Attribute name is a reserved keyword; reserved keyword: size"
    );
    let deep = "(".repeat(100_000);
    let scan = json!({"TableName": "devices", "FilterExpression": deep});
    assert!(gateway.invalid("Scan", scan).await.ends_with("expression size: 100000"));
}
