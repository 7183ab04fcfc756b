//! Expressions and their legacy forms as requests have them: read, checked for what may not stand together, and made ready
//! in the order in which the service looks at them.

use super::attribute_updates::{self, AttributeUpdate};
use super::comparison::{self, Comparison};
use super::constraint::Violations;
use super::error::WireError;
use super::expected::{self, Expected};
use super::fingerprint::Fingerprint;
use super::json::{Object, list};
use super::mismatch;
use super::request::Wire;
use crate::expression::{
    self, Condition, ExpressionError, Fault, KeyCondition, KeyTest, Kind, PlaceholderFault, Placeholders,
    Projection, Update,
};
use crate::model::dynamodb_json::{DecodeError, InvalidValue, write_string};
use crate::model::size::value_size;
use crate::model::{AttributeValue, Map, limits};

const LONG_NAME: &str = "Attribute name is too large, must be less than 65536 bytes";

/// Which of them an operation takes, in the service's order.
#[derive(Debug)]
pub(super) struct Takes {
    /// Expressions.
    expressions: &'static [&'static str],
    /// Legacy parameters.
    legacy: &'static [&'static str],
    /// A single write: the service reports what is wrong with its expressions as it does violated constraints.
    write: bool,
}

impl Takes {
    /// The expressions that use values.
    fn with_values(&self) -> impl Iterator<Item = &'static str> {
        self.expressions.iter().copied().filter(|name| *name != "ProjectionExpression")
    }

    /// Levels that a value may have.
    fn nesting(&self) -> usize {
        if self.legacy.is_empty() { limits::TRANSACTION_VALUE_NESTING } else { limits::NESTING }
    }

    /// Whether the service has its newer words for what is wrong: transactions and Scan have kept the older ones.
    fn newer(&self) -> bool {
        let reads = self.legacy.contains(&"AttributesToGet") && !self.legacy.contains(&"ScanFilter");
        self.write || reads
    }
}

/// PutItem and DeleteItem.
pub(super) const WRITE: Takes = Takes {
    expressions: &["ConditionExpression"],
    legacy: &["Expected", "ConditionalOperator"],
    write: true,
};
/// UpdateItem.
pub(super) const UPDATE: Takes = Takes {
    expressions: &["UpdateExpression", "ConditionExpression"],
    legacy: &["AttributeUpdates", "Expected", "ConditionalOperator"],
    write: true,
};
/// Put, Delete and ConditionCheck of a transaction: without legacy parameters, and what is wrong is said without an envelope.
pub(super) const ACTION: Takes = Takes { expressions: &["ConditionExpression"], legacy: &[], write: false };
/// Update of a transaction.
pub(super) const ACTION_UPDATE: Takes =
    Takes { expressions: &["UpdateExpression", "ConditionExpression"], legacy: &[], write: false };
/// Get of a transaction.
pub(super) const ACTION_GET: Takes =
    Takes { expressions: &["ProjectionExpression"], legacy: &[], write: false };
/// GetItem, and a table of BatchGetItem.
pub(super) const GET: Takes =
    Takes { expressions: &["ProjectionExpression"], legacy: &["AttributesToGet"], write: false };
/// Query.
pub(super) const QUERY: Takes = Takes {
    expressions: &["ProjectionExpression", "FilterExpression", "KeyConditionExpression"],
    legacy: &["AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions"],
    write: false,
};
/// Scan.
pub(super) const SCAN: Takes = Takes {
    expressions: &["ProjectionExpression", "FilterExpression"],
    legacy: &["AttributesToGet", "ScanFilter", "ConditionalOperator"],
    write: false,
};

/// An ExpressionAttributeValues entry: a value, or what is wrong with it.
type Value = (String, Result<AttributeValue, InvalidValue>);

/// A legacy parameter as it was read: its entries, and the first wrong value in it.
type Apart<T> = (Option<Vec<T>>, Option<InvalidValue>);

