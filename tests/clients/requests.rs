//! The requests that are sent to both endpoints, in this order.

use serde_json::{Value, json};

/// Whether, where and why the two answers differ.
#[derive(Debug)]
pub(crate) enum Differs {
    Nowhere,
    /// Both succeed, with another body.
    InAnswer(&'static str),
    /// Both refuse, in other words.
    InText(&'static str),
    /// Another status or error.
    Altogether(&'static str),
}

use Differs::{Altogether, InAnswer, InText, Nowhere};

/// What DynamoDB Local says in words of its own, where Forebay says what the service does.
pub(crate) const LOCAL_WORDINGS: [&str; 30] = [
    "1 validation error detected: Value '1' at 'segment' failed to satisfy constraint: Member must have value less than or equal to 0",
    "A value provided cannot be converted into a number",
    "An unknown operation was requested.",
    "BatchGetItem must have some requests set",
    "BatchWriteItem cannot have a null or no requests set",
    "Cannot create preexisting table",
    "Cannot do operations on a non-existent table",
    "Cannot have null key for GetItem, DeleteItem, or UpdateItem",
    "DynamoDB only supports precision up to 38 digits",
    "Exclusive Start Key must have same size as table's key schema",
    "Hash primary key values must be under 2048 bytes, and range primary key values must be under 1024 bytes",
    "If segment is specified, total segment must also be specified",
    "Invalid table/index name.",
    "Item to put in PutItem cannot be null",
    "Limit in ListTables must be <= 100",
    "Limit must be greater than or equal to 1",
    "No provisioned throughput specified for the table",
    "One of the required keys was not given a value",
    "One or more parameter values were invalid: Input collection [a, a] contains duplicates",
    "One or more parameter values were invalid: Type mismatch for key",
    "Query condition missed key schema element",
    "Range Key not specified in Attribute Definitions.",
    "Return values set to invalid value",
    "The batch write request list for a table cannot be null or empty",
    "The list of keys in RequestItems for BatchGetItem is required",
    "The number of attributes in key schema must match the number of attributes defined",
    "The number of conditions on the keys is invalid",
    "The provided starting key does not match the range key predicate",
    "Too many items requested for the BatchGetItem call",
    "Too many items requested for the BatchWriteItem call",
];

const AT_ONCE: &str = "DynamoDB Local's tables are there, or gone, at once, without the states in between";
const NOT_WARM: &str =
    "DynamoDB Local does not show the warm throughput that the service shows of every table";
const COERCED: &str =
    "DynamoDB Local takes another JSON type; the service has a SerializationException for it";
const REPEATED: &str = "the service has newer words for it in single writes (captured in October 2026)";
const FAILS: &str = "DynamoDB Local fails inside";

/// One request.
pub(crate) struct Request {
    pub(crate) operation: &'static str,
    pub(crate) body: Value,
    pub(crate) differs: Differs,
}

/// All of them.
pub(crate) fn requests() -> Vec<Request> {
    let mut all = tables();
    all.extend(items());
    all.extend(values());
    all.extend(pages());
    all.extend(batches());
    all.extend(last());
    let request = |(operation, body, differs)| Request { operation, body, differs };
    all.into_iter().map(request).collect()
}

type Row = (&'static str, Value, Differs);

fn create(name: &str, keys: Value, attributes: Value) -> Value {
    json!({"TableName": name, "KeySchema": keys, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST"})
}

fn tables() -> Vec<Row> {
    let hash = json!([{"AttributeName": "id", "KeyType": "HASH"}]);
    let string = json!([{"AttributeName": "id", "AttributeType": "S"}]);
    let range =
        json!([{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]);
    let both =
        json!([{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "N"}]);
    vec![
        ("CreateTable", create("simple", hash.clone(), string.clone()), InAnswer(AT_ONCE)),
        ("CreateTable", create("ranged", range.clone(), both.clone()), InAnswer(AT_ONCE)),
        ("CreateTable", create("simple", hash.clone(), string.clone()), Nowhere),
        ("CreateTable", create("x", hash.clone(), string.clone()), Nowhere),
        ("CreateTable", create("spare", hash.clone(), both.clone()), Nowhere),
        ("CreateTable", create("missing", range, string.clone()), Nowhere),
        (
            "CreateTable",
            json!({"TableName": "unpaid", "KeySchema": hash, "AttributeDefinitions": string}),
            Nowhere,
        ),
        ("DescribeTable", json!({"TableName": "simple"}), InAnswer(NOT_WARM)),
        ("DescribeTable", json!({"TableName": "absent"}), Nowhere),
        ("DescribeTable", json!({}), Nowhere),
        ("ListTables", json!({}), Nowhere),
        ("ListTables", json!({"Limit": 1}), Nowhere),
        ("ListTables", json!({"ExclusiveStartTableName": "ranged"}), Nowhere),
        ("ListTables", json!({"Limit": 0}), Nowhere),
        ("ListTables", json!({"Limit": 101}), Nowhere),
        ("DescribeTimeToLive", json!({"TableName": "simple"}), Nowhere),
        (
            "UpdateTimeToLive",
            json!({"TableName": "simple", "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": true}}),
            Nowhere,
        ),
        ("DescribeTimeToLive", json!({"TableName": "simple"}), Nowhere),
        (
            "UpdateTimeToLive",
            json!({"TableName": "absent", "TimeToLiveSpecification": {"AttributeName": "e", "Enabled": true}}),
            Nowhere,
        ),
    ]
}

fn items() -> Vec<Row> {
    let put = |item: Value| json!({"TableName": "simple", "Item": item});
    let get = |key: Value| json!({"TableName": "simple", "Key": key});
    vec![
        ("PutItem", put(json!({"id": {"S": "a"}, "v": {"N": "1"}})), Nowhere),
        ("GetItem", get(json!({"id": {"S": "a"}})), Nowhere),
        ("GetItem", get(json!({"id": {"S": "absent"}})), Nowhere),
        (
            "PutItem",
            json!({"TableName": "simple", "Item": {"id": {"S": "a"}, "v": {"N": "2"}}, "ReturnValues": "ALL_OLD"}),
            Nowhere,
        ),
        (
            "PutItem",
            json!({"TableName": "simple", "Item": {"id": {"S": "a"}}, "ReturnValues": "ALL_NEW"}),
            Nowhere,
        ),
        (
            "PutItem",
            json!({"TableName": "simple", "Item": {"id": {"S": "a"}}, "ReturnValues": "WRONG"}),
            Nowhere,
        ),
        (
            "PutItem",
            json!({"TableName": "simple", "Item": {"id": {"S": "c"}}, "ReturnConsumedCapacity": "TOTAL"}),
            Nowhere,
        ),
        (
            "GetItem",
            json!({"TableName": "simple", "Key": {"id": {"S": "c"}}, "ConsistentRead": true, "ReturnConsumedCapacity": "INDEXES"}),
            Nowhere,
        ),
        ("PutItem", put(json!({"v": {"N": "1"}})), Nowhere),
        ("PutItem", put(json!({"id": {"N": "1"}})), Nowhere),
        ("PutItem", put(json!({"id": {"S": ""}})), Nowhere),
        ("PutItem", put(json!({})), Nowhere),
        ("PutItem", json!({"TableName": "simple"}), Nowhere),
        ("PutItem", json!({"TableName": "absent", "Item": {"id": {"S": "a"}}}), Nowhere),
        ("PutItem", json!({"Item": {"id": {"S": "a"}}}), Nowhere),
        ("GetItem", get(json!({"id": {"S": "a"}, "more": {"S": "b"}})), Nowhere),
        ("GetItem", get(json!({"wrong": {"S": "a"}})), Nowhere),
        ("GetItem", get(json!({"id": {"N": "1"}})), Nowhere),
        ("GetItem", get(json!({})), Nowhere),
        ("GetItem", json!({"TableName": "simple"}), Nowhere),
        ("GetItem", json!({"TableName": "absent", "Key": {"id": {"S": "a"}}}), Nowhere),
        ("GetItem", json!({"TableName": "ranged", "Key": {"id": {"S": "a"}}}), Nowhere),
        (
            "DeleteItem",
            json!({"TableName": "simple", "Key": {"id": {"S": "a"}}, "ReturnValues": "ALL_OLD"}),
            Nowhere,
        ),
        (
            "DeleteItem",
            get(json!({"id": {"S": "a"}})),
            InAnswer("DynamoDB Local reports the capacity of deleting nothing without being asked"),
        ),
        ("DeleteItem", get(json!({"wrong": {"S": "a"}})), Nowhere),
        ("PutItem", put(json!({"id": {"S": "x".repeat(2_048)}})), Nowhere),
        ("PutItem", put(json!({"id": {"S": "x".repeat(2_049)}})), Nowhere),
        ("PutItem", put(json!({"id": {"S": "large"}, "v": {"S": "x".repeat(410 * 1024)}})), Nowhere),
        ("Nonsense", json!({}), Nowhere),
    ]
}

fn values() -> Vec<Row> {
    let put = |value: Value| json!({"TableName": "simple", "Item": {"id": {"S": "v"}, "v": value}});
    let mut rows = Vec::new();
    for (value, differs) in [
        (json!({"N": "1e3"}), Nowhere),
        (json!({"N": "-0.00"}), Nowhere),
        (json!({"N": "0.000123"}), Nowhere),
        (json!({"N": "12345678901234567890123456789012345678"}), Nowhere),
        (json!({"N": "123456789012345678901234567890123456789"}), Nowhere),
        (json!({"N": "1e126"}), Nowhere),
        (json!({"N": "9.9e125"}), Nowhere),
        (json!({"N": "1e-131"}), Nowhere),
        (json!({"N": "1e-130"}), Nowhere),
        (json!({"N": "NaN"}), Nowhere),
        (json!({"N": " 1"}), Nowhere),
        (json!({"N": ""}), Nowhere),
        (json!({"N": 1}), Altogether(COERCED)),
        (json!({"S": 1}), Altogether(COERCED)),
        (json!({"S": ""}), Nowhere),
        (json!({"B": "AAEC"}), Nowhere),
        (json!({"B": "not base64"}), Altogether(FAILS)),
        (json!({"BOOL": true}), Nowhere),
        (json!({"BOOL": "true"}), Nowhere),
        (json!({"BOOL": "truth"}), Altogether(COERCED)),
        (json!({"NULL": true}), Nowhere),
        (json!({"NULL": false}), Nowhere),
        (json!({"SS": ["b", "a"]}), Nowhere),
        (json!({"SS": []}), Nowhere),
        (json!({"SS": ["a", "a"]}), Nowhere),
        (json!({"NS": ["1", "1.0"]}), InText(REPEATED)),
        (json!({"NS": ["1", "2"]}), Nowhere),
        (json!({"BS": ["AA=="]}), Nowhere),
        (json!({"L": [{"M": {"a": {"L": []}}}]}), Nowhere),
        (json!({"M": {"": {"S": "a"}}}), Nowhere),
        (json!({}), Nowhere),
        (json!({"S": "a", "N": "1"}), Nowhere),
        (json!({"X": "a"}), Nowhere),
        (json!("bare"), Altogether(COERCED)),
        (nested(32), Nowhere),
        (nested(33), Nowhere),
    ] {
        let stored = matches!(differs, Nowhere);
        rows.push(("PutItem", put(value), differs));
        // What only one of them took is put right by the next.
        if stored {
            rows.push(("GetItem", json!({"TableName": "simple", "Key": {"id": {"S": "v"}}}), Nowhere));
        }
    }
    rows
}

/// A value so many levels deep.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({"S": "deep"}), |inner, _| json!({ "L": [inner] }))
}

fn pages() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for at in ["-5", "0", "3", "3.5", "20"] {
        let item = json!({"id": {"S": "q"}, "at": {"N": at}, "v": {"S": at}});
        rows.push(("PutItem", json!({"TableName": "ranged", "Item": item}), Nowhere));
    }
    let of =
        |operator: &str, values: Value| json!({"ComparisonOperator": operator, "AttributeValueList": values});
    let id = of("EQ", json!([{"S": "q"}]));
    let query = |conditions: Value, more: Value| {
        let mut body = json!({"TableName": "ranged", "KeyConditions": conditions});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let at = |operator: &str, values: Value| query(json!({"id": id, "at": of(operator, values)}), json!({}));
    rows.extend([
        ("Query", query(json!({"id": id}), json!({})), Nowhere),
        ("Query", query(json!({"id": id}), json!({"ScanIndexForward": false, "Limit": 2})), Nowhere),
        (
            "Query",
            query(json!({"id": id}), json!({"ExclusiveStartKey": {"id": {"S": "q"}, "at": {"N": "3"}}})),
            Nowhere,
        ),
        ("Query", query(json!({"id": id}), json!({"Select": "COUNT"})), Nowhere),
        ("Query", query(json!({"id": id}), json!({"Limit": 0})), Nowhere),
        ("Query", query(json!({"id": id}), json!({"ExclusiveStartKey": {"id": {"S": "q"}}})), Nowhere),
        (
            "Query",
            query(json!({"id": id}), json!({"ExclusiveStartKey": {"id": {"S": "other"}, "at": {"N": "3"}}})),
            Nowhere,
        ),
        ("Query", at("EQ", json!([{"N": "3.50"}])), Nowhere),
        ("Query", at("LT", json!([{"N": "3"}])), Nowhere),
        ("Query", at("LE", json!([{"N": "3"}])), Nowhere),
        ("Query", at("GT", json!([{"N": "3"}])), Nowhere),
        ("Query", at("GE", json!([{"N": "3"}])), Nowhere),
        ("Query", at("BETWEEN", json!([{"N": "-1"}, {"N": "4"}])), Nowhere),
        ("Query", at("BETWEEN", json!([{"N": "4"}, {"N": "-1"}])), Nowhere),
        ("Query", at("BETWEEN", json!([{"N": "4"}])), Nowhere),
        ("Query", at("BEGINS_WITH", json!([{"N": "3"}])), Nowhere),
        ("Query", at("NE", json!([{"N": "3"}])), Altogether(FAILS)),
        ("Query", at("EQ", json!([{"S": "3"}])), Nowhere),
        ("Query", query(json!({"at": of("EQ", json!([{"N": "3"}]))}), json!({})), Nowhere),
        ("Query", query(json!({"id": of("LT", json!([{"S": "q"}]))}), json!({})), Nowhere),
        ("Query", query(json!({"id": id, "other": id}), json!({})), Nowhere),
        ("Query", json!({"TableName": "ranged"}), Nowhere),
        ("Query", json!({"TableName": "absent", "KeyConditions": {"id": id}}), Nowhere),
        ("Scan", json!({"TableName": "ranged"}), Nowhere),
        ("Scan", json!({"TableName": "ranged", "Limit": 2}), Nowhere),
        ("Scan", json!({"TableName": "ranged", "Limit": 0}), Nowhere),
        ("Scan", json!({"TableName": "ranged", "Select": "COUNT"}), Nowhere),
        ("Scan", json!({"TableName": "ranged", "Segment": 0, "TotalSegments": 1}), Nowhere),
        ("Scan", json!({"TableName": "ranged", "Segment": 1, "TotalSegments": 1}), Nowhere),
        ("Scan", json!({"TableName": "ranged", "Segment": 0}), Nowhere),
        ("Scan", json!({"TableName": "absent"}), Nowhere),
        ("Scan", json!({"TableName": "no spaces"}), Nowhere),
    ]);
    rows
}

fn batches() -> Vec<Row> {
    let put = |n: usize| json!({"PutRequest": {"Item": {"id": {"S": format!("b{n}")}}}});
    let write = |entries: Vec<Value>| json!({"RequestItems": {"simple": entries}});
    let read = |keys: Vec<Value>| json!({"RequestItems": {"simple": {"Keys": keys}}});
    let key = |n: usize| json!({"id": {"S": format!("b{n}")}});
    vec![
        ("BatchWriteItem", write((0..25).map(put).collect()), Nowhere),
        ("BatchWriteItem", write((0..26).map(put).collect()), Nowhere),
        ("BatchWriteItem", write(vec![put(1), put(1)]), Nowhere),
        ("BatchWriteItem", write(vec![]), Nowhere),
        ("BatchWriteItem", json!({"RequestItems": {}}), Nowhere),
        ("BatchWriteItem", json!({}), Nowhere),
        ("BatchWriteItem", write(vec![json!({"DeleteRequest": {"Key": {"id": {"S": "b24"}}}})]), Nowhere),
        ("BatchWriteItem", write(vec![json!({})]), Nowhere),
        (
            "BatchWriteItem",
            write(vec![put(1), json!({"PutRequest": {"Item": {"wrong": {"S": "a"}}}})]),
            Nowhere,
        ),
        ("BatchWriteItem", json!({"RequestItems": {"absent": [put(1)]}}), Nowhere),
        ("BatchGetItem", read(vec![key(3)]), Nowhere),
        ("BatchGetItem", read(vec![key(24), key(99)]), Nowhere),
        ("BatchGetItem", read(vec![key(1), key(1)]), Nowhere),
        ("BatchGetItem", read((0..101).map(key).collect()), Nowhere),
        ("BatchGetItem", read(vec![]), Nowhere),
        ("BatchGetItem", json!({"RequestItems": {}}), Nowhere),
        ("BatchGetItem", json!({"RequestItems": {"absent": {"Keys": [{"id": {"S": "a"}}]}}}), Nowhere),
    ]
}

fn last() -> Vec<Row> {
    vec![
        ("DeleteTable", json!({"TableName": "ranged"}), InAnswer(AT_ONCE)),
        ("DeleteTable", json!({"TableName": "absent"}), Nowhere),
        ("ListTables", json!({}), Nowhere),
    ]
}
