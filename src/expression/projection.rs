//! Projections: which parts of an item are wanted.

use super::error::Fault;
use super::placeholders::Placeholders;
use super::syntax;
use super::trie::{Builder, Node, Trie};
use crate::model::{AttributeValue, Image, ImageError, Map, MapRef, Name, ValueRef};

/// A ProjectionExpression, or AttributesToGet, ready to be applied to items.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection(Trie<()>);

impl Projection {
    /// Whole attributes, each once.
    pub fn of_attributes(names: impl IntoIterator<Item = Name>) -> Projection {
        let mut names: Vec<_> = names.into_iter().map(|name| (name, Node::Leaf(()))).collect();
        names.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
        names.dedup_by(|(a, _), (b, _)| a == b);
        Projection(Trie(names))
    }

    pub(super) fn of_paths(paths: Builder<()>) -> Projection {
        Projection(paths.finish())
    }

    /// The attributes that it takes from; and whether something inside of them.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.0.iter().map(|(name, node)| (name.as_str(), !matches!(node, Node::Leaf(()))))
    }

    /// The wanted parts of an item. Elements of lists come in their order, without the gaps; what is not there is left
    /// out, and so is a map or a list of which nothing is.
    pub fn apply(&self, item: MapRef<'_>) -> Result<Image, ImageError> {
        if self.0.0.iter().all(|(_, node)| matches!(node, Node::Leaf(()))) {
            let wanted = |name: &str| self.0.0.binary_search_by(|(n, _)| n.as_bytes().cmp(name.as_bytes()));
            return item.project(|name| wanted(name).is_ok());
        }
        Ok(Image::encode(&members(&self.0.0, item)?))
    }
}

fn members(wanted: &[(Name, Node<()>)], map: MapRef<'_>) -> Result<Map, ImageError> {
    let mut kept = Map::new();
    for (name, node) in wanted {
        if let Some(value) = map.get(name)?
            && let Some(part) = part(node, value)?
        {
            kept.insert(name.clone(), part);
        }
    }
    Ok(kept)
}

fn part(node: &Node<()>, value: ValueRef<'_>) -> Result<Option<AttributeValue>, ImageError> {
    Ok(match (node, value) {
        (Node::Leaf(()), value) => Some(value.to_value()?),
        (Node::Names(wanted), ValueRef::M(map)) => {
            let kept = members(wanted, map)?;
            (!kept.is_empty()).then_some(AttributeValue::M(kept))
        }
        (Node::Indexes(wanted), ValueRef::L(list)) => {
            let mut kept = Vec::new();
            for (index, node) in wanted {
                if let Some(bytes) = list.value_bytes(*index)?
                    && let Some(part) = part(node, ValueRef::read(bytes)?)?
                {
                    kept.push(part);
                }
            }
            (!kept.is_empty()).then_some(AttributeValue::L(kept))
        }
        _ => None,
    })
}

/// Binds a projection, its last path first.
pub(super) fn bind(projection: &syntax::Projection<'_>, to: &mut Placeholders) -> Result<Projection, Fault> {
    let mut paths = Builder::new();
    for path in projection.0.iter().rev() {
        paths.insert(to.path(path)?, ())?;
    }
    Ok(Projection::of_paths(paths))
}
