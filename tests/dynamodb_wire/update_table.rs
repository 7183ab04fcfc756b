//! UpdateTable: what does not go together, what is refused, and what the answer shows of a table on its way.

use serde_json::{Value, json};

use crate::client::Gateway;

const P: &str = "One or more parameter values were invalid: ";

fn units(read: i64, write: i64) -> Value {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

fn index(name: &str, key: &[(&str, &str)]) -> Value {
    let key: Value = key.iter().map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect();
    json!({"IndexName": name, "KeySchema": key, "Projection": {"ProjectionType": "ALL"}})
}

/// A table `one` with a global index `by-a` and a local one `by-b`, on-demand or with 5 and 5 units.
async fn gateway(provisioned: bool) -> Gateway {
    let gateway = Gateway::start().await;
    let definitions: Value = ["pk", "sk", "a", "b"]
        .map(|name| json!({"AttributeName": name, "AttributeType": "S"}))
        .into_iter()
        .collect();
    let mut global = index("by-a", &[("a", "HASH")]);
    let mut request = index("", &[("pk", "HASH"), ("sk", "RANGE")]);
    request["TableName"] = json!("one");
    request["AttributeDefinitions"] = definitions;
    request["BillingMode"] = json!("PAY_PER_REQUEST");
    if provisioned {
        request["BillingMode"] = json!("PROVISIONED");
        request["ProvisionedThroughput"] = units(5, 5);
        global["ProvisionedThroughput"] = units(2, 2);
    }
    request["LocalSecondaryIndexes"] = json!([index("by-b", &[("pk", "HASH"), ("b", "RANGE")])]);
    request["GlobalSecondaryIndexes"] = json!([global]);
    gateway.ok("CreateTable", request).await;
    gateway
}

fn of(members: &Value) -> Value {
    let mut request = members.clone();
    request["TableName"] = json!("one");
    request
}

async fn refused(gateway: &Gateway, members: Value, text: &str) {
    assert_eq!(gateway.invalid("UpdateTable", of(&members)).await, text, "{members}");
}

async fn updated(gateway: &Gateway, members: Value) -> Value {
    gateway.ok("UpdateTable", of(&members)).await["TableDescription"].take()
}

async fn described(gateway: &Gateway) -> Value {
    gateway.ok("DescribeTable", json!({"TableName": "one"})).await["Table"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_together_is_refused() {
    let gateway = gateway(true).await;
    let nothing = "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required";
    let definitions = json!([{"AttributeName": "pk", "AttributeType": "S"}]);
    for members in [
        json!({}),
        json!({"AttributeDefinitions": definitions}),
        json!({"GlobalSecondaryIndexUpdates": []}),
        json!({"WarmThroughput": {}}),
    ] {
        refused(&gateway, members, nothing).await;
    }
    let one = |members: [(&str, Value); 2]| members.into_iter().collect::<Value>();
    let protection = ("DeletionProtectionEnabled", json!(true));
    let class = ("TableClass", json!("STANDARD"));
    let encryption = ("SSESpecification", json!({"Enabled": true}));
    let warm = ("WarmThroughput", json!({"ReadUnitsPerSecond": 20_000}));
    let most = ("OnDemandThroughput", json!({"MaxReadRequestUnits": 7}));
    let stream = ("StreamSpecification", json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}));
    let throughput = ("ProvisionedThroughput", units(6, 6));
    let delete = ("GlobalSecondaryIndexUpdates", json!([{"Delete": {"IndexName": "by-a"}}]));
    let create = ("GlobalSecondaryIndexUpdates", json!([{"Create": index("by-c", &[("c", "HASH")])}]));
    let none = ("GlobalSecondaryIndexUpdates", json!([]));
    for (members, text) in [
        (
            [encryption, class.clone()],
            "Server-Side Encryption modification must be the only operation in the request",
        ),
        ([class, protection.clone()], "TableClass modification must be the only operation in the request"),
        (
            [protection, warm.clone()],
            "DeletionProtection modification must be the only operation in the request",
        ),
        ([warm.clone(), most.clone()], "WarmThroughput must be the only operation in the request"),
        ([warm, create], "Create global secondary index cannot be specified when updating WarmThroughput"),
        (
            [most, stream.clone()],
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ),
        ([stream.clone(), throughput.clone()], "You cannot modify stream status while updating table IOPS"),
        ([delete.clone(), throughput.clone()], "You cannot create or delete index while updating table IOPS"),
        ([delete, stream], "You cannot create or delete index while changing stream status"),
        ([none, throughput], "List of GlobalSecondaryIndexUpdates is empty"),
    ] {
        refused(&gateway, one(members), &format!("{P}{text}")).await;
    }
    assert_eq!(described(&gateway).await["DeletionProtectionEnabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_refused_in_the_services_words() {
    let gateway = gateway(true).await;
    for (members, text) in [
        (
            json!({"StreamSpecification": {"StreamEnabled": true}}),
            "If stream is being enabled then UpdateViewType is required",
        ),
        (
            json!({"StreamSpecification": {"StreamEnabled": false, "StreamViewType": "KEYS_ONLY"}}),
            "If stream is being disabled, then UpdateViewType must not be specified",
        ),
        (json!({"SSESpecification": {"Enabled": false}}), "Table is already encrypted by default"),
        (
            json!({"OnDemandThroughput": {"MaxReadRequestUnits": 5}}),
            "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED",
        ),
        (
            json!({"OnDemandThroughput": {"MaxReadRequestUnits": -2}, "BillingMode": "PAY_PER_REQUEST"}),
            "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range",
        ),
        (
            json!({"WarmThroughput": {"WriteUnitsPerSecond": 4}}),
            "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, decreasing WarmThroughput is not supported",
        ),
    ] {
        refused(&gateway, members, &format!("{P}{text}")).await;
    }
    let key = json!({"SSESpecification": {"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "k"}});
    let answer = updated(&gateway, key.clone()).await;
    assert_eq!(answer["SSEDescription"]["Status"], "UPDATING");
    assert_eq!(answer["TableStatus"], "ACTIVE");
    refused(&gateway, key, &format!("{P}Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key")).await;
    let class = "Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, STANDARD_INFREQUENT_ACCESS].";
    refused(&gateway, json!({"TableClass": "X"}), class).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn index_updates_are_refused_in_the_services_words() {
    let gateway = gateway(true).await;
    let create = |index: Value, attributes: &[(&str, &str)]| {
        let definitions: Value = attributes
            .iter()
            .map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}))
            .collect();
        json!({"GlobalSecondaryIndexUpdates": [{"Create": index}], "AttributeDefinitions": definitions})
    };
    let with_units = |mut index: Value| {
        index["ProvisionedThroughput"] = units(1, 1);
        index
    };
    let updates = |updates: Value| json!({"GlobalSecondaryIndexUpdates": updates});
    let by_c = index("by-c", &[("c", "HASH")]);
    let mut undefined = create(by_c.clone(), &[]);
    undefined["AttributeDefinitions"] = Value::Null;
    for (members, text) in [
        (
            updates(json!([{"Delete": {"IndexName": "by-a"}, "Update": {"IndexName": "by-a"}}])),
            "P:Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
        ),
        (undefined, "P:AttributeDefinitions is not specified for index: by-c"),
        (
            create(by_c.clone(), &[("c", "S")]),
            "P:Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: by-c",
        ),
        (
            create(with_units(index("by-b", &[("c", "HASH")])), &[("c", "S")]),
            "Attempting to create an index which already exists",
        ),
        (
            create(with_units(index("by-c", &[("a", "HASH")])), &[("a", "N")]),
            "P:Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: Schema:[SchemaElement: key{a:S:HASH}] New schema: Schema:[SchemaElement: key{a:N:HASH}]",
        ),
        (
            updates(json!([{"Delete": {"IndexName": "by-b"}}])),
            "Cannot delete an index that is not a GlobalSecondaryIndex: by-b",
        ),
        (
            updates(json!([{"Update": {"IndexName": "by-b", "ProvisionedThroughput": units(3, 3)}}])),
            "Cannot update an index that is not a GlobalSecondaryIndex: by-b",
        ),
        (
            updates(json!([{"Update": {"IndexName": "by-a", "ProvisionedThroughput": units(2, 2)}}])),
            "The provisioned throughput for the index by-a will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for index by-a: 2. Requested ReadCapacityUnits: 2. Current WriteCapacityUnits provisioned for index by-a: 2. Requested WriteCapacityUnits: 2. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
        ),
        (
            updates(json!([{"Update": {"IndexName": "by-a", "WarmThroughput": {}}}])),
            "P:WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: by-a",
        ),
        (
            updates(json!([{"Update": {"IndexName": "by-a", "WarmThroughput": {"ReadUnitsPerSecond": 1}}}])),
            "P:Requested ReadUnitsPerSecond for WarmThroughput for index by-a is lower than current WarmThroughput, decreasing WarmThroughput is not supported",
        ),
    ] {
        refused(&gateway, members, &text.replacen("P:", P, 1)).await;
    }
    let ghost =
        gateway.refused("UpdateTable", of(&updates(json!([{"Delete": {"IndexName": "ghost"}}])))).await;
    let text = "Requested resource not found: Index ghost for table one";
    assert_eq!(ghost, ("ResourceNotFoundException".to_owned(), text.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_demand_indexes_have_no_units() {
    let gateway = gateway(false).await;
    let updates = |updates: Value| json!({"GlobalSecondaryIndexUpdates": updates});
    let mut by_c = index("by-c", &[("c", "HASH")]);
    by_c["ProvisionedThroughput"] = units(1, 1);
    let mut create = updates(json!([{"Create": by_c}]));
    create["AttributeDefinitions"] = json!([{"AttributeName": "c", "AttributeType": "S"}]);
    let only = "The only Updates for index: by-a when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput";
    for (members, text) in [
        (
            create,
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: by-c when BillingMode is PAY_PER_REQUEST",
        ),
        (updates(json!([{"Update": {"IndexName": "by-a", "ProvisionedThroughput": units(3, 3)}}])), only),
        (updates(json!([{"Update": {"IndexName": "by-a"}}])), only),
        (
            json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(5, 5)}),
            "ProvisionedThroughput must be specified for index: by-a",
        ),
    ] {
        refused(&gateway, members, &format!("{P}{text}")).await;
    }
    let most = json!([{"Update": {"IndexName": "by-a", "OnDemandThroughput": {"MaxReadRequestUnits": 8}}}]);
    let answer = updated(&gateway, updates(most)).await;
    let index = &answer["GlobalSecondaryIndexes"][0];
    assert_eq!((&answer["TableStatus"], &index["IndexStatus"]), (&json!("ACTIVE"), &json!("UPDATING")));
    let index = described(&gateway).await["GlobalSecondaryIndexes"][0].take();
    assert_eq!(index["OnDemandThroughput"], json!({"MaxReadRequestUnits": 8}));
    let mut switch = json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(5, 5)});
    switch["GlobalSecondaryIndexUpdates"] =
        json!([{"Update": {"IndexName": "by-a", "ProvisionedThroughput": units(3, 3)}}]);
    assert_eq!(updated(&gateway, switch).await["TableStatus"], "UPDATING");
    let index = described(&gateway).await["GlobalSecondaryIndexes"][0].take();
    assert_eq!(index["ProvisionedThroughput"]["ReadCapacityUnits"], 3);
    assert!(index.get("OnDemandThroughput").is_none());
    assert_eq!(index["WarmThroughput"]["ReadUnitsPerSecond"], 12_000);
}

/// An index is on its way in or out in the answer.
#[tokio::test(flavor = "multi_thread")]
async fn answers_show_an_index_on_its_way() {
    let gateway = gateway(false).await;
    let definitions = json!([{"AttributeName": "c", "AttributeType": "S"}]);
    let create = json!([{"Create": index("by-c", &[("c", "HASH")])}]);
    let request = json!({"AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": create});
    let answer = updated(&gateway, request).await;
    let made = &answer["GlobalSecondaryIndexes"][1];
    assert_eq!((&answer["TableStatus"], &made["IndexStatus"]), (&json!("UPDATING"), &json!("CREATING")));
    assert_eq!(made["Backfilling"], false);
    assert!(made.get("WarmThroughput").is_none());
    let delete = json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-a"}}]});
    let answer = updated(&gateway, delete).await;
    let gone = &answer["GlobalSecondaryIndexes"][0];
    assert_eq!((&gone["IndexName"], &gone["IndexStatus"]), (&json!("by-a"), &json!("DELETING")));
}

/// The answer shows what was, DescribeTable what is.
#[tokio::test(flavor = "multi_thread")]
async fn answers_show_the_table_on_its_way() {
    let gateway = gateway(true).await;
    let answer = updated(&gateway, json!({"ProvisionedThroughput": units(4, 9)})).await;
    let throughput = &answer["ProvisionedThroughput"];
    assert_eq!(answer["TableStatus"], "UPDATING");
    assert_eq!(
        (&throughput["ReadCapacityUnits"], &throughput["NumberOfDecreasesToday"]),
        (&json!(5), &json!(0))
    );
    assert!(throughput["LastDecreaseDateTime"].is_number());
    let table = described(&gateway).await;
    assert_eq!(table["ProvisionedThroughput"]["WriteCapacityUnits"], 9);
    assert_eq!(table["ProvisionedThroughput"]["NumberOfDecreasesToday"], 1);
    let warm = |read: u64, write: u64, status: &str| json!({"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": status});
    assert_eq!(table["WarmThroughput"], warm(5, 9, "ACTIVE"));

    let answer = updated(&gateway, json!({"WarmThroughput": {"ReadUnitsPerSecond": 50}})).await;
    assert_eq!(
        (&answer["WarmThroughput"], &answer["TableStatus"]),
        (&warm(5, 9, "UPDATING"), &json!("ACTIVE"))
    );
    assert_eq!(described(&gateway).await["WarmThroughput"], warm(50, 9, "ACTIVE"));

    let answer = updated(&gateway, json!({"TableClass": "STANDARD_INFREQUENT_ACCESS"})).await;
    assert_eq!(answer["TableStatus"], "UPDATING");
    assert_eq!(answer["TableClassSummary"]["TableClass"], "STANDARD");
    let class = described(&gateway).await["TableClassSummary"].take();
    assert_eq!(class["TableClass"], "STANDARD_INFREQUENT_ACCESS");
    assert!(class["LastUpdateDateTime"].is_number());

    let answer = updated(&gateway, json!({"DeletionProtectionEnabled": true})).await;
    assert_eq!(
        (&answer["TableStatus"], &answer["DeletionProtectionEnabled"]),
        (&json!("ACTIVE"), &json!(true))
    );

    let both = json!({"BillingMode": "PAY_PER_REQUEST", "OnDemandThroughput": {"MaxReadRequestUnits": 70, "MaxWriteRequestUnits": 80}});
    assert_eq!(updated(&gateway, both).await["TableStatus"], "UPDATING");
    assert_eq!(described(&gateway).await["WarmThroughput"], warm(12_000, 4000, "ACTIVE"));
    let lifted = updated(&gateway, json!({"OnDemandThroughput": {"MaxReadRequestUnits": -1}})).await;
    assert_eq!(lifted["OnDemandThroughput"], json!({"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 80}));
    assert_eq!(described(&gateway).await["OnDemandThroughput"], json!({"MaxWriteRequestUnits": 80}));
}
