//! DynamoDB's number: a decimal of up to 38 significant digits, exact, never a float.

mod ordered;
mod text;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::ops::Neg;

use super::limits::{NUMBER_DIGITS, NUMBER_MAX_EXPONENT, NUMBER_MIN_EXPONENT};

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

/// Powers of ten that fit 64 bits.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const POW10: [u64; 20] = {
    let mut table = [1; 20];
    let mut at = 1;
    while at < 20 {
        table[at] = table[at - 1] * 10;
        at += 1;
    }
    table
};

/// `10^power`; zero beyond the table, which no caller reaches.
fn pow10(power: u32) -> u64 {
    POW10.get(power as usize).copied().unwrap_or(0)
}

/// How many decimal digits a number above zero has.
fn digits_of(coefficient: u128) -> u32 {
    match u64::try_from(coefficient) {
        Ok(small) => small.checked_ilog10().unwrap_or(0) + 1,
        Err(_) => coefficient.checked_ilog10().unwrap_or(0) + 1,
    }
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number { coefficient: 0, exponent: 0, negative: false };

    /// Reads decimal text: optional sign, digits, optional fraction, optional exponent. The grammar is that of Java's
    /// `BigDecimal`, as DynamoDB's: `+5`, `.5`, `5.` and `1E+3` are numbers, `.` and ` 1` are not. Zeros in front and
    /// behind don't count as digits, however many they are.
    pub fn parse(text: &str) -> Result<Number, NumberError> {
        text::parse(text.as_bytes())
    }

    /// The number `(-1)^negative × coefficient × 10^exponent`, normalised and checked.
    pub fn from_parts(negative: bool, coefficient: u128, exponent: i32) -> Result<Number, NumberError> {
        let (coefficient, zeros) = without_trailing_zeros(coefficient);
        if coefficient == 0 {
            return Ok(Number::ZERO);
        }
        let exponent = i64::from(exponent) + i64::from(zeros);
        Number::checked(negative, coefficient, exponent, i64::from(digits_of(coefficient)))
    }

    /// A number from a normalised coefficient above zero. `digits` may be more than the coefficient holds: then that
    /// is what is wrong with it, unless its magnitude is.
    fn checked(negative: bool, coefficient: u128, exponent: i64, digits: i64) -> Result<Number, NumberError> {
        let scientific = exponent.saturating_add(digits - 1);
        if scientific > i64::from(NUMBER_MAX_EXPONENT) {
            return Err(NumberError::Overflow);
        }
        if scientific < i64::from(NUMBER_MIN_EXPONENT) {
            return Err(NumberError::Underflow);
        }
        if digits > i64::from(NUMBER_DIGITS) {
            return Err(NumberError::Precision);
        }
        let exponent = i16::try_from(exponent).map_err(|_| NumberError::Underflow)?;
        Ok(Number { coefficient, exponent, negative })
    }

    /// The sign, the normalised coefficient and its exponent.
    pub fn parts(&self) -> (bool, u128, i16) {
        (self.negative, self.coefficient, self.exponent)
    }

    /// How many significant digits there are; none for zero.
    pub fn digits(&self) -> u32 {
        if self.coefficient == 0 { 0 } else { digits_of(self.coefficient) }
    }

    /// The exponent of the first digit: `d.ddd × 10^exponent`. Zero for zero.
    pub fn scientific_exponent(&self) -> i16 {
        let behind = self.digits().saturating_sub(1);
        self.exponent + i16::try_from(behind).unwrap_or(0)
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// The value as an `i64`, if it is an integer in its range.
    pub fn to_i64(&self) -> Option<i64> {
        let magnitude = self.magnitude()?;
        if self.negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
    }

    /// The value as a `u64`, if it is an integer in its range.
    pub fn to_u64(&self) -> Option<u64> {
        if self.negative { None } else { self.magnitude() }
    }

    fn magnitude(&self) -> Option<u64> {
        let power = u32::try_from(self.exponent).ok()?;
        let scale = *POW10.get(power as usize)?;
        u64::try_from(self.coefficient).ok()?.checked_mul(scale)
    }

    /// The least integer that is not below this number, if it is a `u64`.
    pub fn ceil_u64(&self) -> Option<u64> {
        if self.exponent >= 0 {
            return self.to_u64();
        }
        if self.negative {
            // Above -1 it rounds up to zero; the exponent is below zero, so -1 itself doesn't come here.
            return (self.scientific_exponent() < 0).then_some(0);
        }
        let behind = u32::from(self.exponent.unsigned_abs());
        let whole = if behind > NUMBER_DIGITS { 0 } else { self.coefficient / 10_u128.pow(behind) };
        // Normalised: a number with decimals has a fraction that isn't zero.
        u64::try_from(whole).ok()?.checked_add(1)
    }

    /// The exact sum; an error where it has more than 38 digits or leaves the range.
    pub fn checked_add(self, other: Number) -> Result<Number, NumberError> {
        if self.coefficient == 0 {
            return Ok(other);
        }
        if other.coefficient == 0 {
            return Ok(self);
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // The lower one's last digit isn't zero and stands alone at its place, so it stays: what has to be widened past
        // 128 bits to meet it could not come back into 38 digits.
        let scale = 10_u128
            .checked_pow(u32::from(high.exponent.abs_diff(low.exponent)))
            .ok_or(NumberError::Precision)?;
        let a = high.coefficient.checked_mul(scale).ok_or(NumberError::Precision)?;
        let b = low.coefficient;
        let exponent = i32::from(low.exponent);
        if high.negative == low.negative {
            let sum = a.checked_add(b).ok_or(NumberError::Precision)?;
            Number::from_parts(high.negative, sum, exponent)
        } else {
            Number::from_parts(if a >= b { high.negative } else { low.negative }, a.abs_diff(b), exponent)
        }
    }

    /// The exact difference; an error where it has more than 38 digits or leaves the range.
    pub fn checked_sub(self, other: Number) -> Result<Number, NumberError> {
        self.checked_add(-other)
    }

    /// Appends the order-preserving bytes, at most 22: for two numbers, byte order is numeric order. A positive number
    /// has no terminator, so its bytes may begin another's, which is then the larger one: the order holds where the
    /// number comes last, as sort keys do. Whatever is appended behind it must begin with a zero byte.
    ///
    /// The layout: a byte for the sign; a byte for the exponent of the first digit, plus 130; then two digits a byte,
    /// plus 1, from the first digit on. Below zero all that is complemented and closed by 0xFF.
    pub fn encode_ordered(&self, out: &mut Vec<u8>) {
        ordered::encode(self, out);
    }

    /// Reads back what [`Number::encode_ordered`] wrote; returns the number and how many bytes it took. A positive
    /// number ends with the bytes, or before a zero byte.
    pub fn decode_ordered(bytes: &[u8]) -> Option<(Number, usize)> {
        ordered::decode(bytes)
    }

    /// Appends the decimal text, as [`fmt::Display`] writes it.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(text::Text::of(self).as_bytes());
    }
}

/// Takes the zeros off the end, and says how many there were.
fn without_trailing_zeros(coefficient: u128) -> (u128, u32) {
    let mut zeros = 0;
    let mut wide = coefficient;
    let mut narrow = loop {
        match u64::try_from(wide) {
            Ok(0) => return (0, 0),
            Ok(narrow) => break narrow,
            Err(_) if wide.is_multiple_of(10) => {
                wide /= 10;
                zeros += 1;
            }
            Err(_) => return (wide, zeros),
        }
    };
    while narrow.is_multiple_of(10) {
        narrow /= 10;
        zeros += 1;
    }
    (u128::from(narrow), zeros)
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number { negative: value < 0, ..Number::from(value.unsigned_abs()) }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        let (coefficient, zeros) = without_trailing_zeros(u128::from(value));
        Number { coefficient, exponent: i16::try_from(zeros).unwrap_or(0), negative: false }
    }
}

