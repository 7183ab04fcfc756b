//! Binary floats as the shortest decimal that names them in their own width: what the device's author wrote.

use crate::model::Number;

/// 64 bits; `None` for NaN, infinities, and what is out of a number's range.
pub(super) fn double(value: f64) -> Option<Number> {
    value.is_finite().then(|| Number::parse(&format!("{value:e}")).ok()).flatten()
}

/// 32 bits.
pub(super) fn single(value: f32) -> Option<Number> {
    value.is_finite().then(|| Number::parse(&format!("{value:e}")).ok()).flatten()
}

/// 16 bits (IEEE 754 binary16).
pub(super) fn half(bits: u16) -> Option<Number> {
    let (negative, magnitude) = (bits & 0x8000 != 0, bits & 0x7fff);
    if magnitude >= 0x7c00 {
        return None;
    }
    let value = half_value(magnitude);
    let below = half_value(magnitude.saturating_sub(1));
    // The step above the largest one would be 65,536.
    let above = if magnitude == 0x7bff { 65_536.0 } else { half_value(magnitude + 1) };
    let (low, high) = ((below + value) / 2.0, (value + above) / 2.0);
    let even = magnitude & 1 == 0;
    // Five digits tell any two halves apart.
    for digits in 0..5 {
        let text = format!("{value:.digits$e}");
        let Ok(decimal) = text.parse::<f64>() else { continue };
        if (low < decimal && decimal < high) || (even && (decimal == low || decimal == high)) {
            let text = if negative { format!("-{text}") } else { text };
            return Number::parse(&text).ok();
        }
    }
    None
}

/// The value of a positive half below infinity.
fn half_value(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10), f64::from(bits & 0x3ff));
    match exponent {
        0 => fraction * 2f64.powi(-24),
        exponent => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The half nearest to a decimal, ties to even.
    fn nearest(value: f64) -> u16 {
        (0..0x7c00u16)
            .min_by(|a, b| {
                let far = |bits: &u16| (half_value(*bits) - value).abs();
                far(a).total_cmp(&far(b)).then((a & 1).cmp(&(b & 1)))
            })
            .unwrap()
    }

    #[test]
    fn every_half_comes_back_from_its_decimal() {
        for bits in (0..0x7c00u16).step_by(37).chain([1, 0x3ff, 0x400, 0x3555, 0x7bff]) {
            let text = half(bits).unwrap().to_string();
            assert_eq!(nearest(text.parse().unwrap()), bits, "{text}");
        }
    }

    #[test]
    fn every_half_has_a_decimal() {
        for bits in 0..0x7c00 {
            assert!(half(bits).is_some(), "{bits:04x}");
            assert!(half(bits | 0x8000).is_some(), "{bits:04x}");
        }
    }

    #[test]
    fn short_decimals_stay_as_written() {
        // 21.5 and 0.1 as a device stores them in 16 bits.
        assert_eq!(half(0x4d60).unwrap().to_string(), "21.5");
        assert_eq!(half(0x2e66).unwrap().to_string(), "0.1");
        assert_eq!(half(0xae66).unwrap().to_string(), "-0.1");
        assert_eq!(single(23.2).unwrap().to_string(), "23.2");
        assert_eq!(double(0.1 + 0.2).unwrap().to_string(), "0.30000000000000004");
        assert!(double(1e200).is_none());
        assert!(half(0x7e00).is_none());
    }
}
