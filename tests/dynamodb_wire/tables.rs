//! Operations on tables.

use serde_json::{Value, json};

use crate::client::{Gateway, NOW_US};

fn table(name: &str) -> Value {
    json!({
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_created_described_listed_and_deleted() {
    let gateway = Gateway::start().await;
    let created = gateway.ok("CreateTable", table("first")).await;
    let described = &created["TableDescription"];
    assert_eq!(described["TableStatus"], "CREATING");
    assert_eq!(described["TableName"], "first");
    assert_eq!(described["TableArn"], "arn:aws:dynamodb:us-east-1:000000000000:table/first");
    assert_eq!(described["KeySchema"], json!([{"AttributeName": "pk", "KeyType": "HASH"}]));
    assert_eq!(described["AttributeDefinitions"], json!([{"AttributeName": "pk", "AttributeType": "S"}]));
    assert_eq!(described["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
    assert_eq!(described["CreationDateTime"].as_f64().unwrap().floor(), (NOW_US / 1_000_000) as f64);
    assert_eq!(described["TableId"].as_str().unwrap().len(), 36);
    assert_eq!(described["DeletionProtectionEnabled"], false);
    assert!(described.get("BillingModeSummary").is_none());
    let again = gateway.refused("CreateTable", table("first")).await;
    assert_eq!(again, ("ResourceInUseException".to_owned(), "Table already exists: first".to_owned()));

    let answer = gateway.ok("DescribeTable", json!({"TableName": "first"})).await;
    assert_eq!(answer["Table"]["TableStatus"], "ACTIVE");
    assert_eq!(answer["Table"]["TableId"], described["TableId"]);

    gateway.ok("CreateTable", table("second")).await;
    gateway.ok("CreateTable", table("third")).await;
    let page = gateway.ok("ListTables", json!({"Limit": 2})).await;
    assert_eq!(page, json!({"TableNames": ["first", "second"], "LastEvaluatedTableName": "second"}));
    let rest = gateway.ok("ListTables", json!({"ExclusiveStartTableName": "second"})).await;
    assert_eq!(rest, json!({"TableNames": ["third"]}));

    let deleted = gateway.ok("DeleteTable", json!({"TableName": "first"})).await;
    assert_eq!(deleted["TableDescription"]["TableStatus"], "DELETING");
    let (name, text) = gateway.refused("DescribeTable", json!({"TableName": "first"})).await;
    assert_eq!(name, "ResourceNotFoundException");
    assert_eq!(text, "Requested resource not found: Table: first not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_is_the_clients() {
    let gateway = Gateway::start().await;
    let authorization = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    let body = table("readings").to_string();
    let answer = gateway.post("CreateTable", &[("authorization", authorization)], body.as_bytes()).await;
    let arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/readings";
    assert_eq!(answer.json()["TableDescription"]["TableArn"], arn);
}

#[tokio::test(flavor = "multi_thread")]
async fn protection_holds() {
    let gateway = Gateway::start().await;
    let mut protected = table("kept");
    protected["DeletionProtectionEnabled"] = json!(true);
    gateway.ok("CreateTable", protected).await;
    assert_eq!(
        gateway.invalid("DeleteTable", json!({"TableName": "kept"})).await,
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
    );
    gateway.ok("DescribeTable", json!({"TableName": "kept"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_refused_in_the_services_words() {
    let gateway = Gateway::start().await;
    let with = |key: &str, value: Value| {
        let mut request = table("refused");
        request[key] = value;
        request
    };
    let element = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let cases = [
        (json!({}), "The parameter 'TableName' is required but was not present in the request"),
        (
            with("TableName", json!("ab")),
            "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
        ),
        (
            with(
                "KeySchema",
                json!([element("pk", "HASH"), element("sk", "RANGE"), element("extra", "RANGE")]),
            ),
            "1 validation error detected: Value '[KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=sk, keyType=RANGE), KeySchemaElement(attributeName=extra, keyType=RANGE)]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
        ),
        (
            with("KeySchema", json!([element("pk", "INVALID")])),
            "1 validation error detected: Value 'INVALID' at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]",
        ),
        (
            with("AttributeDefinitions", json!([{"AttributeName": "pk", "AttributeType": "INVALID"}])),
            "1 validation error detected: Value 'INVALID' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]",
        ),
        (
            with("BillingMode", json!("SOME")),
            "1 validation error detected: Value 'SOME' at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]",
        ),
        (
            with("BillingMode", json!("PAY_PER_REQUEST")),
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            with("ProvisionedThroughput", json!(null)),
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        ),
        (
            with("KeySchema", json!([element("pk", "HASH"), element("pk", "RANGE")])),
            "Invalid KeySchema: Some index key attribute have no definition",
        ),
        (
            with("VectorIndexes", json!([{}])),
            "The parameter VectorIndexes is not supported by this version of Forebay",
        ),
    ];
    for (request, text) in cases {
        assert_eq!(gateway.invalid("CreateTable", request).await, text);
    }
    let mut off = with("StreamSpecification", json!({"StreamEnabled": false}));
    off["SSESpecification"] = json!({"Enabled": false});
    off["Tags"] = json!([]);
    gateway.ok("CreateTable", off).await;
    let both = gateway.invalid("ListTables", json!({"Limit": 101, "ExclusiveStartTableName": "a!"})).await;
    assert!(both.starts_with("3 validation errors detected: Value '101' at 'limit'"), "{both}");
}

/// The table's name comes first, and has the same words everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_refused_alike_by_all_operations_on_tables() {
    let gateway = Gateway::start().await;
    let constraint = |name: &str, what: &str| {
        format!("Value '{name}' at 'tableName' failed to satisfy constraint: Member must {what}")
    };
    let (pattern, short) =
        ("satisfy regular expression pattern: [a-zA-Z0-9_.-]+", "have length greater than or equal to 3");
    for operation in [
        "CreateTable",
        "UpdateTable",
        "DeleteTable",
        "DescribeTable",
        "UpdateTimeToLive",
        "DescribeTimeToLive",
        "DescribeContinuousBackups",
    ] {
        let invalid = async |request: Value| gateway.invalid(operation, request).await;
        assert_eq!(
            invalid(json!({})).await,
            "The parameter 'TableName' is required but was not present in the request",
            "{operation}"
        );
        for (name, what) in [("ab", short), ("a;b", pattern)] {
            let text = format!("1 validation error detected: {}", constraint(name, what));
            assert_eq!(invalid(json!({"TableName": name})).await, text, "{operation}");
        }
        let both =
            format!("2 validation errors detected: {}; {}", constraint("", pattern), constraint("", short));
        assert_eq!(invalid(json!({"TableName": ""})).await, both, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_to_live_is_switched_and_described() {
    let gateway = Gateway::with_tables().await;
    let describe = json!({"TableName": "readings"});
    let answer = gateway.ok("DescribeTimeToLive", describe.clone()).await;
    assert_eq!(answer, json!({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}));
    let update = |enabled: bool| {
        let specification = json!({"AttributeName": "until", "Enabled": enabled});
        json!({"TableName": "readings", "TimeToLiveSpecification": specification})
    };
    let answer = gateway.ok("UpdateTimeToLive", update(true)).await;
    assert_eq!(answer, json!({"TimeToLiveSpecification": {"AttributeName": "until", "Enabled": true}}));
    let answer = gateway.ok("DescribeTimeToLive", describe).await;
    let enabled = json!({"AttributeName": "until", "TimeToLiveStatus": "ENABLED"});
    assert_eq!(answer, json!({"TimeToLiveDescription": enabled}));
    assert_eq!(gateway.invalid("UpdateTimeToLive", update(true)).await, "TimeToLive is already enabled");
    assert_eq!(
        gateway.invalid("UpdateTimeToLive", update(false)).await,
        "Time to live has been modified multiple times within a fixed interval"
    );
    gateway.clock.set(NOW_US + 3_601_000_000, true);
    gateway.ok("UpdateTimeToLive", update(false)).await;
    let missing = gateway.invalid("UpdateTimeToLive", json!({"TableName": "readings"})).await;
    assert!(missing.contains("Value null at 'timeToLiveSpecification'"), "{missing}");
    let absent = gateway.refused("DescribeTimeToLive", json!({"TableName": "absent"})).await;
    assert_eq!(absent.1, "Requested resource not found: Table: absent not found");
}
