//! Tags, as requests give them (developer guide, "Tagging restrictions"), and the resource they belong to.

use std::collections::BTreeMap;

use super::constraint::Violations;
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

/// The tags by key; what is not allowed in them is refused.
pub(super) fn by_key(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, WireError> {
    for tag in &tags {
        check_key(tag.key.as_deref())?;
        check_value(tag.value.as_deref())?;
    }
    let mut found = BTreeMap::new();
    for tag in tags {
        let (Some(key), Some(value)) = (tag.key, tag.value) else { return Err(super::unreadable()) };
        if found.contains_key(&key) {
            let text = "Duplicate Tag Keys provided as input: Duplicate Tag Key found ";
            return Err(WireError::validation(text.to_owned() + &key));
        }
        found.insert(key, value);
    }
    Ok(found)
}

/// What a tag's key may be.
pub(super) fn check_key(key: Option<&str>) -> Result<(), WireError> {
    let shown = key.unwrap_or("null");
    let length = key.map_or(0, |key| key.chars().count());
    if !(1..=KEY).contains(&length) || !shown.chars().all(allowed) {
        return Err(WireError::validation(format!("The Tag Key provided is invalid, Key: {shown}")));
    }
    if shown.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        return Err(WireError::validation(format!("Tag Key cannot be prefixed with aws:, Key: {shown}")));
    }
    Ok(())
}

/// What a tag's value may be.
fn check_value(value: Option<&str>) -> Result<(), WireError> {
    match value {
        Some(value) if value.chars().count() <= VALUE && value.chars().all(allowed) => Ok(()),
        _ => {
            let shown = value.unwrap_or("null");
            Err(WireError::validation(format!("The Tag Value provided is invalid, Value: {shown}")))
        }
    }
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
    let refuse = |what: &str| {
        WireError::validation(format!("One or more parameter values were invalid: {what}: {arn}"))
    };
    if !arn.starts_with("arn:") {
        return Err(refuse("ARNs must start with 'arn:'"));
    }
    let parts: Vec<&str> = arn.split(':').collect();
    let resource = match parts.as_slice() {
        ["arn", _, "dynamodb", _, _, resource] => resource.strip_prefix("table/"),
        ["arn", _, _, _, _, _] => return Err(refuse("Provided Arn is not a DynamoDB resource arn")),
        _ => None,
    };
    if resource.is_some_and(|resource| resource.contains("/index/")) {
        let what = "Invalid resource arn provided, only table or stream is accepted. Provided resource arn";
        return Err(refuse(what));
    }
    resource.and_then(TableName::new).ok_or_else(|| {
        WireError::validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {arn}"))
    })
}

/// A table that is not there, in the words of these operations.
pub(super) fn not_found(error: EngineError, arn: &str) -> WireError {
    match error {
        EngineError::ResourceNotFound(_) => WireError::new(
            Kind::ResourceNotFound,
            format!("Requested resource not found: ResourceArn: {arn} not found"),
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

    fn text<T>(result: Result<T, WireError>) -> String {
        result.err().and_then(|error| error.message).unwrap_or_default()
    }

    #[test]
    fn tags_have_letters_of_any_script_and_a_few_signs() {
        let good = by_key(vec![tag("законные буквы", ""), tag("7 +-=._:/@", "v")]).unwrap();
        assert_eq!(good.len(), 2);
        let long = "k".repeat(129);
        for (key, value, refusal) in [
            ("ok", "#!%%", "The Tag Value provided is invalid, Value: #!%%".to_owned()),
            ("->>;-)])", "ok", "The Tag Key provided is invalid, Key: ->>;-)])".to_owned()),
            ("", "ok", "The Tag Key provided is invalid, Key: ".to_owned()),
            (&long, "ok", format!("The Tag Key provided is invalid, Key: {long}")),
            ("AWS:x", "y", "Tag Key cannot be prefixed with aws:, Key: AWS:x".to_owned()),
        ] {
            assert_eq!(text(by_key(vec![tag(key, value)])), refusal);
        }
        let twice = by_key(vec![tag("a", "1"), tag("a", "2")]);
        assert_eq!(text(twice), "Duplicate Tag Keys provided as input: Duplicate Tag Key found a");
        assert_eq!(text(by_key(vec![Tag::default()])), "The Tag Key provided is invalid, Key: null");
        let valueless = Tag { key: Some("a".to_owned()), value: None };
        assert_eq!(text(by_key(vec![valueless])), "The Tag Value provided is invalid, Value: null");
    }

    #[test]
    fn a_resource_is_a_table() {
        let name = table("arn:aws:dynamodb:eu-west-1:000000000000:table/readings").unwrap();
        assert_eq!(name.as_str(), "readings");
        for (arn, refusal) in [
            ("readings", "One or more parameter values were invalid: ARNs must start with 'arn:': "),
            ("arn:not/a/good/format", "Invalid TableArn: Invalid ResourceArn provided as input "),
            (
                "arn:aws:dynamodb:eu-west-1:000000000000:table/ab",
                "Invalid TableArn: Invalid ResourceArn provided as input ",
            ),
            (
                "arn:aws:dynamodb:eu-west-1:000000000000:table/readings/index/by_kind",
                "One or more parameter values were invalid: Invalid resource arn provided, only table or stream is accepted. Provided resource arn: ",
            ),
            (
                "arn:aws:s3:eu-west-1:000000000000:table/readings",
                "One or more parameter values were invalid: Provided Arn is not a DynamoDB resource arn: ",
            ),
        ] {
            assert_eq!(text(table(arn)), format!("{refusal}{arn}"));
        }
    }
}
