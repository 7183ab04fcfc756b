//! Expressions: the tables of the room's own tests (`src/expression/tests`), accepted and refused ones, sent to both
//! endpoints; and requests with conditions, updates, filters and their legacy forms.

use serde_json::{Map, Value, json};

use crate::requests::{Differs, Request};

use Differs::{Altogether, InAnswer, InText, Nowhere};

const ACCEPTED: &str = include_str!("../../src/expression/tests/accepted.tsv");
const REFUSALS: &str = include_str!("../../src/expression/tests/refusals.tsv");
const PLACEHOLDERS: &str = include_str!("../../src/expression/tests/placeholders.tsv");

const MAKES_ITEM: &str =
    "DynamoDB Local makes an item of an update that only takes away; the service does not";
const WHOLE_ATTRIBUTE: &str =
    "DynamoDB Local returns whole attributes; the service returns the paths that changed";
const ORDER: &str = "DynamoDB Local looks for the table first, as it does everywhere";
const KEY_FIRST: &str =
    "DynamoDB Local looks inside of a key before it refuses the key; the service does not";
const COUNTED: &str =
    "the service counts conditions by the key's attributes (captured in October 2026); DynamoDB Local by two";
const LEGACY_TYPES: &str = "DynamoDB Local writes out the names of types; the service has its letters";

/// The members ExpressionAttributeNames and ExpressionAttributeValues of a text.
fn placeholders(text: &str) -> Map<String, Value> {
    let mentioned = |key: &str| {
        text.match_indices(key).any(|(at, _)| {
            let next = text.as_bytes().get(at + key.len());
            !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        })
    };
    let (mut names, mut values) = (Map::new(), Map::new());
    for (key, stands_for) in PLACEHOLDERS.lines().filter_map(|line| line.split_once('\t')) {
        if mentioned(key) && key.starts_with('#') {
            names.insert(key.to_owned(), json!(stands_for));
        } else if mentioned(key) {
            values.insert(key.to_owned(), serde_json::from_str(stands_for).unwrap());
        }
    }
    let mut members = Map::new();
    for (name, map) in [("ExpressionAttributeNames", names), ("ExpressionAttributeValues", values)] {
        if !map.is_empty() {
            members.insert(name.to_owned(), Value::Object(map));
        }
    }
    members
}

fn with(mut body: Value, text: &str) -> Value {
    body.as_object_mut().unwrap().extend(placeholders(text));
    body
}

fn item() -> Value {
    json!({
        "h": {"S": "x"}, "n": {"N": "5"}, "s": {"S": "str"}, "l1": {"L": [{"N": "1"}, {"S": "b"}, {"L": [{"N": "9"}]}]},
        "m1": {"M": {"aa": {"N": "1"}, "bb": {"S": "q"}}}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]},
        "bn": {"BOOL": true}, "nl": {"NULL": true}, "bi": {"B": "AAEC"},
    })
}

fn put() -> Request {
    let body = json!({"TableName": "terms", "Item": item()});
    Request { operation: "PutItem", body, differs: Nowhere }
}

fn create(name: &str, range: bool) -> Request {
    let mut keys = vec![json!({"AttributeName": "h", "KeyType": "HASH"})];
    let mut types = vec![json!({"AttributeName": "h", "AttributeType": "S"})];
    if range {
        keys.push(json!({"AttributeName": "k", "KeyType": "RANGE"}));
        types.push(json!({"AttributeName": "k", "AttributeType": "N"}));
    }
    let body = json!({
        "TableName": name, "KeySchema": keys, "AttributeDefinitions": types, "BillingMode": "PAY_PER_REQUEST",
    });
    Request { operation: "CreateTable", body, differs: InAnswer("their states differ for a moment") }
}

/// The requests that an expression of the tables is tried with.
fn tried(kind: &str, text: &str, differs: Differs) -> Vec<Request> {
    let key = json!({"h": {"S": "x"}});
    let (operation, body) = match kind {
        "filter" => ("Scan", json!({"TableName": "terms", "FilterExpression": text, "Select": "COUNT"})),
        "projection" => ("GetItem", json!({"TableName": "terms", "Key": key, "ProjectionExpression": text})),
        "key" => ("Query", json!({"TableName": "ranged", "KeyConditionExpression": text})),
        "update" => {
            let update = json!({
                "TableName": "terms", "Key": key, "UpdateExpression": text, "ReturnValues": "ALL_NEW",
            });
            return vec![put(), Request { operation: "UpdateItem", body: with(update, text), differs }];
        }
        other => panic!("{other}"),
    };
    vec![Request { operation, body: with(body, text), differs }]
}