/// What a request has of them.
#[derive(Debug)]
pub(super) struct Expressions {
    takes: &'static Takes,
    texts: Vec<(&'static str, String)>,
    names: Option<Vec<(String, String)>>,
    values: Option<Vec<Value>>,
    expected: Option<Vec<Expected>>,
    filter: Option<Vec<Comparison>>,
    updates: Option<Vec<AttributeUpdate>>,
    attributes: Option<Vec<String>>,
    operator: Option<String>,
    key_conditions: Option<Vec<Comparison>>,
    /// The first wrong value of each legacy parameter.
    wrong: Vec<(&'static str, InvalidValue)>,
}

/// All of a request's expressions, ready.
#[derive(Debug, Default)]
pub(super) struct Ready {
    pub(super) update: Option<Update>,
    pub(super) condition: Option<Condition>,
    pub(super) key_condition: Option<Vec<KeyCondition>>,
    pub(super) filter: Option<Condition>,
    pub(super) projection: Option<Projection>,
}

impl Expressions {
    /// Nothing yet, of what an operation takes.
    pub(super) fn new(takes: &'static Takes) -> Expressions {
        Expressions {
            takes,
            texts: Vec::new(),
            names: None,
            values: None,
            expected: None,
            filter: None,
            updates: None,
            attributes: None,
            operator: None,
            key_conditions: None,
            wrong: Vec::new(),
        }
    }

    /// Whether they are a single write's.
    pub(super) fn of_write(&self) -> bool {
        self.takes.write
    }

    /// Whether they are GetItem's, or of one of its like: not an action of a transaction.
    pub(super) fn of_read(&self) -> bool {
        self.takes.legacy.contains(&"AttributesToGet")
    }

    /// Reads a member; whether it is one of them.
    pub(super) fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<bool, DecodeError> {
        if let Some(known) = self.takes.expressions.iter().find(|known| **known == name) {
            self.texts.retain(|(earlier, _)| earlier != known);
            self.texts.extend(wire.string()?.map(|text| (*known, text)));
            return Ok(true);
        }
        match name {
            "ExpressionAttributeNames" => self.names = names(wire)?,
            "ExpressionAttributeValues" if self.takes.with_values().next().is_some() => {
                self.values = values(wire, self.takes.nesting())?
            }
            legacy if !self.takes.legacy.contains(&legacy) => return Ok(false),
            "ConditionalOperator" => self.operator = wire.string()?,
            "AttributesToGet" => {
                let mut read = Vec::new();
                let given = wire.list(|wire| {
                    read.extend(wire.string()?);
                    Ok(())
                })?;
                self.attributes = given.then_some(read);
            }
            "Expected" => {
                let read = apart(wire, "ExpectedAttributeValue", expected::read)?;
                self.expected = self.kept("Expected", read);
            }
            "AttributeUpdates" => {
                let read = apart(wire, "AttributeValueUpdate", attribute_updates::read)?;
                self.updates = self.kept("AttributeUpdates", read);
            }
            "KeyConditions" => {
                let read = apart(wire, "Condition", comparison::read)?;
                self.key_conditions = self.kept("KeyConditions", read);
            }
            _ => {
                let read = apart(wire, "Condition", comparison::read)?;
                self.filter = self.kept("Filter", read);
            }
        }
        Ok(true)
    }

    /// A legacy parameter's entries; what is wrong with its values is kept for [`Expressions::values_of`].
    fn kept<T>(&mut self, parameter: &'static str, (read, wrong): Apart<T>) -> Option<Vec<T>> {
        self.wrong.retain(|(earlier, _)| *earlier != parameter);
        self.wrong.extend(wrong.map(|fault| (parameter, fault)));
        read
    }

    /// Refuses a legacy parameter with a wrong value.
    fn values_of(&self, parameter: &str) -> Result<(), WireError> {
        match self.wrong.iter().find(|(name, _)| *name == parameter) {
            Some((_, fault)) => Err(self.refusal(self.words(fault))),
            None => Ok(()),
        }
    }

    /// What is wrong with a value, in the operation's words.
    pub(super) fn words(&self, fault: &InvalidValue) -> String {
        if self.takes.newer() { fault.newer() } else { fault.to_string() }
    }

    /// A refusal for what is wrong with a value outside of them.
    pub(super) fn refused(&self, fault: &InvalidValue) -> WireError {
        self.refusal(self.words(fault))
    }

    /// Whether the request is an UpdateItem.
    pub(super) fn of_update(&self) -> bool {
        self.takes.write && self.takes.expressions.contains(&"UpdateExpression")
    }

    /// A refusal of the request as a whole.
    fn refusal(&self, text: impl std::fmt::Display) -> WireError {
        if self.takes.write { WireError::of_write(text) } else { WireError::validation(text.to_string()) }
    }

    /// Constraints of the service model.
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.one_of("conditionalOperator", self.operator.as_deref(), &["OR", "AND"]);
        self.expected.iter().flatten().for_each(|expected| expected.check(violations));
        self.updates.iter().flatten().for_each(|update| update.check(violations));
        let filter = if self.takes.legacy.contains(&"ScanFilter") { "scanFilter" } else { "queryFilter" };
        self.filter.iter().flatten().for_each(|comparison| comparison.check(filter, violations));
        let keys = self.key_conditions.iter().flatten();
        keys.for_each(|comparison| comparison.check("keyConditions", violations));
        if let Some(attributes) = &self.attributes {
            violations.length("attributesToGet", "[]", attributes.len(), 1, usize::MAX);
        }
    }

    /// With conditions to join, a ConditionalOperator that is none is refused alone, in the newer words, misspelt as the
    /// service does.
    pub(super) fn check_operator(&self) -> Result<(), WireError> {
        let known = matches!(self.operator.as_deref(), None | Some("OR" | "AND"));
        let joined = self.expected.as_ref().map_or(0, Vec::len).max(self.filter.as_ref().map_or(0, Vec::len));
        let mut malformed = Violations::new();
        self.expected.iter().flatten().for_each(|expected| expected.check(&mut malformed));
        self.filter.iter().flatten().for_each(|comparison| comparison.check("filter", &mut malformed));
        if known || joined < 2 || malformed.any() {
            return Ok(());
        }
        Err(self.refusal("Failed to satisfy constraint: Member must satisfy enum value set: [ALL, OR]"))
    }

    /// Whether there is any of them.
    pub(super) fn any(&self) -> bool {
        !self.texts.is_empty() || self.takes.legacy.iter().any(|name| self.has_legacy(name))
    }

    /// An expression as it stands.
    pub(super) fn text(&self, parameter: &str) -> Option<&str> {
        self.texts.iter().find(|(name, _)| *name == parameter).map(|(_, text)| text.as_str())
    }

    /// Whether a legacy parameter is there.
    fn has_legacy(&self, parameter: &str) -> bool {
        match parameter {
            "Expected" => self.expected.is_some(),
            "AttributeUpdates" => self.updates.is_some(),
            "AttributesToGet" => self.attributes.is_some(),
            "ConditionalOperator" => self.operator.is_some(),
            // It goes with expressions, unless it has one of its own beside it.
            "KeyConditions" => self.key_conditions.is_some() && self.text("KeyConditionExpression").is_some(),
            _ => self.filter.is_some(),
        }
    }

    /// What may not stand together, and what is senseless alone. Comes before the values of the request are looked at.
    pub(super) fn check_mixture(&self) -> Result<(), WireError> {
        let given: Vec<&str> =
            self.takes.expressions.iter().copied().filter(|name| self.text(name).is_some()).collect();
        let legacy: Vec<&str> =
            self.takes.legacy.iter().copied().filter(|name| self.has_legacy(name)).collect();
        if !given.is_empty() && !legacy.is_empty() {
            return Err(self.refusal(format!(
                "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
                legacy.join(", "),
                given.join(", ")
            )));
        }
        if self.names.is_some() && given.is_empty() {
            return Err(self.refusal("ExpressionAttributeNames can only be specified when using expressions"));
        }
        let with_values: Vec<&str> = self.takes.with_values().collect();
        if self.values.is_some() && with_values.iter().all(|name| self.text(name).is_none()) {
            if self.takes.write {
                return Err(
                    self.refusal("ExpressionAttributeValues can only be specified when using expressions")
                );
            }
            let are = if with_values.len() > 1 { "are" } else { "is" };
            return Err(WireError::validation(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {} {are} null",
                with_values.join(" and ")
            )));
        }
        Ok(())
    }