impl Neg for Number {
    type Output = Number;

    fn neg(self) -> Number {
        Number { negative: !self.negative && self.coefficient != 0, ..self }
    }
}

/// Numeric order.
impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        fn sign(number: &Number) -> i8 {
            i8::from(number.coefficient != 0) - 2 * i8::from(number.negative)
        }
        fn magnitudes(a: &Number, b: &Number) -> Ordering {
            let by_exponent = a.scientific_exponent().cmp(&b.scientific_exponent());
            by_exponent.then_with(|| {
                // The first digits stand at one place; 38 digits leave room to line up the last ones.
                let (a_digits, b_digits) = (a.digits(), b.digits());
                let a_aligned = a.coefficient * 10_u128.pow(b_digits.saturating_sub(a_digits));
                let b_aligned = b.coefficient * 10_u128.pow(a_digits.saturating_sub(b_digits));
                a_aligned.cmp(&b_aligned)
            })
        }
        let by_sign = sign(self).cmp(&sign(other));
        by_sign.then_with(|| match (self.coefficient, self.negative) {
            (0, _) => Ordering::Equal,
            (_, false) => magnitudes(self, other),
            (_, true) => magnitudes(other, self),
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Plain decimal as DynamoDB answers it: no plus sign, no leading or trailing zeros, no exponent, no negative zero.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(text::Text::of(self).as_str())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

impl std::str::FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Number, NumberError> {
        Number::parse(text)
    }
}
