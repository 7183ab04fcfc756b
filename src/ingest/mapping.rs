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

/// What `set` makes of a message.
struct Draft<'m> {
    /// The attributes that `set` names; `None` where the message has nothing for one.
    set: Vec<(&'m Name, Option<AttributeValue>)>,
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
            let draft = self.draft(&scope, target);
            return self.finish(draft, payload, &now, message, target, out);
        };
        let Some(elements) = each.of(&payload) else {
            return Err("each: the payload has nothing there".into());
        };
        let mut one = |key: Option<&str>, index: usize, value: &AttributeValue| {
            let now = Now::new(target.stamp);
            let element = Some(Element { value, key, index });
            let scope = Scope { topic: &message.topic, captures, payload: &payload, element, now: &now };
            let draft = self.draft(&scope, target);
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
    fn draft(&self, scope: &Scope<'_>, target: &Target<'_>) -> Draft<'_> {
        let mut draft = Draft {
            set: Vec::with_capacity(self.set.len()),
            movable: Vec::new(),
            generated: false,
            absent: false,
            place: scope.element.map_or(0, |element| element.index),
        };
        for SetAttribute { name, source } in &self.set {
            let is_key = target.table.keys.contains(name);
            let found = source.of(scope);
            match &found {
                None => draft.absent |= is_key,
                Some(found) => {
                    draft.generated |= is_key && found.now != NowUse::No;
                    if found.now == NowUse::Whole && scope.now.get().estimated {
                        draft.movable.push(Movable { name: name.clone(), unit: Unit::Microseconds });
                    }
                }
            }
            draft.set.push((name, found.map(|found| found.value)));
        }
        draft
    }

    /// Adds what comes of the payload, and all else that makes an item of it.
    fn finish(
        &self,
        mut draft: Draft<'_>,
        base: AttributeValue,
        now: &Now<'_>,
        message: &Message,
        target: &Target<'_>,
        out: &mut Vec<IngestPut>,
    ) -> Result<usize, String> {
        let mut item = self.members_of(base);
        // What `set` names is never taken from the payload, even where `set` found nothing: it may be in other units.
        for (name, found) in draft.set {
            match found {
                Some(value) => drop(item.insert(name.clone(), value)),
                None => drop(item.remove(name)),
            }
        }
        add_ttl(&mut item, &mut draft.movable, now, self.ttl.or(target.ttl), target.table);
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

    /// What comes of the payload.
    fn members_of(&self, base: AttributeValue) -> Item {
        match (&self.members, base) {
            (Members::None, _) => Map::new(),
            (Members::All, AttributeValue::M(map)) => map,
            (Members::Only(names), AttributeValue::M(mut map)) => {
                let mut item = Map::new();
                for name in names {
                    if let Some(value) = map.remove(name) {
                        item.insert(name.clone(), value);
                    }
                }
                item
            }
            (Members::All | Members::Only(_), value) => {
                let mut item = Map::new();
                item.insert(self.value_as.clone(), value);
                item
            }
        }
    }
}

/// Adds the expiry second, where the table has TTL and the item brings none.
fn add_ttl(
    item: &mut Item,
    movable: &mut Vec<Movable>,
    now: &Now<'_>,
    seconds: Option<u64>,
    table: &TableDef,
) {
    let (Some(seconds), Some(ttl)) = (seconds, &table.ttl) else { return };
    if item.get(&ttl.attribute).is_some() {
        return;
    }
    let (expires, moves) = expiry(now.get(), seconds, &ttl.attribute);
    item.insert(ttl.attribute.clone(), expires);
    movable.extend(moves);
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
