//! Secondary indexes: made with a table, added, read, removed.

use serde_json::{Value, json};

use crate::client::Gateway;

fn keys(names: &[(&str, &str)]) -> Value {
    names.iter().map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect()
}

fn definitions(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind})).collect()
}

fn index(name: &str, schema: &[(&str, &str)], projection: Value) -> Value {
    json!({"IndexName": name, "KeySchema": keys(schema), "Projection": projection})
}

fn all() -> Value {
    json!({"ProjectionType": "ALL"})
}

/// Orders: by customer and date; of a customer by amount; of region and state by day and amount.
fn orders() -> Value {
    json!({
        "TableName": "orders",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys(&[("customer", "HASH"), ("date", "RANGE")]),
        "AttributeDefinitions": definitions(&[
            ("customer", "S"), ("date", "S"), ("amount", "N"), ("region", "S"), ("state", "S"), ("day", "S"),
        ]),
        "LocalSecondaryIndexes": [
            index("by-amount", &[("customer", "HASH"), ("amount", "RANGE")], json!({"ProjectionType": "KEYS_ONLY"})),
        ],
        "GlobalSecondaryIndexes": [
            index("by-region", &[("region", "HASH")], json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]})),
            index("by-place", &[("region", "HASH"), ("state", "HASH"), ("day", "RANGE"), ("amount", "RANGE")], all()),
        ],
    })
}

async fn with_orders() -> Gateway {
    let gateway = Gateway::start().await;
    gateway.ok("CreateTable", orders()).await;
    for n in 0..12 {
        let mut item = json!({
            "customer": {"S": format!("c{}", n % 2)},
            "date": {"S": format!("2026-01-{:02}", n + 1)},
            "amount": {"N": (100 - n).to_string()},
            "note": {"S": "fragile"},
            "weight": {"N": "7"},
        });
        if n != 5 {
            item["region"] = json!({"S": if n < 6 { "north" } else { "south" }});
            item["state"] = json!({"S": "open"});
            item["day"] = json!({"S": format!("d{}", n % 3)});
        }
        gateway.ok("PutItem", json!({"TableName": "orders", "Item": item})).await;
    }
    gateway
}

fn query(index: &str, condition: &str, values: Value) -> Value {
    let mut names = json!({"#r": "region", "#s": "state", "#d": "day"});
    names.as_object_mut().unwrap().retain(|name, _| condition.contains(name.as_str()));
    json!({
        "TableName": "orders",
        "IndexName": index,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    })
}

/// Without names where there are none: an empty map is refused.
fn asked(mut query: Value) -> Value {
    if query["ExpressionAttributeNames"].as_object().is_some_and(serde_json::Map::is_empty) {
        query.as_object_mut().unwrap().remove("ExpressionAttributeNames");
    }
    query
}

