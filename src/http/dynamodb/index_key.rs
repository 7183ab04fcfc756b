//! A secondary index's key, checked in the service's order.

use std::collections::HashSet;

use super::error::WireError;
use super::index_schema::Index;
use super::table_schema::{Definition, Element, all_defined, attribute};
use crate::model::{IndexKind, KeyAttribute, KeySchema};

/// The most attributes of either half of a global index's key.
const HALF: usize = 4;

/// The attributes of a key, by what they are in it.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) partition: Vec<KeyAttribute>,
    pub(super) sort: Vec<KeyAttribute>,
}

impl Key {
    /// Whether this attribute is in it.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.partition.iter().chain(&self.sort).any(|key| key.name == name)
    }

    /// The key of an index.
    pub(super) fn of(
        index: &Index,
        kind: IndexKind,
        table: &KeySchema,
        definitions: &[Definition],
    ) -> Result<Key, WireError> {
        let elements = index.elements();
        all_defined(elements, definitions)?;
        let (partition, sort) = halves(elements, kind)?;
        if kind == IndexKind::Local {
            local(index.name(), table, partition, sort)?;
        }
        for (half, of) in [("HASH", partition), ("RANGE", sort)] {
            if of.len() > HALF {
                return Err(WireError::invalid(format!(
                    "The KeySchema exceeds the maximum allowed number of {half} key attributes"
                )));
            }
        }
        let attributes =
            |half: &[Element]| half.iter().filter_map(|element| attribute(element, definitions)).collect();
        Ok(Key { partition: attributes(partition), sort: attributes(sort) })
    }
}

/// HASH elements, then RANGE elements, each name once.
fn halves(elements: &[Element], kind: IndexKind) -> Result<(&[Element], &[Element]), WireError> {
    let refuse = |text: &str| Err(WireError::validation(text));
    let mut seen = HashSet::new();
    if !elements.iter().all(|element| seen.insert(element.name())) {
        return refuse(if elements.len() > 2 {
            "The KeySchema contains multiple key attributes with the same name"
        } else {
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        });
    }
    let hashes = elements.iter().take_while(|element| element.is("HASH")).count();
    let (partition, sort) = elements.split_at(hashes);
    if partition.is_empty() {
        return refuse("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
    }
    if kind == IndexKind::Local && hashes > 1 {
        return refuse("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    }
    if sort.iter().any(|element| element.is("HASH")) {
        let text = "All HASH key attributes must precede RANGE key attributes in the KeySchema";
        return Err(WireError::invalid(text));
    }
    Ok((partition, sort))
}

/// What a local index shares with its table.
fn local(name: &str, table: &KeySchema, partition: &[Element], sort: &[Element]) -> Result<(), WireError> {
    if sort.len() != 1 {
        return Err(WireError::invalid(format!(
            "Index KeySchema does not have a range key for index: {name}"
        )));
    }
    let hash = partition.first().map(Element::name).unwrap_or_default();
    if hash != table.partition.name {
        return Err(WireError::invalid(format!(
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: {name}. index hash key: {hash}, table hash key: {}",
            table.partition.name
        )));
    }
    Ok(())
}
