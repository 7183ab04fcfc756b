//! What the operations mean, as simply as it can be said: maps, and the list of all that a stream has to tell.

use std::collections::BTreeMap;

use crate::model::{AttributeValue, Map, Number};
use crate::store::Event;

/// Partition and sort key.
pub(super) type Key = (String, i64);

/// A condition.
#[derive(Clone, Copy, Debug)]
pub(super) enum If {
    Exists,
    Absent,
    LevelAtLeast(i64),
}

/// What an update does.
#[derive(Clone, Debug)]
pub(super) enum Change {
    SetLevel(i64),
    Add(i64),
    RemoveKind,
    SetKind(String),
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Put(Map),
    Update(Change),
    Delete,
    /// Only its condition.
    Check,
}

/// One action on one item.
#[derive(Clone, Debug)]
pub(super) struct Action {
    /// 0 has a stream, 1 has none.
    pub(super) table: usize,
    pub(super) key: Key,
    pub(super) only_if: Option<If>,
    pub(super) what: What,
}

impl Action {
    /// A local index has numbers for levels.
    fn is_wrong(&self) -> bool {
        matches!(&self.what, What::Put(item) if matches!(item.get("level"), Some(AttributeValue::S(_))))
    }
}

#[derive(Clone, Debug)]
pub(super) enum Request {
    One(Action),
    /// With its token.
    Transaction(Vec<Action>, Option<String>),
    /// Puts and deletes without conditions.
    Batch(Vec<Action>),
    /// What has expired goes.
    Sweep(Vec<Key>),
}

/// What a stream tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) event: Event,
    pub(super) by_expiry: bool,
    pub(super) new: Option<Map>,
    pub(super) old: Option<Map>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// All items, those that have expired too.
    pub(super) tables: [BTreeMap<Key, Map>; 2],
    /// What the first table's stream tells.
    pub(super) told: Vec<Told>,
    /// The second it is.
    pub(super) now: u64,
}

pub(super) fn n(value: i64) -> AttributeValue {
    AttributeValue::N(Number::from(value))
}

pub(super) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// An item of nothing but its key.
pub(super) fn bare(key: &Key) -> Map {
    let mut item = Map::new();
    item.insert("device", s(&key.0));
    item.insert("ts", n(key.1));
    item
}

fn whole(item: &Map, name: &str) -> Option<i64> {
    match item.get(name) {
        Some(AttributeValue::N(number)) => number.to_i64(),
        _ => None,
    }
}

impl Model {
    fn expired(&self, item: &Map) -> bool {
        whole(item, "gone").is_some_and(|at| at as u64 <= self.now)
    }

    /// The item that is seen.
    fn seen(&self, table: usize, key: &Key) -> Option<&Map> {
        self.tables[table].get(key).filter(|item| !self.expired(item))
    }

    /// All that is seen of a table.
    pub(super) fn visible(&self, table: usize) -> Vec<Map> {
        self.tables[table].values().filter(|item| !self.expired(item)).cloned().collect()
    }

    /// Keys of items of the first table that have expired.
    pub(super) fn gone(&self) -> Vec<Key> {
        self.tables[0].iter().filter(|(_, item)| self.expired(item)).map(|(key, _)| key.clone()).collect()
    }

    fn holds(&self, action: &Action) -> bool {
        let seen = self.seen(action.table, &action.key);
        match action.only_if {
            None => true,
            Some(If::Exists) => seen.is_some(),
            Some(If::Absent) => seen.is_none(),
            Some(If::LevelAtLeast(least)) => {
                seen.and_then(|item| whole(item, "level")).is_some_and(|level| level >= least)
            }
        }
    }

    fn tell(&mut self, event: Event, by_expiry: bool, old: Option<Map>, new: Option<Map>) {
        self.told.push(Told { event, by_expiry, new, old });
    }

    /// Makes an item what it is to be.
    fn write(&mut self, table: usize, key: &Key, new: Option<Map>) {
        let mut old = match &new {
            Some(new) => self.tables[table].insert(key.clone(), new.clone()),
            None => self.tables[table].remove(key),
        };
        if table != 0 {
            return;
        }
        if let Some(expired) = old.take_if(|old| self.expired(old)) {
            self.tell(Event::Remove, true, Some(expired), None);
        }
        match (old, new) {
            (None, None) => {}
            (None, new) => self.tell(Event::Insert, false, None, new),
            (old, None) => self.tell(Event::Remove, false, old, None),
            (old, new) if old == new => {}
            (old, new) => self.tell(Event::Modify, false, old, new),
        }
    }

    fn act(&mut self, action: &Action) {
        let Action { table, key, what, .. } = action;
        match what {
            What::Check => {}
            What::Put(item) => self.write(*table, key, Some(item.clone())),
            What::Delete => {
                if self.tables[*table].contains_key(key) {
                    self.write(*table, key, None);
                }
            }
            What::Update(change) => {
                let seen = self.seen(*table, key).cloned();
                // What only takes away makes nothing.
                if seen.is_none() && matches!(change, Change::RemoveKind) {
                    return;
                }
                let mut item = seen.unwrap_or_else(|| bare(key));
                match change {
                    Change::Nothing => {}
                    Change::SetLevel(level) => drop(item.insert("level", n(*level))),
                    Change::SetKind(kind) => drop(item.insert("kind", s(kind))),
                    Change::RemoveKind => drop(item.remove("kind")),
                    Change::Add(by) => {
                        let sum = whole(&item, "count").unwrap_or(0) + by;
                        drop(item.insert("count", n(sum)));
                    }
                }
                self.write(*table, key, Some(item));
            }
        }
    }

    /// Does what is asked; refused, it does nothing: which of the conditions hold.
    pub(super) fn apply(&mut self, request: &Request) -> Result<(), Vec<bool>> {
        let actions = match request {
            Request::Sweep(keys) => {
                for key in keys {
                    if self.tables[0].get(key).is_some_and(|item| self.expired(item)) {
                        let old = self.tables[0].remove(key);
                        self.tell(Event::Remove, true, old, None);
                    }
                }
                return Ok(());
            }
            Request::One(action) => std::slice::from_ref(action),
            Request::Transaction(actions, _) | Request::Batch(actions) => actions,
        };
        let mut hold: Vec<bool> = actions.iter().map(|action| self.holds(action)).collect();
        // What can't be stored is found before any condition is looked at, and told of alone.
        if let Some(wrong) = actions.iter().position(Action::is_wrong) {
            hold.iter_mut().enumerate().for_each(|(at, holds)| *holds = at != wrong);
        }
        if hold.contains(&false) {
            return Err(hold);
        }
        actions.iter().for_each(|action| self.act(action));
        Ok(())
    }
}