/// All of them.
pub(crate) fn requests() -> Vec<Request> {
    let mut all = vec![create("terms", false), create("ranged", true), put()];
    for line in REFUSALS.lines() {
        let parts: Vec<&'static str> = line.split('\t').collect();
        let differs = match parts.get(3) {
            // What Local does not refuse at all.
            Some(why) if why.contains("reserve") => Altogether(why),
            Some(why) => InText(why),
            None => Nowhere,
        };
        all.extend(tried(parts[0], parts[1], differs));
    }
    for (kind, text) in ACCEPTED.lines().filter_map(|line| line.split_once('\t')) {
        let three = kind == "key" && text.matches(" AND ").count() == 2 && !text.contains("BETWEEN");
        all.extend(tried(kind, text, if three { InText(COUNTED) } else { Nowhere }));
    }
    all.extend(writes());
    all.extend(legacy());
    all.extend(mixtures());
    all
}

fn n(number: u32) -> Value {
    json!({"N": number.to_string()})
}

fn update(more: Value, differs: Differs) -> Vec<Request> {
    let mut body = json!({"TableName": "terms", "Key": {"h": {"S": "x"}}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    vec![put(), Request { operation: "UpdateItem", body, differs }]
}

fn writes() -> Vec<Request> {
    let mut all = Vec::new();
    for (text, nested) in [
        ("SET n = :n2, zz = :n", false),
        ("REMOVE n", false),
        ("ADD n :n", false),
        ("DELETE ss :seta", false),
        ("REMOVE zz", false),
        ("SET l1[8] = :n", false),
        ("SET m1.aa = :n", true),
    ] {
        for values in ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"] {
            let differs =
                if nested && values.starts_with("UPDATED") { InAnswer(WHOLE_ATTRIBUTE) } else { Nowhere };
            let body =
                json!({"UpdateExpression": text, "ReturnValues": values, "ReturnConsumedCapacity": "TOTAL"});
            all.extend(update(with(body, text), differs));
        }
    }
    let condition = |operation: &'static str, mut body: Value, text: &str| {
        body["TableName"] = json!("terms");
        body["ConditionExpression"] = json!(text);
        body["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
        Request { operation, body: with(body, text), differs: Nowhere }
    };
    let key = json!({"Key": {"h": {"S": "x"}}});
    for text in ["n = :n", "n = :n2", "attribute_not_exists(h)", "h.x = :n", "begins_with(s, :n)"] {
        all.push(put());
        all.push(condition("PutItem", json!({"Item": {"h": {"S": "x"}, "n": n(5)}}), text));
        all.push(condition("DeleteItem", key.clone(), text));
        all.push(put());
        let mut body = key.clone();
        body["UpdateExpression"] = json!("SET n = :n2");
        let mut request = condition("UpdateItem", body, &format!("{text} AND n <> :n2"));
        request.body["ExpressionAttributeValues"][":n"] = n(5);
        if !text.contains(":n") {
            request.body["ConditionExpression"] = json!(format!("{text} AND n <> :n"));
        }
        all.push(request);
    }
    let new = |name: &str, text: &str, differs| {
        let mut body = json!({"TableName": "terms", "Key": {"h": {"S": name}}, "ReturnValues": "ALL_NEW"});
        if !text.is_empty() {
            body["UpdateExpression"] = json!(text);
        }
        Request { operation: "UpdateItem", body: with(body, text), differs }
    };
    all.extend([
        new("new-1", "", Nowhere),
        new("new-2", "SET a = :n", Nowhere),
        new("new-3", "ADD a :n REMOVE b", Nowhere),
        new("new-4", "REMOVE a", InAnswer(MAKES_ITEM)),
        new("new-5", "DELETE a :ss", InAnswer(MAKES_ITEM)),
    ]);
    // What only one of them has made.
    for name in ["new-4", "new-5"] {
        let body =
            json!({"TableName": "terms", "Key": {"h": {"S": name}}, "ReturnConsumedCapacity": "TOTAL"});
        all.push(Request { operation: "DeleteItem", body, differs: Nowhere });
    }
    let large = json!({"UpdateExpression": "SET a = :v", "ExpressionAttributeValues": {":v": {"S": "x".repeat(410_000)}}});
    all.extend(update(large, Nowhere));
    all
}

fn legacy() -> Vec<Request> {
    let of =
        |operator: &str, values: Value| json!({"ComparisonOperator": operator, "AttributeValueList": values});
    let mut all = Vec::new();
    let expected = |expected: Value, operator: Option<&str>| {
        let mut body = json!({"TableName": "terms", "Item": item(), "Expected": expected});
        if let Some(operator) = operator {
            body["ConditionalOperator"] = json!(operator);
        }
        Request { operation: "PutItem", body, differs: Nowhere }
    };
    all.push(put());
    for operator in ["EQ", "NE", "LT", "LE", "GT", "GE", "CONTAINS", "NOT_CONTAINS", "BEGINS_WITH", "IN"] {
        for attribute in ["zz", "n", "s", "ss", "l1"] {
            for value in [json!({"S": "b"}), n(5), json!({"SS": ["a"]}), json!({"BOOL": true})] {
                all.push(expected(json!({attribute: of(operator, json!([value]))}), None));
            }
        }
    }
    for condition in [
        json!({"zz": {"ComparisonOperator": "NULL"}}),
        json!({"nl": {"ComparisonOperator": "NULL"}}),
        json!({"zz": {"ComparisonOperator": "NOT_NULL"}}),
        json!({"n": {"ComparisonOperator": "NOT_NULL"}}),
        json!({"n": of("BETWEEN", json!([n(1), n(9)]))}),
        json!({"n": of("BETWEEN", json!([n(9), n(1)]))}),
        json!({"n": of("IN", json!([n(1), n(5)]))}),
        json!({"n": of("IN", json!([n(1), {"S": "a"}]))}),
        json!({"n": of("EQ", json!([n(1), n(5)]))}),
        json!({"n": {"Exists": false}}),
        json!({"zz": {"Exists": false}}),
        json!({"n": {"Value": n(5)}}),
        json!({"n": {"Value": n(6)}}),
        json!({"n": {"Exists": true}}),
        json!({"n": {}}),
        json!({"n": {"Exists": false, "Value": n(5)}}),
        json!({"n": {"Value": n(5), "AttributeValueList": [n(5)]}}),
        json!({"n": {"Exists": true, "ComparisonOperator": "EQ", "Value": n(5)}}),
        json!({"n": {"ComparisonOperator": "GE", "Value": n(5)}}),
        json!({"n": {"AttributeValueList": [n(5)]}}),
        json!({"n": {"ComparisonOperator": "EQ"}}),
        json!({"m1.aa": {"Value": n(1)}}),
        json!({}),
    ] {
        all.push(expected(condition.clone(), None));
        all.push(expected(condition, Some("OR")));
    }
    let two = json!({"n": {"Value": n(5)}, "zz": {"Value": n(5)}});
    all.extend([expected(two.clone(), None), expected(two.clone(), Some("AND")), expected(two, Some("OR"))]);

    let list = json!({"L": [n(5)]});
    for (attribute, change, differs) in [
        ("a", json!({"Value": n(5)}), Nowhere),
        ("a", json!({"Action": "PUT", "Value": n(5)}), Nowhere),
        ("n", json!({"Action": "ADD", "Value": n(5)}), Nowhere),
        ("l1", json!({"Action": "ADD", "Value": list}), Nowhere),
        ("zz", json!({"Action": "ADD", "Value": list}), Nowhere),
        ("ss", json!({"Action": "ADD", "Value": {"SS": ["z"]}}), Nowhere),
        ("ss", json!({"Action": "ADD", "Value": {"S": "z"}}), InText(LEGACY_TYPES)),
        ("s", json!({"Action": "ADD", "Value": n(5)}), Nowhere),
        ("n", json!({"Action": "DELETE"}), Nowhere),
        ("ss", json!({"Action": "DELETE", "Value": {"SS": ["a"]}}), Nowhere),
        ("n", json!({"Action": "DELETE", "Value": {"SS": ["a"]}}), Nowhere),
        ("n", json!({"Action": "DELETE", "Value": n(5)}), InText(LEGACY_TYPES)),
        ("n", json!({"Action": "PUT"}), Nowhere),
        ("h", json!({"Value": {"S": "y"}}), Nowhere),
        ("m1.aa", json!({"Value": n(5)}), Nowhere),
    ] {
        let body = json!({"AttributeUpdates": {attribute: change}, "ReturnValues": "ALL_NEW"});
        all.extend(update(body, differs));
    }
    let scan = |filter: Value| {
        let body = json!({"TableName": "terms", "ScanFilter": filter, "Select": "COUNT"});
        Request { operation: "Scan", body, differs: Nowhere }
    };
    all.push(put());
    for filter in [
        json!({"n": of("EQ", json!([n(5)]))}),
        json!({"m1": of("EQ", json!([item()["m1"]]))}),
        json!({"m1": of("LT", json!([list]))}),
        json!({"n": {"ComparisonOperator": "EQ"}}),
        json!({"h": of("EQ", json!([{"S": "x"}]))}),
        json!({}),
    ] {
        all.push(scan(filter));
    }
    all
}

/// What may not stand together, what is senseless alone, what Select can't mean.
fn mixtures() -> Vec<Request> {
    let value = json!({":n": n(5)});
    let scan = |more: Value| {
        let mut body = json!({"TableName": "ranged"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("Scan", body)
    };
    let key = json!({"h": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "x"}]}});
    let query = |more: Value| {
        let mut body = json!({"TableName": "ranged"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("Query", body)
    };
    let mut rows = vec![
        scan(
            json!({"FilterExpression": "a = :n", "ExpressionAttributeValues": value, "ScanFilter": {}, "AttributesToGet": ["a"]}),
        ),
        scan(json!({"ProjectionExpression": "a", "AttributesToGet": ["a"], "ConditionalOperator": "OR"})),
        scan(json!({"ExpressionAttributeValues": value})),
        scan(json!({"ExpressionAttributeNames": {"#a": "a"}})),
        scan(json!({"ProjectionExpression": "a", "ExpressionAttributeValues": value})),
        scan(json!({"ConditionalOperator": "AND"})),
        scan(json!({"FilterExpression": "a = :n", "ExpressionAttributeValues": {}})),
        scan(
            json!({"FilterExpression": "#a = :n", "ExpressionAttributeNames": {"a": "b"}, "ExpressionAttributeValues": value}),
        ),
        scan(json!({"FilterExpression": "a = :n", "ExpressionAttributeValues": {":n": n(5), "n": n(5)}})),
        scan(json!({"FilterExpression": "a = :n", "ExpressionAttributeValues": {":n": n(5), ":m": n(5)}})),
        scan(json!({"FilterExpression": "a = :n", "ExpressionAttributeValues": {":n": {"SS": []}}})),
        query(json!({"ExpressionAttributeValues": value, "KeyConditions": key})),
        query(
            json!({"KeyConditions": key, "FilterExpression": "a = :n", "ExpressionAttributeValues": value}),
        ),
        query(
            json!({"KeyConditions": key, "FilterExpression": "k = :n", "ExpressionAttributeValues": value}),
        ),
        query(json!({"KeyConditions": key, "QueryFilter": {"k": {"ComparisonOperator": "NOT_NULL"}}})),
        query(json!({"KeyConditions": key, "QueryFilter": {"a": {"ComparisonOperator": "NOT_NULL"}}})),
        query(
            json!({"KeyConditions": key, "KeyConditionExpression": "h = :n", "ExpressionAttributeValues": value}),
        ),
    ];
    for select in ["COUNT", "ALL_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"] {
        rows.push(scan(json!({"Select": select, "ProjectionExpression": "h"})));
        rows.push(scan(json!({"Select": select, "AttributesToGet": ["h"]})));
        rows.push(query(json!({"Select": select, "AttributesToGet": ["h"], "KeyConditions": key})));
    }
    rows.push((
        "BatchGetItem",
        json!({"RequestItems": {"terms": {"Keys": [{"h": {"S": "x"}}], "ProjectionExpression": "#a, l1[1], m1.bb", "ExpressionAttributeNames": {"#a": "n"}}}}),
    ));
    rows.push((
        "BatchGetItem",
        json!({"RequestItems": {"terms": {"Keys": [{"h": {"S": "x"}}], "AttributesToGet": ["n", "m1.bb"]}}}),
    ));
    let mut all: Vec<Request> =
        rows.into_iter().map(|(operation, body)| Request { operation, body, differs: Nowhere }).collect();
    let filter = json!({"KeyConditions": key, "FilterExpression": "a = :n OR k.x = :n", "ExpressionAttributeValues": value});
    let (operation, body) = query(filter);
    all.push(Request { operation, body, differs: InText(KEY_FIRST) });
    let body = json!({"TableName": "absent", "FilterExpression": "a ="});
    all.push(Request { operation: "Scan", body, differs: Altogether(ORDER) });
    all
}