    /// Size of the values, in bytes.
    pub(super) fn values_size(&self) -> usize {
        let values = self.values.iter().flatten().filter_map(|(_, value)| value.as_ref().ok());
        values.map(value_size).sum()
    }

    /// Writes expressions, names and values down so that two requests that say the same are the same, in whatever order
    /// they say it.
    pub(super) fn fingerprint(&self, out: &mut Fingerprint) {
        for parameter in self.takes.expressions {
            out.text(self.text(parameter));
        }
        let mut names: Vec<_> = self.names.iter().flatten().collect();
        names.sort();
        out.number(names.len());
        for (key, name) in names {
            out.text(Some(key));
            out.text(Some(name));
        }
        let mut values = Map::new();
        for (key, value) in self.values.iter().flatten() {
            values.insert(key.as_str(), value.clone().unwrap_or(AttributeValue::Null));
        }
        out.item(&values);
    }

    /// Which parameter says what parts of items are wanted.
    pub(super) fn projecting(&self) -> Option<&'static str> {
        if self.text("ProjectionExpression").is_some() {
            Some("ProjectionExpression")
        } else {
            self.attributes.as_ref().map(|_| "AttributesToGet")
        }
    }

    /// Writes what the request says of the wanted parts again (UnprocessedKeys).
    pub(super) fn write_projection(&self, to: &mut Object<'_>) {
        if let Some(attributes) = &self.attributes {
            let written = list(attributes, to.member("AttributesToGet"), |name, out| {
                write_string(name, out);
                Ok::<(), std::convert::Infallible>(())
            });
            let Ok(()) = written;
        }
        if let Some(text) = self.text("ProjectionExpression") {
            to.text("ProjectionExpression", text);
        }
        if let Some(names) = &self.names {
            let mut object = to.object("ExpressionAttributeNames");
            for (key, name) in names {
                write_string(name, object.named(key));
            }
            object.close();
        }
    }

    /// All of them, ready. Comes when the values of the request have been looked at.
    pub(super) fn ready(&mut self) -> Result<Ready, WireError> {
        let mut ready = self.legacy()?;
        self.bound(&mut ready)?;
        Ok(ready)
    }

    /// The legacy parameters, ready, but for KeyConditions.
    pub(super) fn legacy(&mut self) -> Result<Ready, WireError> {
        let write = self.takes.write;
        self.joined().map_err(|error| if write { error.in_envelope() } else { error })
    }

    fn joined(&mut self) -> Result<Ready, WireError> {
        let operator = self.operator.take();
        let mut ready = Ready::default();
        self.values_of("AttributeUpdates")?;
        let updated = self.updates.iter().flatten().map(AttributeUpdate::attribute);
        short(self.attributes.iter().flatten().map(String::as_str).chain(updated))?;
        ready.update = self.updates.take().map(attribute_updates::joined).transpose()?;
        // A Scan's AttributesToGet comes before its filter, a Query's after it.
        let scan = self.takes.legacy.contains(&"ScanFilter");
        if scan {
            ready.projection = self.attributes_to_get()?;
        }
        match self.expected.take() {
            Some(expected) => {
                self.values_of("Expected")?;
                ready.condition = expected::joined(expected, operator.as_deref())?;
            }
            None => {
                self.values_of("Filter")?;
                let filter = self.filter.take().unwrap_or_default();
                ready.filter = comparison::joined(filter, operator.as_deref())?;
            }
        }
        if !scan {
            ready.projection = self.attributes_to_get()?;
        }
        Ok(ready)
    }

    fn attributes_to_get(&self) -> Result<Option<Projection>, WireError> {
        self.attributes.clone().map(whole_attributes).transpose()
    }

    /// KeyConditions, checked.
    pub(super) fn key_conditions(&mut self) -> Result<Option<Vec<Comparison>>, WireError> {
        self.values_of("KeyConditions")?;
        let conditions = self.key_conditions.take();
        conditions.iter().flatten().try_for_each(Comparison::check_values)?;
        Ok(conditions)
    }

    /// The expressions, ready.
    pub(super) fn bound(&mut self, ready: &mut Ready) -> Result<(), WireError> {
        self.bind(ready).map_err(|error| match error {
            ExpressionError::Placeholder(_, PlaceholderFault::Value(fault, _))
                if self.takes.newer() && fault.without_place() =>
            {
                self.refusal(fault.newer())
            }
            // Only the older words tell the size.
            ExpressionError::Invalid(kind, Fault::TestTooLarge(_)) if self.takes.newer() => {
                self.refusal(ExpressionError::Invalid(kind, Fault::TooLarge))
            }
            ExpressionError::Placeholder(_, PlaceholderFault::LongName(_)) if self.takes.write => {
                self.refusal(LONG_NAME)
            }
            error => self.refusal(error),
        })
    }

    fn bind(&mut self, ready: &mut Ready) -> Result<(), ExpressionError> {
        let mut placeholders = Placeholders::new(self.names.clone(), self.values.take())?;
        let (to, mut keys) = (&mut placeholders, None);
        if let Some(text) = self.text("UpdateExpression") {
            ready.update = Some(expression::update(text, to)?);
        }
        if let Some(text) = self.text("ConditionExpression") {
            ready.condition = Some(expression::condition(Kind::Condition, text, to)?);
        }
        if let Some(text) = self.text("KeyConditionExpression") {
            keys = Some(expression::key_condition(text, to)?);
        }
        if let Some(text) = self.text("FilterExpression") {
            ready.filter = Some(expression::condition(Kind::Filter, text, to)?);
        }
        if let Some(text) = self.text("ProjectionExpression") {
            ready.projection = Some(expression::projection(text, to)?);
        }
        placeholders.finish()?;
        ready.key_condition = keys.map(KeyTest::conditions).transpose()?;
        Ok(())
    }
}

