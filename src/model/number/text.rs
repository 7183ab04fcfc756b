//! Numbers to and from decimal text.

use super::{Number, NumberError, pow10};
use crate::model::limits::NUMBER_DIGITS;

/// Digits that one 64-bit half of a coefficient holds.
const HALF: u32 = 19;

/// The significant digits read so far. The coefficient is kept in two halves of 19 digits, so that each step is 64-bit
/// arithmetic; a zero is only taken in once a digit follows it.
#[derive(Default)]
struct Digits {
    high: u64,
    low: u64,
    /// How many digits there are, also beyond 38.
    count: i64,
    /// Zeros behind the last digit above zero.
    zeros: i64,
}

impl Digits {
    #[inline]
    fn push(&mut self, digit: u8) {
        if digit == 0 {
            self.zeros += i64::from(self.count > 0);
            return;
        }
        let digit = u64::from(digit);
        let taken = self.zeros + 1;
        let count = self.count + taken;
        if count <= i64::from(HALF) {
            self.high = if taken == 1 { self.high * 10 } else { self.high * pow10(to_power(taken)) } + digit;
        } else if count <= i64::from(NUMBER_DIGITS) {
            let room = (i64::from(HALF) - self.count).max(0);
            self.high *= pow10(to_power(room));
            self.low = self.low * pow10(to_power(taken - room)) + digit;
        }
        self.count = count;
        self.zeros = 0;
    }

    fn coefficient(&self) -> u128 {
        let behind = self.count.min(i64::from(NUMBER_DIGITS)) - i64::from(HALF);
        if behind <= 0 {
            return u128::from(self.high);
        }
        u128::from(self.high) * u128::from(pow10(to_power(behind))) + u128::from(self.low)
    }
}

fn to_power(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(super) fn parse(text: &[u8]) -> Result<Number, NumberError> {
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut digits = Digits::default();
    let mut any = false;
    let mut point = false;
    let mut decimals = 0_i64;
    let mut exponent = 0_i64;
    while let [first, behind @ ..] = rest {
        rest = behind;
        match first {
            b'0'..=b'9' => {
                any = true;
                decimals += i64::from(point);
                digits.push(first - b'0');
            }
            b'.' if !point => point = true,
            b'e' | b'E' if any => {
                exponent = parse_exponent(rest)?;
                break;
            }
            _ => return Err(NumberError::Syntax),
        }
    }
    if !any {
        return Err(NumberError::Syntax);
    }
    if digits.count == 0 {
        // The service holds a zero to the limits of its exponent, too.
        return Number::checked(false, 1, exponent, 1).map(|_| Number::ZERO);
    }
    let exponent = exponent.saturating_add(digits.zeros - decimals);
    Number::checked(negative, digits.coefficient(), exponent, digits.count)
}

/// A written exponent: the magnitude is judged later, but one of more than 64 bits makes no number, as in the service.
fn parse_exponent(text: &[u8]) -> Result<i64, NumberError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() {
        return Err(NumberError::Syntax);
    }
    let mut exponent = 0_i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(NumberError::Syntax);
        }
        let more = exponent.checked_mul(10).and_then(|more| more.checked_add(i64::from(digit - b'0')));
        exponent = more.ok_or(NumberError::Syntax)?;
    }
    Ok(if negative { -exponent } else { exponent })
}

/// The longest text: `-0.`, 129 zeros and 38 digits.
const LONGEST: usize = 170;

/// A number's decimal text, without an allocation.
pub(super) struct Text {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Text {
    pub(super) fn of(number: &Number) -> Text {
        let mut text = Text { bytes: [b'0'; LONGEST], length: 0 };
        let mut buffer = [0; 39];
        let digits = decimal_digits(number.coefficient, &mut buffer);
        if number.negative {
            text.push(b"-");
        }
        let count = i32::try_from(digits.len()).unwrap_or(0);
        let before_point = count + i32::from(number.exponent);
        match usize::try_from(before_point) {
            Ok(before) if before >= digits.len() => {
                text.push(digits);
                text.zeros(before - digits.len());
            }
            Ok(before) if before > 0 => {
                let (whole, fraction) = digits.split_at(before);
                text.push(whole);
                text.push(b".");
                text.push(fraction);
            }
            _ => {
                text.push(b"0.");
                text.zeros(before_point.unsigned_abs() as usize);
                text.push(digits);
            }
        }
        text
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(to) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            to.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    /// The buffer begins as zeros.
    fn zeros(&mut self, count: usize) {
        self.length = (self.length + count).min(LONGEST);
    }
}

/// A coefficient's digits; `0` for zero.
fn decimal_digits(coefficient: u128, buffer: &mut [u8; 39]) -> &[u8] {
    let mut at = buffer.len();
    let mut rest = coefficient;
    loop {
        // 19 digits at a time: one wide division for each, the rest in 64 bits.
        let (mut chunk, wide) = match u64::try_from(rest) {
            Ok(small) => (small, false),
            Err(_) => {
                let divisor = u128::from(pow10(HALF));
                let chunk = u64::try_from(rest % divisor).unwrap_or(0);
                rest /= divisor;
                (chunk, true)
            }
        };
        let end = if wide { at.saturating_sub(HALF as usize) } else { 0 };
        while at > end {
            at -= 1;
            if let Some(slot) = buffer.get_mut(at) {
                *slot = b'0' + u8::try_from(chunk % 10).unwrap_or(0);
            }
            chunk /= 10;
            if !wide && chunk == 0 {
                return buffer.get(at..).unwrap_or(&[]);
            }
        }
        if !wide {
            return &[];
        }
    }
}
