//! Tags, as requests give them (developer guide, "Tagging restrictions"), and the resource they belong to.

use std::collections::BTreeMap;

use super::constraint::{Violations, name_of};
use super::error::{Kind, WireError};
use super::mismatch::Expected;
use super::request::Wire;
use crate::engine::EngineError;
use crate::model::TableName;
use crate::model::dynamodb_json::DecodeError;

/// A tag's key, in characters.
const KEY: usize = 128;
/// A tag's value, in characters.
const VALUE: usize = 256;
/// A resource's ARN, in characters.
const ARN: usize = 1283;

/// A tag, as it is given.
#[derive(Debug, Default)]
pub(super) struct Tag {
    key: Option<String>,
    value: Option<String>,
}

/// Reads a list of tags; `None` for null.
pub(super) fn read(wire: &mut Wire<'_>) -> Result<Option<Vec<Tag>>, DecodeError> {
    let mut tags = Vec::new();
    let given = wire.list(|wire| {
        let mut tag = Tag::default();
        wire.object(Expected::Element("Tag"), |wire, name| {
            match name {
                "Key" => tag.key = wire.string()?,
                "Value" => tag.value = wire.string()?,
                _ => wire.skip()?,
            }
            Ok(())
        })?;
        tags.push(tag);
        Ok(())
    })?;
    Ok(given.then_some(tags))
}

/// Constraints of the service model.
pub(super) fn check(tags: &[Tag], violations: &mut Violations) {
    for (at, tag) in (1..).zip(tags) {
        let (key, value) = (format!("tags.{at}.member.key"), format!("tags.{at}.member.value"));
        violations.required(&key, &tag.key);
        check_key(&key, tag.key.as_deref(), violations);
        violations.required(&value, &tag.value);
        violations.text(&value, tag.value.as_deref(), 0, VALUE);
    }
}

/// Constraint of a tag's key.
pub(super) fn check_key(at: &str, key: Option<&str>, violations: &mut Violations) {
    violations.text(at, key, 1, KEY);
}

/// The tags by key; what is not allowed in them is refused.
pub(super) fn by_key(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, WireError> {
    let refuse = |what: String| {
        Err(WireError::validation(format!("One or more parameter values were invalid: {what}")))
    };
    let mut found = BTreeMap::new();
    for tag in tags {
        let (Some(key), Some(value)) = (tag.key, tag.value) else { return Err(super::unreadable()) };
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return refuse(format!("Tag keys that begin with aws: are reserved: {key}"));
        }
        if let Some(odd) = [&key, &value].into_iter().find(|text| !text.chars().all(allowed)) {
            return refuse(format!(
                "Tags may contain letters, white space, numbers, and + - = . _ : / @ only: {odd}"
            ));
        }
        if found.contains_key(&key) {
            return refuse(format!("A tag key is given twice: {key}"));
        }
        found.insert(key, value);
    }
    Ok(found)
}

fn allowed(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() || "+-=._:/@".contains(c)
}

/// Constraint of a resource's ARN: it has to be there.
pub(super) fn check_resource(arn: Option<&str>) -> Result<&str, WireError> {
    let Some(arn) = arn else { return Err(WireError::validation("Invalid TableArn")) };
    let mut violations = Violations::new();
    violations.text("resourceArn", Some(arn), 1, ARN);
    violations.check()?;
    Ok(arn)
}

/// The table that an ARN names.
pub(super) fn table(arn: &str) -> Result<TableName, WireError> {
    if !arn.starts_with("arn:") {
        return Err(WireError::validation(
            "One or more parameter values were invalid: ARNs must start with 'arn:': ".to_owned() + arn,
        ));
    }
    let of_dynamodb =
        matches!(arn.split(':').collect::<Vec<_>>().as_slice(), ["arn", _, "dynamodb", _, _, _]);
    let table = TableName::new(name_of(arn)).filter(|_| of_dynamodb);
    table.ok_or_else(|| {
        WireError::validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {arn}"))
    })
}

/// A table that is not there, in the words of these operations.
pub(super) fn not_found(error: EngineError, arn: &str) -> WireError {
    match error {
        EngineError::ResourceNotFound(_) => WireError::new(
            Kind::ResourceNotFound,
            format!("Requested resource not found: ResourcArn: {arn} not found"),
        ),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: Some(key.to_owned()), value: Some(value.to_owned()) }
    }

    #[test]
    fn tags_have_letters_of_any_script_and_a_few_signs() {
        let good = by_key(vec![tag("законные буквы", ""), tag("7 +-=._:/@", "v")]).unwrap();
        assert_eq!(good.len(), 2);
        for (key, value) in [("ok", "#!%%^$$&"), ("->>;-)])", "ok"), ("\"hello\"", "ok"), ("AWS:x", "y")] {
            assert!(by_key(vec![tag(key, value)]).is_err(), "{key}={value}");
        }
        assert!(by_key(vec![tag("a", "1"), tag("a", "2")]).is_err());
    }

    #[test]
    fn a_resource_is_a_table() {
        let name = |arn: &str| table(arn).map(|name| name.as_str().to_owned());
        assert_eq!(name("arn:aws:dynamodb:eu-west-1:000000000000:table/readings").unwrap(), "readings");
        for arn in [
            "readings",
            "arn:not/a/good/format",
            "arn:aws:dynamodb:eu-west-1:000000000000:table/ab",
            "arn:aws:dynamodb:eu-west-1:000000000000:table/readings/index/by_kind",
            "arn:aws:s3:eu-west-1:000000000000:table/readings",
        ] {
            assert_eq!(table(arn).unwrap_err().kind, Kind::Validation, "{arn}");
        }
    }
}