/// Refuses attributes whose names no item can have.
fn short<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<(), WireError> {
    match names.into_iter().find(|name| name.len() > limits::ATTRIBUTE_NAME) {
        Some(_) => Err(WireError::validation(LONG_NAME)),
        None => Ok(()),
    }
}

/// AttributesToGet.
fn whole_attributes(attributes: Vec<String>) -> Result<Projection, WireError> {
    let twice =
        attributes.iter().enumerate().find(|(at, name)| attributes.iter().take(*at).any(|n| n == *name));
    if let Some((_, name)) = twice {
        return Err(WireError::validation(format!(
            "One or more parameter values were invalid: Duplicate value in attribute name: {name}"
        )));
    }
    Ok(Projection::of_attributes(attributes.into_iter().map(Into::into)))
}

/// A map whose members are read one by one.
fn each<'j, T>(
    wire: &mut Wire<'j>,
    class: &'static str,
    read: impl Fn(&mut Wire<'j>, &str, &mut Vec<T>) -> Result<(), DecodeError>,
) -> Result<Option<Vec<T>>, DecodeError> {
    let mut all = Vec::new();
    let given =
        wire.object(mismatch::Expected::Map(class), |wire, attribute| read(wire, attribute, &mut all))?;
    Ok(given.then_some(all))
}

/// The same of a legacy parameter.
fn apart<'j, T>(
    wire: &mut Wire<'j>,
    class: &'static str,
    read: impl Fn(&mut Wire<'j>, &str, &mut Vec<T>) -> Result<(), DecodeError>,
) -> Result<Apart<T>, DecodeError> {
    wire.apart(|wire| each(wire, class, read))
}

/// ExpressionAttributeNames; of a key given twice the last one counts.
fn names(wire: &mut Wire<'_>) -> Result<Option<Vec<(String, String)>>, DecodeError> {
    each(wire, "String", |wire, key, all: &mut Vec<(String, String)>| {
        all.retain(|(earlier, _)| earlier != key);
        all.extend(wire.string()?.map(|name| (key.to_owned(), name)));
        Ok(())
    })
}

/// ExpressionAttributeValues; of a key given twice the last one counts.
fn values(wire: &mut Wire<'_>, nesting: usize) -> Result<Option<Vec<Value>>, DecodeError> {
    each(wire, "AttributeValue", |wire, key, all: &mut Vec<Value>| {
        all.retain(|(earlier, _)| earlier != key);
        all.extend(wire.checked_value(nesting)?.map(|value| (key.to_owned(), value)));
        Ok(())
    })
}
