//! Many paths as one tree, so that a projection or an update goes through an item once; and the check that no two of them
//! mean the same place, or one place as both a map and a list.

use super::error::Fault;
use super::path::{Path, Step};
use crate::model::Name;

/// What stands below a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node<T> {
    /// A path ends here.
    Leaf(T),
    /// Members of a map, sorted by name.
    Names(Vec<(Name, Node<T>)>),
    /// Elements of a list, sorted by index.
    Indexes(Vec<(usize, Node<T>)>),
}

/// The attributes that paths begin with, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trie<T>(pub(super) Vec<(Name, Node<T>)>);

/// A path that is there is in the way of another one.
enum Clash {
    Overlap(usize),
    Conflict(usize),
}

/// A tree while paths are put into it, the last one of a text first: that is how the service goes through them.
pub(super) struct Builder<T> {
    seen: Vec<Path>,
    tree: Vec<(Name, Numbered<T>)>,
}

impl<T> Builder<T> {
    pub(super) fn new() -> Builder<T> {
        Builder { seen: Vec::new(), tree: Vec::new() }
    }

    /// Puts a path in, unless one that is there is in its way.
    pub(super) fn insert(&mut self, path: Path, leaf: T) -> Result<(), Fault> {
        let at = self.seen.len();
        let clash = insert_name(&mut self.tree, &path.attribute, &path.inside, (at, leaf));
        let pair =
            |other: usize| (path.to_string(), self.seen.get(other).map(Path::to_string).unwrap_or_default());
        match clash {
            Ok(()) => {
                self.seen.push(path);
                Ok(())
            }
            Err(Clash::Overlap(other)) => {
                let (one, two) = pair(other);
                Err(Fault::Overlap { one, two })
            }
            Err(Clash::Conflict(other)) => {
                let (one, two) = pair(other);
                Err(Fault::Conflict { one, two })
            }
        }
    }

    pub(super) fn finish(self) -> Trie<T> {
        Trie(self.tree.into_iter().map(|(name, node)| (name, strip(node))).collect())
    }
}

type Numbered<T> = Node<(usize, T)>;

fn insert_name<T>(
    members: &mut Vec<(Name, Numbered<T>)>,
    name: &Name,
    rest: &[Step],
    leaf: (usize, T),
) -> Result<(), Clash> {
    match members.binary_search_by(|(other, _)| other.as_bytes().cmp(name.as_bytes())) {
        Ok(at) => members.get_mut(at).map_or(Ok(()), |(_, node)| insert(node, rest, leaf)),
        Err(at) => {
            members.insert(at, (name.clone(), chain(rest, leaf)));
            Ok(())
        }
    }
}

fn insert<T>(node: &mut Numbered<T>, rest: &[Step], leaf: (usize, T)) -> Result<(), Clash> {
    let Some((step, rest)) = rest.split_first() else { return Err(Clash::Overlap(earliest(node))) };
    match (node, step) {
        (Node::Leaf((earlier, _)), _) => Err(Clash::Overlap(*earlier)),
        (Node::Names(members), Step::Name(name)) => insert_name(members, name, rest, leaf),
        (Node::Indexes(elements), Step::Index(index)) => {
            match elements.binary_search_by_key(index, |(other, _)| *other) {
                Ok(at) => elements.get_mut(at).map_or(Ok(()), |(_, node)| insert(node, rest, leaf)),
                Err(at) => {
                    elements.insert(at, (*index, chain(rest, leaf)));
                    Ok(())
                }
            }
        }
        (other, _) => Err(Clash::Conflict(earliest(other))),
    }
}

/// The nodes of a path that nothing shares.
fn chain<T>(steps: &[Step], leaf: (usize, T)) -> Numbered<T> {
    steps.iter().rev().fold(Node::Leaf(leaf), |below, step| match step {
        Step::Name(name) => Node::Names(vec![(name.clone(), below)]),
        Step::Index(index) => Node::Indexes(vec![(*index, below)]),
    })
}

/// The first of the paths that came this way.
fn earliest<T>(node: &Numbered<T>) -> usize {
    match node {
        Node::Leaf((at, _)) => *at,
        Node::Names(members) => members.iter().map(|(_, node)| earliest(node)).min().unwrap_or(0),
        Node::Indexes(elements) => elements.iter().map(|(_, node)| earliest(node)).min().unwrap_or(0),
    }
}

fn strip<T>(node: Numbered<T>) -> Node<T> {
    match node {
        Node::Leaf((_, leaf)) => Node::Leaf(leaf),
        Node::Names(members) => {
            Node::Names(members.into_iter().map(|(name, node)| (name, strip(node))).collect())
        }
        Node::Indexes(elements) => {
            Node::Indexes(elements.into_iter().map(|(index, node)| (index, strip(node))).collect())
        }
    }
}
