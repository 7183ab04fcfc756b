//! What the service's UpdateItem counts of an update besides the item that it makes. Measured from outside by others (in 22 of
//! 33 regions, September 2026); no documentation has it.

use super::trie::Node;
use super::update::{Action, Update};
use crate::model::size::value_size;
use crate::model::{Item, Name};

/// Any update.
const UPDATE: usize = 3;
/// Each action of SET and ADD.
const GIVES: usize = 19;
/// Each action of REMOVE and DELETE.
const TAKES: usize = 2;
/// One more where the path goes through a list.
const THROUGH_LIST: usize = 1;

impl Update {
    /// The bytes that it writes: the attributes that it changes, or changes something inside of, as they stand in the
    /// `new` item, and so much for each action. What it leaves alone does not count, nor does the key.
    pub fn written_size(&self, new: &Item) -> usize {
        let attribute = |(name, node): &(Name, Node<Action>)| {
            let stands = new.get(name).map_or(0, |value| name.len() + value_size(value));
            stands + cost(node, 0)
        };
        UPDATE + self.actions.0.iter().map(attribute).sum::<usize>()
    }
}

fn cost(node: &Node<Action>, way: usize) -> usize {
    match node {
        Node::Leaf(Action::Set(_) | Action::Add(_)) => GIVES + way,
        Node::Leaf(Action::Remove | Action::Delete(_)) => TAKES + way,
        Node::Names(members) => members.iter().map(|(_, node)| cost(node, way)).sum(),
        Node::Indexes(elements) => elements.iter().map(|(_, node)| cost(node, THROUGH_LIST)).sum(),
    }
}
