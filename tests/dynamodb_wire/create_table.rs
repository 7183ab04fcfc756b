//! CreateTable: what it refuses, in the service's words, and what it shows of what it was given.

use serde_json::{Value, json};

use crate::client::Gateway;

/// A table `one` with the key `pk` and `sk`, with other members besides or instead.
fn with(members: Value) -> Value {
    let mut request = json!({
        "TableName": "one",
        "KeySchema": key(&[("pk", "HASH"), ("sk", "RANGE")]),
        "AttributeDefinitions": attributes(&["pk", "sk"]),
        "BillingMode": "PAY_PER_REQUEST",
    });
    for (name, value) in members.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn provisioned(members: Value) -> Value {
    let mut request = with(members);
    request["BillingMode"] = json!("PROVISIONED");
    request["ProvisionedThroughput"] = units(5, 5);
    request
}

fn units(read: i64, write: i64) -> Value {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

fn attributes(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect()
}

fn key(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect()
}

fn index(name: &str, pairs: &[(&str, &str)]) -> Value {
    json!({"IndexName": name, "KeySchema": key(pairs), "Projection": {"ProjectionType": "ALL"}})
}

/// A global index `g` by `a`, with other members besides or instead.
fn global(members: Value) -> Value {
    let mut made = index("g-a", &[("a", "HASH")]);
    for (name, value) in members.as_object().unwrap() {
        made[name] = value.clone();
    }
    json!({"GlobalSecondaryIndexes": [made], "AttributeDefinitions": attributes(&["pk", "sk", "a"])})
}

/// Requests and the texts of their refusals; `P:` stands for the words most of them begin with.
async fn refused(cases: &[(Value, &str)]) {
    let gateway = Gateway::start().await;
    for (request, text) in cases {
        let text = text.replacen("P:", "One or more parameter values were invalid:", 1);
        assert_eq!(gateway.invalid("CreateTable", request.clone()).await, text, "{request}");
    }
    assert_eq!(gateway.ok("ListTables", json!({})).await, json!({"TableNames": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_refused_in_the_services_words() {
    let stream = |specification: Value| with(json!({"StreamSpecification": specification}));
    let encrypted = |specification: Value| with(json!({"SSESpecification": specification}));
    let tags = |tags: Value| with(json!({"Tags": tags}));
    refused(&[
        (
            with(json!({"TableClass": "X"})),
            "Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, STANDARD_INFREQUENT_ACCESS].",
        ),
        (
            stream(json!({"StreamEnabled": true, "StreamViewType": "FISK"})),
            "1 validation error detected: Value 'FISK' at 'streamSpecification.streamViewType' failed to satisfy constraint: Member must satisfy enum value set: [OLD_IMAGE, KEYS_ONLY, NEW_AND_OLD_IMAGES, NEW_IMAGE]",
        ),
        (
            stream(json!({"StreamEnabled": true})),
            "P: Table is being created with a stream enabled, UpdateViewType is required",
        ),
        (
            stream(json!({"StreamEnabled": false, "StreamViewType": "NEW_IMAGE"})),
            "P: Table is being created with a stream disabled, UpdateViewType should not be specified",
        ),
        (
            stream(json!({})),
            "1 validation error detected: Value null at 'streamSpecification.streamEnabled' failed to satisfy constraint: Member must not be null",
        ),
        (
            encrypted(json!({"Enabled": false, "SSEType": "KMS", "KMSMasterKeyId": "k"})),
            "P: SSEType can not be specified if Enabled is false",
        ),
        (
            encrypted(json!({"Enabled": false, "KMSMasterKeyId": "k"})),
            "P: KMSMasterKeyId can not be specified if Enabled is false",
        ),
        (
            encrypted(json!({"Enabled": true, "KMSMasterKeyId": "k"})),
            "P: SSEType KMS is required if KMSMasterKeyId is specified",
        ),
        (encrypted(json!({"Enabled": true, "SSEType": "AES256"})), "P: SSEType AES256 is not supported"),
        (tags(json!([{"Key": "a"}])), "The Tag Value provided is invalid, Value: null"),
        (tags(json!([{"Key": "aws:a", "Value": ""}])), "Tag Key cannot be prefixed with aws:, Key: aws:a"),
        (
            tags(json!([{"Key": "a", "Value": ""}, {"Key": "a", "Value": "b"}])),
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found a",
        ),
        (
            with(json!({"TableName": ""})),
            "2 validation errors detected: Value '' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throughput_is_refused_in_the_services_words() {
    let most = json!({"OnDemandThroughput": {"MaxReadRequestUnits": 5}});
    let warm = json!({"WarmThroughput": {"ReadUnitsPerSecond": 4, "WriteUnitsPerSecond": 5}});
    refused(&[
        (
            provisioned(most.clone()),
            "P: MaxReadRequestUnits for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED.",
        ),
        (
            with(json!({"OnDemandThroughput": {"MaxWriteRequestUnits": -1}})),
            "P: Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid range",
        ),
        (
            with(global(json!({"OnDemandThroughput": {"MaxReadRequestUnits": 0}}))),
            "P: Requested MaxReadRequestUnits for OnDemandThroughput for index : g-a is outside of valid range",
        ),
        (
            provisioned(warm),
            "P: Requested ReadUnitsPerSecond for WarmThroughput for table is lower than ReadCapacityUnits of ProvisionedThroughput",
        ),
        (
            with(json!({"WarmThroughput": {"WriteUnitsPerSecond": 3999}})),
            "P: Requested WriteUnitsPerSecond for WarmThroughput for table is lower than initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial",
        ),
        (provisioned(global(json!({}))), "P: ProvisionedThroughput is not specified for index: g-a"),
        (
            with(global(json!({"ProvisionedThroughput": units(1, 1)}))),
            "P: ProvisionedThroughput should not be specified for index: g-a when BillingMode is PAY_PER_REQUEST",
        ),
        (
            provisioned(global(json!({"ProvisionedThroughput": units(1_000_000_000_001, 1)}))),
            "Given value 1000000000001 for ReadCapacityUnits is out of bounds for index g-a",
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_refused_in_the_services_words() {
    let of = |pairs: &[(&str, &str)], names: &[&str]| {
        with(json!({
            "GlobalSecondaryIndexes": [index("g-a", pairs)], "AttributeDefinitions": attributes(names),
        }))
    };
    let (hash, range) = ("HASH", "RANGE");
    let five = ["a", "b", "c", "d", "e"];
    let all = ["pk", "sk", "a", "b", "c", "d", "e"];
    refused(&[
        (
            with(json!({"AttributeDefinitions": attributes(&["pk", "sk", "pk"])})),
            "Attribute Name is duplicated: pk",
        ),
        (
            of(&[("a", hash)], &["pk", "sk", "a", "b", "c"]),
            "P: Some AttributeDefinitions are not used. AttributeDefinitions: [sk, a, b, pk, c], keys used: [a, sk, pk]",
        ),
        (
            of(&[("pk", hash), ("sk", range), ("x", range)], &["pk", "sk"]),
            "P: Some index key attributes are not defined in AttributeDefinitions. Keys: [sk, x, pk], AttributeDefinitions: [sk, pk]",
        ),
        (
            of(&five.map(|name| (name, hash)), &all),
            "P: The KeySchema exceeds the maximum allowed number of HASH key attributes",
        ),
        (
            of(
                &[("pk", hash), ("a", range), ("b", range), ("c", range), ("d", range), ("e", range)],
                &all,
            ),
            "P: The KeySchema exceeds the maximum allowed number of RANGE key attributes",
        ),
        (
            of(&[("a", hash), ("b", range), ("c", hash)], &["pk", "sk", "a", "b", "c"]),
            "P: All HASH key attributes must precede RANGE key attributes in the KeySchema",
        ),
        (
            of(&[("a", hash), ("b", range), ("a", range)], &["pk", "sk", "a", "b"]),
            "The KeySchema contains multiple key attributes with the same name",
        ),
        (
            of(&[("a", hash), ("a", range)], &["pk", "sk", "a"]),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            of(&[("a", range)], &["pk", "sk", "a"]),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            with(json!({"LocalSecondaryIndexes": [index("l", &[("pk", hash), ("a", range), ("b", range)])]})),
            "2 validation errors detected: Value 'l' at 'localSecondaryIndexes.1.member.indexName' failed to satisfy constraint: Member must have length greater than or equal to 3; Value '[KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=a, keyType=RANGE), KeySchemaElement(attributeName=b, keyType=RANGE)]' at 'localSecondaryIndexes.1.member.keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
        ),
        (
            with(global(json!({"Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "x"]}}))),
            "P: Duplicate element in NonKeyAttributes: x",
        ),
    ])
    .await;
}

/// Names come back in order; throughput that was asked for is on its way in CreateTable's answer and there in
/// DescribeTable's.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_is_shown() {
    let gateway = Gateway::start().await;
    let mut request = with(global(json!({
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["y", "x"]},
        "WarmThroughput": {"ReadUnitsPerSecond": 13_000},
        "OnDemandThroughput": {"MaxWriteRequestUnits": 9},
    })));
    request["WarmThroughput"] = json!({"WriteUnitsPerSecond": 5000});
    request["TableClass"] = json!("STANDARD");
    request["SSESpecification"] = json!({"SSEType": "KMS"});
    let created = gateway.ok("CreateTable", request).await["TableDescription"].take();
    let warm = |read: u64, write: u64, status: &str| json!({"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": status});
    assert_eq!(created["AttributeDefinitions"], attributes(&["a", "pk", "sk"]));
    assert_eq!(created["WarmThroughput"], warm(12_000, 5000, "UPDATING"));
    assert_eq!(created["BillingModeSummary"], json!({"BillingMode": "PAY_PER_REQUEST"}));
    assert_eq!(created["TableClassSummary"], json!({"TableClass": "STANDARD"}));
    assert_eq!(created["SSEDescription"]["SSEType"], "KMS");
    let index = &created["GlobalSecondaryIndexes"][0];
    assert_eq!(index["Projection"]["NonKeyAttributes"], json!(["x", "y"]));
    assert_eq!(index["OnDemandThroughput"], json!({"MaxWriteRequestUnits": 9}));
    assert_eq!(index["WarmThroughput"], warm(13_000, 4000, "UPDATING"));
    let table = gateway.ok("DescribeTable", json!({"TableName": "one"})).await["Table"].take();
    assert_eq!(table["WarmThroughput"], warm(12_000, 5000, "ACTIVE"));
    assert_eq!(table["GlobalSecondaryIndexes"][0]["WarmThroughput"], warm(13_000, 4000, "ACTIVE"));
    assert!(table["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"].is_number());

    let mut plain = provisioned(json!({"TableName": "two", "SSESpecification": {}}));
    plain["OnDemandThroughput"] = json!({});
    let created = gateway.ok("CreateTable", plain).await["TableDescription"].take();
    let absent = ["WarmThroughput", "TableClassSummary", "SSEDescription", "OnDemandThroughput"];
    assert!(absent.iter().all(|member| created.get(member).is_none()), "{created}");
    let table = gateway.ok("DescribeTable", json!({"TableName": "two"})).await["Table"].take();
    assert_eq!(table["WarmThroughput"], warm(5, 5, "ACTIVE"));

    let deleted = gateway.ok("DeleteTable", json!({"TableName": "one"})).await["TableDescription"].take();
    let gone = ["CreationDateTime", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"];
    assert!(gone.iter().all(|member| deleted.get(member).is_none()), "{deleted}");
    assert_eq!((&deleted["TableStatus"], &deleted["TableName"]), (&json!("DELETING"), &json!("one")));
}
