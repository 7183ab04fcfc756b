//! PutItem, GetItem, DeleteItem.

use serde_json::json;

use crate::client::{Gateway, NOW_US};

#[tokio::test(flavor = "multi_thread")]
async fn an_item_comes_back_as_it_went_in_with_its_numbers_normalised() {
    let gateway = Gateway::with_tables().await;
    let item = json!({
        "id": {"S": "a"}, "n": {"N": "1.500e3"}, "b": {"B": "AAEC"}, "yes": {"BOOL": true}, "nothing": {"NULL": true},
        "list": {"L": [{"S": "x"}, {"N": "-0.0"}]}, "map": {"M": {"k\"ey": {"S": "line\nbreak"}}},
        "ss": {"SS": ["b", "a"]}, "ns": {"NS": ["10", "9"]}, "bs": {"BS": ["Ag==", "AQ=="]}, "empty": {"S": ""},
    });
    assert_eq!(gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await, json!({}));
    let got = gateway.ok("GetItem", json!({"TableName": "devices", "Key": {"id": {"S": "a"}}})).await;
    let mut expected = item.clone();
    expected["n"] = json!({"N": "1500"});
    expected["list"] = json!({"L": [{"S": "x"}, {"N": "0"}]});
    expected["ss"] = json!({"SS": ["a", "b"]});
    expected["ns"] = json!({"NS": ["9", "10"]});
    expected["bs"] = json!({"BS": ["AQ==", "Ag=="]});
    assert_eq!(got, json!({"Item": expected}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_item_is_answered_when_asked_for() {
    let gateway = Gateway::with_tables().await;
    let put = |v: &str| json!({"TableName": "devices", "Item": {"id": {"S": "a"}, "v": {"S": v}}, "ReturnValues": "ALL_OLD"});
    assert_eq!(gateway.ok("PutItem", put("1")).await, json!({}));
    let old = json!({"Attributes": {"id": {"S": "a"}, "v": {"S": "1"}}});
    assert_eq!(gateway.ok("PutItem", put("2")).await, old);
    let delete = json!({"TableName": "devices", "Key": {"id": {"S": "a"}}, "ReturnValues": "ALL_OLD"});
    let old = json!({"Attributes": {"id": {"S": "a"}, "v": {"S": "2"}}});
    assert_eq!(gateway.ok("DeleteItem", delete.clone()).await, old);
    assert_eq!(gateway.ok("DeleteItem", delete).await, json!({}));
    let get = json!({"TableName": "devices", "Key": {"id": {"S": "a"}}});
    assert_eq!(gateway.ok("GetItem", get).await, json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn capacity_is_reported_as_asked() {
    let gateway = Gateway::with_tables().await;
    let big = "x".repeat(5000);
    let put = json!({
        "TableName": "devices", "Item": {"id": {"S": "a"}, "v": {"S": big}}, "ReturnConsumedCapacity": "INDEXES",
        "ReturnItemCollectionMetrics": "SIZE",
    });
    let answer = gateway.ok("PutItem", put).await;
    let expected = json!({"TableName": "devices", "CapacityUnits": 5.0, "Table": {"CapacityUnits": 5.0}});
    assert_eq!(answer, json!({"ConsumedCapacity": expected}));
    let get = |consistent: bool| {
        json!({
            "TableName": "devices", "Key": {"id": {"S": "a"}}, "ConsistentRead": consistent,
            "ReturnConsumedCapacity": "TOTAL",
        })
    };
    assert_eq!(gateway.ok("GetItem", get(true)).await["ConsumedCapacity"]["CapacityUnits"], json!(2.0));
    let answer = gateway.call("GetItem", get(false)).await;
    assert!(answer.text().ends_with(r#""ConsumedCapacity":{"TableName":"devices","CapacityUnits":1.0}}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn constraints_come_before_values_and_values_before_the_table() {
    let gateway = Gateway::with_tables().await;
    assert_eq!(
        gateway.invalid("PutItem", json!({})).await,
        "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null; Value null at 'item' failed to satisfy constraint: Member must not be null"
    );
    let wrong = json!({"TableName": "absent", "Item": {"n": {"N": "x"}}, "ReturnValues": "SOME"});
    assert!(gateway.invalid("PutItem", wrong).await.ends_with("satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"));
    let wrong = json!({"TableName": "absent", "Item": {"n": {"N": "x"}}});
    assert!(gateway.invalid("PutItem", wrong).await.contains("cannot be converted to a numeric value: x"));
    let wrong = json!({"TableName": "absent", "Item": {"id": {"S": "a"}}, "ReturnValues": "ALL_NEW"});
    assert_eq!(
        gateway.invalid("PutItem", wrong).await,
        "1 validation error detected: ReturnValues can only be ALL_OLD or NONE"
    );
    let large = json!({"TableName": "absent", "Item": {"v": {"S": "x".repeat(410 * 1024)}}});
    assert_eq!(gateway.invalid("PutItem", large).await, "Item size has exceeded the maximum allowed size");
    let absent = json!({"TableName": "absent", "Item": {"v": {"S": "x"}}});
    let (name, text) = gateway.refused("PutItem", absent).await;
    assert_eq!((name.as_str(), text.as_str()), ("ResourceNotFoundException", "Requested resource not found"));
    let keyless = json!({"TableName": "devices", "Item": {"v": {"S": "x"}}});
    assert_eq!(
        gateway.invalid("PutItem", keyless).await,
        "One or more parameter values were invalid: Missing the key id in the item"
    );
    let empty = json!({"TableName": "devices", "Item": {"id": {"S": ""}}});
    assert!(
        gateway.invalid("PutItem", empty).await.ends_with("cannot contain an empty string value. Key: id")
    );
    let key = json!({"TableName": "devices", "Key": {"id": {"S": "a"}, "more": {"S": "b"}}});
    assert_eq!(gateway.invalid("GetItem", key).await, "The provided key element does not match the schema");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_may_be_named_by_its_arn() {
    let gateway = Gateway::with_tables().await;
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/devices";
    gateway.ok("PutItem", json!({"TableName": arn, "Item": {"id": {"S": "a"}}})).await;
    let got = gateway.ok("GetItem", json!({"TableName": "devices", "Key": {"id": {"S": "a"}}})).await;
    assert_eq!(got["Item"]["id"]["S"], "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_items_are_invisible_at_once() {
    let gateway = Gateway::with_tables().await;
    let specification = json!({"AttributeName": "until", "Enabled": true});
    let enable = json!({"TableName": "devices", "TimeToLiveSpecification": specification});
    gateway.ok("UpdateTimeToLive", enable).await;
    let until = NOW_US / 1_000_000 + 10;
    let item = json!({"id": {"S": "a"}, "until": {"N": until.to_string()}});
    gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await;
    let get = json!({"TableName": "devices", "Key": {"id": {"S": "a"}}});
    assert_eq!(gateway.ok("GetItem", get.clone()).await, json!({"Item": item}));
    gateway.clock.set(NOW_US + 11_000_000, true);
    assert_eq!(gateway.ok("GetItem", get).await, json!({}));
    let scan = gateway.ok("Scan", json!({"TableName": "devices"})).await;
    assert_eq!(scan, json!({"Count": 0, "Items": [], "ScannedCount": 0}));
}
