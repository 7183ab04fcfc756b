//! AttributeDefinitions and KeySchema of CreateTable.

use std::collections::HashSet;

use super::constraint::Violations;
use super::error::WireError;
use super::java_order;
use super::mismatch::Expected;
use super::request::Wire;
use crate::model::dynamodb_json::DecodeError;
use crate::model::{KeyAttribute, KeySchema, KeyType, limits};

/// An AttributeDefinition.
#[derive(Debug)]
pub(super) struct Definition {
    name: Option<String>,
    kind: Option<String>,
}

/// A KeySchemaElement.
#[derive(Debug)]
pub(super) struct Element {
    name: Option<String>,
    kind: Option<String>,
}

/// A name and a kind, as they are given.
type Pair = (Option<String>, Option<String>);

/// Reads a list of structures of two texts.
fn pairs(wire: &mut Wire<'_>, class: &'static str, second: &str) -> Result<Option<Vec<Pair>>, DecodeError> {
    let mut pairs = Vec::new();
    let given = wire.list(|wire| {
        let mut pair = (None, None);
        wire.object(Expected::Element(class), |wire, name| {
            match name {
                "AttributeName" => pair.0 = wire.string()?,
                name if name == second => pair.1 = wire.string()?,
                _ => wire.skip()?,
            }
            Ok(())
        })?;
        pairs.push(pair);
        Ok(())
    })?;
    Ok(given.then_some(pairs))
}

impl Definition {
    /// Reads AttributeDefinitions.
    pub(super) fn list(wire: &mut Wire<'_>) -> Result<Option<Vec<Definition>>, DecodeError> {
        let pairs = pairs(wire, "AttributeDefinition", "AttributeType")?;
        Ok(pairs.map(|pairs| pairs.into_iter().map(|(name, kind)| Definition { name, kind }).collect()))
    }

    /// Constraints of the element at a place, from 1.
    pub(super) fn check(&self, at: usize, violations: &mut Violations) {
        let at = format!("attributeDefinitions.{at}.member");
        let name = format!("{at}.attributeName");
        violations.required(&name, &self.name);
        violations.text(&name, self.name.as_deref(), 1, limits::KEY_ATTRIBUTE_NAME);
        let kind = format!("{at}.attributeType");
        violations.required(&kind, &self.kind);
        violations.one_of(&kind, self.kind.as_deref(), &["B", "N", "S"]);
    }

    /// The name, where it is given.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

impl Element {
    /// Reads a KeySchema.
    pub(super) fn list(wire: &mut Wire<'_>) -> Result<Option<Vec<Element>>, DecodeError> {
        let pairs = pairs(wire, "KeySchemaElement", "KeyType")?;
        Ok(pairs.map(|pairs| pairs.into_iter().map(|(name, kind)| Element { name, kind }).collect()))
    }

    /// Constraints of the element at this place.
    pub(super) fn check(&self, at: &str, violations: &mut Violations) {
        let name = format!("{at}.attributeName");
        violations.required(&name, &self.name);
        violations.text(&name, self.name.as_deref(), 1, limits::KEY_ATTRIBUTE_NAME);
        let kind = format!("{at}.keyType");
        violations.required(&kind, &self.kind);
        violations.one_of(&kind, self.kind.as_deref(), &["HASH", "RANGE"]);
    }

    /// A schema as the service's messages show it.
    pub(super) fn shown(schema: &[Element]) -> String {
        let elements: Vec<_> = schema
            .iter()
            .take(10)
            .map(|element| {
                let kind = element.kind.as_deref().unwrap_or("null");
                format!("KeySchemaElement(attributeName={}, keyType={kind})", element.name())
            })
            .collect();
        format!("[{}]", elements.join(", "))
    }

