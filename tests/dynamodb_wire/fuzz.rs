//! Requests that are almost right: whatever is wrong with them, the answer is a client's error, and the next one works.

use serde_json::{Value, json};

use crate::client::Gateway;

/// One request of each operation, right as it is.
fn requests() -> Vec<(&'static str, Value)> {
    let key = json!({"device": {"S": "a"}, "ts": {"N": "1"}});
    let item = json!({"device": {"S": "a"}, "ts": {"N": "1.5e3"}, "v": {"M": {"l": {"L": [{"B": "AAEC"}, {"NS": ["1", "2"]}]}}}});
    let conditions = json!({
        "device": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]},
        "ts": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "1"}, {"N": "9"}]},
    });
    vec![
        (
            "PutItem",
            json!({"TableName": "readings", "Item": item, "ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "TOTAL"}),
        ),
        ("GetItem", json!({"TableName": "readings", "Key": key, "ConsistentRead": true})),
        ("DeleteItem", json!({"TableName": "readings", "Key": key, "ReturnValues": "NONE"})),
        (
            "Query",
            json!({"TableName": "readings", "KeyConditions": conditions, "Limit": 5, "ExclusiveStartKey": key, "Select": "COUNT"}),
        ),
        ("Scan", json!({"TableName": "readings", "Segment": 1, "TotalSegments": 3, "Limit": 2})),
        ("BatchGetItem", json!({"RequestItems": {"readings": {"Keys": [key], "ConsistentRead": false}}})),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"readings": [{"PutRequest": {"Item": item}}, {"DeleteRequest": {"Key": key}}]}}),
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [
                {"Put": {"TableName": "readings", "Item": item, "ConditionExpression": "attribute_not_exists(device)"}},
                {"Update": {
                    "TableName": "readings", "Key": {"device": {"S": "u"}, "ts": {"N": "1"}}, "UpdateExpression": "SET #n = :n",
                    "ExpressionAttributeNames": {"#n": "n"}, "ExpressionAttributeValues": {":n": {"L": [{"N": "1"}]}},
                }},
                {"Delete": {"TableName": "readings", "Key": key, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
                {"ConditionCheck": {
                    "TableName": "readings", "Key": {"device": {"S": "c"}, "ts": {"N": "1"}},
                    "ConditionExpression": "attribute_not_exists(ts)",
                }},
            ], "ReturnConsumedCapacity": "INDEXES", "ReturnItemCollectionMetrics": "SIZE", "ClientRequestToken": "token"}),
        ),
        (
            "TransactGetItems",
            json!({"TransactItems": [{"Get": {
                "TableName": "readings", "Key": key, "ProjectionExpression": "#v.l[0], ts", "ExpressionAttributeNames": {"#v": "v"},
            }}], "ReturnConsumedCapacity": "TOTAL"}),
        ),
        (
            "CreateTable",
            json!({
                "TableName": "made", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            }),
        ),
        ("DescribeTable", json!({"TableName": "readings"})),
        ("DeleteTable", json!({"TableName": "made"})),
        ("ListTables", json!({"Limit": 3, "ExclusiveStartTableName": "aaa"})),
        (
            "UpdateTimeToLive",
            json!({"TableName": "made", "TimeToLiveSpecification": {"AttributeName": "x", "Enabled": true}}),
        ),
        ("DescribeTimeToLive", json!({"TableName": "readings"})),
    ]
}

/// A value that does not belong there.
fn odd(random: &mut fastrand::Rng) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("a".repeat(300)),
        json!("\u{0}\u{1F600}"),
        json!([]),
        json!([null]),
        json!({}),
        json!({"S": null}),
        json!({"S": "a", "N": "1"}),
        json!({"N": "1e999"}),
        json!({"N": "NaN"}),
        json!({"SS": []}),
        json!({"NS": ["1", "1.0"]}),
        json!({"B": "!"}),
        json!({"L": {}}),
        json!({"M": []}),
        json!({"": {"S": "x"}}),
    ];
    odd[random.usize(..odd.len())].clone()
}

/// Puts an odd value somewhere, takes a member out, or adds one.
fn mutate(value: &mut Value, random: &mut fastrand::Rng) {
    let deeper = random.u8(..4) > 0;
    match value {
        Value::Object(members) if deeper && !members.is_empty() => {
            let at = random.usize(..members.len());
            let name = members.keys().nth(at).unwrap().clone();
            match random.u8(..6) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert("Extra".to_owned(), odd(random))),
                2 => {
                    let value = members.remove(&name).unwrap();
                    members.insert(format!("{name}\u{e9}"), value);
                }
                _ => mutate(&mut members[&name], random),
            }
        }
        Value::Array(elements) if deeper && !elements.is_empty() => {
            let at = random.usize(..elements.len());
            if random.bool() {
                let copy = elements[at].clone();
                elements.push(copy);
            }
            mutate(&mut elements[at], random);
        }
        other => *other = odd(random),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn almost_right_requests_are_the_clients_fault() {
    let gateway = Gateway::with_tables().await;
    let mut random = fastrand::Rng::with_seed(20_261_123);
    let requests = requests();
    for round in 0..3000 {
        let (operation, request) = &requests[random.usize(..requests.len())];
        let mut request = request.clone();
        for _ in 0..random.usize(1..3) {
            mutate(&mut request, &mut random);
        }
        let mut body = request.to_string().into_bytes();
        if random.u8(..4) == 0 && !body.is_empty() {
            let at = random.usize(..body.len());
            match random.u8(..3) {
                0 => body.truncate(at),
                1 => body[at] = random.u8(..),
                _ => body.insert(at, random.u8(..)),
            }
        }
        let answer = gateway.post(operation, &[], &body).await;
        let shown = String::from_utf8_lossy(&body);
        assert!(matches!(answer.status, 200 | 400), "round {round}: {operation} {shown}: {}", answer.status);
        if answer.status == 400 {
            let (name, text) = answer.error();
            // What can't be parsed is refused without a word.
            let wordless = matches!(name.as_str(), "UnknownOperationException" | "SerializationException");
            assert!(wordless || !text.is_empty(), "round {round}: {operation} {shown}: {}", answer.text());
        } else {
            answer.json();
        }
    }
    gateway.ok("ListTables", json!({})).await;
}
