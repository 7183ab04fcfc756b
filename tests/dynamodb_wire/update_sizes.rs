//! How large an item UpdateItem may make: it is measured in its own way, by what it writes and how.

use serde_json::{Value, json};

use crate::client::Gateway;

const LIMIT: usize = 409_600;
const TOO_LARGE: &str = "Item size to update has exceeded the maximum allowed size";

/// An update of `devices` whose `:pad` has so many bytes, under the key `K` (three bytes with its name).
fn padded(expression: &str, values: Value, pad: usize) -> Value {
    let mut values = values;
    values[":pad"] = json!({"S": "p".repeat(pad)});
    json!({
        "TableName": "devices", "Key": {"id": {"S": "K"}}, "UpdateExpression": expression,
        "ExpressionAttributeValues": values,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_update_writes_counts_with_its_actions_and_the_rest_does_not() {
    let gateway = Gateway::with_tables().await;
    // What stands there, the update, and what it counts besides the padding: 3, 19 for each SET and ADD, 2 for each
    // REMOVE and DELETE, one more through a list, and the attributes that it writes.
    let cases = [
        (json!({}), "SET b = :pad", json!({}), 22 + 1),
        (json!({"u": {"S": "y".repeat(10)}}), "SET b = :pad", json!({}), 22 + 1),
        (json!({}), "SET b = :pad, c = :c", json!({":c": {"S": "y"}}), 41 + 1 + 2),
        (json!({}), "SET b = :pad ADD c :c", json!({":c": {"N": "1"}}), 41 + 1 + 3),
        (json!({"r": {"S": "z"}}), "SET b = :pad REMOVE r", json!({}), 24 + 1),
        (
            json!({"s": {"SS": ["a", "b"]}}),
            "SET b = :pad DELETE s :s",
            json!({":s": {"SS": ["a"]}}),
            24 + 1 + 2,
        ),
        (json!({"d": {"M": {}}}), "SET d.b = :pad", json!({}), 22 + 1 + 3 + 2),
        (json!({"d": {"L": []}}), "SET d[0] = :pad", json!({}), 23 + 1 + 3 + 1),
    ];
    for (stands, expression, values, counted) in cases {
        let mut item = json!({"id": {"S": "K"}});
        item.as_object_mut().unwrap().extend(stands.as_object().unwrap().clone());
        gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await;
        let most = LIMIT - counted;
        let text = gateway.invalid("UpdateItem", padded(expression, values.clone(), most + 1)).await;
        assert_eq!(text, TOO_LARGE, "{expression}");
        gateway.ok("UpdateItem", padded(expression, values, most)).await;
    }
}

/// No item is larger than the limit, however little of it an update writes.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_item_is_within_the_limit_too() {
    let gateway = Gateway::with_tables().await;
    let item = json!({"id": {"S": "K"}, "u": {"S": "y".repeat(LIMIT - 5)}});
    gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await;
    assert_eq!(gateway.invalid("UpdateItem", padded("SET b = :pad", json!({}), 1)).await, TOO_LARGE);
    gateway.ok("UpdateItem", padded("SET b = :pad", json!({}), 0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_measures_an_update_by_its_item_alone() {
    let gateway = Gateway::with_tables().await;
    let transact = |pad| json!({"TransactItems": [{"Update": padded("SET b = :pad", json!({}), pad)}]});
    let most = LIMIT - 4;
    assert_eq!(gateway.invalid("UpdateItem", padded("SET b = :pad", json!({}), most)).await, TOO_LARGE);
    gateway.ok("TransactWriteItems", transact(most)).await;
    let answer = gateway.call("TransactWriteItems", transact(most + 1)).await.json();
    let reason = json!([{"Code": "ValidationError", "Message": TOO_LARGE}]);
    assert_eq!(answer["CancellationReasons"], reason, "{answer}");
}
