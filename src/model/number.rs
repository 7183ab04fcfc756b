//! DynamoDB's number: a decimal of up to 38 significant digits, exact, never a float.

use std::fmt;

/// A decimal number: `±coefficient × 10^exponent`, normalised: the coefficient has no trailing zero, zero is
/// `(false, 0, 0)`. Magnitudes are 1E-130 up to below 1E126 (DynamoDB developer guide, "Data types: Number").
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    coefficient: u128,
    exponent: i16,
    negative: bool,
}

/// Why a text is not a DynamoDB number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a decimal number at all (NaN, Infinity, spaces, an empty text).
    #[error("not a number")]
    Syntax,
    /// Magnitude of 1E126 or more.
    #[error("number overflow")]
    Overflow,
    /// Magnitude below 1E-130, and not zero.
    #[error("number underflow")]
    Underflow,
    /// More than 38 significant digits.
    #[error("more than 38 significant digits")]
    Precision,
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number { coefficient: 0, exponent: 0, negative: false };

    /// Reads decimal text: optional sign, digits, optional fraction, optional exponent.
    pub fn parse(_text: &str) -> Result<Number, NumberError> {
        todo!()
    }

    /// The number `(-1)^negative × coefficient × 10^exponent`, normalised and checked.
    pub fn from_parts(_negative: bool, _coefficient: u128, _exponent: i32) -> Result<Number, NumberError> {
        todo!()
    }

    /// The sign, the normalised coefficient and its exponent.
    pub fn parts(&self) -> (bool, u128, i16) {
        (self.negative, self.coefficient, self.exponent)
    }

    /// The value as an `i64`, if it is an integer in its range.
    pub fn to_i64(&self) -> Option<i64> {
        todo!()
    }

    /// Appends the order-preserving bytes: for two numbers, byte order is numeric order, and no encoding is a
    /// prefix of another one. At most 22 bytes.
    pub fn encode_ordered(&self, _out: &mut Vec<u8>) {
        todo!()
    }

    /// Reads back what [`Number::encode_ordered`] wrote; returns the number and how many bytes it took.
    pub fn decode_ordered(_bytes: &[u8]) -> Option<(Number, usize)> {
        todo!()
    }
}

impl From<i64> for Number {
    fn from(_value: i64) -> Number {
        todo!()
    }
}

impl From<u64> for Number {
    fn from(_value: u64) -> Number {
        todo!()
    }
}

impl Ord for Number {
    fn cmp(&self, _other: &Number) -> std::cmp::Ordering {
        todo!()
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Plain decimal as DynamoDB answers it: no plus sign, no leading or trailing zeros, no exponent, no negative zero.
impl fmt::Display for Number {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}
