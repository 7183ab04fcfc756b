//! Tables with secondary indexes: made, described, written and read at both endpoints. DynamoDB Local has no keys of several
//! attributes.

use serde_json::{Value, json};

use crate::requests::{Differs, Request};

use Differs::{InAnswer, InText, Nowhere};

const AT_ONCE: &str = "DynamoDB Local's tables are there, or gone, at once, without the states in between";

const LESS: &str =
    "DynamoDB Local says less of an index's throughput, and has a region of its own in its ARN";
const WORDS: &str = "DynamoDB Local has words of its own";

type Row = (&'static str, Value, Differs);

fn keys(partition: &str, sort: Option<&str>) -> Value {
    let mut keys = vec![json!({"AttributeName": partition, "KeyType": "HASH"})];
    keys.extend(sort.map(|sort| json!({"AttributeName": sort, "KeyType": "RANGE"})));
    Value::Array(keys)
}

fn index(name: &str, keys: Value, projection: Value) -> Value {
    json!({"IndexName": name, "KeySchema": keys, "Projection": projection})
}

fn types(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind})).collect()
}

fn table(name: &str, local: Value, global: Value, types: Value) -> Value {
    let mut table = json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys("id", Some("at")),
        "AttributeDefinitions": types,
    });
    for (member, value) in [("LocalSecondaryIndexes", local), ("GlobalSecondaryIndexes", global)] {
        if !value.is_null() {
            table[member] = value;
        }
    }
    table
}

/// All of them.
pub(crate) fn requests() -> Vec<Request> {
    let mut all = tables();
    all.extend(items());
    all.extend(queries());
    all.extend(scans());
    all.push(("DeleteTable", json!({"TableName": "indexed"}), InAnswer(AT_ONCE)));
    let request = |(operation, body, differs)| Request { operation, body, differs };
    all.into_iter().map(request).collect()
}

fn tables() -> Vec<Row> {
    let everything = json!({"ProjectionType": "ALL"});
    let only_keys = json!({"ProjectionType": "KEYS_ONLY"});
    let some = json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["v"]});
    let used = types(&[("id", "S"), ("at", "N"), ("level", "N"), ("kind", "S")]);
    let local = json!([index("by-level", keys("id", Some("level")), only_keys.clone())]);
    let global = json!([
        index("by-kind", keys("kind", Some("level")), some),
        index("kinds", keys("kind", None), everything.clone()),
    ]);
    let refused = |local: Value, global: Value| {
        ("CreateTable", table("refused", local, global, used.clone()), InText(WORDS))
    };
    let twice = json!([
        index("same", keys("kind", None), everything.clone()),
        index("same", keys("kind", Some("level")), everything.clone()),
    ]);
    let none = Value::Null;
    vec![
        ("CreateTable", table("indexed", local, global, used.clone()), InAnswer(AT_ONCE)),
        ("DescribeTable", json!({"TableName": "indexed"}), InAnswer(LESS)),
        refused(none.clone(), json!([])),
        refused(json!([]), none.clone()),
        refused(none.clone(), twice),
        refused(none.clone(), json!([index("some", keys("kind", Some("level")), json!({}))])),
        refused(json!([index("short", keys("id", None), everything.clone())]), none.clone()),
        refused(json!([index("other", keys("kind", Some("level")), everything)]), none),
    ]
}

fn items() -> Vec<Row> {
    let put = |item: Value| ("PutItem", json!({"TableName": "indexed", "Item": item}), Nowhere);
    let mut rows: Vec<Row> = Vec::new();
    for n in 0..9 {
        let id = if n % 2 == 0 { "even" } else { "odd" };
        let mut item = json!({"id": {"S": id}, "at": {"N": n.to_string()}, "v": {"S": "v"}, "w": {"S": "w"}});
        if n != 3 {
            item["kind"] = json!({"S": if n < 5 { "low" } else { "high" }});
        }
        if n != 4 {
            item["level"] = json!({"N": (20 - n * 3).to_string()});
        }
        rows.push(put(item));
    }
    let bad = |name: &str, value: Value| {
        let mut item = json!({"id": {"S": "bad"}, "at": {"N": "1"}});
        item[name] = value;
        ("PutItem", json!({"TableName": "indexed", "Item": item}), InText(WORDS))
    };
    rows.extend([
        bad("kind", json!({"N": "1"})),
        bad("kind", json!({"NULL": true})),
        bad("level", json!({"S": "x"})),
        bad("kind", json!({"L": []})),
    ]);
    rows
}

