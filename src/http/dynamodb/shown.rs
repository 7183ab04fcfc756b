//! BatchWriteItem's requests as the service's texts repeat them: Java objects.

use super::batch_write_item::{Entry, WriteRequest};
use crate::model::dynamodb_json::write_value;
use crate::model::{AttributeValue, Map};

/// As much of a value as is repeated, in characters.
const REPEATED: usize = 256;

/// The map of all tables.
pub(super) fn request_items(entries: &[Entry]) -> String {
    let tables = entries.iter().map(|(name, requests)| {
        let requests: Vec<_> = requests.iter().flatten().map(write_request).collect();
        format!("{name}=[{}]", requests.join(", "))
    });
    format!("{{{}}}", tables.collect::<Vec<_>>().join(", "))
}

fn write_request(request: &WriteRequest) -> String {
    let put = request.put.iter().map(|item| format!("putRequest=PutRequest(item={})", map(item.as_ref())));
    let delete =
        request.delete.iter().map(|key| format!("deleteRequest=DeleteRequest(key={})", map(key.as_ref())));
    format!("WriteRequest({})", put.chain(delete).collect::<Vec<_>>().join(", "))
}

fn map(map: Option<&Map>) -> String {
    let Some(map) = map else { return "null".to_owned() };
    let members: Vec<_> = map.iter().map(|(name, value)| format!("{name}={}", attribute(value))).collect();
    format!("{{{}}}", members.join(", "))
}

fn attribute(value: &AttributeValue) -> String {
    let shown = match value {
        AttributeValue::S(text) => text.to_string(),
        AttributeValue::N(number) => number.to_string(),
        other => {
            let mut json = Vec::new();
            write_value(other, &mut json);
            String::from_utf8_lossy(&json).into_owned()
        }
    };
    let shown: String = shown.chars().take(REPEATED).collect();
    format!("AttributeValue({}={shown})", value.type_name().to_ascii_lowercase())
}
