//! What a transaction is refused for where several things are wrong with it: its actions are looked at one after another, of
//! each the expressions before the values; and no table before all of them are in order.

use serde_json::{Value, json};

use crate::client::Gateway;

const NESTING: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";
const EMPTY: &str = "Empty attribute name";
const SYNTAX: &str = "Invalid ConditionExpression: Syntax error; token: \"=\", near: \"= = b\"";

/// So many maps around a string.
fn deep(levels: usize) -> Value {
    (0..levels).fold(json!({"S": "leaf"}), |below, _| json!({"M": {"n": below}}))
}

/// An action on a table that is not there.
fn absent(kind: &str, body: Value) -> Value {
    on("absent", kind, body)
}

fn on(table: &str, kind: &str, mut body: Value) -> Value {
    body["TableName"] = table.into();
    if kind != "Put" && body.get("Key").is_none() {
        body["Key"] = json!({"id": {"S": "a"}});
    }
    json!({kind: body})
}

fn put(item: Value) -> Value {
    absent("Put", json!({"Item": item}))
}

/// A check against a value of so many maps.
fn check(levels: usize) -> Value {
    let value = json!({":deep": deep(levels)});
    absent("ConditionCheck", json!({"ConditionExpression": "d = :deep", "ExpressionAttributeValues": value}))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_action_after_another_is_looked_at() {
    let gateway = Gateway::with_tables().await;
    let nameless = || put(json!({"id": {"S": "a"}, "": {"S": "x"}}));
    let misspelt = || absent("Put", json!({"Item": {"id": {"S": "a"}}, "ConditionExpression": "a = = b"}));
    let deep_key =
        |levels| json!({"Key": {"id": deep(levels)}, "ConditionExpression": "attribute_exists(a)"});
    let unused = || {
        let values = json!({":v": {"S": "x"}, ":u": {"S": "y"}});
        absent("Update", json!({"UpdateExpression": "SET a = :v", "ExpressionAttributeValues": values}))
    };
    let for_key = format!("ExpressionAttributeValues contains invalid value: {NESTING} for key :deep");
    let long = "a = :v".to_owned() + &" AND a = :v".repeat(373);
    let long = json!({
        "Key": {"id": deep(100)}, "ConditionExpression": long, "ExpressionAttributeValues": {":v": {"S": "x"}},
    });
    let updates = (0..500).map(|at| format!("a{at} = :v")).collect::<Vec<_>>().join(", ");
    let updates = json!({
        "UpdateExpression": format!("SET {updates}"), "ExpressionAttributeValues": {":v": {"S": "x"}},
    });
    let size = "Expression size has exceeded the maximum allowed size;";
    let cases = [
        (vec![put(json!({"id": {"S": "b"}, "d": deep(40)})), nameless()], NESTING.to_owned()),
        (vec![nameless(), put(json!({"id": {"S": "b"}, "d": deep(100)}))], EMPTY.to_owned()),
        (vec![put(json!({"id": {"S": "a"}, "d": deep(100), "": {"S": "x"}}))], EMPTY.to_owned()),
        (
            vec![put(json!({"id": {"S": "a"}, "a": {"M": {"": {"S": "x"}}}, "d": deep(40)}))],
            NESTING.to_owned(),
        ),
        (vec![nameless(), check(100)], EMPTY.to_owned()),
        (vec![check(40), nameless()], for_key),
        (vec![absent("Delete", json!({"Key": {"id": deep(40)}})), misspelt()], NESTING.to_owned()),
        (vec![absent("ConditionCheck", deep_key(40)), unused()], NESTING.to_owned()),
        (vec![misspelt(), absent("Delete", json!({"Key": {"id": deep(100)}}))], SYNTAX.to_owned()),
        (
            vec![absent("Delete", json!({"Key": {"id": deep(100)}, "ConditionExpression": "a = = b"}))],
            SYNTAX.to_owned(),
        ),
        (vec![absent("Delete", long)], format!("Invalid ConditionExpression: {size} expression size: 4109")),
        (
            vec![absent("Update", updates), absent("ConditionCheck", deep_key(100))],
            format!("Invalid UpdateExpression: {size}"),
        ),
        (
            vec![unused(), absent("ConditionCheck", deep_key(100))],
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:u}".to_owned(),
        ),
    ];
    for (actions, text) in cases {
        let request = json!({"TransactItems": actions});
        assert_eq!(gateway.invalid("TransactWriteItems", request.clone()).await, text, "{request}");
    }
}

/// A value that an expression compares with may have a level more than an item takes, other than in UpdateItem.
#[tokio::test(flavor = "multi_thread")]
async fn the_depth_of_what_is_stored_is_what_counts() {
    let gateway = Gateway::with_tables().await;
    let values = json!({":deep": deep(32)});
    let compare = json!({"ConditionExpression": "d = :deep", "ExpressionAttributeValues": values});
    let set = json!({"UpdateExpression": "SET d = :deep", "ExpressionAttributeValues": values});
    let mut both = compare.clone();
    both["UpdateExpression"] = "REMOVE x".into();
    for (action, code) in [
        (on("devices", "ConditionCheck", compare), "ConditionalCheckFailed"),
        (on("devices", "Update", both), "ConditionalCheckFailed"),
        (on("devices", "Update", set.clone()), "ValidationError"),
    ] {
        let answer = gateway.call("TransactWriteItems", json!({"TransactItems": [action]})).await.json();
        assert_eq!(answer["CancellationReasons"][0]["Code"], code, "{answer}");
    }
    let item = json!({"id": {"S": "a"}, "d": deep(32)});
    let request = json!({"TransactItems": [on("devices", "Put", json!({"Item": item}))]});
    assert_eq!(gateway.invalid("TransactWriteItems", request).await, NESTING);
    let update = on("devices", "Update", set)["Update"].clone();
    let text = gateway.invalid("UpdateItem", update).await;
    assert_eq!(text, format!("1 validation error detected: {NESTING}"));
}