    /// The name, where it is given.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether it is of this type.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }
}

/// The table's key, checked in the service's order. Where it is `indexed`, definitions may be for the indexes.
pub(super) fn key_schema(
    schema: &[Element],
    definitions: &[Definition],
    indexed: bool,
) -> Result<KeySchema, WireError> {
    let refuse = |text: String| Err(WireError::validation(text));
    let mut seen = HashSet::new();
    if let Some(twice) = definitions.iter().find(|definition| !seen.insert(definition.name())) {
        return refuse(format!("Attribute Name is duplicated: {}", twice.name()));
    }
    if schema.len() > definitions.len() {
        return refuse("Invalid KeySchema: Some index key attribute have no definition".to_owned());
    }
    all_defined(schema, definitions)?;
    let (partition, sort) = match schema {
        [partition] => (partition, None),
        [partition, sort] => (partition, Some(sort)),
        _ => return Err(super::unreadable()),
    };
    if sort.is_some_and(|sort| sort.name() == partition.name()) {
        let text = "Both the Hash Key and the Range Key element in the KeySchema have the same name";
        return refuse(text.to_owned());
    }
    if !partition.is("HASH") {
        return refuse("Invalid KeySchema: The first KeySchemaElement is not a HASH key type".to_owned());
    }
    if sort.is_some_and(|sort| !sort.is("RANGE")) {
        return refuse("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type".to_owned());
    }
    if !indexed && schema.len() != definitions.len() {
        return refuse(
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"
                .to_owned(),
        );
    }
    let partition = attribute(partition, definitions).ok_or_else(super::unreadable)?;
    Ok(KeySchema { partition, sort: sort.and_then(|sort| attribute(sort, definitions)) })
}

/// Every attribute of a key has a definition.
pub(super) fn all_defined(schema: &[Element], definitions: &[Definition]) -> Result<(), WireError> {
    if schema.iter().all(|element| attribute(element, definitions).is_some()) {
        return Ok(());
    }
    Err(WireError::validation(format!(
        "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
        java_order::of_set(schema.iter().map(Element::name)).join(", "),
        java_order::of_sized_map(definitions.iter().map(Definition::name)).join(", ")
    )))
}

/// A key attribute with the type that its definition gives it.
pub(super) fn attribute(element: &Element, definitions: &[Definition]) -> Option<KeyAttribute> {
    let definition = definitions.iter().find(|definition| definition.name() == element.name())?;
    let key_type = match definition.kind.as_deref()? {
        "S" => KeyType::S,
        "N" => KeyType::N,
        "B" => KeyType::B,
        _ => return None,
    };
    Some(KeyAttribute { name: element.name().into(), key_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions(pairs: &[(&str, &str)]) -> Vec<Definition> {
        let one = |(name, kind): &(&str, &str)| Definition {
            name: Some((*name).to_owned()),
            kind: Some((*kind).to_owned()),
        };
        pairs.iter().map(one).collect()
    }

    fn elements(pairs: &[(&str, &str)]) -> Vec<Element> {
        let one = |(name, kind): &(&str, &str)| Element {
            name: Some((*name).to_owned()),
            kind: Some((*kind).to_owned()),
        };
        pairs.iter().map(one).collect()
    }

    fn refusal(schema: &[(&str, &str)], defined: &[(&str, &str)]) -> String {
        key_schema(&elements(schema), &definitions(defined), false).unwrap_err().message.unwrap()
    }

    #[test]
    fn a_key_takes_its_types_from_the_definitions() {
        let keys = key_schema(
            &elements(&[("d", "HASH"), ("t", "RANGE")]),
            &definitions(&[("t", "N"), ("d", "S")]),
            false,
        );
        let keys = keys.unwrap();
        assert_eq!((keys.partition.name.as_str(), keys.partition.key_type), ("d", KeyType::S));
        let sort = keys.sort.unwrap();
        assert_eq!((sort.name.as_str(), sort.key_type), ("t", KeyType::N));
    }

    #[test]
    fn schemas_are_refused_in_the_services_words() {
        let one = [("pk", "S")];
        assert_eq!(
            refusal(&[("pk", "HASH"), ("pk", "RANGE")], &one),
            "Invalid KeySchema: Some index key attribute have no definition"
        );
        assert!(refusal(&[("other", "HASH")], &one).ends_with("Keys: [other], AttributeDefinitions: [pk]"));
        assert_eq!(
            refusal(&[("pk", "RANGE")], &one),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        );
        let two = [("pk", "S"), ("sk", "S")];
        assert!(refusal(&[("pk", "HASH")], &two).contains("does not exactly match number of attributes"));
        assert!(
            refusal(&[("pk", "HASH"), ("pk", "RANGE")], &two).starts_with("Both the Hash Key and the Range")
        );
        assert!(refusal(&[("pk", "HASH"), ("sk", "HASH")], &two).contains("second KeySchemaElement"));
        assert_eq!(
            refusal(&[("pk", "HASH")], &[("pk", "S"), ("pk", "N")]),
            "Attribute Name is duplicated: pk"
        );
    }
}
