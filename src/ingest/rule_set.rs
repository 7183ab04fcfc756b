//! All rules, in order: the first one whose topic matches wins.

use std::sync::Arc;

use super::mapping::Target;
use super::rule::{Action, Rule};
use super::settings::{RuleError, RuleSettings, TableSettings};
use super::topic::{self, Captures};
use super::{Message, Source, preset};
use crate::clock::{BootId, Stamp};
use crate::engine::IngestPut;
use crate::model::TableDef;

/// The compiled rules and the configured tables.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    tables: Vec<TableSettings>,
    broker: BrokerSide,
}

/// What concerns messages from a broker alone.
#[derive(Clone, Debug, Default)]
struct BrokerSide {
    /// The filters that the owner wants instead of those that the rules imply.
    topics: Option<Vec<String>>,
    /// Retained copies are stored whatever the rules say.
    retained: bool,
}

/// What a broker client subscribes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// Topic filters, none covered by another one.
    pub filters: Vec<String>,
    /// Whether any retained copy would be stored.
    pub retained: bool,
}

/// What applying rules needs to know of the moment.
pub struct Context<'a> {
    /// The tables as they are now, in the order of [`RuleSet::tables`]; `None` for one that is not there.
    pub tables: &'a [Option<Arc<TableDef>>],
    /// This start of the machine.
    pub boot: BootId,
    /// Makes stamps.
    pub stamp: &'a dyn Fn() -> Stamp,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Items were made, of this size together by DynamoDB's accounting.
    Items(usize),
    /// A rule says that it is to be discarded.
    Drop,
    /// There is nothing to store.
    Skip(Skip),
    /// It can't be an item.
    Reject(Rejection),
}

/// Why there is nothing to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The payload is empty.
    EmptyPayload,
    /// It is a retained copy from a broker, and the rule does not want those.
    RetainedCopy,
    /// The array or object of `each` is empty.
    NoElements,
    /// It came because a filter that the rules imply covers more than they want.
    Unasked,
}

/// Why a message can't be an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The rule that matched.
    pub rule: Option<Arc<str>>,
    /// The reason.
    pub reason: String,
}

impl RuleSet {
    /// Compiles rules; an error comes with the rule's place in the list.
    pub fn new(rules: &[RuleSettings], tables: Vec<TableSettings>) -> Result<RuleSet, (usize, RuleError)> {
        let mut compiled = Vec::with_capacity(rules.len());
        for (index, settings) in rules.iter().enumerate() {
            for settings in preset::expand(settings).map_err(|error| (index, error))? {
                compiled.push(Rule::new(&settings, &tables).map_err(|error| (index, error))?);
            }
        }
        Ok(RuleSet { rules: compiled, tables, broker: BrokerSide::default() })
    }

    /// The same rules, with what the owner wants of a broker: these topic filters instead of those that the rules imply,
    /// and retained copies for all rules. An error comes with the filter's place in the list.
    pub fn with_broker(
        self,
        topics: Option<Vec<String>>,
        retained: bool,
    ) -> Result<RuleSet, (usize, RuleError)> {
        for (index, filter) in topics.iter().flatten().enumerate() {
            topic::check_filter(filter)
                .map_err(|(problem, remedy)| (index, RuleError::new("topics", problem, remedy)))?;
        }
        Ok(RuleSet { broker: BrokerSide { topics, retained }, ..self })
    }

    /// How many rules there are, those of presets counted singly.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none: every message is rejected.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The configured tables.
    pub fn tables(&self) -> &[TableSettings] {
        &self.tables
    }

    /// The default time to live of a table's items, in seconds.
    pub(super) fn ttl_default(&self, table: &str) -> Option<u64> {
        self.tables.iter().find(|known| known.name.as_str() == table).and_then(TableSettings::ttl_seconds)
    }

    /// What to subscribe to at a broker: the filters that the rules imply, which may cover more than the rules want.
    pub fn subscriptions(&self) -> Subscriptions {
        let stored = self.rules.iter().filter(|rule| matches!(rule.action, Action::Map(_)));
        let filters = match &self.broker.topics {
            Some(topics) => topics.clone(),
            None => stored.clone().map(|rule| rule.topic.filter()).collect(),
        };
        Subscriptions {
            filters: topic::without_covered(filters),
            retained: self.broker.retained || stored.clone().any(|rule| rule.retained),
        }
    }

    /// Applies the first rule that matches; items are appended only where the outcome is [`Outcome::Items`].
    pub fn apply(&self, message: &Message, context: &Context<'_>, out: &mut Vec<IngestPut>) -> Outcome {
        if message.payload.is_empty() {
            return Outcome::Skip(Skip::EmptyPayload);
        }
        let from_broker = matches!(message.source, Source::Broker { .. });
        let mut captures = Captures::default();
        let Some(rule) = self.rules.iter().find(|rule| rule.topic.matches(&message.topic, &mut captures))
        else {
            if from_broker && self.broker.topics.is_none() {
                return Outcome::Skip(Skip::Unasked);
            }
            return Outcome::Reject(Rejection { rule: None, reason: "no rule matches the topic".into() });
        };
        let Action::Map(mapping) = &rule.action else { return Outcome::Drop };
        if message.retained && from_broker && !rule.retained && !self.broker.retained {
            return Outcome::Skip(Skip::RetainedCopy);
        }
        let settings = self.tables.get(mapping.table);
        let start = out.len();
        let result = match context.tables.get(mapping.table) {
            Some(Some(table)) => {
                let ttl = settings.and_then(TableSettings::ttl_seconds);
                let target = Target { table, ttl, boot: context.boot, stamp: context.stamp };
                mapping.items(message, &captures, &target, out)
            }
            _ => Err(format!("there is no table {}", settings.map_or("", |table| table.name.as_str()))),
        };
        match result {
            Ok(_) if out.len() == start => Outcome::Skip(Skip::NoElements),
            Ok(size) => Outcome::Items(size),
            Err(reason) => {
                out.truncate(start);
                Outcome::Reject(Rejection { rule: Some(Arc::clone(&rule.name)), reason })
            }
        }
    }
}

impl TableSettings {
    fn ttl_seconds(&self) -> Option<u64> {
        self.ttl_default.map(|ttl| ttl.as_secs()).filter(|seconds| *seconds > 0)
    }
}
