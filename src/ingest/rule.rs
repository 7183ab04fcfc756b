//! One rule, compiled from its settings.

use std::sync::Arc;
use std::time::Duration;

use super::mapping::{Mapping, Members, SetAttribute, ValueSource};
use super::pointer::Pointer;
use super::settings::{Attributes, PayloadKind, RuleError, RuleSettings, TableSettings, ValueSetting};
use super::template::Template;
use super::time::Time;
use super::topic::{Pattern, Problem};
use crate::model::{Name, limits};

/// A compiled rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) topic: Pattern,
    pub(super) retained: bool,
    pub(super) action: Action,
}

/// What a rule does with what matches.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Discard it.
    Drop,
    /// Make items of it.
    Map(Box<Mapping>),
}

impl Rule {
    /// Compiles a rule that has no preset.
    pub(super) fn new(settings: &RuleSettings, tables: &[TableSettings]) -> Result<Rule, RuleError> {
        let Some(text) = settings.topic.as_deref() else {
            return Err(RuleError::new(
                "topic",
                "it is missing",
                "write topic = \"sensors/{device}\", or a preset",
            ));
        };
        let topic = Pattern::parse(text).map_err(at("topic"))?;
        let action = if settings.drop {
            refuse_beside_drop(settings)?;
            Action::Drop
        } else {
            Action::Map(Box::new(mapping(settings, &topic, tables)?))
        };
        let name = settings.name.as_deref().unwrap_or(text).into();
        Ok(Rule { name, topic, retained: settings.retained, action })
    }
}

fn at(key: &str) -> impl Fn(Problem) -> RuleError {
    move |(problem, remedy)| RuleError::new(key, problem, remedy)
}

fn refuse_beside_drop(settings: &RuleSettings) -> Result<(), RuleError> {
    let given = [
        ("set", !settings.set.0.is_empty()),
        ("each", settings.each.is_some()),
        ("value_as", settings.value_as.is_some()),
        ("ttl", settings.ttl.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((key, _)) => {
            Err(RuleError::new(key, "a rule with drop = true stores nothing", "leave out one of the two"))
        }
    }
}

fn mapping(settings: &RuleSettings, topic: &Pattern, tables: &[TableSettings]) -> Result<Mapping, RuleError> {
    let (table, definition) = table(settings.table.as_deref(), tables)?;
    let each = settings.each.as_deref().map(each_pointer).transpose()?;
    let mut set: Vec<SetAttribute> = Vec::with_capacity(settings.set.0.len());
    for (name, source) in &settings.set.0 {
        let key = format!("set.{name}");
        let attribute = attribute_name(&key, name)?;
        if set.iter().any(|other| other.name == attribute) {
            return Err(RuleError::new(&key, "it is set twice", "leave out one of the two"));
        }
        set.push(SetAttribute { name: attribute, source: source_of(&key, source, topic, each.is_some())? });
    }
    let mapping = Mapping {
        table,
        payload: settings.payload,
        value_as: attribute_name("value_as", settings.value_as.as_deref().unwrap_or("value"))?,
        members: members(&settings.attributes)?,
        set: set.into(),
        each,
        ttl: settings.ttl.map(|ttl| ttl_seconds(ttl, definition)).transpose()?,
    };
    reaches_keys(&mapping, definition)?;
    Ok(mapping)
}

fn table<'t>(
    name: Option<&str>,
    tables: &'t [TableSettings],
) -> Result<(usize, &'t TableSettings), RuleError> {
    let known = || tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, tables) {
        (None, [only]) => Ok((0, only)),
        (None, []) => Err(RuleError::new("table", "there is no table", "add a [[table]]")),
        (Some(name), []) => Err(RuleError::new(
            "table",
            format!("there is no table \"{name}\""),
            "add a [[table]] of this name",
        )),
        (None, _) => Err(RuleError::new("table", "it is missing", format!("write one of: {}", known()))),
        (Some(name), _) => {
            tables.iter().enumerate().find(|(_, table)| table.name.as_str() == name).ok_or_else(|| {
                let remedy = format!("add a [[table]] of this name, or write one of: {}", known());
                RuleError::new("table", format!("there is no table \"{name}\""), remedy)
            })
        }
    }
}

fn each_pointer(text: &str) -> Result<Pointer, RuleError> {
    // A member's name can't be empty, so that "/" may as well be the whole.
    let pointer = if text == "/" { Some(Pointer::default()) } else { Pointer::parse(text) };
    pointer.ok_or_else(|| {
        let problem = format!("\"{text}\" is no JSON pointer");
        RuleError::new("each", problem, "write \"/readings\", or \"\" for the whole payload")
    })
}

fn attribute_name(key: &str, name: &str) -> Result<Name, RuleError> {
    match name.len() {
        0 => Err(RuleError::new(key, "an attribute's name may not be empty", "give it a name")),
        n if n > limits::ATTRIBUTE_NAME => {
            Err(RuleError::new(key, "the name is too long", "65,535 bytes at most"))
        }
        _ => Ok(name.into()),
    }
}

fn source_of(
    key: &str,
    source: &ValueSetting,
    topic: &Pattern,
    each: bool,
) -> Result<ValueSource, RuleError> {
    Ok(match source {
        ValueSetting::Template(text) => {
            ValueSource::Template(Template::parse(text, topic, each).map_err(at(key))?)
        }
        ValueSetting::Value(value) => ValueSource::Value(value.clone()),
        ValueSetting::Time(time) => ValueSource::Time(Time::new(key, time, topic, each)?),
    })
}

fn members(attributes: &Attributes) -> Result<Members, RuleError> {
    Ok(match attributes {
        Attributes::All => Members::All,
        Attributes::None => Members::None,
        Attributes::Only(names) => {
            let names = names.iter().map(|name| attribute_name("attributes", name));
            Members::Only(names.collect::<Result<_, _>>()?)
        }
    })
}

fn ttl_seconds(ttl: Duration, table: &TableSettings) -> Result<u64, RuleError> {
    if table.ttl_attribute.is_none() {
        let problem = format!("the table \"{}\" has no ttl attribute", table.name.as_str());
        return Err(RuleError::new("ttl", problem, "add ttl = { attribute = \"expires_at\" } to the table"));
    }
    match ttl.as_secs() {
        0 => Err(RuleError::new("ttl", "it is shorter than a second", "write \"7d\" or the like")),
        seconds => Ok(seconds),
    }
}

/// A rule that could never make an item of its table is a mistake to be told before the first message.
fn reaches_keys(mapping: &Mapping, table: &TableSettings) -> Result<(), RuleError> {
    let keys = &table.keys;
    let bare = matches!(mapping.payload, PayloadKind::Number | PayloadKind::Text | PayloadKind::Bytes);
    for name in std::iter::once(&keys.partition).chain(&keys.sort).map(|key| &key.name) {
        let comes = mapping.sets(name)
            || match &mapping.members {
                Members::None => false,
                Members::All => !bare || mapping.value_as == *name,
                Members::Only(names) => mapping.value_as == *name || (!bare && names.contains(name)),
            };
        if !comes {
            let problem = format!(
                "the table \"{}\" has the key attribute \"{name}\", which this rule never gives",
                table.name.as_str()
            );
            return Err(RuleError::new(
                &format!("set.{name}"),
                problem,
                "set it, from the topic, the payload or {now_us}",
            ));
        }
    }
    Ok(())
}
