//! ExclusiveStartKey: what it has to have, on a table and on its indexes, and what is said where it has not.

use serde_json::{Value, json};

use crate::client::Gateway;
use crate::refusals::{check, on};

/// A table of `a` and `b` with the local index `by_c`, and the global ones `of_c` and `of_c_d`.
async fn with_indexes() -> Gateway {
    let gateway = Gateway::start().await;
    let keys = |names: &[&str]| -> Value {
        names
            .iter()
            .zip(["HASH", "RANGE"])
            .map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}))
            .collect()
    };
    let index = |name: &str, names: &[&str]| json!({"IndexName": name, "KeySchema": keys(names), "Projection": {"ProjectionType": "KEYS_ONLY"}});
    let definitions = ["a", "b", "c", "d"].map(|name| json!({"AttributeName": name, "AttributeType": "S"}));
    let body = json!({
        "TableName": "places", "KeySchema": keys(&["a", "b"]), "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": definitions,
        "LocalSecondaryIndexes": [index("by_c", &["a", "c"])],
        "GlobalSecondaryIndexes": [index("of_c", &["c"]), index("of_c_d", &["c", "d"])],
    });
    gateway.ok("CreateTable", body).await;
    gateway
}

/// A string, of every letter of `names` as an attribute.
fn strings(names: &str) -> Value {
    names.chars().map(|name| (name.to_string(), json!({"S": "m"}))).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn starting_keys_are_measured_on_what_is_read() {
    let gateway = with_indexes().await;
    let (invalid, schema) =
        ("The provided starting key is invalid", "The provided key element does not match the schema");
    let both = format!("{invalid}: {schema}");
    let outside = "The provided starting key is outside query boundaries based on provided conditions";
    let unlike = "The provided starting key does not match the range key predicate";
    let single = "The query can return at most one row and cannot be restarted";
    let with = |names: &str, name: &str| {
        let mut key = strings(names);
        key[name] = json!({"N": "1"});
        key
    };
    // The index, the condition on its keys, the starting key, the answer.
    let queries = [
        ("", "a = :o", strings("a"), invalid),
        ("", "a = :o", strings("abc"), invalid),
        ("", "a = :o", with("ab", "a"), schema),
        ("", "a = :o", with("ab", "b"), schema),
        ("", "a = :o", strings("ab"), outside),
        ("by_c", "a = :o", strings("ab"), invalid),
        ("by_c", "a = :o", with("abc", "c"), schema),
        ("by_c", "a = :o", with("abc", "b"), both.as_str()),
        ("by_c", "a = :o", strings("abc"), outside),
        ("of_c", "c = :o", strings("c"), invalid),
        ("of_c", "c = :o", with("abc", "c"), schema),
        ("of_c", "c = :o", with("abc", "a"), both.as_str()),
        ("of_c_d", "c = :o", strings("abcd"), outside),
        ("of_c_d", "c = :o", strings("abcde"), invalid),
        ("", "a = :o AND b > :o", strings("ab"), unlike),
        ("of_c_d", "c = :o AND d > :o", strings("abcd"), unlike),
        ("", "a = :o AND b < :o", strings("ab"), single),
    ];
    let mut table = Vec::new();
    for (index, condition, start, text) in queries {
        let mut body = json!({
            "KeyConditionExpression": condition, "ExclusiveStartKey": start,
            "ExpressionAttributeValues": {":o": {"S": "o"}},
        });
        if !index.is_empty() {
            body["IndexName"] = json!(index);
        }
        table.push(("Query", on("places", body), text));
    }
    // A scan of the table has only one answer; one of an index those of a query.
    for (index, start, text) in [
        ("", strings("a"), both.as_str()),
        ("", with("ab", "b"), both.as_str()),
        ("of_c", strings("ab"), invalid),
        ("by_c", with("abc", "c"), schema),
    ] {
        let mut body = json!({"ExclusiveStartKey": start});
        if !index.is_empty() {
            body["IndexName"] = json!(index);
        }
        table.push(("Scan", on("places", body), text));
    }
    check(&gateway, table).await;
}