fn amounts(page: &Value) -> Vec<i32> {
    let items = page["Items"].as_array().unwrap();
    items.iter().map(|item| item["amount"]["N"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_described_with_its_indexes() {
    let gateway = Gateway::start().await;
    let created = gateway.ok("CreateTable", orders()).await;
    assert_eq!(created["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexStatus"], "CREATING");
    let table = gateway.ok("DescribeTable", json!({"TableName": "orders"})).await["Table"].clone();
    assert_eq!(table["AttributeDefinitions"].as_array().unwrap().len(), 6);
    let local = &table["LocalSecondaryIndexes"][0];
    assert_eq!(local["IndexName"], "by-amount");
    assert_eq!(local["KeySchema"], keys(&[("customer", "HASH"), ("amount", "RANGE")]));
    assert_eq!(local["Projection"], json!({"ProjectionType": "KEYS_ONLY"}));
    assert_eq!(local["IndexArn"], "arn:aws:dynamodb:us-east-1:000000000000:table/orders/index/by-amount");
    assert!(local.get("IndexStatus").is_none());
    let [region, place] = [0, 1].map(|at| table["GlobalSecondaryIndexes"][at].clone());
    assert_eq!(region["IndexStatus"], "ACTIVE");
    assert_eq!(region["Projection"]["NonKeyAttributes"], json!(["note"]));
    assert!(region.get("Backfilling").is_none());
    assert_eq!((&region["ItemCount"], &region["IndexSizeBytes"]), (&json!(0), &json!(0)));
    assert_eq!(place["KeySchema"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_refused_in_the_services_words() {
    let gateway = Gateway::start().await;
    let with = |member: &str, value: Value| {
        let mut table = json!({
            "TableName": "refused",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": keys(&[("a", "HASH"), ("b", "RANGE")]),
            "AttributeDefinitions": definitions(&[("a", "S"), ("b", "S"), ("c", "S")]),
        });
        table[member] = value;
        table
    };
    let local = |index: Value| with("LocalSecondaryIndexes", json!([index]));
    let global = |index: Value| with("GlobalSecondaryIndexes", json!([index]));
    let c = [("c", "HASH")];
    let invalid = "One or more parameter values were invalid: ";
    let cases = [
        (
            with("GlobalSecondaryIndexes", json!([])),
            format!("{invalid}List of GlobalSecondaryIndexes is empty"),
        ),
        (
            with("LocalSecondaryIndexes", json!([])),
            format!("{invalid}List of LocalSecondaryIndexes is empty"),
        ),
        (
            global(index("one", &[("d", "HASH")], all())),
            format!(
                "{invalid}Some index key attributes are not defined in AttributeDefinitions. Keys: [d], AttributeDefinitions: [a, b, c]"
            ),
        ),
        (
            global(index("one", &[("c", "RANGE")], all())),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".to_owned(),
        ),
        (
            global(index("one", &[("a", "HASH")], all())),
            format!(
                "{invalid}Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c], keys used: [a, b]"
            ),
        ),
        (
            with("GlobalSecondaryIndexes", json!([index("one", &c, all()), index("one", &c, all())])),
            format!("{invalid}Duplicate index name: one"),
        ),
        (global(index("one", &c, json!({}))), format!("{invalid}Unknown ProjectionType: null")),
        (
            global(index("one", &c, json!({"ProjectionType": "ALL", "NonKeyAttributes": ["x"]}))),
            format!("{invalid}ProjectionType is ALL, but NonKeyAttributes is specified"),
        ),
        (
            local(index("one", &[("a", "HASH")], all())),
            format!("{invalid}Index KeySchema does not have a range key for index: one"),
        ),
        (
            local(index("one", &[("c", "HASH"), ("b", "RANGE")], all())),
            format!(
                "{invalid}Index KeySchema does not have the same leading hash key as table KeySchema for index: one. index hash key: c, table hash key: a"
            ),
        ),
        (
            with(
                "GlobalSecondaryIndexes",
                (0..21).map(|n| index(&format!("index-{n}"), &c, all())).collect(),
            ),
            format!("{invalid}GlobalSecondaryIndex count exceeds the per-table limit of 20"),
        ),
    ];
    for (table, text) in cases {
        assert_eq!(gateway.invalid("CreateTable", table).await, text);
    }
    let short = gateway.invalid("CreateTable", global(index("x", &c, all()))).await;
    assert_eq!(
        short,
        "1 validation error detected: Value 'x' at 'globalSecondaryIndexes.1.member.indexName' failed to satisfy constraint: Member must have length greater than or equal to 3"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_index_has_its_own_order() {
    let gateway = with_orders().await;
    let of = |condition: &str, values: Value| asked(query("by-amount", condition, values));
    let c0 = json!({":c": {"S": "c0"}});
    let page = gateway.ok("Query", of("customer = :c", c0.clone())).await;
    assert_eq!(amounts(&page), [90, 92, 94, 96, 98, 100]);
    assert_eq!(page["Items"][0].as_object().unwrap().len(), 3, "only the keys");
    let mut whole = of("customer = :c", c0.clone());
    whole["Select"] = json!("ALL_ATTRIBUTES");
    whole["ConsistentRead"] = json!(true);
    whole["ReturnConsumedCapacity"] = json!("INDEXES");
    let page = gateway.ok("Query", whole).await;
    assert_eq!(page["Items"][0]["weight"], json!({"N": "7"}));
    let consumed = &page["ConsumedCapacity"];
    assert_eq!(consumed["CapacityUnits"], 7.0);
    assert_eq!(consumed["Table"]["CapacityUnits"], 6.0);
    assert_eq!(consumed["LocalSecondaryIndexes"]["by-amount"]["CapacityUnits"], 1.0);
    let values = json!({":c": {"S": "c0"}, ":low": {"N": "93"}, ":high": {"N": "98.0"}});
    let mut between = of("customer = :c AND amount BETWEEN :low AND :high", values);
    between["ScanIndexForward"] = json!(false);
    between["ProjectionExpression"] = json!("weight, amount");
    let page = gateway.ok("Query", between).await;
    assert_eq!(amounts(&page), [98, 96, 94]);
    assert_eq!(page["Items"][0]["weight"], json!({"N": "7"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_global_index_pages_by_its_keys_and_the_tables() {
    let gateway = with_orders().await;
    let north = json!({":r": {"S": "north"}});
    let mut page_of = query("by-region", "#r = :r", north.clone());
    page_of["Limit"] = json!(2);
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = gateway.ok("Query", page_of.clone()).await;
        seen.extend(page["Items"].as_array().unwrap().iter().map(|item| item["date"]["S"].to_string()));
        pages += 1;
        let Some(last) = page.get("LastEvaluatedKey") else { break };
        let mut names: Vec<_> = last.as_object().unwrap().keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["customer", "date", "region"]);
        page_of["ExclusiveStartKey"] = last.clone();
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), pages), (5, 3), "the one without a region is not in it");
    let page = gateway.ok("Query", query("by-region", "#r = :r", north.clone())).await;
    assert_eq!(page["Items"][0]["note"], json!({"S": "fragile"}));
    assert!(page["Items"][0].get("weight").is_none());

    let mut refused = query("by-region", "#r = :r", north.clone());
    refused["ConsistentRead"] = json!(true);
    let text = gateway.invalid("Query", refused).await;
    assert_eq!(text, "Consistent reads are not supported on global secondary indexes");
    let mut refused = query("by-region", "#r = :r", north.clone());
    refused["Select"] = json!("ALL_ATTRIBUTES");
    let text = gateway.invalid("Query", refused).await;
    assert_eq!(
        text,
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by-region because its projection type is not ALL"
    );
    let mut refused = query("by-region", "#r = :r", north.clone());
    refused["ExclusiveStartKey"] = json!({"region": {"S": "north"}});
    assert_eq!(gateway.invalid("Query", refused).await, "The provided starting key is invalid");
    let text = gateway.invalid("Query", query("nothing", "#r = :r", north)).await;
    assert_eq!(text, "The table does not have the specified index: nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_several_attributes_are_queried_from_the_left() {
    let gateway = with_orders().await;
    let of = |more: &str, values: &[(&str, Value)]| {
        let mut all = json!({":r": {"S": "south"}, ":s": {"S": "open"}});
        for (name, value) in values {
            all[*name] = value.clone();
        }
        query("by-place", &format!("#r = :r AND #s = :s{more}"), all)
    };
    let page = gateway.ok("Query", of("", &[])).await;
    assert_eq!(amounts(&page), [91, 94, 90, 93, 89, 92], "by day, then by amount");
    let d1 = (":d", json!({"S": "d1"}));
    let page = gateway.ok("Query", of(" AND #d = :d", std::slice::from_ref(&d1))).await;
    assert_eq!(amounts(&page), [90, 93]);
    let page = gateway.ok("Query", of(" AND #d > :d", std::slice::from_ref(&d1))).await;
    assert_eq!(amounts(&page), [89, 92]);
    let page = gateway.ok("Query", of(" AND begins_with(#d, :d)", &[(":d", json!({"S": "d"}))])).await;
    assert_eq!(page["Count"], 6);
    let page = gateway
        .ok("Query", of(" AND #d = :d AND amount > :a", &[d1.clone(), (":a", json!({"N": "90"}))]))
        .await;
    assert_eq!(amounts(&page), [93]);
    let skipped = gateway.invalid("Query", of(" AND amount > :a", &[(":a", json!({"N": "90"}))])).await;
    let range = "RANGE key attributes day must have equality conditions specified in the query because a condition is present on key attribute amount";
    assert_eq!(skipped, range);
    let early = of(" AND #d > :d AND amount = :a", &[d1, (":a", json!({"N": "90"}))]);
    assert_eq!(gateway.invalid("Query", early).await, range);
    let half = gateway.invalid("Query", query("by-place", "#r = :r", json!({":r": {"S": "south"}}))).await;
    assert_eq!(half, "HASH key attributes state must have equality conditions specified in the query");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_scanned_in_segments() {
    let gateway = with_orders().await;
    let mut dates = Vec::new();
    for segment in 0..3 {
        let scan =
            json!({"TableName": "orders", "IndexName": "by-region", "Segment": segment, "TotalSegments": 3});
        let page = gateway.ok("Scan", scan).await;
        dates.extend(page["Items"].as_array().unwrap().iter().map(|item| item["date"]["S"].to_string()));
    }
    dates.sort();
    dates.dedup();
    assert_eq!(dates.len(), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_do_not_fit_an_index_are_refused_and_its_writes_counted() {
    let gateway = with_orders().await;
    let put = |member: &str, value: Value| {
        let mut item = json!({"customer": {"S": "x"}, "date": {"S": "1"}});
        item[member] = value;
        json!({"TableName": "orders", "Item": item, "ReturnConsumedCapacity": "INDEXES"})
    };
    assert_eq!(
        gateway.invalid("PutItem", put("amount", json!({"S": "x"}))).await,
        "One or more parameter values were invalid: Type mismatch for Index Key amount Expected: N Actual: S IndexName: by-amount"
    );
    assert_eq!(
        gateway.invalid("PutItem", put("region", json!({"NULL": true}))).await,
        "One or more parameter values were invalid: Type mismatch for Index Key region Expected: S Actual: NULL IndexName: by-place"
    );
    assert_eq!(
        gateway.invalid("PutItem", put("region", json!({"S": ""}))).await,
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-place, IndexKey: region"
    );
    let written = gateway.ok("PutItem", put("region", json!({"S": "west"}))).await;
    let consumed = &written["ConsumedCapacity"];
    assert_eq!((&consumed["CapacityUnits"], &consumed["Table"]["CapacityUnits"]), (&json!(2.0), &json!(1.0)));
    assert_eq!(consumed["GlobalSecondaryIndexes"]["by-region"]["CapacityUnits"], 1.0);
    assert!(consumed["GlobalSecondaryIndexes"].get("by-place").is_none());
    let update = json!({
        "TableName": "orders",
        "Key": {"customer": {"S": "x"}, "date": {"S": "1"}},
        "UpdateExpression": "SET #r = :r",
        "ExpressionAttributeNames": {"#r": "region"},
        "ExpressionAttributeValues": {":r": {"S": "east"}},
        "ReturnConsumedCapacity": "INDEXES",
    });
    let updated = gateway.ok("UpdateItem", update).await;
    assert_eq!(updated["ConsumedCapacity"]["GlobalSecondaryIndexes"]["by-region"]["CapacityUnits"], 2.0);
    let gone = gateway.ok("Query", query("by-region", "#r = :r", json!({":r": {"S": "west"}}))).await;
    assert_eq!(gone["Count"], 0);
    let moved = gateway.ok("Query", query("by-region", "#r = :r", json!({":r": {"S": "east"}}))).await;
    assert_eq!(moved["Count"], 1);
}

/// Waits until an index is ready, or gone.
async fn settled(gateway: &Gateway, name: &str) -> Option<Value> {
    loop {
        let table = gateway.ok("DescribeTable", json!({"TableName": "orders"})).await;
        let indexes = table["Table"]["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default();
        match indexes.into_iter().find(|index| index["IndexName"] == name) {
            None => return None,
            Some(index) if index["IndexStatus"] == "ACTIVE" => return Some(index),
            Some(index) => {
                assert!(["CREATING", "DELETING"].contains(&index["IndexStatus"].as_str().unwrap()))
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_added_and_removed() {
    let gateway = with_orders().await;
    let update = |updates: Value, definitions: Value| json!({"TableName": "orders", "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": updates});
    let create = json!([{"Create": index("by-note", &[("note", "HASH"), ("amount", "RANGE")], all())}]);
    let typed = definitions(&[("note", "S"), ("amount", "N")]);
    let answer = gateway.ok("UpdateTable", update(create.clone(), typed.clone())).await;
    let described = &answer["TableDescription"]["GlobalSecondaryIndexes"];
    assert_eq!(described[2]["IndexName"], "by-note");
    let ready = settled(&gateway, "by-note").await.unwrap();
    assert!(ready.get("Backfilling").is_none());
    let fragile = asked(query("by-note", "note = :n", json!({":n": {"S": "fragile"}})));
    let page = gateway.ok("Query", fragile.clone()).await;
    assert_eq!(amounts(&page), (89..=100).collect::<Vec<_>>());

    let again = gateway.invalid("UpdateTable", update(create.clone(), typed.clone())).await;
    assert!(again.starts_with("Attempting to create an index which already exists"), "{again}");
    let spare = gateway.invalid("UpdateTable", update(create, definitions(&[("note", "S")]))).await;
    assert!(spare.contains("Some index key attributes are not defined"), "{spare}");
    let (name, _) = gateway
        .refused("UpdateTable", update(json!([{"Delete": {"IndexName": "nothing"}}]), json!([])))
        .await;
    assert_eq!(name, "ResourceNotFoundException");
    let twice = json!([{"Delete": {"IndexName": "by-note"}}, {"Delete": {"IndexName": "by-region"}}]);
    let (name, _) = gateway.refused("UpdateTable", update(twice, json!([]))).await;
    assert_eq!(name, "LimitExceededException");

    let delete =
        json!({"TableName": "orders", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-note"}}]});
    gateway.ok("UpdateTable", delete).await;
    let text = gateway.invalid("Query", fragile).await;
    assert_eq!(text, "The table does not have the specified index: by-note");
    assert!(settled(&gateway, "by-note").await.is_none());
}
