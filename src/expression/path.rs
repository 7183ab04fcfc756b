//! Document paths, bound: every `#name` replaced by what it stands for.

use std::fmt;

use crate::model::{ImageError, MapRef, Name, ValueRef};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A map member.
    Name(Name),
    /// A list element.
    Index(usize),
}

/// A path: an attribute, then what is inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) attribute: Name,
    pub(super) inside: Vec<Step>,
}

impl Path {
    /// The path of a whole attribute.
    pub(super) fn attribute(name: impl Into<Name>) -> Path {
        Path { attribute: name.into(), inside: Vec::new() }
    }

    /// The bytes of the value that stands there.
    pub(super) fn find<'i>(&self, item: MapRef<'i>) -> Result<Option<&'i [u8]>, ImageError> {
        let Some(mut found) = item.value_bytes(&self.attribute)? else { return Ok(None) };
        for step in &self.inside {
            let next = match (ValueRef::read(found)?, step) {
                (ValueRef::M(map), Step::Name(name)) => map.value_bytes(name)?,
                (ValueRef::L(list), Step::Index(index)) => list.value_bytes(*index)?,
                _ => None,
            };
            match next {
                Some(bytes) => found = bytes,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// As the service writes it in its errors: `[a, [0], b]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.attribute)?;
        for step in &self.inside {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}
