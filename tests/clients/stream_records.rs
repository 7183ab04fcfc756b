//! The same writes to Forebay and to DynamoDB Local make the same records, key by key, in every view.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::chance::Chance;
use crate::support::daemon::{Daemon, dynamodb};
use crate::support::peer::{Kind, Peer};
use crate::support::stream::Consumer;

fn table(view: &str) -> Value {
    json!({
        "TableName": view,
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"},
        ],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": view},
    })
}

fn value(chance: &mut Chance) -> Value {
    match chance.below(8) {
        // As the service writes them: DynamoDB Local puts what an update was given into the record as it came.
        0 => json!({"N": *chance.pick(&["1", "2", "-12.5", "1000"])}),
        1 => json!({"S": *chance.pick(&["", "a", "zwölf"])}),
        2 => json!({"SS": *chance.pick(&[["a", "b"], ["b", "a"], ["b", "c"]])}),
        3 => json!({"BOOL": chance.below(2) == 0}),
        4 => json!({"NULL": true}),
        5 => json!({"L": [{"S": "x"}, {"N": chance.below(2).to_string()}]}),
        6 => json!({"M": {"a": {"N": chance.below(2).to_string()}}}),
        _ => json!({"B": *chance.pick(&["", "AAE="])}),
    }
}

fn key(chance: &mut Chance) -> Value {
    json!({"pk": {"S": format!("p{}", chance.below(2))}, "sk": {"N": chance.below(3).to_string()}})
}

fn item(chance: &mut Chance) -> Value {
    let mut item = key(chance);
    for name in ["a", "b"] {
        if chance.below(3) > 0 {
            item[name] = value(chance);
        }
    }
    item
}

fn write(chance: &mut Chance, table: &str) -> (&'static str, Value) {
    match chance.below(7) {
        5 | 6 => {
            // An update that only removes makes an item in DynamoDB Local, and none in the service.
            let (value, update) = (value(chance), *chance.pick(&["SET a = :v", "SET a = :v REMOVE b"]));
            let update = json!({
                "TableName": table, "Key": key(chance), "UpdateExpression": update,
                "ExpressionAttributeValues": {":v": value},
            });
            ("UpdateItem", update)
        }
        0 | 1 => ("PutItem", json!({"TableName": table, "Item": item(chance)})),
        2 => ("DeleteItem", json!({"TableName": table, "Key": key(chance)})),
        _ => {
            let mut requests: BTreeMap<String, Value> = BTreeMap::new();
            for _ in 0..4 {
                let (key, put) = (key(chance), chance.below(3) > 0);
                let mut item = item(chance);
                for name in ["pk", "sk"] {
                    item[name] = key[name].clone();
                }
                let request = if put {
                    json!({"PutRequest": {"Item": item}})
                } else {
                    json!({"DeleteRequest": {"Key": key}})
                };
                requests.insert(key.to_string(), request);
            }
            let requests: Vec<Value> = requests.into_values().collect();
            ("BatchWriteItem", json!({"RequestItems": {table: requests}}))
        }
    }
}

/// Sets come in any order, and times differ.
fn settle(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                if name == "SS" {
                    value.as_array_mut().unwrap().sort_by_key(ToString::to_string);
                }
                settle(value);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(settle),
        _ => {}
    }
}

/// Each key's records, in order: the event and all that does not depend on the endpoint.
fn records(address: SocketAddr, table: &str) -> BTreeMap<String, Vec<Value>> {
    let mut consumer = Consumer::of(address, table);
    consumer.drain();
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mut record in consumer.records {
        let stream = record["dynamodb"].as_object_mut().unwrap();
        stream.retain(|name, _| name != "SequenceNumber" && name != "ApproximateCreationDateTime");
        let mut record = json!([record["eventName"], record["eventVersion"], record["dynamodb"]]);
        settle(&mut record);
        found.entry(record[2]["Keys"].to_string()).or_default().push(record);
    }
    found
}

#[test]
fn the_records_are_those_of_dynamodb_local() {
    let daemon = Daemon::start("");
    let local = Peer::start(Kind::DynamodbLocal);
    let mut chance = Chance::seeded(20);
    for view in ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] {
        let both = |operation: &str, request: &Value| {
            for address in [daemon.http, local.address] {
                let (status, answer) = dynamodb(address, operation, request).unwrap();
                assert_eq!(status, 200, "{operation} {request}: {answer}");
            }
        };
        both("CreateTable", &table(view));
        for _ in 0..150 {
            let (operation, request) = write(&mut chance, view);
            both(operation, &request);
        }
        let (ours, theirs) = (records(daemon.http, view), records(local.address, view));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (key, theirs) in &theirs {
            let ours = &ours[key];
            let differs = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
            if let Some(at) = differs {
                panic!("{view} {key}, record {at}:\n  forebay: {}\n  local:   {}", ours[at], theirs[at]);
            }
            assert_eq!(ours.len(), theirs.len(), "{view} {key}");
        }
    }
}
