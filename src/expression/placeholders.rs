//! ExpressionAttributeNames and ExpressionAttributeValues: what placeholders stand for, and which have been used.

use std::sync::Arc;

use super::constant::Constant;
use super::error::{ExpressionError, Fault, Placeholder, PlaceholderFault};
use super::lexer::is_placeholder;
use super::path::{Path, Step};
use super::{limits, syntax};
use crate::model::dynamodb_json::InvalidValue;
use crate::model::limits::ATTRIBUTE_NAME;
use crate::model::{AttributeValue, Name};

/// The placeholders of one request. All of its expressions are bound to the same ones.
#[derive(Debug, Default)]
pub struct Placeholders {
    names: Vec<Entry<Name>>,
    values: Vec<Entry<Arc<Constant>>>,
}

#[derive(Debug)]
struct Entry<T> {
    key: String,
    stands_for: T,
    used: bool,
}

impl<T> Entry<T> {
    fn find<'e>(entries: &'e mut [Entry<T>], key: &str) -> Option<&'e T> {
        let entry = entries.iter_mut().find(|entry| entry.key == key)?;
        entry.used = true;
        Some(&entry.stands_for)
    }
}

/// A map's keys: some, and each a placeholder.
fn check_keys<'k>(
    which: Placeholder,
    sign: char,
    keys: impl ExactSizeIterator<Item = &'k str>,
) -> Result<(), ExpressionError> {
    if keys.len() == 0 {
        return Err(ExpressionError::Placeholder(which, PlaceholderFault::Empty));
    }
    for key in keys {
        let fault = match key {
            "" => PlaceholderFault::EmptyKey,
            key if !is_placeholder(key, sign) => PlaceholderFault::Key(key.to_owned()),
            _ => continue,
        };
        return Err(ExpressionError::Placeholder(which, fault));
    }
    Ok(())
}

impl Placeholders {
    /// Takes the request's maps, each where it was given, in the request's order and without a key twice. A value that is
    /// none comes as what is wrong with it.
    pub fn new(
        names: Option<Vec<(String, String)>>,
        values: Option<Vec<(String, Result<AttributeValue, InvalidValue>)>>,
    ) -> Result<Placeholders, ExpressionError> {
        let mut placeholders = Placeholders::default();
        if let Some(names) = names {
            let refuse = |fault| Err(ExpressionError::Placeholder(Placeholder::Names, fault));
            check_keys(Placeholder::Names, '#', names.iter().map(|(key, _)| key.as_str()))?;
            for (key, name) in names {
                if name.is_empty() {
                    return refuse(PlaceholderFault::EmptyName(key));
                }
                if name.len() > ATTRIBUTE_NAME {
                    return refuse(PlaceholderFault::LongName(key));
                }
                placeholders.names.push(Entry { key, stands_for: name.into(), used: false });
            }
        }
        if let Some(values) = values {
            check_keys(Placeholder::Values, ':', values.iter().map(|(key, _)| key.as_str()))?;
            for (key, value) in values {
                let value = value.map_err(|fault| {
                    let fault = PlaceholderFault::Value(fault, key.clone());
                    ExpressionError::Placeholder(Placeholder::Values, fault)
                })?;
                let stands_for = Arc::new(Constant::new(value));
                placeholders.values.push(Entry { key, stands_for, used: false });
            }
        }
        Ok(placeholders)
    }

    /// All expressions are bound: refuses what none of them has used.
    pub fn finish(self) -> Result<(), ExpressionError> {
        fn unused<T>(entries: &[Entry<T>]) -> String {
            let keys: Vec<_> =
                entries.iter().filter(|entry| !entry.used).map(|entry| entry.key.as_str()).collect();
            keys.join(", ")
        }
        for (which, keys) in
            [(Placeholder::Names, unused(&self.names)), (Placeholder::Values, unused(&self.values))]
        {
            if !keys.is_empty() {
                return Err(ExpressionError::Unused(which, keys));
            }
        }
        Ok(())
    }

    /// What `#key` stands for.
    fn name(&mut self, key: &str) -> Result<Name, Fault> {
        let name = Entry::find(&mut self.names, key).cloned();
        name.ok_or_else(|| Fault::UndefinedName(key.to_owned()))
    }

    /// What `:key` stands for.
    pub(super) fn value(&mut self, key: &str) -> Result<Arc<Constant>, Fault> {
        let value = Entry::find(&mut self.values, key).cloned();
        value.ok_or_else(|| Fault::UndefinedValue(key.to_owned()))
    }

    /// A path with its names looked up. Its indexes are in range already.
    pub(super) fn path(&mut self, path: &syntax::Path<'_>) -> Result<Path, Fault> {
        let mut steps = Vec::with_capacity(path.0.len());
        for step in &path.0 {
            steps.push(match step {
                syntax::Step::Name(name) => Step::Name((*name).into()),
                syntax::Step::Placeholder(key) => Step::Name(self.name(key)?),
                syntax::Step::Index(digits) => Step::Index(digits.parse().unwrap_or(limits::INDEX)),
            });
        }
        let mut steps = steps.into_iter();
        match steps.next() {
            Some(Step::Name(attribute)) => Ok(Path { attribute, inside: steps.collect() }),
            // The grammar begins every path with a name.
            _ => Ok(Path::attribute("")),
        }
    }
}
