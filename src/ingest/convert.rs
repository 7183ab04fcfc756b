//! Key attributes get the key's type, where that loses nothing.

use crate::model::{AttributeValue, Item, KeyAttribute, KeyPart, KeySchema, KeyType, Number};

/// Converts an item's key attributes and checks the key.
pub(super) fn key_of(item: &mut Item, keys: &KeySchema) -> Result<(), String> {
    convert(item, &keys.partition, KeyPart::Partition)?;
    keys.sort.as_ref().map_or(Ok(()), |sort| convert(item, sort, KeyPart::Sort))
}

fn convert(item: &mut Item, key: &KeyAttribute, part: KeyPart) -> Result<(), String> {
    let mut value = item.get_mut(&key.name);
    if let Some(value) = &mut value {
        to_type(value, key)?;
    }
    key.of(part, value.as_deref()).map(drop).map_err(|reason| reason.to_string())
}

/// Gives a value the key's type, where that loses nothing; else leaves it to be refused.
fn to_type(value: &mut AttributeValue, key: &KeyAttribute) -> Result<(), String> {
    let converted = match (&*value, key.key_type) {
        (AttributeValue::S(text), KeyType::N) => number(text).ok_or_else(|| {
            format!("the key attribute {} can't be the number {text:?} without loss", key.name)
        })?,
        (AttributeValue::S(text), KeyType::B) => AttributeValue::B(text.as_bytes().to_vec()),
        (AttributeValue::N(number), KeyType::S) => {
            AttributeValue::S(compact_str::format_compact!("{number}"))
        }
        (AttributeValue::B(bytes), KeyType::S) => match std::str::from_utf8(bytes) {
            Ok(text) => AttributeValue::S(text.into()),
            Err(_) => return Err(format!("the key attribute {} is binary and not UTF-8 text", key.name)),
        },
        _ => return Ok(()),
    };
    *value = converted;
    Ok(())
}

/// The number a text writes, where the number gives back the same text: "007" and "7" are two devices.
fn number(text: &str) -> Option<AttributeValue> {
    let number = Number::parse(text).ok()?;
    (compact_str::format_compact!("{number}") == text).then_some(AttributeValue::N(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Map, plain_json};

    fn converted(key_type: KeyType, value: &str) -> Result<AttributeValue, String> {
        let keys = KeySchema { partition: KeyAttribute { name: "k".into(), key_type }, sort: None };
        let mut item = Map::new();
        item.insert("k", plain_json::read_value(value.as_bytes()).unwrap());
        key_of(&mut item, &keys).map(|()| item.get("k").unwrap().clone())
    }

    #[test]
    fn what_loses_nothing() {
        assert_eq!(converted(KeyType::N, "\"17\""), Ok(AttributeValue::N(17u64.into())));
        assert_eq!(converted(KeyType::N, "\"-1.5\""), Ok(AttributeValue::N(Number::parse("-1.5").unwrap())));
        assert_eq!(converted(KeyType::S, "23.20"), Ok(AttributeValue::S("23.2".into())));
        assert_eq!(converted(KeyType::B, "\"ab\""), Ok(AttributeValue::B(b"ab".to_vec())));
        assert_eq!(converted(KeyType::S, "\"ab\""), Ok(AttributeValue::S("ab".into())));
    }

    #[test]
    fn what_would_lose_something() {
        for value in ["\"007\"", "\"1e3\"", "\"+1\"", "\"x\"", "\"\"", "\" 1\"", "true", "null", "[1]"] {
            assert!(converted(KeyType::N, value).is_err(), "{value}");
        }
        for value in ["\"\"", "true", "null", "{}"] {
            assert!(converted(KeyType::S, value).is_err(), "{value}");
        }
        assert!(converted(KeyType::B, "1").is_err());
    }
}
