//! A rule as it is written: plain settings, before they are validated. `config` reads them from TOML; presets and the
//! documentation's examples use the same words.

use std::fmt;
use std::time::Duration;

use compact_str::CompactString;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::model::{AttributeValue, KeySchema, Name, Number, TableName};

/// One `[[rule]]`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a rule: a table of settings")]
pub struct RuleSettings {
    /// Its name, for messages and metrics.
    pub name: Option<String>,
    /// The topics it is for. Beside a preset: the topic that the preset's rules stand below.
    pub topic: Option<String>,
    /// The table its items go to; not needed where only one is configured.
    pub table: Option<String>,
    /// Discard silently what matches.
    pub drop: bool,
    /// How the payload's bytes are read.
    pub payload: PayloadKind,
    /// The attribute that holds a payload which is no object; `value` by default.
    pub value_as: Option<String>,
    /// Which members of an object become attributes.
    pub attributes: Attributes,
    /// Attributes that the rule sets.
    pub set: SetSettings,
    /// JSON pointer to the array or object whose elements become items of their own.
    pub each: Option<String>,
    /// Time to live of the items, instead of the table's default.
    #[serde(deserialize_with = "ttl")]
    pub ttl: Option<Duration>,
    /// Store retained copies from a broker as well.
    pub retained: bool,
    /// Rules that come with Forebay, by name.
    pub preset: Option<String>,
}

impl RuleSettings {
    /// Whether the rule is one, beside these tables.
    pub fn check(&self, tables: &[TableSettings]) -> Result<(), RuleError> {
        let compiled = super::RuleSet::new(std::slice::from_ref(self), tables.to_vec());
        compiled.map(|_| ()).map_err(|(_, error)| error)
    }

    /// The rule that is used where nothing is configured: every topic is a device.
    pub fn default_rule() -> RuleSettings {
        let text = |name: &str, text: &str| (name.to_owned(), ValueSetting::Template(text.to_owned()));
        RuleSettings {
            name: Some("default".to_owned()),
            topic: Some("{device..}".to_owned()),
            set: SetSettings(vec![text("device", "{device}"), text("ts", "{now_us}")]),
            ..RuleSettings::default()
        }
    }
}

/// How a payload's bytes are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayloadKind {
    /// JSON; anything else is rejected.
    Json,
    /// CBOR; anything else is rejected.
    Cbor,
    /// A decimal number as text.
    Number,
    /// UTF-8 text.
    Text,
    /// Bytes as they are.
    Bytes,
    /// JSON if it parses, else text.
    #[default]
    Auto,
}

/// Which members of the payload become attributes: `true`, `false`, or a list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Attributes {
    /// All of them.
    #[default]
    All,
    /// Nothing of the payload: only what `set` says.
    None,
    /// These members of an object.
    Only(Vec<String>),
}

/// Attributes and their sources, in the order written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetSettings(pub Vec<(String, ValueSetting)>);

/// Where a set attribute's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueSetting {
    /// Text with placeholders.
    Template(String),
    /// A value as it is: a number or a boolean.
    Value(AttributeValue),
    /// A time in the message.
    Time(TimeSettings),
}

/// `{ from = "/Time", time = "rfc3339", offset = "+02:00", or = "now" }`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSettings {
    /// JSON pointer, or text that is one placeholder.
    pub from: String,
    /// The form it is in.
    pub time: TimeForm,
    /// Offset from UTC of times that carry none.
    #[serde(default)]
    pub offset: Option<String>,
    /// What to take where it is missing.
    #[serde(default)]
    pub or: Option<Fallback>,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeForm {
    /// `2020-01-01T00:00:00Z`.
    Rfc3339,
    /// Seconds since 1970.
    S,
    /// Milliseconds since 1970.
    Ms,
    /// Microseconds since 1970.
    Us,
}

/// What to take where a time is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    /// The gateway's time.
    Now,
}

/// A table, as far as rules need to know it before it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSettings {
    /// Its name.
    pub name: TableName,
    /// Its key.
    pub keys: KeySchema,
    /// The attribute that holds the expiry time.
    pub ttl_attribute: Option<Name>,
    /// Time to live of items from MQTT and REST that bring none.
    pub ttl_default: Option<Duration>,
}

/// Reads a duration as the configuration writes it: a whole number and `ms`, `s`, `m`, `h`, `d` or `w`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    let number: u64 = number.parse().ok()?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        "w" => seconds(7 * 86_400),
        _ => None,
    }
}

fn ttl<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match parse_duration(&text) {
        Some(ttl) => Ok(Some(ttl)),
        None => {
            Err(de::Error::custom(format!("\"{text}\" is no duration; write \"30s\", \"12h\" or \"7d\"")))
        }
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attributes, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or a list of names")
            }

            fn visit_bool<E>(self, all: bool) -> Result<Attributes, E> {
                Ok(if all { Attributes::All } else { Attributes::None })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Attributes, A::Error> {
                let mut only = Vec::new();
                while let Some(name) = names.next_element()? {
                    only.push(name);
                }
                Ok(Attributes::Only(only))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for SetSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SetSettings, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = SetSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of attributes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<SetSettings, A::Error> {
                let mut set = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    set.push(entry);
                }
                Ok(SetSettings(set))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

impl<'de> Deserialize<'de> for ValueSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ValueSetting, D::Error> {
        deserializer.deserialize_any(ReadValue)
    }
}

struct ReadValue;

impl<'de> Visitor<'de> for ReadValue {
    type Value = ValueSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text with placeholders, a number, a boolean, or a time ({ from = …, time = … })")
    }

    fn visit_str<E>(self, text: &str) -> Result<ValueSetting, E> {
        Ok(ValueSetting::Template(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<ValueSetting, E> {
        Ok(ValueSetting::Value(AttributeValue::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<ValueSetting, E> {
        Ok(ValueSetting::Value(AttributeValue::N(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<ValueSetting, E> {
        Ok(ValueSetting::Value(AttributeValue::N(value.into())))
    }

    // The configuration's parser hands a float over as one; its shortest decimal is what was written.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<ValueSetting, E> {
        match Number::parse(&format!("{value:e}")) {
            Ok(number) => Ok(ValueSetting::Value(AttributeValue::N(number))),
            Err(reason) => Err(E::custom(format!("{value}: {reason}"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<ValueSetting, A::Error> {
        TimeSettings::deserialize(de::value::MapAccessDeserializer::new(entries)).map(ValueSetting::Time)
    }
}

/// Why a rule can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}; {remedy}")]
pub struct RuleError {
    /// The key of the rule that is wrong: `topic`, `set.device`.
    pub key: CompactString,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
}

impl RuleError {
    pub(super) fn new(key: &str, problem: impl Into<String>, remedy: impl Into<String>) -> RuleError {
        RuleError { key: key.into(), problem: problem.into(), remedy: remedy.into() }
    }
}
