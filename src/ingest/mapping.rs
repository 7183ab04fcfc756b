//! What a rule makes of a message: payload and `set` become items, with keys converted, time to live added, and
//! estimated times marked.

use super::convert;
use super::payload;
use super::pointer::Pointer;
use super::scope::{Element, Found, Now, NowUse, Scope};
use super::settings::PayloadKind;
use super::template::Template;
use super::time::Time;
use super::topic::Captures;
use super::{Message, fingerprint};
use crate::clock::{BootId, Stamp};
use crate::engine::IngestPut;
use crate::model::{AttributeValue, Item, Map, Name, TableDef, limits, size};
use crate::store::{Mark, Movable, Unit};

/// What the items of one message may come to: one commit, in memory at once.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// What an item takes besides its own size, about.
pub(super) const ITEM_OVERHEAD: usize = 256;

/// The part of a rule that makes items.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    /// The table, among the configured ones.
    pub(super) table: usize,
    pub(super) payload: PayloadKind,
    pub(super) value_as: Name,
    pub(super) members: Members,
    pub(super) set: Box<[SetAttribute]>,
    pub(super) each: Option<Pointer>,
    /// In seconds.
    pub(super) ttl: Option<u64>,
}

/// Which members of an object become attributes.
#[derive(Clone, Debug)]
pub(super) enum Members {
    All,
    None,
    Only(Box<[Name]>),
}

/// An attribute that the rule sets.
#[derive(Clone, Debug)]
pub(super) struct SetAttribute {
    pub(super) name: Name,
    pub(super) source: ValueSource,
}

/// Where its value comes from.
#[derive(Clone, Debug)]
pub(super) enum ValueSource {
    Template(Template),
    Value(AttributeValue),
    Time(Time),
}

/// What mapping needs besides the message.
pub(super) struct Target<'a> {
    /// The table as it is now.
    pub(super) table: &'a TableDef,
    /// The table's default time to live, in seconds.
    pub(super) ttl: Option<u64>,
    pub(super) boot: BootId,
    pub(super) stamp: &'a dyn Fn() -> Stamp,
}

/// An item in the making.
struct Draft {
    pairs: Vec<(Name, AttributeValue)>,
    movable: Vec<Movable>,
    /// The key holds the gateway's time: the message, come again, would make another item.
    generated: bool,
    /// A key attribute that `set` names has no value in this message.
    absent: bool,
    /// The item's place among the message's.
    place: usize,
}

impl Mapping {
    /// Whether `set` names this attribute.
    pub(super) fn sets(&self, name: &str) -> bool {
        self.set.iter().any(|attribute| attribute.name == name)
    }

    /// Appends the message's items; gives their size. On an error, what was appended means nothing.
    pub(super) fn items(
        &self,
        message: &Message,
        captures: &Captures,
        target: &Target<'_>,
        out: &mut Vec<IngestPut>,
    ) -> Result<usize, String> {
        let payload = payload::read(self.payload, &message.payload)?;
        let Some(each) = &self.each else {
            let now = Now::new(target.stamp);
            let scope =
                Scope { topic: &message.topic, captures, payload: &payload, element: None, now: &now };
            let draft = self.draft(&scope, target, &payload);
            return self.finish(draft, payload, &now, message, target, out);
        };
        let Some(elements) = each.of(&payload) else {
            return Err("each: the payload has nothing there".into());
        };
        let mut one = |key: Option<&str>, index: usize, value: &AttributeValue| {
            let now = Now::new(target.stamp);
            let element = Some(Element { value, key, index });
            let scope = Scope { topic: &message.topic, captures, payload: &payload, element, now: &now };
            let draft = self.draft(&scope, target, value);
            self.finish(draft, value.clone(), &now, message, target, out)
                .map_err(|reason| format!("element {index}: {reason}"))
        };
        let mut total = 0usize;
        let mut add = |size: Result<usize, String>| {
            total += size? + ITEM_OVERHEAD;
            match total {
                n if n > MESSAGE_BYTES => Err("each: the items come to more than 16 MiB".to_owned()),
                _ => Ok(()),
            }
        };
        match elements {
            AttributeValue::L(list) => {
                for (index, value) in list.iter().enumerate() {
                    add(one(None, index, value))?;
                }
            }
            AttributeValue::M(map) => {
                for (index, (name, value)) in map.iter().enumerate() {
                    add(one(Some(name), index, value))?;
                }
            }
            _ => return Err("each: what is there is neither an array nor an object".into()),
        }
        Ok(total)
    }

