//! One action of TransactWriteItems, as it stands in the request.

use super::constraint::Violations;
use super::error::WireError;
use super::expressions::{self, Takes};
use super::fingerprint::Fingerprint;
use super::mismatch::Expected;
use super::one_item::{Named, OneItem};
use super::request::Wire;
use crate::engine::{Action, CheckItem, DeleteItem, OnlyIf, PutItem, UpdateItem};
use crate::model::dynamodb_json::{DecodeError, InvalidValue};
use crate::model::size::item_size;
use crate::model::{Map, TableName};
use crate::store::Origin;

/// The four of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Check,
    Put,
    Delete,
    Update,
}

/// In the order of the service model.
const KINDS: [Kind; 4] = [Kind::Check, Kind::Put, Kind::Delete, Kind::Update];

impl Kind {
    /// The member's name in requests, and in what is said of them.
    fn member(self) -> (&'static str, &'static str) {
        match self {
            Kind::Check => ("ConditionCheck", "conditionCheck"),
            Kind::Put => ("Put", "put"),
            Kind::Delete => ("Delete", "delete"),
            Kind::Update => ("Update", "update"),
        }
    }

    fn named(self) -> Named {
        if self == Kind::Put { Named::Item } else { Named::Key }
    }

    fn takes(self) -> &'static Takes {
        if self == Kind::Update { &expressions::ACTION_UPDATE } else { &expressions::ACTION }
    }

    /// The expression that must be there.
    fn needs(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::Check => Some(("ConditionExpression", "conditionExpression")),
            Kind::Update => Some(("UpdateExpression", "updateExpression")),
            Kind::Put | Kind::Delete => None,
        }
    }
}

/// An element of TransactItems, and the first wrong value in it.
#[derive(Debug, Default)]
pub(super) struct Element(Vec<(Kind, OneItem)>, Option<InvalidValue>);

impl Element {
    /// Reads one.
    pub(super) fn read(wire: &mut Wire<'_>) -> Result<Element, DecodeError> {
        let (mut element, invalid) = wire.apart(Element::kinds)?;
        element.1 = invalid;
        Ok(element)
    }

    fn kinds(wire: &mut Wire<'_>) -> Result<Element, DecodeError> {
        let mut element = Element::default();
        wire.object(Expected::Element("TransactWriteItem"), |wire, name| {
            let Some(kind) = KINDS.into_iter().find(|kind| kind.member().0 == name) else {
                return wire.skip();
            };
            let mut action = OneItem::new(kind.named(), kind.takes());
            let given =
                wire.object(Expected::Member(kind.member().0), |wire, name| action.member(wire, name))?;
            element.0.retain(|(earlier, _)| *earlier != kind);
            if given {
                element.0.push((kind, action));
            }
            Ok(())
        })?;
        Ok(element)
    }

    /// Constraints of the service model; `place` counts from one.
    pub(super) fn check(&self, place: usize, violations: &mut Violations) {
        for (kind, action) in &self.0 {
            let at = format!("transactItems.{place}.member.{}", kind.member().1);
            violations.table_at(&format!("{at}.tableName"), action.table.as_deref());
            violations.required(&format!("{at}.{}", kind.named().member().1), &action.item);
            if let Some((parameter, member)) = kind.needs() {
                violations.required(&format!("{at}.{member}"), &action.expressions.text(parameter));
            }
            let on_failure = format!("{at}.returnValuesOnConditionCheckFailure");
            action.shared.check_on_failure(&on_failure, violations);
        }
    }

    /// The one action that it is.
    pub(super) fn only(mut self) -> Result<Request, WireError> {
        let text = match self.0.len() {
            0 => "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
            1 => "",
            _ => "TransactItems can only contain one of Check, Put, Update or Delete",
        };
        let Some((kind, action)) = self.0.pop().filter(|_| text.is_empty()) else {
            return Err(WireError::validation(text));
        };
        Ok(Request { kind, action, invalid: self.1 })
    }
}

/// An action that is within its constraints.
#[derive(Debug)]
pub(super) struct Request {
    kind: Kind,
    action: OneItem,
    invalid: Option<InvalidValue>,
}

impl Request {
    /// What it says, for the request's token.
    pub(super) fn fingerprint(&self, out: &mut Fingerprint) {
        out.number(self.kind as usize);
        out.text(self.action.table.as_deref());
        out.item(self.action.item.as_ref().unwrap_or(&Map::new()));
        out.number(usize::from(self.action.shared.returns_on_failure()));
        self.action.expressions.fingerprint(out);
    }

    /// Size of the item, or of the key and the values, in bytes.
    pub(super) fn size(&self) -> usize {
        let item = self.action.item.as_ref().map_or(0, item_size);
        if self.kind == Kind::Update { item + self.action.expressions.values_size() } else { item }
    }

    /// Whether it writes.
    pub(super) fn writes(&self) -> bool {
        self.kind != Kind::Check
    }

    /// As the engine takes it, its expressions parsed and bound. What is wrong with them comes before what is wrong with
    /// the item or the key, and one action after another.
    pub(super) fn into_engine(self) -> Result<Action, WireError> {
        let Request { kind, mut action, invalid } = self;
        action.expressions.check_mixture()?;
        let ready = action.expressions.ready()?;
        if let Some(fault) = invalid {
            return Err(fault.into());
        }
        let table = Violations::new().table(action.table.as_deref());
        let (Some(table), Some(item)) = (table, action.item) else { return Err(super::unreadable()) };
        let return_old = action.shared.returns_on_failure();
        let only_if = ready.condition.map(|condition| OnlyIf { condition, return_old });
        let (key, origin) = (item, Origin::Dynamodb);
        Ok(match kind {
            Kind::Put => Action::Put(PutItem { table, item: key, only_if, old_matters: true, origin }),
            Kind::Delete => Action::Delete(DeleteItem { table, key, only_if, origin }),
            Kind::Update => Action::Update(UpdateItem { table, key, update: ready.update, only_if, origin }),
            Kind::Check => {
                let only_if = only_if.ok_or_else(super::unreadable)?;
                Action::Check(CheckItem { table, key, only_if })
            }
        })
    }

    /// The table and the item, or the key.
    pub(super) fn about(&self) -> Option<(TableName, &Map)> {
        let table = Violations::new().table(self.action.table.as_deref())?;
        Some((table, self.action.item.as_ref()?))
    }
}
