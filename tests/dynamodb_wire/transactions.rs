//! TransactWriteItems and TransactGetItems.

use serde_json::{Value, json};

use crate::client::Gateway;

fn key(id: &str) -> Value {
    json!({"id": {"S": id}})
}

fn put(id: &str) -> Value {
    json!({"Put": {"TableName": "devices", "Item": key(id)}})
}

/// A put that is only made where there is nothing.
fn put_new(id: &str) -> Value {
    json!({"Put": {"TableName": "devices", "Item": key(id), "ConditionExpression": "attribute_not_exists(id)"}})
}

fn delete(id: &str) -> Value {
    json!({"Delete": {"TableName": "devices", "Key": key(id)}})
}

fn check(id: &str, condition: &str) -> Value {
    json!({"ConditionCheck": {"TableName": "devices", "Key": key(id), "ConditionExpression": condition}})
}

/// Adds to `n`.
fn add(id: &str, by: i64) -> Value {
    json!({"Update": {
        "TableName": "devices", "Key": key(id), "UpdateExpression": "ADD n :by",
        "ExpressionAttributeValues": {":by": {"N": by.to_string()}},
    }})
}

fn get(id: &str) -> Value {
    json!({"Get": {"TableName": "devices", "Key": key(id)}})
}

fn of(items: impl Into<Vec<Value>>) -> Value {
    json!({"TransactItems": items.into()})
}

/// The codes and texts of a transaction that must be cancelled.
async fn reasons(gateway: &Gateway, operation: &str, body: Value) -> Value {
    let answer = gateway.call(operation, body).await;
    assert_eq!(answer.status, 400);
    let (name, text) = answer.error();
    assert_eq!(name, "TransactionCanceledException", "{text}");
    let reasons = answer.json()["CancellationReasons"].clone();
    let codes: Vec<_> =
        reasons.as_array().unwrap().iter().map(|reason| reason["Code"].as_str().unwrap()).collect();
    let wanted = "Transaction cancelled, please refer cancellation reasons for specific reasons";
    assert_eq!(text, format!("{wanted} [{}]", codes.join(", ")));
    reasons
}

async fn number(gateway: &Gateway, id: &str) -> String {
    let found = gateway.ok("GetItem", json!({"TableName": "devices", "Key": key(id)})).await;
    found["Item"]["n"]["N"].as_str().unwrap_or("-").to_owned()
}

