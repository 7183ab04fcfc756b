//! Items at rest: canonical CBOR, read in place.
//!
//! Canonical: definite lengths, shortest heads, map keys sorted by their bytes, sets sorted. Two items are equal exactly
//! when their images are. `S` text, `B` bytes, `BOOL`, `NULL`, `L` array, `M` map; `N` a CBOR integer where it is an
//! integer of 64 bits, else a decimal fraction (tag 4: exponent, coefficient; the coefficient a bignum beyond 64 bits);
//! sets are tag 258 around an array of one kind. `M` and the item's names are text.
//!
//! Reading is checked at every step: bytes that are no image give an [`ImageError`], whatever they are. Nothing is
//! allocated but by [`MapRef::to_map`] and [`ValueRef::to_value`], which go [`MAX_DEPTH`] levels deep at most.

mod cursor;
mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use bytes::Bytes;

use super::key::RowKey;
use super::value::{AttributeValue, Map};
use cursor::{Cursor, Major};
use decode::{Entries, Values};

pub use encode::Canonical;

/// Levels of lists and maps that [`MapRef::to_map`] follows: DynamoDB's 32 and some slack.
pub const MAX_DEPTH: usize = super::limits::NESTING + 8;

/// What a thread's buffer may keep between images, in bytes.
const BUFFERED: usize = 64 * 1024;

/// An item's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(Bytes);

/// The bytes are not an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an item's image")]
pub struct ImageError;

impl Image {
    /// Encodes an item. The image takes exactly the memory it needs: the overlay holds many.
    pub fn encode(item: &Map) -> Image {
        Image(exactly(|out| Image::encode_into(item, out)))
    }

    /// Encodes an item behind its row's key, in one allocation: the overlay holds both as long as either.
    pub fn encode_behind(key: impl FnOnce(&mut Vec<u8>), item: &Map) -> (RowKey, Image) {
        let mut length = 0;
        let mut bytes = exactly(|out| {
            key(out);
            length = out.len();
            Image::encode_into(item, out);
        });
        let image = bytes.split_off(length);
        (RowKey(bytes), Image(image))
    }

    /// Appends an item's image to a buffer that is used again and again.
    pub fn encode_into(item: &Map, out: &mut Vec<u8>) {
        encode::map(item, out);
    }

    /// Takes bytes that this module wrote, and that a checksum vouches for. Reading them stays checked.
    pub fn from_trusted(bytes: Bytes) -> Image {
        Image(bytes)
    }

    /// Takes bytes of unknown origin: decodes them whole, and makes sure that they are in canonical form.
    pub fn from_untrusted(bytes: Bytes) -> Result<Image, ImageError> {
        let again = Image::encode(&MapRef::new(&bytes).to_map()?);
        if again.0 == bytes { Ok(Image(bytes)) } else { Err(ImageError) }
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes, for whoever keeps them.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// To read it in place.
    pub fn as_map(&self) -> MapRef<'_> {
        MapRef::new(&self.0)
    }
}

/// Bytes written into a buffer of the thread's, then copied.
fn exactly(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|out| {
        out.clear();
        write(out);
        let bytes = Bytes::copy_from_slice(out);
        out.shrink_to(BUFFERED);
        bytes
    })
}

/// A map, read in place.
#[derive(Clone, Copy, Debug)]
pub struct MapRef<'a>(&'a [u8]);

impl<'a> MapRef<'a> {
    /// A map that begins at the first byte.
    pub const fn new(bytes: &'a [u8]) -> MapRef<'a> {
        MapRef(bytes)
    }

    /// One attribute's value. Stops at the first name beyond it: names are sorted.
    pub fn get(&self, name: &str) -> Result<Option<ValueRef<'a>>, ImageError> {
        match self.find(name)? {
            Some(mut at) => decode::value(&mut at).map(Some),
            None => Ok(None),
        }
    }

