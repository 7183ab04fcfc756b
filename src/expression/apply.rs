//! Making an update: a new item from the old one's image. All values are taken from the old item, whatever the order of
//! the clauses; lists are changed by their original indexes.

use std::collections::VecDeque;

use super::error::UpdateError;
use super::syntax::Sign;
use super::trie::Node;
use super::update::{Action, Update, Value};
use crate::model::{AttributeValue, Item, Map, MapRef, Name, Number, NumberError, Set, ValueRef, limits};

type Result<T> = std::result::Result<T, UpdateError>;

impl Update {
    /// The item that the update makes of another one; of an empty map where there is none but its key.
    pub fn apply(&self, old: MapRef<'_>) -> Result<Item> {
        let mut item = old.to_map()?;
        Making { old, legacy: self.legacy }.members(&self.actions.0, &mut item)?;
        if nests_within_limit(&item) { Ok(item) } else { Err(UpdateError::Nesting) }
    }
}

struct Making<'i> {
    old: MapRef<'i>,
    legacy: bool,
}

impl Making<'_> {
    fn mismatch(&self) -> UpdateError {
        if self.legacy { UpdateError::LegacyType } else { UpdateError::Type }
    }

    fn members(&self, nodes: &[(Name, Node<Action>)], map: &mut Map) -> Result<()> {
        for (name, node) in nodes {
            match node {
                Node::Leaf(action) => {
                    if let Some(value) = self.act(action, map.remove(name))? {
                        map.insert(name.clone(), value);
                    }
                }
                below => self.inside(below, map.get_mut(name))?,
            }
        }
        Ok(())
    }

    /// Changes a part of a value, which must be there and of the type that the path says.
    fn inside(&self, node: &Node<Action>, value: Option<&mut AttributeValue>) -> Result<()> {
        match (node, value) {
            (Node::Names(nodes), Some(AttributeValue::M(map))) => self.members(nodes, map),
            (Node::Indexes(nodes), Some(AttributeValue::L(list))) => self.elements(nodes, list),
            _ => Err(UpdateError::Path),
        }
    }

    /// What is set beyond a list's end is appended, in the order of the indexes; what is removed leaves no gap.
    fn elements(&self, nodes: &[(usize, Node<Action>)], list: &mut Vec<AttributeValue>) -> Result<()> {
        let mut kept: VecDeque<Option<AttributeValue>> = list.drain(..).map(Some).collect();
        let length = kept.len();
        for (index, node) in nodes {
            match (node, kept.get_mut(*index).filter(|_| *index < length)) {
                (Node::Leaf(action), Some(slot)) => *slot = self.act(action, slot.take())?,
                (Node::Leaf(action), None) => kept.push_back(self.act(action, None)?),
                (below, slot) => self.inside(below, slot.and_then(Option::as_mut))?,
            }
        }
        list.extend(kept.into_iter().flatten());
        Ok(())
    }

    /// What an action makes of what stands there.
    fn act(&self, action: &Action, old: Option<AttributeValue>) -> Result<Option<AttributeValue>> {
        Ok(match action {
            Action::Set(value) => Some(self.value(value)?),
            Action::Remove => None,
            Action::Add(constant) => Some(match old {
                None => constant.value().clone(),
                Some(old) => self.add(old, constant.value())?,
            }),
            Action::Delete(constant) => match old {
                None => None,
                Some(old) => self.delete(old, constant.value())?,
            },
        })
    }

    fn value(&self, value: &Value) -> Result<AttributeValue> {
        match value {
            Value::Constant(constant) => Ok(constant.value().clone()),
            Value::Path(path) => {
                let bytes = path.find(self.old)?.ok_or(UpdateError::Missing)?;
                Ok(ValueRef::read(bytes)?.to_value()?)
            }
            Value::IfNotExists(path, otherwise) => match path.find(self.old)? {
                Some(bytes) => Ok(ValueRef::read(bytes)?.to_value()?),
                None => self.value(otherwise),
            },
            Value::ListAppend(operands) => {
                let [first, second] = operands.as_ref();
                let AttributeValue::L(mut list) = self.value(first)? else { return Err(self.mismatch()) };
                let AttributeValue::L(more) = self.value(second)? else { return Err(self.mismatch()) };
                list.extend(more);
                Ok(AttributeValue::L(list))
            }
            Value::Sum(sign, operands) => {
                let [left, right] = operands.as_ref();
                let AttributeValue::N(left) = self.value(left)? else { return Err(self.mismatch()) };
                let AttributeValue::N(right) = self.value(right)? else { return Err(self.mismatch()) };
                sum(*sign, left, right)
            }
        }
    }

    fn add(&self, old: AttributeValue, more: &AttributeValue) -> Result<AttributeValue> {
        Ok(match (old, more) {
            (AttributeValue::N(old), AttributeValue::N(more)) => sum(Sign::Plus, old, *more)?,
            (AttributeValue::SS(old), AttributeValue::SS(more)) => AttributeValue::SS(union(&old, more)),
            (AttributeValue::NS(old), AttributeValue::NS(more)) => AttributeValue::NS(union(&old, more)),
            (AttributeValue::BS(old), AttributeValue::BS(more)) => AttributeValue::BS(union(&old, more)),
            (AttributeValue::L(mut old), AttributeValue::L(more)) => {
                old.extend(more.iter().cloned());
                AttributeValue::L(old)
            }
            _ => return Err(self.mismatch()),
        })
    }

    /// A set of which nothing is left is gone.
    fn delete(&self, old: AttributeValue, less: &AttributeValue) -> Result<Option<AttributeValue>> {
        Ok(match (old, less) {
            (AttributeValue::SS(old), AttributeValue::SS(less)) => {
                difference(&old, less).map(AttributeValue::SS)
            }
            (AttributeValue::NS(old), AttributeValue::NS(less)) => {
                difference(&old, less).map(AttributeValue::NS)
            }
            (AttributeValue::BS(old), AttributeValue::BS(less)) => {
                difference(&old, less).map(AttributeValue::BS)
            }
            _ => return Err(self.mismatch()),
        })
    }
}