async fn count(gateway: &Gateway) -> u64 {
    gateway.ok("Scan", json!({"TableName": "devices", "Select": "COUNT"})).await["Count"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_transaction_is_made_over_tables() {
    let gateway = Gateway::with_tables().await;
    gateway.ok("TransactWriteItems", of([put("a"), put("b")])).await;
    let reading = json!({"Put": {"TableName": "readings", "Item": {"device": {"S": "a"}, "ts": {"N": "1"}}}});
    let done = of([delete("a"), add("b", 3), add("c", 4), check("d", "attribute_not_exists(id)"), reading]);
    assert_eq!(gateway.ok("TransactWriteItems", done).await, json!({}));
    let wanted = of([
        get("a"),
        json!({"Get": {"TableName": "devices", "Key": key("b"), "ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": "n"}}}),
        get("c"),
        json!({"Get": {"TableName": "readings", "Key": {"device": {"S": "a"}, "ts": {"N": "1"}}}}),
    ]);
    assert_eq!(
        gateway.ok("TransactGetItems", wanted).await,
        json!({"Responses": [
            {},
            {"Item": {"n": {"N": "3"}}},
            {"Item": {"id": {"S": "c"}, "n": {"N": "4"}}},
            {"Item": {"device": {"S": "a"}, "ts": {"N": "1"}}},
        ]})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_condition_that_fails_undoes_all_and_each_action_has_its_reason() {
    let gateway = Gateway::with_tables().await;
    gateway.ok("TransactWriteItems", of([add("a", 1)])).await;
    let mut taken = put_new("a");
    taken["Put"]["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let wrong = json!({"Update": {"TableName": "devices", "Key": key("f"), "UpdateExpression": "SET m = n"}});
    let transaction = of([put("b"), taken, put_new("a2"), check("c", "attribute_exists(id)"), wrong]);
    assert_eq!(
        reasons(&gateway, "TransactWriteItems", transaction).await,
        json!([
            {"Code": "None"},
            {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": {"id": {"S": "a"}, "n": {"N": "1"}}},
            {"Code": "None"},
            {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
            {"Code": "ValidationError", "Message": "The provided expression refers to an attribute that does not exist in the item"},
        ])
    );
    assert_eq!(count(&gateway).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_fit_cancels_and_only_the_first_is_told_of() {
    let gateway = Gateway::with_tables().await;
    let mismatch =
        "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N";
    let put_of = |item: Value| json!({"Put": {"TableName": "devices", "Item": item}});
    let transaction = of([
        put_of(json!({"id": {"N": "1"}})),
        put_of(json!({"id": {"N": "2"}})),
        check("a", "attribute_exists(id)"),
    ]);
    assert_eq!(
        reasons(&gateway, "TransactWriteItems", transaction).await,
        json!([{"Code": "ValidationError", "Message": mismatch}, {"Code": "None"}, {"Code": "None"}])
    );
    let schema = "The provided key element does not match the schema";
    let wrong = json!({"TableName": "devices", "Key": {"id": {"N": "5"}}});
    let mut condition = wrong.clone();
    condition["ConditionExpression"] = json!("attribute_exists(id)");
    for action in [json!({"Delete": wrong}), json!({"ConditionCheck": condition})] {
        let found = reasons(&gateway, "TransactWriteItems", of([action])).await;
        assert_eq!(found, json!([{"Code": "ValidationError", "Message": schema}]));
    }
    let gets = of([get("a"), json!({"Get": {"TableName": "devices", "Key": {}}})]);
    assert_eq!(
        reasons(&gateway, "TransactGetItems", gets).await,
        json!([{"Code": "None"}, {"Code": "ValidationError", "Message": schema}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_request_refuses_it_in_the_services_words() {
    let gateway = Gateway::with_tables().await;
    let empty = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: id";
    let twice = "Transaction request cannot include multiple operations on one item";
    let null = |at: &str| {
        format!(
            "1 validation error detected: Value null at '{at}' failed to satisfy constraint: Member must not be null"
        )
    };
    let named = |name: &str| json!({"Put": {"TableName": name, "Item": key("a")}});
    let cases = [
        (
            of([]),
            "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1".to_owned(),
        ),
        (json!({}), null("transactItems")),
        (
            of([json!({})]),
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request".to_owned(),
        ),
        (
            of([json!({"Put": put("a")["Put"], "Delete": delete("b")["Delete"]})]),
            "TransactItems can only contain one of Check, Put, Update or Delete".to_owned(),
        ),
        (of([put("a"), delete("a")]), twice.to_owned()),
        (of([check("a", "attribute_exists(id)"), put("b"), add("a", 1)]), twice.to_owned()),
        (of([put("")]), empty.to_owned()),
        (of([delete("")]), empty.to_owned()),
        (of([json!({"ConditionCheck": {"TableName": "devices", "Key": key("a")}})]), null("transactItems.1.member.conditionCheck.conditionExpression")),
        (of([put("a"), json!({"Update": {"TableName": "devices", "Key": key("b")}})]), null("transactItems.2.member.update.updateExpression")),
        (
            of([put("b"), named("bad!name")]),
            "1 validation error detected: Value 'bad!name' at 'transactItems.2.member.put.tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+".to_owned(),
        ),
        (of([check("a", "")]), "Invalid ConditionExpression: The expression can not be empty;".to_owned()),
        (
            of([check("a", "attribute_exists(")]),
            "Invalid ConditionExpression: Syntax error; token: \"<EOF>\", near: \"(\"".to_owned(),
        ),
        (
            of([json!({"Put": {
                "TableName": "devices", "Item": key("a"), "ConditionExpression": "attribute_exists(id)",
                "ExpressionAttributeValues": {":v": {"S": "x"}},
            }})]),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}".to_owned(),
        ),
    ];
    for (body, text) in cases {
        assert_eq!(gateway.invalid("TransactWriteItems", body.clone()).await, text, "{body}");
    }
    let many: Vec<_> = (0..101).map(|at| put(&at.to_string())).collect();
    let text = gateway.invalid("TransactWriteItems", of(many)).await;
    assert!(text.ends_with(
        "at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100"
    ));
    for (token, end) in [("", "greater than or equal to 1"), (&"t".repeat(37), "less than or equal to 36")] {
        let body = json!({"TransactItems": [put("a")], "ClientRequestToken": token});
        let text = gateway.invalid("TransactWriteItems", body).await;
        assert!(text.contains("'clientRequestToken'") && text.ends_with(end), "{text}");
    }
    // A table that is not there is found before a duplicate.
    let absent = of([put("a"), put("a"), named("absent")]);
    assert_eq!(
        gateway.refused("TransactWriteItems", absent).await,
        ("ResourceNotFoundException".to_owned(), "Requested resource not found".to_owned())
    );
    assert_eq!(gateway.invalid("TransactGetItems", of([get("a"), get("a")])).await, twice);
    assert_eq!(
        gateway.invalid("TransactGetItems", of([json!({})])).await,
        null("transactItems.1.member.get")
    );
    assert_eq!(count(&gateway).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_holds_a_hundred_actions_and_four_megabytes() {
    let gateway = Gateway::with_tables().await;
    let hundred: Vec<_> = (0..100).map(|at| put(&at.to_string())).collect();
    gateway.ok("TransactWriteItems", of(hundred)).await;
    assert_eq!(count(&gateway).await, 100);
    let large = |at: usize| {
        let mut item = key(&format!("l{at:02}"));
        item["x"] = json!({"S": "x".repeat(350_000)});
        json!({"Put": {"TableName": "devices", "Item": item}})
    };
    let text = gateway.invalid("TransactWriteItems", of((0..12).map(large).collect::<Vec<_>>())).await;
    assert_eq!(text, "Transaction payload size cannot exceed 4MB. Payload Size: 4200072");
    gateway.ok("TransactWriteItems", of((0..11).map(large).collect::<Vec<_>>())).await;
    let gets: Vec<_> = (0..11).map(|at| get(&format!("l{at:02}"))).collect();
    let got = gateway.ok("TransactGetItems", of(gets)).await;
    assert_eq!(got["Responses"].as_array().unwrap().len(), 11);
    let mut put_too_large = large(99);
    put_too_large["Put"]["Item"]["x"] = json!({"S": "x".repeat(410_000)});
    assert_eq!(
        gateway.invalid("TransactWriteItems", of([put_too_large])).await,
        "Item size has exceeded the maximum allowed size"
    );
    let update = json!({"Update": {
        "TableName": "devices", "Key": key("l00"), "UpdateExpression": "SET y = :y",
        "ExpressionAttributeValues": {":y": {"S": "y".repeat(100_000)}},
    }});
    assert_eq!(
        reasons(&gateway, "TransactWriteItems", of([update])).await,
        json!([{"Code": "ValidationError", "Message": "Item size to update has exceeded the maximum allowed size"}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_makes_a_transaction_once_for_ten_minutes() {
    let gateway = Gateway::with_tables().await;
    let with = |token: &str, by: i64| json!({"TransactItems": [add("a", by)], "ClientRequestToken": token, "ReturnConsumedCapacity": "TOTAL"});
    let first = gateway.ok("TransactWriteItems", with("one", 1)).await;
    let wrote = json!([{"TableName": "devices", "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}]);
    assert_eq!(first["ConsumedCapacity"], wrote);
    let read = json!([{"TableName": "devices", "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0}]);
    for _ in 0..2 {
        assert_eq!(gateway.ok("TransactWriteItems", with("one", 1)).await["ConsumedCapacity"], read);
    }
    // The members' order, and what is asked about the cost, are no part of it.
    let reordered = format!(
        r#"{{"ClientRequestToken":"one","TransactItems":[{{"Update":{{"ExpressionAttributeValues":{{":by":{{"N":"1.0"}}}},"Key":{},"UpdateExpression":"ADD n :by","TableName":"devices"}}}}]}}"#,
        key("a")
    );
    let answer = gateway.post("TransactWriteItems", &[], reordered.as_bytes()).await;
    assert_eq!((answer.status, answer.text()), (200, "{}"));
    assert_eq!(number(&gateway, "a").await, "1");
    let (name, _) = gateway.refused("TransactWriteItems", with("one", 2)).await;
    assert_eq!(name, "IdempotentParameterMismatchException");
    gateway.ok("TransactWriteItems", with("two", 2)).await;
    assert_eq!(number(&gateway, "a").await, "3");
    let later = gateway.clock.now_us() + 599_000_000;
    gateway.clock.set(later, true);
    gateway.ok("TransactWriteItems", with("one", 1)).await;
    assert_eq!(number(&gateway, "a").await, "3");
    gateway.clock.set(later + 2_000_000, true);
    gateway.ok("TransactWriteItems", with("one", 1)).await;
    assert_eq!(number(&gateway, "a").await, "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_transaction_leaves_its_token_free() {
    let gateway = Gateway::with_tables().await;
    let body = json!({"TransactItems": [check("a", "attribute_exists(id)"), add("b", 1)], "ClientRequestToken": "t"});
    reasons(&gateway, "TransactWriteItems", body.clone()).await;
    gateway.ok("PutItem", json!({"TableName": "devices", "Item": key("a")})).await;
    gateway.ok("TransactWriteItems", body.clone()).await;
    gateway.ok("TransactWriteItems", body).await;
    assert_eq!(number(&gateway, "b").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_cost_twice() {
    let gateway = Gateway::with_tables().await;
    let mut large = put("a");
    large["Put"]["Item"]["x"] = json!({"S": "x".repeat(1500)});
    let reading = json!({"Put": {"TableName": "readings", "Item": {"device": {"S": "a"}, "ts": {"N": "1"}}}});
    let mut body = of([large, check("b", "attribute_not_exists(id)"), delete("c"), reading]);
    body["ReturnConsumedCapacity"] = json!("INDEXES");
    let units =
        |member: &str, units: f64| json!({"CapacityUnits": units, format!("{member}CapacityUnits"): units});
    let table = |name: &str, member: &str, count: f64| {
        let mut all = units(member, count);
        all["TableName"] = json!(name);
        all["Table"] = units(member, count);
        all
    };
    body["ClientRequestToken"] = json!("cost");
    let wrote = json!([table("devices", "Write", 8.0), table("readings", "Write", 2.0)]);
    assert_eq!(gateway.ok("TransactWriteItems", body.clone()).await["ConsumedCapacity"], wrote);
    let read = json!([table("devices", "Read", 6.0), table("readings", "Read", 2.0)]);
    assert_eq!(gateway.ok("TransactWriteItems", body).await["ConsumedCapacity"], read);
    let mut gets = of([get("a"), get("none")]);
    gets["ReturnConsumedCapacity"] = json!("INDEXES");
    let got = gateway.ok("TransactGetItems", gets).await;
    assert_eq!(got["ConsumedCapacity"], json!([table("devices", "Read", 4.0)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_capacity_cancels() {
    let gateway = Gateway::with_tables().await;
    let table = json!({
        "TableName": "limited",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    });
    gateway.ok("CreateTable", table).await;
    let mut item = key("a");
    item["x"] = json!({"S": "x".repeat(200_000)});
    let large = json!({"Put": {"TableName": "limited", "Item": item}});
    gateway.ok("TransactWriteItems", of([large.clone()])).await;
    let words = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
    assert_eq!(
        reasons(&gateway, "TransactWriteItems", of([put("b"), large])).await,
        json!([{"Code": "None"}, {"Code": "ProvisionedThroughputExceeded", "Message": words}])
    );
    assert_eq!(count(&gateway).await, 0);
    let of_limited = || of([json!({"Get": {"TableName": "limited", "Key": key("a")}})]);
    for _ in 0..4 {
        gateway.ok("TransactGetItems", of_limited()).await;
    }
    assert_eq!(
        reasons(&gateway, "TransactGetItems", of_limited()).await,
        json!([{"Code": "ProvisionedThroughputExceeded", "Message": words}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_items_are_not_there_for_conditions_of_transactions() {
    let gateway = Gateway::with_tables().await;
    let ttl = json!({"TableName": "devices", "TimeToLiveSpecification": {"AttributeName": "gone", "Enabled": true}});
    gateway.ok("UpdateTimeToLive", ttl).await;
    let mut item = key("a");
    item["gone"] = json!({"N": (gateway.clock.now_us() / 1_000_000 - 5).to_string()});
    gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await;
    assert_eq!(gateway.ok("TransactGetItems", of([get("a")])).await, json!({"Responses": [{}]}));
    gateway.ok("TransactWriteItems", of([put_new("a")])).await;
    assert_eq!(count(&gateway).await, 1);
}

/// Money moves between accounts by many hands; whoever looks sees the same sum.
#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_serial_and_reads_are_of_one_moment() {
    let gateway = std::sync::Arc::new(Gateway::with_tables().await);
    let accounts = ["a", "b", "c", "d"];
    gateway.ok("TransactWriteItems", of(accounts.map(|id| add(id, 100)).to_vec())).await;
    let mut hands = tokio::task::JoinSet::new();
    for hand in 0..4usize {
        let gateway = std::sync::Arc::clone(&gateway);
        hands.spawn(async move {
            let mut moved = 0;
            for turn in 0..25usize {
                let from = accounts[(hand + turn) % 4];
                let to = accounts[(hand + turn + 1 + turn % 3) % 4];
                let mut take = add(from, -30);
                take["Update"]["ConditionExpression"] = json!("n >= :thirty");
                take["Update"]["ExpressionAttributeValues"][":thirty"] = json!({"N": "30"});
                let answer = gateway.call("TransactWriteItems", of([take, add(to, 30)])).await;
                match answer.status {
                    200 => moved += 1,
                    _ => assert_eq!(answer.error().0, "TransactionCanceledException"),
                }
                let seen = gateway.ok("TransactGetItems", of(accounts.map(get).to_vec())).await;
                let amounts = seen["Responses"].as_array().unwrap().iter();
                let amounts: Vec<i64> =
                    amounts.map(|one| one["Item"]["n"]["N"].as_str().unwrap().parse().unwrap()).collect();
                assert_eq!(amounts.iter().sum::<i64>(), 400, "{amounts:?}");
                assert!(amounts.iter().all(|amount| *amount >= 0), "{amounts:?}");
            }
            moved
        });
    }
    assert!(hands.join_all().await.iter().sum::<u32>() > 10, "hardly anything moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_in_indexes_and_streams_as_a_whole() {
    let gateway = Gateway::start().await;
    let types = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect()
    };
    let schema = |hash: &str, range: &str| json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}]);
    let index = |name: &str, keys: Value| json!({"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}});
    let table = json!({
        "TableName": "indexed", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": types(&["id", "at", "kind", "room"]), "KeySchema": schema("id", "at"),
        "LocalSecondaryIndexes": [index("by-room", schema("id", "room"))],
        "GlobalSecondaryIndexes": [index("by-kind", schema("kind", "at"))],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    });
    let arn = gateway.ok("CreateTable", table).await["TableDescription"]["LatestStreamArn"].clone();
    let item = |id: &str, at: &str, kind: &str| json!({"id": {"S": id}, "at": {"S": at}, "kind": {"S": kind}, "room": {"S": "r"}});
    let put = |item: Value| json!({"Put": {"TableName": "indexed", "Item": item}});
    let mut body = of([put(item("a", "1", "k")), put(item("a", "2", "k")), put(item("b", "1", "other"))]);
    body["ReturnConsumedCapacity"] = json!("INDEXES");
    body["ReturnItemCollectionMetrics"] = json!("SIZE");
    let done = gateway.ok("TransactWriteItems", body).await;
    let six = json!({"CapacityUnits": 6.0, "WriteCapacityUnits": 6.0});
    assert_eq!(
        done["ConsumedCapacity"],
        json!([{
            "TableName": "indexed", "CapacityUnits": 18.0, "WriteCapacityUnits": 18.0, "Table": six,
            "LocalSecondaryIndexes": {"by-room": six}, "GlobalSecondaryIndexes": {"by-kind": six},
        }])
    );
    let metrics =
        |id: &str| json!({"ItemCollectionKey": {"id": {"S": id}}, "SizeEstimateRangeGB": [0.0, 1.0]});
    assert_eq!(done["ItemCollectionMetrics"], json!({"indexed": [metrics("a"), metrics("b")]}));
    let wrong = json!({"Put": {"TableName": "indexed", "Item": {"id": {"S": "a"}, "at": {"S": "3"}, "kind": {"N": "1"}}}});
    assert_eq!(
        reasons(&gateway, "TransactWriteItems", of([put(item("c", "1", "k")), wrong])).await[1]["Message"],
        "One or more parameter values were invalid: Type mismatch for Index Key kind Expected: S Actual: N IndexName: by-kind"
    );
    let empty = json!({"Update": {
        "TableName": "indexed", "Key": {"id": {"S": "a"}, "at": {"S": "1"}}, "UpdateExpression": "SET kind = :v",
        "ExpressionAttributeValues": {":v": {"S": ""}},
    }});
    let text = gateway.invalid("TransactWriteItems", of([empty])).await;
    assert!(text.starts_with("One or more parameter values are not valid. The update expression"), "{text}");
    let query = json!({
        "TableName": "indexed", "IndexName": "by-kind", "KeyConditionExpression": "kind = :k",
        "ExpressionAttributeValues": {":k": {"S": "k"}},
    });
    assert_eq!(gateway.ok("Query", query).await["Items"], json!([item("a", "1", "k"), item("a", "2", "k")]));
    let shard = gateway.streams_ok("DescribeStream", json!({"StreamArn": arn})).await;
    let shard = shard["StreamDescription"]["Shards"][0]["ShardId"].clone();
    let from = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = gateway.streams_ok("GetShardIterator", from).await["ShardIterator"].clone();
    let records = gateway.streams_ok("GetRecords", json!({"ShardIterator": iterator})).await;
    let records = records["Records"].as_array().unwrap();
    let events: Vec<_> = records.iter().map(|record| &record["dynamodb"]["NewImage"]).collect();
    assert_eq!(events, [&item("a", "1", "k"), &item("a", "2", "k"), &item("b", "1", "other")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_say_how_large_the_collections_are_where_there_are_local_indexes() {
    let gateway = Gateway::with_tables().await;
    let table = json!({
        "TableName": "local", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "LocalSecondaryIndexes": [{
            "IndexName": "again", "Projection": {"ProjectionType": "KEYS_ONLY"},
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        }],
    });
    gateway.ok("CreateTable", table).await;
    let item = |id: &str, at: &str| json!({"id": {"S": id}, "at": {"S": at}});
    let metrics =
        |id: &str| json!({"ItemCollectionKey": {"id": {"S": id}}, "SizeEstimateRangeGB": [0.0, 1.0]});
    let writes = [
        ("PutItem", json!({"TableName": "local", "Item": item("a", "1")})),
        (
            "UpdateItem",
            json!({"TableName": "local", "Key": item("a", "1"), "UpdateExpression": "SET n = id"}),
        ),
        ("DeleteItem", json!({"TableName": "local", "Key": item("a", "1")})),
    ];
    for (operation, mut body) in writes {
        assert_eq!(gateway.ok(operation, body.clone()).await, json!({}));
        body["ReturnItemCollectionMetrics"] = json!("SIZE");
        assert_eq!(gateway.ok(operation, body).await["ItemCollectionMetrics"], metrics("a"));
    }
    let put = |item: Value| json!({"PutRequest": {"Item": item}});
    let batch = json!({
        "ReturnItemCollectionMetrics": "SIZE",
        "RequestItems": {"local": [put(item("a", "1")), put(item("a", "2")), put(item("b", "1"))], "devices": [put(key("a"))]},
    });
    let written = gateway.ok("BatchWriteItem", batch).await;
    assert_eq!(written["ItemCollectionMetrics"], json!({"local": [metrics("a"), metrics("b")]}));
    let without = json!({"TableName": "devices", "Item": key("a"), "ReturnItemCollectionMetrics": "SIZE"});
    assert_eq!(gateway.ok("PutItem", without).await, json!({}));
}
