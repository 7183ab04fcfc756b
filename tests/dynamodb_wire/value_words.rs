//! A wrong number or a set that repeats itself: the single writes say so in an envelope, reads of keys and Query without one,
//! BatchWriteItem and Scan in older words.

use serde_json::{Value, json};

use crate::client::Gateway;
use crate::refusals::{check, on};

/// Wrong values, the newer words for them, and the older ones.
fn wrong() -> Vec<(Value, &'static str, &'static str)> {
    let overflow = "Number overflow. Attempting to store a number with magnitude larger than supported range";
    let underflow =
        "Number underflow. Attempting to store a number with magnitude smaller than supported range";
    vec![
        (
            json!({"N": "x"}),
            "The parameter cannot be converted to a numeric value: x",
            "The parameter cannot be converted to a numeric value: x",
        ),
        (
            json!({"N": ""}),
            "The parameter cannot be converted to a numeric value: ",
            "The parameter cannot be converted to a numeric value",
        ),
        (json!({"N": "1e126"}), overflow, overflow),
        (json!({"N": "0e126"}), overflow, overflow),
        (json!({"N": "1e2147483647"}), overflow, underflow),
        (
            json!({"SS": ["c", "b", "c", "a"]}),
            "One or more parameter values were invalid: Input collection [\"b\", \"c\", \"c\", \"a\"] contains duplicates.",
            "One or more parameter values were invalid: Input collection [c, b, c, a] contains duplicates.",
        ),
        (
            json!({"BS": ["/w==", "AA==", "AA=="]}),
            "One or more parameter values were invalid: Input collection [\"AA==\",\"/w==\",\"AA==\"]of type BS contains \
             duplicates.",
            "One or more parameter values were invalid: Input collection [/w==, AA==, AA==]of type BS contains duplicates.",
        ),
        (
            json!({"NS": ["3", "2", "3"]}),
            "One or more parameter values were invalid: Input collection contains duplicates.",
            "Input collection contains duplicates",
        ),
    ]
}

#[tokio::test]
async fn wrong_values_have_the_words_of_their_operation() {
    let gateway = Gateway::with_tables().await;
    let key = json!({"id": {"S": "a"}});
    let (mut requests, mut texts) = (Vec::new(), Vec::new());
    let mut add = |operation: &'static str, body: Value, text: String| {
        requests.push((operation, body));
        texts.push(text);
    };
    for (value, newer, older) in wrong() {
        let written = format!("1 validation error detected: {newer}");
        let bound = json!({":v": value});
        let devices = |body: Value| on("devices", body);
        for (operation, body) in [
            ("PutItem", json!({"Item": {"id": {"S": "a"}, "x": {"L": [value]}}})),
            ("PutItem", json!({"Item": key, "Expected": {"x": {"Value": value}}})),
            ("UpdateItem", json!({"Key": key, "AttributeUpdates": {"x": {"Value": value}}})),
            (
                "UpdateItem",
                json!({"Key": key, "UpdateExpression": "SET x = :v", "ExpressionAttributeValues": bound}),
            ),
            ("DeleteItem", json!({"Key": {"id": value}})),
            (
                "DeleteItem",
                json!({"Key": key, "ConditionExpression": "x = :v", "ExpressionAttributeValues": bound}),
            ),
        ] {
            add(operation, devices(body), written.clone());
        }
        add("GetItem", devices(json!({"Key": {"id": value}})), newer.to_owned());
        add(
            "BatchGetItem",
            json!({"RequestItems": {"devices": {"Keys": [{"id": value}]}}}),
            newer.to_owned(),
        );
        let query = json!({"KeyConditionExpression": "id = :v", "ExpressionAttributeValues": bound});
        add("Query", devices(query), newer.to_owned());
        let put =
            json!({"RequestItems": {"devices": [{"PutRequest": {"Item": {"id": {"S": "a"}, "x": value}}}]}});
        add("BatchWriteItem", put, older.to_owned());
        let scan = json!({"FilterExpression": "x = :v", "ExpressionAttributeValues": bound});
        add(
            "Scan",
            devices(scan),
            format!("ExpressionAttributeValues contains invalid value: {older} for key :v"),
        );
    }
    let table =
        requests.into_iter().zip(&texts).map(|((operation, body), text)| (operation, body, text.as_str()));
    check(&gateway, table.collect()).await;
}
