//! Streams: what is in them, in which order, until when.

use serde_json::{Value, json};

use crate::client::{Gateway, NOW_US};

const DAY_US: u64 = 86_400_000_000;

fn table(view: &str) -> Value {
    json!({
        "TableName": "readings",
        "KeySchema": [
            {"AttributeName": "device", "KeyType": "HASH"}, {"AttributeName": "ts", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "device", "AttributeType": "S"}, {"AttributeName": "ts", "AttributeType": "N"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": view},
    })
}

fn key(ts: u64) -> Value {
    json!({"device": {"S": "d"}, "ts": {"N": ts.to_string()}})
}

fn item(ts: u64, value: &str) -> Value {
    json!({"device": {"S": "d"}, "ts": {"N": ts.to_string()}, "v": {"S": value}})
}

async fn put(gateway: &Gateway, ts: u64, value: &str) {
    gateway.ok("PutItem", json!({"TableName": "readings", "Item": item(ts, value)})).await;
}

async fn delete(gateway: &Gateway, ts: u64) {
    gateway.ok("DeleteItem", json!({"TableName": "readings", "Key": key(ts)})).await;
}

async fn switch(gateway: &Gateway, specification: Value) -> Value {
    let request = json!({"TableName": "readings", "StreamSpecification": specification});
    gateway.ok("UpdateTable", request).await["TableDescription"].clone()
}

/// A stream with its one shard.
struct Shard {
    arn: String,
    id: String,
    range: Value,
}

impl Shard {
    async fn of(gateway: &Gateway, arn: &str) -> Shard {
        let answer = gateway.streams_ok("DescribeStream", json!({"StreamArn": arn})).await;
        let shard = &answer["StreamDescription"]["Shards"][0];
        let id = shard["ShardId"].as_str().unwrap().to_owned();
        Shard { arn: arn.to_owned(), id, range: shard["SequenceNumberRange"].clone() }
    }

    /// The newest stream of the table.
    async fn latest(gateway: &Gateway) -> Shard {
        let answer = gateway.ok("DescribeTable", json!({"TableName": "readings"})).await;
        Shard::of(gateway, answer["Table"]["LatestStreamArn"].as_str().unwrap()).await
    }

    fn request(&self, kind: &str, number: Option<&Value>) -> Value {
        let mut request = json!({"StreamArn": self.arn, "ShardId": self.id, "ShardIteratorType": kind});
        if let Some(number) = number {
            request["SequenceNumber"] = number.clone();
        }
        request
    }

    async fn iterator(&self, gateway: &Gateway, kind: &str, number: Option<&Value>) -> Value {
        gateway.streams_ok("GetShardIterator", self.request(kind, number)).await["ShardIterator"].clone()
    }

    /// All records from the oldest on, read a few at a time.
    async fn records(&self, gateway: &Gateway) -> Vec<Value> {
        let iterator = self.iterator(gateway, "TRIM_HORIZON", None).await;
        read_on(gateway, iterator, 3).await.0
    }
}

/// Reads until nothing comes any more; the iterator to go on with, if the shard is open.
async fn read_on(gateway: &Gateway, iterator: Value, limit: usize) -> (Vec<Value>, Value) {
    let (mut records, mut iterator) = (Vec::new(), iterator);
    loop {
        let answer =
            gateway.streams_ok("GetRecords", json!({"ShardIterator": iterator, "Limit": limit})).await;
        iterator = answer["NextShardIterator"].clone();
        let page = answer["Records"].as_array().unwrap();
        records.extend_from_slice(page);
        if page.is_empty() || iterator.is_null() {
            return (records, iterator);
        }
    }
}

fn names(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["eventName"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_shows_its_part_of_every_change() {
    for view in ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"] {
        let gateway = Gateway::start().await;
        let created = gateway.ok("CreateTable", table(view)).await;
        let described = &created["TableDescription"];
        assert_eq!(described["StreamSpecification"], json!({"StreamEnabled": true, "StreamViewType": view}));
        assert_eq!(described["LatestStreamLabel"], "2026-07-01T12:00:00.000");
        put(&gateway, 1, "one").await;
        put(&gateway, 1, "one").await;
        put(&gateway, 1, "three").await;
        delete(&gateway, 1).await;
        delete(&gateway, 1).await;
        let shard = Shard::latest(&gateway).await;
        let records = shard.records(&gateway).await;
        assert_eq!(names(&records), ["INSERT", "MODIFY", "REMOVE"], "{view}");
        let (new, old) = (view.starts_with("NEW"), view.contains("OLD"));
        let expected = [
            (new.then(|| item(1, "one")), None, 11 + if new { 15 } else { 0 }),
            (
                new.then(|| item(1, "three")),
                old.then(|| item(1, "one")),
                11 + if new { 17 } else { 0 } + if old { 15 } else { 0 },
            ),
            (None, old.then(|| item(1, "three")), 11 + if old { 17 } else { 0 }),
        ];
        for (record, (new, old, size)) in records.iter().zip(expected) {
            let stream = &record["dynamodb"];
            assert_eq!(stream["Keys"], key(1));
            assert_eq!(stream.get("NewImage"), new.as_ref(), "{view} {record}");
            assert_eq!(stream.get("OldImage"), old.as_ref(), "{view} {record}");
            assert_eq!(stream["SizeBytes"], size, "{view} {record}");
            assert_eq!(stream["StreamViewType"], view);
            assert_eq!(stream["ApproximateCreationDateTime"], NOW_US / 1_000_000);
            assert_eq!(record["eventVersion"], "1.1");
            assert_eq!(record["eventSource"], "aws:dynamodb");
            assert_eq!(record["awsRegion"], "us-east-1");
            assert_eq!(record["eventID"].as_str().unwrap().len(), 32);
            assert!(record.get("userIdentity").is_none());
        }
        let numbers: Vec<_> =
            records.iter().map(|record| record["dynamodb"]["SequenceNumber"].as_str().unwrap()).collect();
        assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 21), "{numbers:?}");
        assert_eq!(shard.records(&gateway).await, records, "read again, they are the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn iterators_begin_where_they_are_asked_to() {
    let gateway = Gateway::start().await;
    gateway.ok("CreateTable", table("KEYS_ONLY")).await;
    let shard = Shard::latest(&gateway).await;
    let first = shard.range["StartingSequenceNumber"].clone();
    assert!(shard.range.get("EndingSequenceNumber").is_none());
    let before = shard.iterator(&gateway, "AT_SEQUENCE_NUMBER", Some(&first)).await;
    let latest = shard.iterator(&gateway, "LATEST", None).await;
    for ts in 1..=7 {
        put(&gateway, ts, "x").await;
    }
    let (all, end) = read_on(&gateway, before, 2).await;
    assert_eq!(all.len(), 7);
    assert_eq!(read_on(&gateway, latest, 1000).await.0, all);
    assert_eq!(read_on(&gateway, end.clone(), 1000).await.0, [] as [Value; 0]);
    let third = &all[2]["dynamodb"]["SequenceNumber"];
    let at = shard.iterator(&gateway, "AT_SEQUENCE_NUMBER", Some(third)).await;
    assert_eq!(read_on(&gateway, at, 1000).await.0, all[2..]);
    let after = shard.iterator(&gateway, "AFTER_SEQUENCE_NUMBER", Some(third)).await;
    assert_eq!(read_on(&gateway, after, 1000).await.0, all[3..]);
    let latest = shard.iterator(&gateway, "LATEST", None).await;
    put(&gateway, 8, "y").await;
    let (new, _) = read_on(&gateway, end, 1000).await;
    assert_eq!((new.len(), &new[0]["dynamodb"]["Keys"]), (1, &key(8)));
    assert_eq!(read_on(&gateway, latest, 1000).await.0, new);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_make_a_record_for_each_item_and_pages_end_at_a_megabyte() {
    let gateway = Gateway::start().await;
    gateway.ok("CreateTable", table("NEW_AND_OLD_IMAGES")).await;
    let requests = |value: &str| -> Vec<Value> {
        (0..20).map(|ts| json!({"PutRequest": {"Item": item(ts, value)}})).collect()
    };
    let large = "x".repeat(100_000);
    for value in ["small", large.as_str()] {
        gateway.ok("BatchWriteItem", json!({"RequestItems": {"readings": requests(value)}})).await;
    }
    let shard = Shard::latest(&gateway).await;
    let mut iterator = shard.iterator(&gateway, "TRIM_HORIZON", None).await;
    let (mut pages, mut records) = (Vec::new(), Vec::new());
    while records.len() < 40 {
        let answer = gateway.streams_ok("GetRecords", json!({"ShardIterator": iterator})).await;
        iterator = answer["NextShardIterator"].clone();
        let page = answer["Records"].as_array().unwrap().clone();
        let bytes: u64 = page.iter().map(|record| record["dynamodb"]["SizeBytes"].as_u64().unwrap()).sum();
        assert!(bytes <= 1 << 20 && !page.is_empty(), "{bytes}");
        pages.push(page.len());
        records.extend(page);
    }
    assert_eq!(pages, [30, 10]);
    let mut expected = vec!["INSERT"; 20];
    expected.extend(["MODIFY"; 20]);
    assert_eq!(names(&records), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_can_be_read_for_a_day_and_the_next_is_another() {
    let gateway = Gateway::start().await;
    gateway.ok("CreateTable", table("NEW_IMAGE")).await;
    put(&gateway, 1, "x").await;
    let first = Shard::latest(&gateway).await;
    let open = first.iterator(&gateway, "LATEST", None).await;
    let described = switch(&gateway, json!({"StreamEnabled": false})).await;
    assert!(described.get("StreamSpecification").is_none());
    assert_eq!(described["LatestStreamArn"], first.arn.as_str());
    put(&gateway, 2, "in no stream").await;
    let described = switch(&gateway, json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"})).await;
    let second = described["LatestStreamArn"].as_str().unwrap().to_owned();
    assert_ne!(second, first.arn);
    put(&gateway, 3, "x").await;

    let answer = gateway.streams_ok("DescribeStream", json!({"StreamArn": first.arn})).await;
    let description = &answer["StreamDescription"];
    assert_eq!(
        (&description["StreamStatus"], &description["StreamViewType"]),
        (&json!("DISABLED"), &json!("NEW_IMAGE"))
    );
    assert_eq!(description["TableName"], "readings");
    assert!(description["Shards"][0]["SequenceNumberRange"]["EndingSequenceNumber"].is_string());
    let iterator = first.iterator(&gateway, "TRIM_HORIZON", None).await;
    let (records, next) = read_on(&gateway, iterator, 1000).await;
    assert_eq!((records.len(), next), (1, Value::Null), "the shard is closed");
    assert_eq!(read_on(&gateway, open, 1000).await, (Vec::new(), Value::Null));
    let records = Shard::of(&gateway, &second).await.records(&gateway).await;
    assert_eq!((records.len(), &records[0]["dynamodb"]["Keys"]), (1, &key(3)));

    gateway.ok("DeleteTable", json!({"TableName": "readings"})).await;
    let streams = gateway.streams_ok("ListStreams", json!({"TableName": "readings", "Limit": 1})).await;
    assert_eq!(streams["Streams"][0]["StreamArn"], first.arn.as_str());
    assert_eq!(streams["LastEvaluatedStreamArn"], first.arn.as_str());
    let rest = json!({"ExclusiveStartStreamArn": first.arn});
    let streams = gateway.streams_ok("ListStreams", rest).await;
    let label = second.rsplit('/').next().unwrap();
    let one = json!({"StreamArn": second, "StreamLabel": label, "TableName": "readings"});
    assert_eq!(streams, json!({"Streams": [one]}));
    assert_eq!(Shard::of(&gateway, &second).await.records(&gateway).await, records);

    gateway.clock.set(NOW_US + DAY_US + 1_000_000, true);
    assert_eq!(gateway.streams_ok("ListStreams", json!({})).await, json!({"Streams": []}));
    let (name, text) = gateway.streams_refused("DescribeStream", json!({"StreamArn": second})).await;
    assert_eq!(name, "ResourceNotFoundException");
    assert_eq!(text, format!("Requested resource not found: Stream: {second} not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_live_for_a_day_and_iterators_for_a_quarter_of_an_hour() {
    let gateway = Gateway::start().await;
    gateway.ok("CreateTable", table("KEYS_ONLY")).await;
    put(&gateway, 1, "x").await;
    let shard = Shard::latest(&gateway).await;
    let iterator = shard.iterator(&gateway, "TRIM_HORIZON", None).await;
    gateway.clock.set(NOW_US + 15 * 60_000_000, true);
    gateway.streams_ok("GetRecords", json!({"ShardIterator": iterator})).await;
    gateway.clock.set(NOW_US + 15 * 60_000_000 + 1_000_000, true);
    let (name, text) = gateway.streams_refused("GetRecords", json!({"ShardIterator": iterator})).await;
    assert_eq!(name, "ExpiredIteratorException");
    assert!(text.contains("Shard iterator has expired"), "{text}");
    gateway.clock.set(NOW_US + DAY_US / 2, true);
    put(&gateway, 2, "x").await;
    assert_eq!(shard.records(&gateway).await.len(), 2);
    gateway.clock.set(NOW_US + DAY_US + 1_000, true);
    let left = shard.records(&gateway).await;
    assert_eq!((left.len(), &left[0]["dynamodb"]["Keys"]), (1, &key(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_removed_by_the_service() {
    let gateway = Gateway::start().await;
    gateway.ok("CreateTable", table("NEW_AND_OLD_IMAGES")).await;
    let ttl = json!({"AttributeName": "until", "Enabled": true});
    gateway.ok("UpdateTimeToLive", json!({"TableName": "readings", "TimeToLiveSpecification": ttl})).await;
    let mut mortal = item(1, "mortal");
    mortal["until"] = json!({"N": (NOW_US / 1_000_000 + 60).to_string()});
    gateway.ok("PutItem", json!({"TableName": "readings", "Item": mortal})).await;
    gateway.clock.set(NOW_US + 61_000_000, true);
    put(&gateway, 1, "anew").await;
    let records = Shard::latest(&gateway).await.records(&gateway).await;
    assert_eq!(names(&records), ["INSERT", "REMOVE", "INSERT"]);
    let service = json!({"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"});
    assert_eq!(records[1]["userIdentity"], service);
    assert_eq!(records[1]["dynamodb"]["OldImage"], mortal);
    assert!(records[2].get("userIdentity").is_none() && records[2]["dynamodb"].get("OldImage").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_refused_in_the_services_words() {
    let gateway = Gateway::start().await;
    let mut earlier = table("KEYS_ONLY");
    earlier["TableName"] = json!("earlier");
    gateway.ok("CreateTable", earlier).await;
    gateway.ok("CreateTable", table("KEYS_ONLY")).await;
    let shard = Shard::latest(&gateway).await;
    let invalid = |text: &str| ("ValidationException".to_owned(), text.to_owned());
    let wrong = |text: &str| invalid(&format!("One or more parameter values were invalid: {text}"));
    let number = shard.range["StartingSequenceNumber"].clone();
    let mut of_other = shard.request("LATEST", None);
    of_other["ShardId"] = json!("shardId-00000000000000000000-00000000");
    let cases = [
        (
            "ListStreams",
            json!({"Limit": 101}),
            wrong("Limit cannot be greater than the maximum allowed size: 100"),
        ),
        (
            "ListStreams",
            json!({"Limit": 0}),
            invalid(
                "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
            ),
        ),
        ("DescribeStream", json!({}), invalid("Invalid StreamArn")),
        (
            "DescribeStream",
            json!({"StreamArn": "x".repeat(40)}),
            invalid(&format!("Invalid StreamArn: {}", "x".repeat(40))),
        ),
        ("GetShardIterator", shard.request("AT_SEQUENCE_NUMBER", None), wrong("Invalid SequenceNumber")),
        (
            "GetShardIterator",
            shard.request("AT_SEQUENCE_NUMBER", Some(&json!("9".repeat(40)))),
            wrong("Invalid SequenceNumber"),
        ),
        (
            "GetShardIterator",
            shard.request("AFTER_SEQUENCE_NUMBER", Some(&json!("199999999999999999999"))),
            wrong("Invalid SequenceNumber"),
        ),
        (
            "GetShardIterator",
            shard.request("LATEST", Some(&number)),
            wrong("SequenceNumber should not be passed for this iterator type"),
        ),
        (
            "GetShardIterator",
            shard.request("BULLE", None),
            invalid(
                "1 validation error detected: Value 'BULLE' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
            ),
        ),
        (
            "GetShardIterator",
            of_other,
            (
                "ResourceNotFoundException".to_owned(),
                format!(
                    "Requested resource not found: Shard: shardId-00000000000000000000-00000000 in Stream: {} not found",
                    shard.arn
                ),
            ),
        ),
        ("GetRecords", json!({}), invalid("Invalid ShardIterator")),
        (
            "GetRecords",
            json!({"ShardIterator": "sdfsdfsgagaddafgagasgasgas"}),
            invalid("Invalid ShardIterator"),
        ),
        (
            "GetRecords",
            json!({"ShardIterator": "x", "Limit": 1001}),
            wrong("Limit should be less than or equal to 1000"),
        ),
    ];
    for (operation, request, error) in cases {
        assert_eq!(gateway.streams_refused(operation, request.clone()).await, error, "{operation} {request}");
    }
    let before: u128 = number.as_str().unwrap().parse().unwrap();
    let before = json!((before - 1).to_string());
    let (name, _) =
        gateway.streams_refused("GetShardIterator", shard.request("AT_SEQUENCE_NUMBER", Some(&before))).await;
    assert_eq!(name, "TrimmedDataAccessException");
    let behind = json!({"StreamArn": shard.arn, "ExclusiveStartShardId": shard.id});
    let answer = gateway.streams_ok("DescribeStream", behind).await;
    assert_eq!(answer["StreamDescription"]["Shards"], json!([]));
    let on = gateway.invalid("UpdateTable", json!({"TableName": "readings", "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}})).await;
    assert_eq!(on, "Table already has an enabled stream: TableName: readings");
    assert_eq!(gateway.streams("PutItem", json!({})).await.error().0, "UnknownOperationException");
}
