//! Items at rest: canonical CBOR, read in place.
//!
//! Canonical: definite lengths, shortest heads, map keys sorted by their bytes, sets sorted. Two items are equal exactly
//! when their images are. `S` text, `B` bytes, `BOOL`, `NULL`, `L` array, `M` map; `N` a CBOR integer where it is an
//! integer of 64 bits, else a decimal fraction (tag 4: exponent, coefficient; the coefficient a bignum beyond 64 bits);
//! sets are tag 258 around an array of one kind.

use bytes::Bytes;

use super::number::Number;
use super::value::{AttributeValue, Map};

/// An item's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(Bytes);

/// The bytes are not an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an item's image")]
pub struct ImageError;

impl Image {
    /// Encodes an item.
    pub fn encode(_item: &Map) -> Image {
        todo!()
    }

    /// Takes bytes that this module wrote, and that a checksum vouches for. Reading them stays checked.
    pub fn from_trusted(bytes: Bytes) -> Image {
        Image(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// To read it in place.
    pub fn as_map(&self) -> MapRef<'_> {
        MapRef::new(&self.0)
    }
}

/// A map, read in place.
#[derive(Clone, Copy, Debug)]
pub struct MapRef<'a>(&'a [u8]);

impl<'a> MapRef<'a> {
    /// A map that begins at the first byte.
    pub fn new(bytes: &'a [u8]) -> MapRef<'a> {
        MapRef(bytes)
    }

    /// One attribute's value.
    pub fn get(&self, _name: &str) -> Result<Option<ValueRef<'a>>, ImageError> {
        let _ = self.0;
        todo!()
    }

    /// How many attributes there are.
    pub fn len(&self) -> Result<usize, ImageError> {
        todo!()
    }

    /// The attributes, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = Result<(&'a str, ValueRef<'a>), ImageError>> + use<'a> {
        todo!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }

    /// Decodes it all.
    pub fn to_map(&self) -> Result<Map, ImageError> {
        todo!()
    }
}

/// A list, read in place.
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a>(&'a [u8]);

impl<'a> ListRef<'a> {
    /// The elements.
    pub fn iter(&self) -> impl Iterator<Item = Result<ValueRef<'a>, ImageError>> + use<'a> {
        let _ = self.0;
        todo!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }
}

/// A set's elements, read in place; all are of one kind, each given as its `S`, `N` or `B` value.
#[derive(Clone, Copy, Debug)]
pub struct SetRef<'a>(&'a [u8]);

impl<'a> SetRef<'a> {
    /// The elements, in order.
    pub fn iter(&self) -> impl Iterator<Item = Result<ValueRef<'a>, ImageError>> + use<'a> {
        let _ = self.0;
        todo!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }
}

/// A value, read in place.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// String.
    S(&'a str),
    /// Number.
    N(Number),
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

impl ValueRef<'_> {
    /// Decodes it all.
    pub fn to_value(&self) -> Result<AttributeValue, ImageError> {
        todo!()
    }
}
