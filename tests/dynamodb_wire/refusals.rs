//! What a single write, a batch or a page of reads is refused for, and what of several faults is named first: one table
//! of requests and answers for each.

use serde_json::{Value, json};

use crate::client::Gateway;

/// Sends every request of `table`, and collects the answers that differ from its text.
pub async fn check(gateway: &Gateway, table: Vec<(&str, Value, &str)>) {
    let mut differing = Vec::new();
    for (operation, body, expected) in table {
        let text = gateway.invalid(operation, body.clone()).await;
        if text != expected {
            differing.push(format!("{operation} {body}\n  answered {text}\n  expected {expected}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// `body` on the table of devices.
fn devices(body: Value) -> Value {
    on("devices", body)
}

/// `body` on a table.
pub fn on(table: &str, mut body: Value) -> Value {
    body["TableName"] = json!(table);
    body
}

#[tokio::test]
async fn single_writes_put_their_faults_in_an_envelope() {
    let gateway = Gateway::with_tables().await;
    let item = json!({"id": {"S": "a"}});
    let table = vec![
        (
            "PutItem",
            devices(json!({"Item": {"id": {"S": "a"}, "x": {"SS": ["a", "a"]}}})),
            "1 validation error detected: One or more parameter values were invalid: Input collection [\"a\", \"a\"] \
             contains duplicates.",
        ),
        (
            "PutItem",
            devices(json!({"Item": item, "ExpressionAttributeValues": {":v": {"N": "1"}}})),
            "1 validation error detected: ExpressionAttributeValues can only be specified when using expressions",
        ),
        (
            "PutItem",
            devices(json!({"Item": item, "Expected": {}, "ConditionExpression": "a = b"})),
            "1 validation error detected: Can not use both expression and non-expression parameters in the same \
             request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
        ),
        (
            "DeleteItem",
            devices(json!({"Key": item, "ConditionExpression": ""})),
            "1 validation error detected: Invalid ConditionExpression: The expression can not be empty;",
        ),
        (
            "UpdateItem",
            devices(json!({"Key": item, "UpdateExpression": "SET id2 = :v"})),
            "1 validation error detected: Invalid UpdateExpression: An expression attribute value used in expression \
             is not defined; attribute value: :v",
        ),
        (
            "DeleteItem",
            devices(json!({"Key": item, "Expected": {"x": {"Exists": true}}})),
            "1 validation error detected: One or more parameter values were invalid: Value must be provided when Exists \
             is true for Attribute: x",
        ),
        (
            "PutItem",
            devices(json!({"Item": item, "ReturnValues": "UPDATED_OLD"})),
            "1 validation error detected: ReturnValues can only be ALL_OLD or NONE",
        ),
        // Without a key all of it is listed, in older words.
        (
            "UpdateItem",
            json!({"TableName": "", "ReturnValues": "SOME"}),
            "3 validation errors detected: Value '' at 'tableName' failed to satisfy constraint: Member must have length \
             greater than or equal to 1; Value 'SOME' at 'returnValues' failed to satisfy constraint: Member must satisfy \
             enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; Value null at 'key' failed to satisfy \
             constraint: Member must not be null",
        ),
        // What is wrong with the key is found with the table, and stands alone.
        (
            "UpdateItem",
            devices(json!({"Key": item, "UpdateExpression": "REMOVE id"})),
            "One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key",
        ),
        (
            "DeleteItem",
            devices(json!({"Key": {"id": {"N": "1"}}})),
            "The provided key element does not match the schema",
        ),
        (
            "DeleteItem",
            devices(json!({"Key": {"other": {"S": "a"}}})),
            "The provided key element does not match the schema",
        ),
    ];
    check(&gateway, table).await;
}

#[tokio::test]
async fn a_page_names_values_conditions_and_starting_key_in_their_order() {
    let gateway = Gateway::with_tables().await;
    let equal = |values: Value| json!({"ComparisonOperator": "EQ", "AttributeValueList": values});
    let start = json!({"device": {}});
    let twice = json!(["device", "device"]);
    let table = vec![
        // A repeated name, or what is wrong with a legacy filter, comes before the starting key.
        (
            "Scan",
            json!({"ScanFilter": {"x": equal(json!([{}, {"S": "a"}]))}, "ExclusiveStartKey": start}),
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            "Scan",
            json!({"ScanFilter": {"x": equal(json!([]))}, "ExclusiveStartKey": start}),
            "One or more parameter values were invalid: Invalid number of argument(s) for the EQ ComparisonOperator",
        ),
        (
            "Scan",
            json!({"AttributesToGet": twice, "ExclusiveStartKey": start, "Segment": 1}),
            "One or more parameter values were invalid: Duplicate value in attribute name: device",
        ),
        (
            "Scan",
            json!({"ExclusiveStartKey": start, "Segment": 1, "FilterExpression": ""}),
            "The provided starting key is invalid: Supplied AttributeValue is empty, must contain exactly one of the \
             supported datatypes",
        ),
        (
            "Scan",
            json!({"Segment": 1, "FilterExpression": ""}),
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is \
             present",
        ),
        ("Query", json!({"KeyConditions": {}, "QueryFilter": {}}), "Conditions can be of length 1 or 2 only"),
        (
            "Query",
            json!({"KeyConditions": {"device": {"ComparisonOperator": "CONTAINS", "AttributeValueList": [{"L": []}]}}}),
            "One or more parameter values were invalid: ComparisonOperator CONTAINS is not valid for L AttributeValue \
             type",
        ),
        // All expressions are read before any is judged as a condition on keys.
        (
            "Query",
            json!({"KeyConditionExpression": "attribute_exists(device)", "FilterExpression": ""}),
            "Invalid FilterExpression: The expression can not be empty;",
        ),
        (
            "Query",
            json!({"KeyConditionExpression": "attribute_exists(device)"}),
            "Invalid operator used in KeyConditionExpression: attribute_exists",
        ),
    ];
    check(
        &gateway,
        table.into_iter().map(|(operation, body, text)| (operation, on("readings", body), text)).collect(),
    )
    .await;
}

#[tokio::test]
async fn key_conditions_are_refused_for_their_shape() {
    let gateway = Gateway::with_tables().await;
    let lone = "Invalid condition in KeyConditionExpression: ";
    let cases = [
        ("device = :s AND NOT ts = :n", "Invalid operator used in KeyConditionExpression: NOT".to_owned()),
        ("device = :s OR ts = :n", "Invalid operator used in KeyConditionExpression: OR".to_owned()),
        ("device = ts", format!("{lone}Multiple attribute names used in one condition")),
        (":s = :s", format!("{lone}No key attribute specified")),
        ("device.x = :s", "KeyConditionExpressions cannot have conditions on nested attributes".to_owned()),
        ("size(device) = :n", "KeyConditionExpressions cannot contain nested operations".to_owned()),
        (
            "device = :s AND device = :s",
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key".to_owned(),
        ),
        ("ts = :n", "Query condition missed key schema element: device".to_owned()),
        ("device < :s", "Query key condition not supported".to_owned()),
        (
            "device = :n",
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
                .to_owned(),
        ),
        ("device = :s AND place = :n", "Query condition missed key schema element: ts".to_owned()),
        (
            "device = :s AND ts = :s",
            "One or more parameter values were invalid: Condition parameter type does not match schema type"
                .to_owned(),
        ),
        (
            "device = :s AND ts > :n AND place = :s",
            "The number of query conditions (3) exceeds the number of key attributes defined in the schema (2)".to_owned(),
        ),
    ];
    let values = json!({":s": {"S": "a"}, ":n": {"N": "1"}});
    let mut table = Vec::new();
    for (expression, text) in &cases {
        let used: serde_json::Map<String, Value> = values
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| expression.contains(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut body = json!({"TableName": "readings", "KeyConditionExpression": expression});
        if !used.is_empty() {
            body["ExpressionAttributeValues"] = Value::Object(used);
        }
        table.push(("Query", body, text.as_str()));
    }
    check(&gateway, table).await;
}

#[tokio::test]
async fn batches_look_at_sizes_before_tables_and_tables_before_keys() {
    let gateway = Gateway::with_tables().await;
    let put = |item: Value| json!([{"PutRequest": {"Item": item}}]);
    let large = json!({"id": {"S": "a"}, "x": {"S": "x".repeat(409_600)}});
    let size = "Item size has exceeded the maximum allowed size";
    let table = vec![
        ("BatchWriteItem", json!({"RequestItems": {"absent": put(large.clone())}}), size),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"devices": put(json!({"other": {"S": "a"}}))}}),
            "The provided key element does not match the schema",
        ),
        (
            "BatchGetItem",
            json!({"RequestItems": {"a b": {"Keys": [{"id": {"S": "x y"}}]}}}),
            "1 validation error detected: Value '{\"a b\":{\"Keys\":[{\"id\":{\"S\":\"x y\"}}]}}' at 'requestItems' failed to \
             satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, \
             Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: \
             [a-zA-Z0-9_.-]+]",
        ),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"devices": []}}),
            "1 validation error detected: Value '{devices=[]}' at 'requestItems' failed to satisfy constraint: Map value \
             must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater \
             than or equal to 1]",
        ),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"x!": put(json!({"id": {"S": "a"}}))}, "ReturnConsumedCapacity": "SOME"}),
            "1 validation error detected: Value 'SOME' at 'returnConsumedCapacity' failed to satisfy constraint: Member \
             must satisfy enum value set: [INDEXES, TOTAL, NONE]",
        ),
        (
            "BatchGetItem",
            json!({"RequestItems": {
                "devices": {"Keys": [{"id": {"S": "a"}}], "ProjectionExpression": "id"},
                "readings": {"Keys": [{"device": {"S": "a"}, "ts": {"N": "1"}}], "AttributesToGet": ["ts"]},
            }}),
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: \
             {AttributesToGet} Expression parameters: {ProjectionExpression}",
        ),
    ];
    check(&gateway, table).await;
    // A batch that names an absent table does not come as far as the other table's keys.
    let body = json!({"RequestItems": {
        "devices": put(json!({"other": {"S": "a"}})), "absent": put(json!({"id": {"S": "a"}})),
    }});
    assert_eq!(gateway.refused("BatchWriteItem", body).await.0, "ResourceNotFoundException");
    // A single item's size comes before its condition.
    let body = devices(json!({"Item": large, "ConditionExpression": "attribute_exists(id)"}));
    assert_eq!(gateway.invalid("PutItem", body).await, size);
}