fn query(index: &str, conditions: Value, more: Value) -> Row {
    let mut body = json!({"TableName": "indexed", "IndexName": index, "KeyConditions": conditions});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ("Query", body, Nowhere)
}

fn differing((operation, body, _): Row) -> Row {
    (operation, body, InText(WORDS))
}

fn queries() -> Vec<Row> {
    let is =
        |operator: &str, values: Value| json!({"ComparisonOperator": operator, "AttributeValueList": values});
    let even = is("EQ", json!([{"S": "even"}]));
    let low = is("EQ", json!([{"S": "low"}]));
    let level = |operator: &str, values: Value| json!({"kind": low, "level": is(operator, values)});
    let start = json!({"id": {"S": "even"}, "at": {"N": "2"}, "kind": {"S": "low"}, "level": {"N": "14"}});
    let with = |start: Value| json!({"ExclusiveStartKey": start});
    vec![
        query("by-level", json!({"id": even}), json!({})),
        query("by-level", json!({"id": even}), json!({"ScanIndexForward": false, "ConsistentRead": true})),
        query("by-level", json!({"id": even}), json!({"Select": "ALL_ATTRIBUTES"})),
        query("by-level", json!({"id": even}), json!({"Select": "COUNT"})),
        query("by-level", json!({"id": even}), json!({"Limit": 2})),
        query("by-kind", json!({"kind": low}), json!({})),
        query("by-kind", json!({"kind": low}), json!({"Limit": 1, "ScanIndexForward": false})),
        query("by-kind", json!({"kind": low}), json!({"Select": "ALL_PROJECTED_ATTRIBUTES"})),
        query("by-kind", json!({"kind": low}), json!({"Select": "ALL_ATTRIBUTES"})),
        differing(query("by-kind", json!({"kind": low}), json!({"ConsistentRead": true}))),
        query(
            "by-level",
            json!({"id": even, "level": is("LT", json!([{"N": "10"}]))}),
            json!({"AttributesToGet": ["w", "at"]}),
        ),
        query("by-kind", json!({"kind": low}), json!({"AttributesToGet": ["v", "at"]})),
        query("by-kind", level("GT", json!([{"N": "14"}])), json!({})),
        query("by-kind", level("GE", json!([{"N": "14"}])), json!({})),
        query("by-kind", level("LT", json!([{"N": "17"}])), json!({})),
        query("by-kind", level("LE", json!([{"N": "17"}])), json!({})),
        query("by-kind", level("EQ", json!([{"N": "17.0"}])), json!({})),
        query("by-kind", level("BETWEEN", json!([{"N": "10"}, {"N": "17"}])), json!({})),
        query("by-kind", level("GT", json!([{"S": "14"}])), json!({})),
        query("by-kind", json!({"kind": low}), with(start.clone())),
        query("by-kind", level("GT", json!([{"N": "14"}])), with(start)),
        query("by-kind", json!({"level": is("EQ", json!([{"N": "1"}]))}), json!({})),
        query("nothing", json!({"kind": low}), json!({})),
        query("kinds", json!({"kind": is("EQ", json!([{"S": "none"}]))}), json!({})),
    ]
}

fn scans() -> Vec<Row> {
    let scan = |index: &str, more: Value| {
        let mut body = json!({"TableName": "indexed", "IndexName": index});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("Scan", body, Nowhere)
    };
    vec![
        scan("by-kind", json!({"Select": "COUNT"})),
        scan("kinds", json!({"Select": "COUNT"})),
        scan("by-level", json!({"Select": "COUNT"})),
        differing(scan("kinds", json!({"ConsistentRead": true}))),
        scan("nothing", json!({})),
    ]
}