fn sum(sign: Sign, left: Number, right: Number) -> Result<AttributeValue> {
    let sum = match sign {
        Sign::Plus => left.checked_add(right),
        Sign::Minus => left.checked_sub(right),
    };
    sum.map(AttributeValue::N).map_err(|error| match error {
        NumberError::Overflow => UpdateError::Overflow,
        NumberError::Underflow => UpdateError::Underflow,
        NumberError::Precision | NumberError::Syntax => UpdateError::Precision,
    })
}

fn union<T: Ord + Clone>(old: &Set<T>, more: &Set<T>) -> Set<T> {
    let mut elements = old.as_slice().to_vec();
    elements.extend_from_slice(more.as_slice());
    elements.sort();
    elements.dedup();
    // Neither set is empty, so their union is one.
    Set::new(elements).unwrap_or_else(|_| old.clone())
}

fn difference<T: Ord + Clone>(old: &Set<T>, less: &Set<T>) -> Option<Set<T>> {
    let left = old.as_slice().iter().filter(|element| less.as_slice().binary_search(element).is_err());
    Set::new(left.cloned().collect()).ok()
}

/// Whether no value of an item nests more levels than the service takes.
fn nests_within_limit(item: &Item) -> bool {
    fn fits(value: &AttributeValue, levels: usize) -> bool {
        match value {
            AttributeValue::L(list) => levels > 0 && list.iter().all(|value| fits(value, levels - 1)),
            AttributeValue::M(map) => levels > 0 && map.iter().all(|(_, value)| fits(value, levels - 1)),
            _ => true,
        }
    }
    item.iter().all(|(_, value)| fits(value, limits::NESTING - 1))
}
