//! Attribute values and items in memory.

use compact_str::CompactString;

use super::number::Number;

/// An attribute's name: UTF-8, 1 to 65,535 bytes.
pub type Name = CompactString;

/// An item: its attributes by name.
pub type Item = Map;

/// One of DynamoDB's ten types of value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// String.
    S(CompactString),
    /// Number, exact.
    N(Number),
    /// Binary.
    B(Vec<u8>),
    /// Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// List, of mixed types.
    L(Vec<AttributeValue>),
    /// Map, of mixed types.
    M(Map),
    /// String set.
    SS(Set<CompactString>),
    /// Number set.
    NS(Set<Number>),
    /// Binary set.
    BS(Set<Vec<u8>>),
}

impl AttributeValue {
    /// DynamoDB's letter for the type: `S`, `N`, `B`, `BOOL`, `NULL`, `L`, `M`, `SS`, `NS`, `BS`.
    pub fn type_name(&self) -> &'static str {
        match self {
            AttributeValue::S(_) => "S",
            AttributeValue::N(_) => "N",
            AttributeValue::B(_) => "B",
            AttributeValue::Bool(_) => "BOOL",
            AttributeValue::Null => "NULL",
            AttributeValue::L(_) => "L",
            AttributeValue::M(_) => "M",
            AttributeValue::SS(_) => "SS",
            AttributeValue::NS(_) => "NS",
            AttributeValue::BS(_) => "BS",
        }
    }
}

/// Attributes by name, kept sorted by the name's bytes, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map(Vec<(Name, AttributeValue)>);

impl Map {
    /// A map without attributes.
    pub const fn new() -> Map {
        Map(Vec::new())
    }

    /// A map of these attributes in any order; for a name given twice, the name.
    pub fn from_pairs(mut pairs: Vec<(Name, AttributeValue)>) -> Result<Map, Name> {
        pairs.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        for window in pairs.windows(2) {
            if let [a, b] = window
                && a.0 == b.0
            {
                return Err(a.0.clone());
            }
        }
        Ok(Map(pairs))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(n, _)| n.as_bytes().cmp(name.as_bytes()))
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.find(name).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    /// The value of an attribute, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut AttributeValue> {
        let at = self.find(name).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Sets an attribute; returns what stood there.
    pub fn insert(&mut self, name: impl Into<Name>, value: AttributeValue) -> Option<AttributeValue> {
        let name = name.into();
        match self.find(&name) {
            Ok(at) => self.0.get_mut(at).map(|slot| std::mem::replace(&mut slot.1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }

    /// The attributes, in the order of their names' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Map {
    type Item = (Name, AttributeValue);
    type IntoIter = std::vec::IntoIter<(Name, AttributeValue)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A set: sorted, without duplicates, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set<T>(Vec<T>);

/// Why elements do not make a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// A set has at least one element.
    #[error("a set may not be empty")]
    Empty,
    /// An element is there twice.
    #[error("a set may not contain duplicates")]
    Duplicate,
}

impl<T: Ord> Set<T> {
    /// A set of these elements, given in any order.
    pub fn new(mut elements: Vec<T>) -> Result<Set<T>, SetError> {
        if elements.is_empty() {
            return Err(SetError::Empty);
        }
        elements.sort();
        if elements.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(SetError::Duplicate);
        }
        Ok(Set(elements))
    }

    /// The elements in order.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(names: &[&str]) -> Vec<(Name, AttributeValue)> {
        names.iter().map(|name| (Name::from(*name), AttributeValue::S((*name).into()))).collect()
    }

    #[test]
    fn a_map_refuses_a_name_twice() {
        assert_eq!(Map::from_pairs(pairs(&["b", "a", "b"])), Err("b".into()));
        assert_eq!(Map::from_pairs(pairs(&["b", "B"])).map(|map| map.len()), Ok(2));
    }

    #[test]
    fn a_set_refuses_what_is_equal() {
        let numbers =
            |texts: &[&str]| texts.iter().map(|text| Number::parse(text).unwrap()).collect::<Vec<_>>();
        assert_eq!(Set::new(numbers(&["1000", "7", "1e3"])), Err(SetError::Duplicate));
        assert_eq!(Set::<Number>::new(Vec::new()), Err(SetError::Empty));
        let set = Set::new(numbers(&["10", "-1", "9"])).unwrap();
        assert_eq!(set.as_slice(), numbers(&["-1", "9", "10"]));
        assert_eq!(set, Set::new(numbers(&["9", "10.0", "-1"])).unwrap());
    }

    proptest! {
        #[test]
        fn a_map_is_a_map(actions in prop::collection::vec(("[a-dé]{0,2}", any::<Option<bool>>()), 0..40)) {
            let mut map = Map::new();
            let mut model = std::collections::BTreeMap::new();
            for (name, value) in actions {
                match value {
                    Some(value) => {
                        let value = AttributeValue::Bool(value);
                        prop_assert_eq!(map.insert(name.as_str(), value.clone()), model.insert(name, value));
                    }
                    None => prop_assert_eq!(map.remove(&name), model.remove(&name)),
                }
            }
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.is_empty(), model.is_empty());
            for (name, value) in &model {
                prop_assert_eq!(map.get(name), Some(value));
                prop_assert_eq!(map.get_mut(name).cloned(), Some(value.clone()));
            }
            let names: Vec<&str> = map.iter().map(|(name, _)| name.as_str()).collect();
            prop_assert!(names.iter().copied().eq(model.keys().map(String::as_str)));
        }
    }
}
