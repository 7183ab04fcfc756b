//! Whole rules: the shapes that devices publish, the documentation's examples, and properties of any input.

mod documentation;
mod properties;
mod rules;
mod shapes;

use std::cell::Cell;
use std::sync::Arc;

use jiter::Jiter;

use super::*;
use crate::clock::{BootId, Stamp};
use crate::engine::IngestPut;
use crate::model::{
    Item, KeyAttribute, KeySchema, KeyType, TableDef, TableId, TableName, TtlAttribute, dynamodb_json,
};

/// The gateway's time in these tests; each stamp is a microsecond later.
pub(super) const NOW_US: u64 = 1_700_000_000_000_000;

pub(super) fn keys(partition: &str, sort: Option<(&str, KeyType)>) -> KeySchema {
    KeySchema {
        partition: KeyAttribute { name: partition.into(), key_type: KeyType::S },
        sort: sort.map(|(name, key_type)| KeyAttribute { name: name.into(), key_type }),
    }
}

/// `readings` (`device` S, `ts` N), with TTL in `expires_at` and no default for it.
pub(super) fn readings() -> TableSettings {
    TableSettings {
        name: TableName::new("readings").unwrap(),
        keys: keys("device", Some(("ts", KeyType::N))),
        ttl_attribute: Some("expires_at".into()),
        ttl_default: None,
    }
}

pub(super) fn definition(settings: &TableSettings) -> Arc<TableDef> {
    let ttl = settings.ttl_attribute.clone().map(|attribute| TtlAttribute { attribute });
    Arc::new(TableDef { ttl, ..TableDef::new(TableId::FIRST, settings.name.clone(), settings.keys.clone()) })
}

#[derive(serde::Deserialize)]
struct File {
    #[serde(default)]
    rule: Vec<RuleSettings>,
}

pub(super) fn parse(rules: &str) -> Vec<RuleSettings> {
    toml::from_str::<File>(rules).unwrap_or_else(|e| panic!("{e}\n{rules}")).rule
}

pub(super) fn compile(rules: &str, tables: Vec<TableSettings>) -> RuleSet {
    RuleSet::new(&parse(rules), tables).unwrap_or_else(|(index, e)| panic!("rule {index}: {e}"))
}

pub(super) fn message(topic: &str, payload: impl Into<Bytes>) -> Message {
    Message {
        topic: topic.into(),
        payload: payload.into(),
        qos: 1,
        retained: false,
        dup: false,
        packet_id: Some(7),
        source: Source::Listener { client: "client".into() },
    }
}

/// Applies rules with a clock that starts at [`NOW_US`].
pub(super) fn apply(rules: &RuleSet, message: &Message, estimated: bool) -> (Outcome, Vec<IngestPut>) {
    let tables: Vec<_> = rules.tables().iter().map(|table| Some(definition(table))).collect();
    let next = Cell::new(NOW_US);
    let stamp = || Stamp { us: next.replace(next.get() + 1), estimated };
    let context = Context { tables: &tables, boot: BootId([1; 16]), stamp: &stamp };
    let mut out = Vec::new();
    let outcome = rules.apply(message, &context, &mut out);
    (outcome, out)
}

/// The items of a message that has to be mapped.
pub(super) fn items(rules: &RuleSet, topic: &str, payload: impl Into<Bytes>) -> Vec<Item> {
    match apply(rules, &message(topic, payload), false) {
        (Outcome::Items(_), puts) => puts.into_iter().map(|put| put.item).collect(),
        (outcome, _) => panic!("{topic}: {outcome:?}"),
    }
}

/// An item from DynamoDB JSON.
pub(super) fn item(json: &str) -> Item {
    let item = dynamodb_json::read_item(&mut Jiter::new(json.as_bytes()));
    item.unwrap_or_else(|e| panic!("{e}\n{json}"))
}

/// An item as DynamoDB JSON, for messages.
pub(super) fn shown(item: &Item) -> String {
    let mut out = Vec::new();
    dynamodb_json::write_item(item, &mut out);
    String::from_utf8(out).unwrap()
}

pub(super) fn assert_items(found: &[Item], wanted: &[Item], what: &str) {
    let lines = |items: &[Item]| items.iter().map(shown).collect::<Vec<_>>().join("\n");
    assert_eq!(lines(found), lines(wanted), "{what}");
}
