//! Query parameters, and key values as text: `S` as it is, `N` a number, `B` base64url (or base64).

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use super::problem::Problem;
use crate::model::{AttributeValue, KeyAttribute, KeyType, Map, Number, TableDef};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// How JSON stands for values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// As people write it.
    #[default]
    Plain,
    /// As DynamoDB does.
    Dynamodb,
}

/// Query parameters, taken one by one.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Takes a query apart; a parameter may be there once.
    pub(super) fn parse(query: Option<&str>) -> Result<Parameters, Problem> {
        let mut all: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if all.iter().any(|(known, _)| *known == name) {
                return Err(Problem::bad_request(format!("the query parameter {name} is there twice")));
            }
            all.push((name, value));
        }
        Ok(Parameters(all))
    }

    /// Takes one out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Takes `format` out.
    pub(super) fn form(&mut self) -> Result<Form, Problem> {
        match self.take("format").as_deref() {
            None | Some("plain") => Ok(Form::Plain),
            Some("dynamodb") => Ok(Form::Dynamodb),
            Some(_) => Err(Problem::bad_request("format is plain or dynamodb")),
        }
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(Problem::bad_request(format!("the query parameter {name} is not known here")))
            }
        }
    }
}

/// Of a query that can have nothing but `format`.
pub(super) fn only_form(query: Option<&str>) -> Result<Form, Problem> {
    let mut parameters = Parameters::parse(query)?;
    let form = parameters.form()?;
    parameters.finish()?;
    Ok(form)
}

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Problem::bad_request("a query parameter is not UTF-8 once percent-decoded")),
    }
}

/// A key attribute's value from text; the error says what is wrong.
pub(super) fn key_value(attribute: &KeyAttribute, text: &str) -> Result<AttributeValue, String> {
    match attribute.key_type {
        KeyType::S => Ok(AttributeValue::S(text.into())),
        KeyType::N => Number::parse(text).map(AttributeValue::N).map_err(|error| {
            let shown: String = text.chars().take(64).collect();
            format!("{} is a number, {shown:?} is not one that can be kept: {error}", attribute.name)
        }),
        KeyType::B => match binary(text) {
            Some(bytes) => Ok(AttributeValue::B(bytes)),
            None => Err(format!("{} is binary: write it as base64url", attribute.name)),
        },
    }
}

/// Binary from base64url or base64, padded or not.
pub(super) fn binary(text: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(text).or_else(|_| BASE64.decode(text)).ok()
}

/// The key that a path names.
pub(super) fn key(table: &TableDef, partition: &str, sort: Option<&str>) -> Result<Map, Problem> {
    let mut key = Map::new();
    let value = key_value(&table.keys.partition, partition).map_err(Problem::not_an_item)?;
    key.insert(table.keys.partition.name.clone(), value);
    match (&table.keys.sort, sort) {
        (Some(attribute), Some(text)) => {
            let value = key_value(attribute, text).map_err(Problem::not_an_item)?;
            key.insert(attribute.name.clone(), value);
        }
        (None, None) => {}
        (Some(attribute), None) => {
            return Err(Problem::not_an_item(format!(
                "items of this table have a sort key: the path needs {} behind the partition",
                attribute.name
            )));
        }
        (None, Some(_)) => {
            return Err(Problem::not_an_item("items of this table have no sort key: the path is too long"));
        }
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_all_known() {
        let mut parameters = Parameters::parse(Some("from=a%2Fb+c&limit=5&&format=dynamodb")).unwrap();
        assert_eq!(parameters.take("from").as_deref(), Some("a/b c"));
        assert_eq!(parameters.form().unwrap(), Form::Dynamodb);
        assert!(parameters.finish().is_err());
        assert!(Parameters::parse(Some("a=1&a=2")).is_err());
        assert!(Parameters::parse(Some("a=%ff")).is_err());
        assert!(only_form(Some("format=xml")).is_err());
        assert_eq!(only_form(None).unwrap(), Form::Plain);
    }

    #[test]
    fn keys_from_text() {
        let attribute = |key_type| KeyAttribute { name: "k".into(), key_type };
        assert_eq!(key_value(&attribute(KeyType::N), "1e3"), Ok(AttributeValue::N(Number::from(1000i64))));
        assert!(key_value(&attribute(KeyType::N), "NaN").is_err());
        for text in ["_-8=", "_-8", "/+8=", "/+8"] {
            assert_eq!(key_value(&attribute(KeyType::B), text), Ok(AttributeValue::B(vec![255, 239])));
        }
        assert!(key_value(&attribute(KeyType::B), "*").is_err());
    }
}
