//! The order-preserving bytes of numbers.

use super::{Number, digits_of};
use crate::model::limits::{NUMBER_DIGITS, NUMBER_MIN_EXPONENT};

const NEGATIVE: u8 = 1;
const ZERO: u8 = 2;
const POSITIVE: u8 = 3;
/// Above every complemented pair, so that of two negative numbers the longer is the smaller.
const TERMINATOR: u8 = 0xFF;
/// Pairs of the longest number.
const PAIRS: usize = (NUMBER_DIGITS / 2) as usize;

pub(super) fn encode(number: &Number, out: &mut Vec<u8>) {
    if number.coefficient == 0 {
        out.push(ZERO);
        return;
    }
    let mut buffer = [0; PAIRS];
    let pairs = pairs_of(number.coefficient, &mut buffer);
    // -130..=125 becomes 0..=255: the range fits the byte exactly.
    let exponent = u8::try_from(number.scientific_exponent() - NUMBER_MIN_EXPONENT).unwrap_or(u8::MAX);
    if number.negative {
        out.extend_from_slice(&[NEGATIVE, !exponent]);
        out.extend(pairs.iter().map(|pair| !(pair + 1)));
        out.push(TERMINATOR);
    } else {
        out.extend_from_slice(&[POSITIVE, exponent]);
        out.extend(pairs.iter().map(|pair| pair + 1));
    }
}

/// The digits two by two from the first one on; an odd last one is followed by a zero.
fn pairs_of(coefficient: u128, buffer: &mut [u8; PAIRS]) -> &[u8] {
    let digits = digits_of(coefficient);
    let mut rest = if digits.is_multiple_of(2) { coefficient } else { coefficient * 10 };
    let count = digits.div_ceil(2) as usize;
    let Some(pairs) = buffer.get_mut(..count) else { return &[] };
    // Nine pairs at a time, so that the divisions are 64-bit ones.
    for chunk in pairs.rchunks_mut(9) {
        let mut low = match u64::try_from(rest) {
            Ok(small) => {
                rest = u128::from(small / CHUNK);
                small % CHUNK
            }
            Err(_) => {
                let low = u64::try_from(rest % u128::from(CHUNK)).unwrap_or(0);
                rest /= u128::from(CHUNK);
                low
            }
        };
        for pair in chunk.iter_mut().rev() {
            *pair = u8::try_from(low % 100).unwrap_or(0);
            low /= 100;
        }
    }
    pairs
}

/// Nine pairs.
const CHUNK: u64 = 10_u64.pow(18);

pub(super) fn decode(bytes: &[u8]) -> Option<(Number, usize)> {
    let (&sign, rest) = bytes.split_first()?;
    let negative = match sign {
        ZERO => return Some((Number::ZERO, 1)),
        POSITIVE => false,
        NEGATIVE => true,
        _ => return None,
    };
    let plain = |byte: u8| if negative { !byte } else { byte };
    let (&exponent, rest) = rest.split_first()?;
    let scientific = i32::from(plain(exponent)) + i32::from(NUMBER_MIN_EXPONENT);
    let mut coefficient = 0_u128;
    let mut pairs = 0_usize;
    let mut last = 0;
    for byte in rest.iter().map(|byte| plain(*byte)).take_while(|byte| (1..=100).contains(byte)) {
        if pairs == PAIRS {
            return None;
        }
        last = byte - 1;
        if pairs == 0 && last < 10 {
            return None;
        }
        coefficient = coefficient * 100 + u128::from(last);
        pairs += 1;
    }
    if last == 0 {
        return None;
    }
    // A negative number ends with its terminator, a positive one with the bytes or before a zero: both are a zero here.
    match rest.get(pairs).map(|byte| plain(*byte)) {
        Some(0) => {}
        None if !negative => {}
        _ => return None,
    }
    let digits = i32::try_from(pairs * 2).ok()?;
    let number = Number::from_parts(negative, coefficient, scientific - digits + 1).ok()?;
    Some((number, 2 + pairs + usize::from(negative)))
}