    /// The attributes that `set` gives.
    fn draft(&self, scope: &Scope<'_>, target: &Target<'_>, base: &AttributeValue) -> Draft {
        let members = if let AttributeValue::M(map) = base { map.len() } else { 1 };
        let mut draft = Draft {
            pairs: Vec::with_capacity(self.set.len() + members + 1),
            movable: Vec::new(),
            generated: false,
            absent: false,
            place: scope.element.map_or(0, |element| element.index),
        };
        for attribute in &self.set {
            let is_key = target.table.keys.contains(&attribute.name);
            let Some(found) = attribute.source.of(scope) else {
                draft.absent |= is_key;
                continue;
            };
            draft.generated |= is_key && found.now != NowUse::No;
            if found.now == NowUse::Whole && scope.now.get().estimated {
                draft.movable.push(Movable { name: attribute.name.clone(), unit: Unit::Microseconds });
            }
            draft.pairs.push((attribute.name.clone(), found.value));
        }
        draft
    }

    /// Adds what comes of the payload, and all else that makes an item of it.
    fn finish(
        &self,
        mut draft: Draft,
        base: AttributeValue,
        now: &Now<'_>,
        message: &Message,
        target: &Target<'_>,
        out: &mut Vec<IngestPut>,
    ) -> Result<usize, String> {
        self.add_members(&mut draft.pairs, base);
        add_ttl(&mut draft, now, self.ttl.or(target.ttl), target.table);
        let mut item =
            Map::from_pairs(draft.pairs).map_err(|name| format!("the attribute {name} comes twice"))?;
        convert::key_of(&mut item, &target.table.keys).map_err(|reason| match draft.absent {
            true => format!("{reason}: the message has nothing of what set names for it"),
            false => reason,
        })?;
        let size = check(&item)?;
        // A time that became a text key can't be moved.
        draft.movable.retain(|movable| matches!(item.get(&movable.name), Some(AttributeValue::N(_))));
        let mark =
            (!draft.movable.is_empty()).then_some(Mark { boot: target.boot, attributes: draft.movable });
        let delivery = if draft.generated { fingerprint::of(message, draft.place) } else { None };
        out.push(IngestPut { table: target.table.name.clone(), item, mark, delivery, dup: message.dup });
        Ok(size)
    }

    /// What `set` names is never taken from the payload, even where `set` found nothing: it may be in other units.
    fn add_members(&self, pairs: &mut Vec<(Name, AttributeValue)>, base: AttributeValue) {
        match (&self.members, base) {
            (Members::None, _) => {}
            (Members::All, AttributeValue::M(map)) => {
                pairs.extend(map.into_iter().filter(|(name, _)| !self.sets(name)));
            }
            (Members::Only(names), AttributeValue::M(mut map)) => {
                let wanted = names.iter().filter(|name| !self.sets(name));
                pairs.extend(wanted.filter_map(|name| map.remove(name).map(|value| (name.clone(), value))));
            }
            (Members::All | Members::Only(_), value) if !self.sets(&self.value_as) => {
                pairs.push((self.value_as.clone(), value));
            }
            _ => {}
        }
    }
}

/// Adds the expiry second, where the table has TTL and the item brings none.
fn add_ttl(draft: &mut Draft, now: &Now<'_>, seconds: Option<u64>, table: &TableDef) {
    let (Some(seconds), Some(ttl)) = (seconds, &table.ttl) else { return };
    if draft.pairs.iter().any(|(name, _)| *name == ttl.attribute) {
        return;
    }
    let (expires, movable) = expiry(now.get(), seconds, &ttl.attribute);
    draft.pairs.push((ttl.attribute.clone(), expires));
    draft.movable.extend(movable);
}

/// The expiry second, so many seconds from now; movable where the time is an estimate.
pub(super) fn expiry(now: Stamp, seconds: u64, attribute: &Name) -> (AttributeValue, Option<Movable>) {
    let expires = AttributeValue::N((now.us / 1_000_000).saturating_add(seconds).into());
    (expires, now.estimated.then(|| Movable { name: attribute.clone(), unit: Unit::Seconds }))
}

/// The item's size, if DynamoDB could hold it.
fn check(item: &Item) -> Result<usize, String> {
    if item.iter().any(|(_, value)| deeper_than(value, limits::NESTING - 1)) {
        return Err(format!("the item is nested deeper than {} levels", limits::NESTING));
    }
    match size::item_size(item) {
        size if size > limits::ITEM_SIZE => Err(format!("the item has {size} bytes; 400 KB is the most")),
        size => Ok(size),
    }
}

fn deeper_than(value: &AttributeValue, levels: usize) -> bool {
    let inner = |value: &AttributeValue| levels == 0 || deeper_than(value, levels - 1);
    match value {
        AttributeValue::L(list) => list.iter().any(inner),
        AttributeValue::M(map) => map.iter().any(|(_, value)| inner(value)),
        _ => false,
    }
}

impl ValueSource {
    fn of(&self, scope: &Scope<'_>) -> Option<Found> {
        match self {
            ValueSource::Template(template) => template.of(scope),
            ValueSource::Value(value) => Some(Found::plain(value.clone())),
            ValueSource::Time(time) => time.of(scope),
        }
    }
}