    /// One attribute's value as the bytes it stands in. Two values are equal exactly when these are.
    pub fn value_bytes(&self, name: &str) -> Result<Option<&'a [u8]>, ImageError> {
        match self.find(name)? {
            Some(mut at) => at.skip().map(Some),
            None => Ok(None),
        }
    }

    /// A cursor that stands before the value of an attribute.
    fn find(&self, name: &str) -> Result<Option<Cursor<'a>>, ImageError> {
        let mut at = Cursor::new(self.0);
        for _ in 0..at.open(Major::Map)? {
            match at.name()?.cmp(name.as_bytes()) {
                std::cmp::Ordering::Less => drop(at.skip()?),
                std::cmp::Ordering::Equal => return Ok(Some(at)),
                std::cmp::Ordering::Greater => return Ok(None),
            }
        }
        Ok(None)
    }

    /// How many attributes there are.
    pub fn len(&self) -> Result<usize, ImageError> {
        Cursor::new(self.0).open(Major::Map)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Result<bool, ImageError> {
        self.len().map(|len| len == 0)
    }

    /// The attributes, in the order of their names. Ends after an error.
    pub fn iter(&self) -> impl Iterator<Item = Result<(&'a str, ValueRef<'a>), ImageError>> + use<'a> {
        Entries::new(self.0, decode::value)
    }

    /// The attributes with their values as bytes, in the order of their names. Ends after an error.
    pub fn iter_bytes(&self) -> impl Iterator<Item = Result<(&'a str, &'a [u8]), ImageError>> + use<'a> {
        Entries::new(self.0, Cursor::skip)
    }

    /// The image of the attributes that are wanted, copied without decoding: a key from an item.
    pub fn project(&self, mut wanted: impl FnMut(&str) -> bool) -> Result<Image, ImageError> {
        let mut kept = Vec::new();
        for entry in self.iter_bytes() {
            let (name, value) = entry?;
            if wanted(name) {
                kept.push((name, value));
            }
        }
        Ok(Image(exactly(|out| encode::entries(&kept, out))))
    }

    /// [`MapRef::project`] for these names; those that are not there are left out.
    pub fn project_names(&self, names: &[&str]) -> Result<Image, ImageError> {
        self.project(|name| names.contains(&name))
    }

    /// Decodes it all.
    pub fn to_map(&self) -> Result<Map, ImageError> {
        decode::to_map(*self, MAX_DEPTH)
    }
}

/// A list, read in place.
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a>(&'a [u8]);

impl<'a> ListRef<'a> {
    /// The elements. Ends after an error.
    pub fn iter(&self) -> impl Iterator<Item = Result<ValueRef<'a>, ImageError>> + use<'a> {
        Values::new(self.0, decode::value)
    }

    /// The elements as the bytes they stand in. Ends after an error.
    pub fn iter_bytes(&self) -> impl Iterator<Item = Result<&'a [u8], ImageError>> + use<'a> {
        Values::new(self.0, Cursor::skip)
    }

    /// One element as the bytes it stands in; `None` beyond the end.
    pub fn value_bytes(&self, index: usize) -> Result<Option<&'a [u8]>, ImageError> {
        self.iter_bytes().nth(index).transpose()
    }

    /// How many elements there are.
    pub fn len(&self) -> Result<usize, ImageError> {
        Cursor::new(self.0).open(Major::Array)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Result<bool, ImageError> {
        self.len().map(|len| len == 0)
    }
}

/// A set's elements, read in place; all are of one kind, each given as its `S`, `N` or `B` value.
#[derive(Clone, Copy, Debug)]
pub struct SetRef<'a>(&'a [u8]);

impl<'a> SetRef<'a> {
    /// The elements, in order. Ends after an error.
    pub fn iter(&self) -> impl Iterator<Item = Result<ValueRef<'a>, ImageError>> + use<'a> {
        Values::new(self.0, decode::value)
    }

    /// The elements as the bytes they stand in. Ends after an error.
    pub fn iter_bytes(&self) -> impl Iterator<Item = Result<&'a [u8], ImageError>> + use<'a> {
        Values::new(self.0, Cursor::skip)
    }

    /// How many elements there are; never none.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> Result<usize, ImageError> {
        Cursor::new(self.0).open(Major::Array)
    }
}

/// A value, read in place.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// String.
    S(&'a str),
    /// Number.
    N(super::number::Number),
    /// Binary.
    B(&'a [u8]),
    /// Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// List.
    L(ListRef<'a>),
    /// Map.
    M(MapRef<'a>),
    /// String set.
    SS(SetRef<'a>),
    /// Number set.
    NS(SetRef<'a>),
    /// Binary set.
    BS(SetRef<'a>),
}

impl<'a> ValueRef<'a> {
    /// The value that begins at the first byte ([`MapRef::value_bytes`]).
    pub fn read(bytes: &'a [u8]) -> Result<ValueRef<'a>, ImageError> {
        decode::value(&mut Cursor::new(bytes))
    }

    /// Decodes it all.
    pub fn to_value(&self) -> Result<AttributeValue, ImageError> {
        decode::to_value(*self, MAX_DEPTH)
    }

    /// DynamoDB's letter for the type, as [`AttributeValue::type_name`].
    pub fn type_name(&self) -> &'static str {
        match self {
            ValueRef::S(_) => "S",
            ValueRef::N(_) => "N",
            ValueRef::B(_) => "B",
            ValueRef::Bool(_) => "BOOL",
            ValueRef::Null => "NULL",
            ValueRef::L(_) => "L",
            ValueRef::M(_) => "M",
            ValueRef::SS(_) => "SS",
            ValueRef::NS(_) => "NS",
            ValueRef::BS(_) => "BS",
        }
    }
}
