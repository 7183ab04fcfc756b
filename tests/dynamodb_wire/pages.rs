//! Query and Scan.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::Gateway;

/// Twenty readings of each of three devices.
async fn with_readings() -> Gateway {
    let gateway = Gateway::with_tables().await;
    for device in ["a", "b", "c"] {
        for chunk in (0..20).collect::<Vec<i32>>().chunks(20) {
            let puts: Vec<_> = chunk
                .iter()
                .map(|ts| json!({"PutRequest": {"Item": {"device": {"S": device}, "ts": {"N": ts.to_string()}}}}))
                .collect();
            gateway.ok("BatchWriteItem", json!({"RequestItems": {"readings": puts}})).await;
        }
    }
    gateway
}

fn condition(operator: &str, values: Value) -> Value {
    json!({"ComparisonOperator": operator, "AttributeValueList": values})
}

fn query(ts: Option<Value>) -> Value {
    let mut conditions = json!({"device": condition("EQ", json!([{"S": "b"}]))});
    if let Some(ts) = ts {
        conditions["ts"] = ts;
    }
    json!({"TableName": "readings", "KeyConditions": conditions})
}

fn times(page: &Value) -> Vec<i32> {
    page["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["ts"]["N"].as_str().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_on_the_sort_key_choose_their_range() {
    let gateway = with_readings().await;
    let cases = [
        ("EQ", json!([{"N": "7"}]), vec![7]),
        ("LT", json!([{"N": "3"}]), vec![0, 1, 2]),
        ("LE", json!([{"N": "2.0"}]), vec![0, 1, 2]),
        ("GT", json!([{"N": "17"}]), vec![18, 19]),
        ("GE", json!([{"N": "18"}]), vec![18, 19]),
        ("BETWEEN", json!([{"N": "9"}, {"N": "11"}]), vec![9, 10, 11]),
    ];
    for (operator, values, expected) in cases {
        let page = gateway.ok("Query", query(Some(condition(operator, values)))).await;
        assert_eq!(times(&page), expected, "{operator}");
        assert_eq!(page["Count"], json!(expected.len()));
        assert_eq!(page["ScannedCount"], json!(expected.len()));
        assert!(page.get("LastEvaluatedKey").is_none());
    }
    let mut backward = query(None);
    backward["ScanIndexForward"] = json!(false);
    assert_eq!(times(&gateway.ok("Query", backward).await), (0..20).rev().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_without_gap_or_repeat() {
    let gateway = with_readings().await;
    for forward in [true, false] {
        let (mut seen, mut start) = (Vec::new(), None);
        loop {
            let mut request = query(None);
            request["Limit"] = json!(7);
            request["ScanIndexForward"] = json!(forward);
            request["ExclusiveStartKey"] = json!(start);
            let page = gateway.ok("Query", request).await;
            seen.extend(times(&page));
            start = page.get("LastEvaluatedKey").cloned();
            if start.is_none() {
                break;
            }
        }
        let mut expected: Vec<_> = (0..20).collect();
        if !forward {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn count_answers_no_items() {
    let gateway = with_readings().await;
    let mut request = query(None);
    request["Select"] = json!("COUNT");
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    let page = gateway.ok("Query", request).await;
    let capacity = json!({"TableName": "readings", "CapacityUnits": 0.5});
    assert_eq!(page, json!({"Count": 20, "ScannedCount": 20, "ConsumedCapacity": capacity}));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_refused_in_the_services_words() {
    let gateway = with_readings().await;
    let with = |key: &str, value: Value| {
        let mut request = query(None);
        request[key] = value;
        request
    };
    assert_eq!(
        gateway.invalid("Query", json!({"TableName": "readings"})).await,
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
    );
    assert_eq!(
        gateway.invalid("Query", with("Limit", json!(0))).await,
        "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
    );
    assert!(
        gateway
            .invalid("Query", with("Select", json!("ALL")))
            .await
            .ends_with("[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]")
    );
    assert!(
        gateway
            .invalid("Query", with("Select", json!("SPECIFIC_ATTRIBUTES")))
            .await
            .starts_with("1 validation error detected: Must specify the AttributesToGet")
    );
    let no_partition =
        json!({"TableName": "readings", "KeyConditions": {"ts": condition("EQ", json!([{"N": "1"}]))}});
    assert_eq!(
        gateway.invalid("Query", no_partition).await,
        "Query condition missed key schema element: device"
    );
    assert_eq!(
        gateway.invalid("Query", query(Some(condition("NE", json!([{"N": "1"}]))))).await,
        "Attempted conditional constraint is not an indexable operation"
    );
    let elsewhere = with("ExclusiveStartKey", json!({"device": {"S": "a"}, "ts": {"N": "1"}}));
    assert_eq!(
        gateway.invalid("Query", elsewhere).await,
        "The provided starting key is outside query boundaries based on provided conditions"
    );
    let partial = with("ExclusiveStartKey", json!({"device": {"S": "a"}}));
    assert!(gateway.invalid("Query", partial).await.starts_with("The provided starting key is invalid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_of_a_scan_are_disjoint_and_together_the_table() {
    let gateway = with_readings().await;
    let mut seen = BTreeSet::new();
    for segment in 0..4 {
        let mut start = None;
        loop {
            let request = json!({
                "TableName": "readings", "Segment": segment, "TotalSegments": 4, "Limit": 9, "ExclusiveStartKey": start,
            });
            let page = gateway.ok("Scan", request).await;
            for item in page["Items"].as_array().unwrap() {
                assert!(seen.insert(item.to_string()), "{item} came twice");
            }
            start = page.get("LastEvaluatedKey").cloned();
            if start.is_none() {
                break;
            }
        }
    }
    assert_eq!(seen.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_are_refused_in_the_services_words() {
    let gateway = with_readings().await;
    let scan = |more: Value| {
        let mut request = json!({"TableName": "readings"});
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    };
    let cases = [
        (
            json!({"Segment": 0}),
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        ),
        (
            json!({"TotalSegments": 4}),
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        ),
        (
            json!({"Segment": 5, "TotalSegments": 5}),
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 5 is not less than TotalSegments: 5",
        ),
        (
            json!({"Limit": 0}),
            "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
    ];
    for (more, text) in cases {
        assert_eq!(gateway.invalid("Scan", scan(more)).await, text);
    }
    let both = gateway.invalid("Scan", scan(json!({"Segment": -1, "TotalSegments": 2_000_000}))).await;
    assert!(both.starts_with("2 validation errors detected: Value '2000000' at 'totalSegments'"), "{both}");
}

/// Items of so many bytes each, in a partition.
async fn with_items(gateway: &Gateway, device: &str, count: u32, size: usize) {
    for ts in 0..count {
        let mut item = json!({"device": {"S": device}, "ts": {"N": (10 + ts).to_string()}, "v": {"S": ""}});
        let names = "devicetsv".len() + device.len() + "N".len() + 1;
        item["v"]["S"] = json!("x".repeat(size - names));
        gateway.ok("PutItem", json!({"TableName": "readings", "Item": item})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_item_that_makes_a_megabyte_full_ends_the_page() {
    let gateway = Gateway::with_tables().await;
    // Eight make exactly 1 MB; eight of a byte more go beyond it with the last, as three of 360,000 bytes do.
    let cases =
        [("even", 9, 131_072, 8, 128.0), ("over", 8, 131_073, 8, 128.5), ("few", 5, 360_000, 3, 132.0)];
    for (device, count, size, first, units) in cases {
        with_items(&gateway, device, count, size).await;
        for forward in [true, false] {
            let mut query = json!({
                "TableName": "readings", "ReturnConsumedCapacity": "TOTAL", "ScanIndexForward": forward,
                "KeyConditions": {"device": condition("EQ", json!([{"S": device}]))},
            });
            let page = gateway.ok("Query", query.clone()).await;
            assert_eq!(page["Count"], first, "{device} {forward}");
            assert_eq!(page["ConsumedCapacity"]["CapacityUnits"], units, "{device} {forward}");
            let last = if forward { 10 + first - 1 } else { 10 + count - first };
            assert_eq!(page["LastEvaluatedKey"]["ts"]["N"], last.to_string(), "{device} {forward}");
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
            let rest = gateway.ok("Query", query).await;
            assert_eq!((&rest["Count"], rest.get("LastEvaluatedKey")), (&json!(count - first), None));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_index_fetches_from_its_table_fills_a_page() {
    let gateway = Gateway::start().await;
    let key = |names: [&str; 2]| json!([{"AttributeName": names[0], "KeyType": "HASH"}, {"AttributeName": names[1], "KeyType": "RANGE"}]);
    let names = ["device", "ts", "kind"].map(|name| json!({"AttributeName": name, "AttributeType": "S"}));
    let index = json!({"IndexName": "by-kind", "KeySchema": key(["device", "kind"]),
        "Projection": {"ProjectionType": "KEYS_ONLY"}});
    let table = json!({"TableName": "large", "AttributeDefinitions": names, "KeySchema": key(["device", "ts"]),
        "BillingMode": "PAY_PER_REQUEST", "LocalSecondaryIndexes": [index]});
    gateway.ok("CreateTable", table).await;
    for ts in ["a", "b", "c", "d", "e", "f"] {
        let item = json!({"device": {"S": "d"}, "ts": {"S": ts}, "kind": {"S": ts}, "v": {"S": "x".repeat(300_000)}});
        gateway.ok("PutItem", json!({"TableName": "large", "Item": item})).await;
    }
    let query = |select: &str| {
        json!({"TableName": "large", "IndexName": "by-kind", "Select": select,
            "KeyConditions": {"device": condition("EQ", json!([{"S": "d"}]))}})
    };
    let page = gateway.ok("Query", query("ALL_ATTRIBUTES")).await;
    assert_eq!((&page["Count"], &page["LastEvaluatedKey"]["kind"]), (&json!(4), &json!({"S": "d"})));
    let page = gateway.ok("Query", query("ALL_PROJECTED_ATTRIBUTES")).await;
    assert_eq!((&page["Count"], page.get("LastEvaluatedKey")), (&json!(6), None));
}
