//! What a key of several attributes asks of a Query: equality on all its partition attributes, and on every sort attribute
//! before the last one that has a condition. Keys of one attribute are refused in other words.

use super::error::invalid;
use super::{EngineError, KeyCondition, SortCondition};
use crate::model::KeyAttribute;

/// Refuses conditions that leave a gap in the key.
pub(super) fn check(
    partition: &[KeyAttribute],
    sort: &[KeyAttribute],
    conditions: &[KeyCondition],
) -> Result<(), EngineError> {
    let of = |key: &KeyAttribute| conditions.iter().find(|condition| key.name == condition.attribute);
    let without_equality = |keys: &[KeyAttribute]| {
        let without = keys.iter().filter(|key| {
            !of(key).is_some_and(|condition| matches!(condition.condition, SortCondition::Equal(_)))
        });
        without.map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let hash = without_equality(partition);
    if partition.len() > 1 && !hash.is_empty() {
        return Err(invalid(format!(
            "HASH key attributes {hash} must have equality conditions specified in the query"
        )));
    }
    let last = sort.iter().rposition(|key| of(key).is_some()).unwrap_or(0);
    let (Some(before), Some(last)) = (sort.get(..last), sort.get(last)) else { return Ok(()) };
    let range = without_equality(before);
    if !range.is_empty() {
        return Err(invalid(format!(
            "RANGE key attributes {range} must have equality conditions specified in the query because a condition is present on key attribute {}",
            last.name
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AttributeValue, KeyType};

    fn refusal(conditions: &[(&str, bool)]) -> Option<String> {
        let keys = |names: &[&str]| -> Vec<KeyAttribute> {
            names.iter().map(|name| KeyAttribute { name: (*name).into(), key_type: KeyType::S }).collect()
        };
        let value = || AttributeValue::S("x".into());
        let conditions: Vec<KeyCondition> = conditions
            .iter()
            .map(|(name, equal)| KeyCondition {
                attribute: (*name).into(),
                condition: match equal {
                    true => SortCondition::Equal(value()),
                    false => SortCondition::Less(value()),
                },
            })
            .collect();
        check(&keys(&["h", "i"]), &keys(&["a", "b", "c"]), &conditions).err().map(|error| error.to_string())
    }

    #[test]
    fn gaps_are_refused_in_the_services_words() {
        for conditions in [
            &[("h", true), ("i", true)][..],
            &[("i", true), ("b", false), ("h", true), ("a", true)],
            &[("h", true), ("i", true), ("a", true), ("b", true), ("c", false)],
        ] {
            assert_eq!(refusal(conditions), None, "{conditions:?}");
        }
        let hash = "HASH key attributes i must have equality conditions specified in the query";
        assert_eq!(refusal(&[("h", true)]).as_deref(), Some(hash));
        assert_eq!(refusal(&[("h", true), ("i", false)]).as_deref(), Some(hash));
        let range = "RANGE key attributes a must have equality conditions specified in the query because a condition is present on key attribute b";
        assert_eq!(refusal(&[("h", true), ("i", true), ("b", true)]).as_deref(), Some(range));
        assert_eq!(refusal(&[("h", true), ("i", true), ("a", false), ("b", true)]).as_deref(), Some(range));
    }
}
