//! Reads a whole table over DynamoDB's own API, to compare two ends item by item.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cli::Failure;
use crate::cli::client::Client;

/// The items of a table by device and `ts`.
pub(super) type Items = BTreeMap<(String, u64), Value>;

/// Scans a table to its end.
pub(super) async fn items(client: &Client, table: &str) -> Result<Items, Failure> {
    let mut items = Items::new();
    let mut start = Value::Null;
    loop {
        let mut request = serde_json::json!({ "TableName": table });
        if let (false, Some(fields)) = (start.is_null(), request.as_object_mut()) {
            fields.insert("ExclusiveStartKey".to_owned(), start);
        }
        let answer = client.dynamodb("Scan", request.to_string()).await?;
        let mut answer: Value = serde_json::from_slice(&answer)
            .map_err(|error| Failure::Failed(format!("Scan answered something that is not JSON: {error}")))?;
        let page = answer.get_mut("Items").map(Value::take).unwrap_or_default();
        for item in page.as_array().into_iter().flatten() {
            items.insert(key(item)?, item.clone());
        }
        start = answer.get_mut("LastEvaluatedKey").map(Value::take).unwrap_or_default();
        if start.is_null() {
            return Ok(items);
        }
    }
}

fn key(item: &Value) -> Result<(String, u64), Failure> {
    let text = |name: &str, kind: &str| item.get(name)?.get(kind)?.as_str().map(str::to_owned);
    text("device", "S")
        .zip(text("ts", "N").and_then(|ts| ts.parse().ok()))
        .ok_or_else(|| Failure::Failed(format!("an item without its key came back: {item}")))
}
