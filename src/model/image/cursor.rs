//! A cursor over canonical CBOR (RFC 8949, 4.2): shortest heads, definite lengths. Anything else is an error.

use super::ImageError;

/// RFC 8949, 3.1: what a head's first three bits say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Major {
    /// An integer from 0.
    Unsigned,
    /// `-1 - n`.
    Negative,
    /// Bytes.
    Bytes,
    /// UTF-8.
    Text,
    /// Elements.
    Array,
    /// Names and values.
    Map,
    /// A tag before a value.
    Tag,
    /// `false`, `true`, `null`; images have no floats.
    Simple,
}

/// Where reading goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor(bytes)
    }

    /// Reads a head: its major type and its argument.
    pub(super) fn head(&mut self) -> Result<(Major, u64), ImageError> {
        let (first, rest) = self.0.split_first().ok_or(ImageError)?;
        self.0 = rest;
        let major = match first >> 5 {
            0 => Major::Unsigned,
            1 => Major::Negative,
            2 => Major::Bytes,
            3 => Major::Text,
            4 => Major::Array,
            5 => Major::Map,
            6 => Major::Tag,
            _ => Major::Simple,
        };
        let (argument, least) = match first & 31 {
            direct @ 0..24 => return Ok((major, u64::from(direct))),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            _ => return Err(ImageError),
        };
        if argument < least || major == Major::Simple {
            return Err(ImageError);
        }
        Ok((major, argument))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(ImageError)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// Reads so many bytes.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], ImageError> {
        let length = usize::try_from(length).map_err(|_| ImageError)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ImageError)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A count of elements, each of which has a byte at least.
    pub(super) fn count(&self, argument: u64) -> Result<usize, ImageError> {
        usize::try_from(argument).ok().filter(|count| *count <= self.0.len()).ok_or(ImageError)
    }

    /// Reads the head of an array or a map; returns how many elements or entries it has.
    pub(super) fn open(&mut self, wanted: Major) -> Result<usize, ImageError> {
        match self.head()? {
            (major, argument) if major == wanted => self.count(argument),
            _ => Err(ImageError),
        }
    }

    /// Reads text as bytes: a name.
    pub(super) fn name(&mut self) -> Result<&'a [u8], ImageError> {
        match self.head()? {
            (Major::Text, length) => self.take(length),
            _ => Err(ImageError),
        }
    }

    /// Passes over a value, whatever is in it, and returns its bytes.
    pub(super) fn skip(&mut self) -> Result<&'a [u8], ImageError> {
        let start = self.0;
        let mut left = 1usize;
        while left > 0 {
            left -= 1;
            let (major, argument) = self.head()?;
            let inside = match major {
                Major::Unsigned | Major::Negative | Major::Simple => 0,
                Major::Bytes | Major::Text => {
                    self.take(argument)?;
                    0
                }
                Major::Array => self.count(argument)?,
                Major::Map => self.count(argument)?.saturating_mul(2),
                Major::Tag => 1,
            };
            left = left.saturating_add(inside);
        }
        start.get(..start.len() - self.0.len()).ok_or(ImageError)
    }
}

/// Bytes as text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, ImageError> {
    std::str::from_utf8(bytes).map_err(|_| ImageError)
}
