//! UpdateTable, tags, and what else a table has besides its key.

use serde_json::{Value, json};

use crate::client::{Gateway, NOW_US};

fn table(name: &str) -> Value {
    json!({
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    })
}

fn with(name: &str, key: &str, value: Value) -> Value {
    let mut request = table(name);
    request[key] = value;
    request
}

fn update(key: &str, value: Value) -> Value {
    json!({"TableName": "one", key: value})
}

#[tokio::test(flavor = "multi_thread")]
async fn billing_is_updated_and_described() {
    let gateway = Gateway::start().await;
    gateway.ok("CreateTable", table("one")).await;
    let units = |read: i64, write: i64| json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write});
    let refused = gateway.invalid("UpdateTable", update("ProvisionedThroughput", units(1, 1))).await;
    assert_eq!(
        refused,
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
    );
    assert_eq!(
        gateway.invalid("UpdateTable", update("BillingMode", json!("PROVISIONED"))).await,
        "One or more parameter values were invalid: ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
    );
    let both = gateway.invalid("UpdateTable", update("ProvisionedThroughput", units(0, -1))).await;
    assert!(
        both.starts_with(
            "2 validation errors detected: Value '-1' at 'provisionedThroughput.writeCapacityUnits'"
        ),
        "{both}"
    );

    let mut request = update("ProvisionedThroughput", units(7, 8));
    request["BillingMode"] = json!("PROVISIONED");
    let answer = gateway.ok("UpdateTable", request).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "UPDATING");
    gateway.clock.set(NOW_US + 5_000_000, true);
    gateway.ok("UpdateTable", update("ProvisionedThroughput", units(6, 9))).await;
    let same = gateway.invalid("UpdateTable", update("ProvisionedThroughput", units(6, 9))).await;
    assert!(
        same.starts_with(
            "The provisioned throughput for the table will not change. The requested value equals"
        ),
        "{same}"
    );
    let answer = gateway.ok("DescribeTable", json!({"TableName": "one"})).await;
    let described = &answer["Table"];
    assert_eq!(described["TableStatus"], "ACTIVE");
    assert_eq!(described["BillingModeSummary"]["BillingMode"], "PROVISIONED");
    let throughput = &described["ProvisionedThroughput"];
    assert_eq!((&throughput["ReadCapacityUnits"], &throughput["WriteCapacityUnits"]), (&json!(6), &json!(9)));
    assert_eq!(throughput["NumberOfDecreasesToday"], 1);
    let at = (NOW_US / 1_000_000 + 5) as f64;
    assert_eq!(throughput["LastIncreaseDateTime"].as_f64(), Some(at));
    assert_eq!(throughput["LastDecreaseDateTime"].as_f64(), Some(at));
    let answer = gateway.ok("UpdateTable", update("BillingMode", json!("PAY_PER_REQUEST"))).await;
    let summary = &answer["TableDescription"]["BillingModeSummary"];
    assert_eq!(summary, &json!({"BillingMode": "PAY_PER_REQUEST"}));
    let answer = gateway.ok("DescribeTable", json!({"TableName": "one"})).await;
    let summary = &answer["Table"]["BillingModeSummary"];
    assert_eq!(summary["LastUpdateToPayPerRequestDateTime"].as_f64(), Some(at));
    let (name, text) = gateway
        .refused("UpdateTable", json!({"TableName": "absent", "BillingMode": "PAY_PER_REQUEST"}))
        .await;
    assert_eq!(
        (name.as_str(), text.as_str()),
        ("ResourceNotFoundException", "Requested resource not found: Table: absent not found")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn protection_class_encryption_and_limits_are_kept_and_shown() {
    let gateway = Gateway::start().await;
    let mut request = with("one", "TableClass", json!("STANDARD_INFREQUENT_ACCESS"));
    request["SSESpecification"] = json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "1234"});
    request["OnDemandThroughput"] = json!({"MaxReadRequestUnits": 50});
    let created = gateway.ok("CreateTable", request).await;
    let described = &created["TableDescription"];
    assert_eq!(described["TableClassSummary"], json!({"TableClass": "STANDARD_INFREQUENT_ACCESS"}));
    let key = "arn:aws:kms:us-east-1:000000000000:key/1234";
    assert_eq!(
        described["SSEDescription"],
        json!({"KMSMasterKeyArn": key, "SSEType": "KMS", "Status": "ENABLED"})
    );
    assert_eq!(described["OnDemandThroughput"], json!({"MaxReadRequestUnits": 50}));

    gateway.ok("UpdateTable", update("DeletionProtectionEnabled", json!(true))).await;
    gateway.invalid("DeleteTable", json!({"TableName": "one"})).await;
    gateway.ok("UpdateTable", update("SSESpecification", json!({"Enabled": false}))).await;
    gateway.ok("UpdateTable", update("TableClass", json!("STANDARD"))).await;
    let answer = gateway.ok("DescribeTable", json!({"TableName": "one"})).await;
    assert_eq!(answer["Table"]["DeletionProtectionEnabled"], true);
    assert_eq!(answer["Table"]["TableClassSummary"]["TableClass"], "STANDARD");
    assert!(answer["Table"].get("SSEDescription").is_none());
    gateway.ok("UpdateTable", update("DeletionProtectionEnabled", json!(false))).await;
    gateway.ok("DeleteTable", json!({"TableName": "one"})).await;

    let limits = gateway.ok("DescribeLimits", json!({})).await;
    assert_eq!(
        limits,
        json!({
            "AccountMaxReadCapacityUnits": 80000, "AccountMaxWriteCapacityUnits": 80000,
            "TableMaxReadCapacityUnits": 40000, "TableMaxWriteCapacityUnits": 40000,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_50_tags_at_most() {
    let gateway = Gateway::start().await;
    let many: Vec<Value> = (0..51).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect();
    let text = gateway.invalid("CreateTable", with("one", "Tags", json!(many))).await;
    assert_eq!(text, "Number of Tags exceed the current limit for the provided ResourceArn");
    assert_eq!(gateway.ok("ListTables", json!({})).await, json!({"TableNames": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_set_listed_and_removed() {
    let gateway = Gateway::start().await;
    let created =
        gateway.ok("CreateTable", with("one", "Tags", json!([{"Key": "site", "Value": "north"}]))).await;
    let arn = created["TableDescription"]["TableArn"].as_str().unwrap().to_owned();
    let tags = |tags: Value| json!({"ResourceArn": arn, "Tags": tags});
    let body = tags(json!([{"Key": "owner", "Value": ""}, {"Key": "site", "Value": "south"}])).to_string();
    let answer = gateway.post("TagResource", &[("accept-encoding", "gzip")], body.as_bytes()).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let listed = gateway.ok("ListTagsOfResource", json!({"ResourceArn": arn})).await;
    let both = json!([{"Key": "owner", "Value": ""}, {"Key": "site", "Value": "south"}]);
    assert_eq!(listed, json!({"Tags": both}));
    let more: Vec<Value> = (0..49).map(|n| json!({"Key": format!("k{n}"), "Value": "x"})).collect();
    let text = gateway.invalid("TagResource", tags(json!(more))).await;
    assert_eq!(text, "Number of Tags exceed the current limit for the provided ResourceArn");
    let body = json!({"ResourceArn": arn, "TagKeys": ["site", "absent"]}).to_string();
    let answer = gateway.post("UntagResource", &[], body.as_bytes()).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let listed = gateway.ok("ListTagsOfResource", json!({"ResourceArn": arn})).await;
    assert_eq!(listed, json!({"Tags": [{"Key": "owner", "Value": ""}]}));

    assert_eq!(
        gateway.invalid("TagResource", tags(json!([]))).await,
        "Atleast one Tag needs to be provided as Input."
    );
    assert_eq!(
        gateway.invalid("UntagResource", json!({"ResourceArn": arn, "TagKeys": []})).await,
        "Atleast one Tag Key needs to be provided as Input."
    );
    let long = gateway
        .invalid("TagResource", tags(json!([{"Key": "x".repeat(129), "Value": "y".repeat(257)}])))
        .await;
    assert_eq!(long, format!("The Tag Key provided is invalid, Key: {}", "x".repeat(129)));
    let unicode = json!([{"Key": "א".repeat(128), "Value": "א".repeat(256)}]);
    let body = tags(unicode).to_string();
    assert_eq!(gateway.post("TagResource", &[], body.as_bytes()).await.status, 200);
    let missing = gateway.invalid("TagResource", json!({"ResourceArn": arn})).await;
    assert!(missing.contains("Value null at 'tags'"), "{missing}");
    assert_eq!(gateway.invalid("ListTagsOfResource", json!({})).await, "Invalid TableArn");
    let index = format!("{arn}/index/by_kind");
    assert_eq!(
        gateway.invalid("ListTagsOfResource", json!({"ResourceArn": index})).await,
        format!(
            "One or more parameter values were invalid: Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {index}"
        )
    );
    let absent = format!("{arn}x");
    let (name, text) = gateway.refused("ListTagsOfResource", json!({"ResourceArn": absent})).await;
    assert_eq!(name, "ResourceNotFoundException");
    assert_eq!(text, format!("Requested resource not found: ResourceArn: {absent} not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioned_capacity_is_a_burst_and_then_a_rate() {
    let gateway = Gateway::start().await;
    for name in ["small", "other"] {
        let mut request = with(name, "BillingMode", json!("PROVISIONED"));
        request["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
        gateway.ok("CreateTable", request).await;
    }
    let item = |key: &str| json!({"pk": {"S": key}, "v": {"S": "x".repeat(101 * 1024 - 10)}});
    let put = |key: &str| json!({"TableName": "small", "Item": item(key)});
    // 300 units were saved up, and each costs 101.
    for key in ["a", "b", "c"] {
        gateway.ok("PutItem", put(key)).await;
    }
    let text = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
    let exceeded = ("ProvisionedThroughputExceededException".to_owned(), text.to_owned());
    assert_eq!(gateway.refused("PutItem", put("d")).await, exceeded);
    let key = json!({"TableName": "small", "Key": {"pk": {"S": "a"}}});
    assert_eq!(gateway.refused("DeleteItem", key.clone()).await, exceeded);
    let requests =
        json!([{"PutRequest": {"Item": {"pk": {"S": "e"}}}}, {"DeleteRequest": {"Key": {"pk": {"S": "a"}}}}]);
    let both = json!({"RequestItems": {"small": requests, "other": requests}});
    let answer = gateway.ok("BatchWriteItem", both).await;
    assert_eq!(answer, json!({"UnprocessedItems": {"small": requests}}));
    assert_eq!(
        gateway.refused("BatchWriteItem", json!({"RequestItems": {"small": requests}})).await,
        exceeded
    );

    // What is wrong is wrong whatever has to wait, and then nothing of a batch is made.
    let wrong = json!([{"PutRequest": {"Item": {"v": {"S": "no key"}}}}]);
    let good = json!([{"PutRequest": {"Item": {"pk": {"S": "made?"}}}}]);
    let both = json!({"RequestItems": {"small": wrong, "other": good}});
    assert_eq!(gateway.refused("BatchWriteItem", both).await.0, "ValidationException");
    let made = gateway.ok("GetItem", json!({"TableName": "other", "Key": {"pk": {"S": "made?"}}})).await;
    assert_eq!(made, json!({}));
    let no_key = json!({"TableName": "small", "Item": {"v": {"S": "no key"}}});
    assert_eq!(gateway.refused("PutItem", no_key).await.0, "ValidationException");

    // Reads have their own: 26 units each, and half that where they need not be consistent.
    let mut consistent = key.clone();
    consistent["ConsistentRead"] = json!(true);
    for _ in 0..11 {
        gateway.ok("GetItem", consistent.clone()).await;
    }
    gateway.ok("GetItem", key.clone()).await;
    gateway.ok("GetItem", key.clone()).await;
    assert_eq!(gateway.refused("GetItem", key.clone()).await, exceeded);
    assert_eq!(gateway.refused("Scan", json!({"TableName": "small"})).await, exceeded);
    let keys = json!({"Keys": [{"pk": {"S": "e"}}]});
    let answer = gateway.ok("BatchGetItem", json!({"RequestItems": {"small": keys, "other": keys}})).await;
    assert_eq!(answer["Responses"], json!({"other": [{"pk": {"S": "e"}}]}));
    assert_eq!(answer["UnprocessedKeys"], json!({"small": keys}));
    assert_eq!(gateway.refused("BatchGetItem", json!({"RequestItems": {"small": keys}})).await, exceeded);
    let numbered = json!({"pk": {"N": "1"}});
    let wrong = [
        ("GetItem", json!({"TableName": "small", "Key": numbered})),
        ("BatchGetItem", json!({"RequestItems": {"small": {"Keys": [numbered]}, "other": keys}})),
        (
            "Query",
            json!({"TableName": "small", "KeyConditionExpression": "v = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}}),
        ),
        ("Scan", json!({"TableName": "small", "ExclusiveStartKey": numbered})),
    ];
    for (operation, request) in wrong {
        assert_eq!(gateway.refused(operation, request).await.0, "ValidationException", "{operation}");
    }

    gateway.clock.set(NOW_US + 4_000_000, true);
    gateway.ok("PutItem", put("d")).await;
    assert_eq!(gateway.refused("PutItem", put("d")).await, exceeded, "now it owes");
    gateway.ok("UpdateTable", json!({"TableName": "small", "BillingMode": "PAY_PER_REQUEST"})).await;
    for _ in 0..5 {
        gateway.ok("PutItem", put("d")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_truly() {
    let gateway = Gateway::start().await;
    let created = gateway.ok("CreateTable", table("one")).await;
    let arn = created["TableDescription"]["TableArn"].clone();
    let one = json!({"TableName": "one"});
    let backups = gateway.ok("DescribeContinuousBackups", one.clone()).await;
    assert_eq!(backups["ContinuousBackupsDescription"]["ContinuousBackupsStatus"], "ENABLED");
    let recovery = &backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    assert_eq!(recovery["PointInTimeRecoveryStatus"], "DISABLED");
    let absent = gateway.refused("DescribeContinuousBackups", json!({"TableName": "absent"})).await;
    assert_eq!(absent, ("TableNotFoundException".to_owned(), "Table not found: absent".to_owned()));
    let insights = gateway.ok("DescribeContributorInsights", one.clone()).await;
    assert_eq!(insights["ContributorInsightsStatus"], "DISABLED");
    let kinesis = gateway.ok("DescribeKinesisStreamingDestination", one.clone()).await;
    assert_eq!(kinesis["KinesisDataStreamDestinations"], json!([]));
    assert_eq!(gateway.ok("ListBackups", json!({})).await, json!({"BackupSummaries": []}));
    let policy = gateway.refused("GetResourcePolicy", json!({"ResourceArn": arn})).await;
    assert_eq!(policy.0, "PolicyNotFoundException");
    let text = gateway.invalid("EnableKinesisStreamingDestination", one).await;
    assert_eq!(
        text,
        "The operation EnableKinesisStreamingDestination is not supported by this version of Forebay"
    );
}
