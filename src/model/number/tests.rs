use proptest::prelude::*;

use super::*;

fn number(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn ordered(number: Number) -> Vec<u8> {
    let mut out = Vec::new();
    number.encode_ordered(&mut out);
    out
}

#[test]
fn reads_what_dynamodb_reads() {
    let pairs = [
        ("0", "0"),
        ("-0", "0"),
        ("-0.00e5", "0"),
        ("0e125", "0"),
        ("0e-130", "0"),
        ("007", "7"),
        ("+5", "5"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("1E+3", "1000"),
        ("1e-3", "0.001"),
        ("1000", "1000"),
        ("1.50", "1.5"),
        ("123.456e1", "1234.56"),
        ("123.456e-5", "0.00123456"),
        ("18446744073709551616", "18446744073709551616"),
        ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
        ("-9999999999999999999.9999999999999999999", "-9999999999999999999.9999999999999999999"),
        ("10000000000000000000000000000000000001", "10000000000000000000000000000000000001"),
        ("1000000000000000000000000.0000000000001", "1000000000000000000000000.0000000000001"),
    ];
    for (text, plain) in pairs {
        assert_eq!(number(text).to_string(), plain, "{text}");
    }
}

#[test]
fn refuses_what_is_not_a_number() {
    let texts = [
        "", "+", "-", ".", "e5", ".e5", "1e", "1e+", "1e-", "1e5.0", "1.2.3", " 1", "1 ", "1_000", "--1",
        "+-1", "NaN", "Infinity", "-inf", "0x10", "1,5", "١", "1e5e5", "1e٣", "\u{0}",
    ];
    for text in texts {
        assert_eq!(Number::parse(text), Err(NumberError::Syntax), "{text:?}");
    }
}

#[test]
fn tells_the_limits_apart() {
    use NumberError::{Overflow, Precision, Underflow};
    let digits = "9".repeat(38);
    number(&format!("{digits}e88"));
    number("9.9e125");
    number("1e-130");
    number("-1e-130");
    let cases = [
        ("1e126", Overflow),
        ("-1e126", Overflow),
        ("10e125", Overflow),
        ("0e126", Overflow),
        ("-0e-131", Underflow),
        ("1e999999999999999999", Overflow),
        ("1e-131", Underflow),
        ("0.1e-130", Underflow),
        ("1e-5000", Underflow),
        ("1e-999999999999999999", Underflow),
        ("123456789012345678901234567890123456789", Precision),
        ("-1.00000000000000000000000000000000000001", Precision),
    ];
    for (text, error) in cases {
        assert_eq!(Number::parse(text), Err(error), "{text}");
    }
    assert_eq!(Number::parse(&format!("{digits}9e200")), Err(Overflow));
}

#[test]
fn zeros_without_end_do_not_hurt() {
    let zeros = "0".repeat(1_000_000);
    assert_eq!(number(&zeros), Number::ZERO);
    assert_eq!(number(&format!("{zeros}12")).to_string(), "12");
    assert_eq!(number(&format!("1.5{zeros}")).to_string(), "1.5");
    assert_eq!(number(&format!("1{zeros}e-1000000")).to_string(), "1");
    assert_eq!(number(&format!("0.{zeros}1e1000001")).to_string(), "1");
    assert_eq!(Number::parse(&format!("1{zeros}")), Err(NumberError::Overflow));
    assert_eq!(Number::parse(&format!("0.{zeros}1")), Err(NumberError::Underflow));
    assert_eq!(Number::parse(&format!("1{zeros}1e-1000000")), Err(NumberError::Precision));
}

#[test]
fn writes_the_longest_numbers() {
    let smallest = format!("-0.{}1", "0".repeat(129));
    assert_eq!(number("-1e-130").to_string(), smallest);
    let longest = format!("-0.{}{}", "0".repeat(129), "1".repeat(38));
    assert_eq!(
        Number::from_parts(true, number(&"1".repeat(38)).parts().1, -167).unwrap().to_string(),
        longest
    );
    let largest = format!("{}{}", "9".repeat(38), "0".repeat(88));
    assert_eq!(number(&largest).to_string(), largest);
    assert_eq!(format!("{:>5}|{:<5}|", number("1.5"), number("-2")), "  1.5|-2   |");
}

#[test]
fn a_microsecond_timestamp_takes_ten_bytes() {
    assert_eq!(ordered(number("1732341600123456")).len(), 10);
    assert_eq!(ordered(Number::ZERO).len(), 1);
    assert_eq!(ordered(-number(&"9".repeat(38))).len(), 22);
}

#[test]
fn the_ordered_bytes_are_a_format() {
    assert_eq!(ordered(number("0")), [2]);
    assert_eq!(ordered(number("1")), [3, 130, 11]);
    assert_eq!(ordered(number("123")), [3, 132, 13, 31]);
    assert_eq!(ordered(number("-123")), [1, !132, !13, !31, 0xFF]);
    assert_eq!(ordered(number("1e-130")), [3, 0, 11]);
    assert_eq!(ordered(number("9.9e125")), [3, 255, 100]);
    assert_eq!(ordered(number("-9.9e125")), [1, 0, !100, 0xFF]);
}

#[test]
fn decoding_refuses_what_was_not_encoded() {
    let wrong: [&[u8]; 12] = [
        &[],
        &[0],
        &[4],
        &[3],
        &[3, 130],
        &[3, 130, 1],       // no digit
        &[3, 130, 10],      // begins with a zero
        &[3, 130, 11, 1],   // ends in a zero pair
        &[3, 130, 11, 101], // no pair
        &[1, !130, !11],    // no terminator
        &[1, !130, !11, 0], // a wrong one
        &[3, 130, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11],
    ];
    for bytes in wrong {
        assert_eq!(Number::decode_ordered(bytes), None, "{bytes:?}");
    }
    assert_eq!(Number::decode_ordered(&[3, 130, 11, 0, 77]), Some((number("1"), 3)));
    assert_eq!(Number::decode_ordered(&[2, 77]), Some((Number::ZERO, 1)));
    assert_eq!(Number::decode_ordered(&[1, !130, !11, 0xFF, 77]), Some((number("-1"), 4)));
}

#[test]
fn integers() {
    for value in [0, 1, -1, 10, -1000, i64::MAX, i64::MIN, 9_223_372_036_854_775_800] {
        assert_eq!(Number::from(value).to_i64(), Some(value));
        assert_eq!(Number::from(value), number(&value.to_string()));
    }
    assert_eq!(Number::from(u64::MAX).to_u64(), Some(u64::MAX));
    assert_eq!(Number::from(u64::MAX).to_i64(), None);
    assert_eq!(number("9223372036854775808").to_i64(), None);
    assert_eq!(number("-9223372036854775809").to_i64(), None);
    assert_eq!(number("1e19").to_u64(), Some(10_000_000_000_000_000_000));
    assert_eq!(number("1e20").to_u64(), None);
    assert_eq!(number("1e100").to_i64(), None);
    assert_eq!(number("1.5").to_i64(), None);
}

#[test]
fn rounds_up() {
    let cases = [
        ("0", Some(0)),
        ("5", Some(5)),
        ("5.000001", Some(6)),
        ("1e-130", Some(1)),
        ("-0.5", Some(0)),
        ("-1.5", None),
        ("-1", None),
        ("18446744073709551614.5", Some(u64::MAX)),
        ("18446744073709551615.5", None),
        ("1e30", None),
    ];
    for (text, expected) in cases {
        assert_eq!(number(text).ceil_u64(), expected, "{text}");
    }
}

#[test]
fn adds_exactly() {
    use NumberError::{Overflow, Precision};
    let nines = "9".repeat(38);
    let cases = [
        ("1", "2", Ok("3")),
        ("0", "-0.5", Ok("-0.5")),
        ("-0.5", "0.5", Ok("0")),
        ("1.05", "-1", Ok("0.05")),
        ("0.1", "0.2", Ok("0.3")),
        ("1e38", "-1", Ok(nines.as_str())),
        ("-1e38", "1", Ok(concat!("-", "99999999999999999999999999999999999999"))),
        (nines.as_str(), "1", Ok("100000000000000000000000000000000000000")),
        ("1e38", "1", Err(Precision)),
        ("1e39", "-1", Err(Precision)),
        ("1e125", "1e-130", Err(Precision)),
        ("3e38", nines.as_str(), Err(Precision)),
        ("9e125", "1e125", Err(Overflow)),
        ("-9e125", "-1e125", Err(Overflow)),
    ];
    for (a, b, expected) in cases {
        let sum = number(a).checked_add(number(b));
        assert_eq!(sum, expected.map(number), "{a} + {b}");
        assert_eq!(number(b).checked_add(number(a)), sum, "{b} + {a}");
        assert_eq!(number(a).checked_sub(-number(b)), sum, "{a} - -{b}");
    }
    let least = number("1.1e-130").checked_sub(number("1e-130"));
    assert_eq!(least, Err(NumberError::Underflow));
}

/// Numbers of every length and magnitude, and many that differ by little.
fn any_number() -> impl Strategy<Value = Number> {
    let digits = prop_oneof![
        (0_u128..1000).boxed(),
        any::<u64>().prop_map(u128::from).boxed(),
        (0_u128..10_u128.pow(38)).boxed(),
        (0_u32..38, 1_u128..10).prop_map(|(power, first)| first * 10_u128.pow(power)).boxed(),
        (0_u32..38).prop_map(|power| 10_u128.pow(power) - 1).boxed(),
    ];
    let exponent = prop_oneof![3 => -20_i32..20, 1 => -170_i32..130];
    (any::<bool>(), digits, exponent).prop_filter_map("out of range", |(negative, digits, exponent)| {
        Number::from_parts(negative, digits, exponent).ok()
    })
}

/// Long addition on digit strings: slow, obvious, and with no limit.
fn plain_sum(a: &Number, b: &Number) -> String {
    const PLACES: usize = 600;
    const POINT: i32 = 300;
    let spread = |number: &Number| {
        let (negative, coefficient, exponent) = number.parts();
        let mut places = vec![0_i32; PLACES];
        for (at, digit) in coefficient.to_string().bytes().rev().enumerate() {
            let digit = i32::from(digit - b'0');
            places[(POINT + i32::from(exponent)) as usize + at] = if negative { -digit } else { digit };
        }
        places
    };
    let mut places: Vec<i32> = spread(a).iter().zip(spread(b)).map(|(a, b)| a + b).collect();
    let negative = places.iter().rev().find(|place| **place != 0).is_some_and(|place| *place < 0);
    let mut carry = 0;
    for place in &mut places {
        let value = if negative { -*place } else { *place } + carry;
        *place = value.rem_euclid(10);
        carry = value.div_euclid(10);
    }
    let digits: String = places.iter().rev().map(|place| char::from(b'0' + *place as u8)).collect();
    format!("{}{digits}e-{POINT}", if negative { "-" } else { "" })
}

proptest! {
    #[test]
    fn comes_out_as_it_went_in(number in any_number()) {
        let text = number.to_string();
        prop_assert_eq!(Number::parse(&text), Ok(number));
        let (negative, coefficient, exponent) = number.parts();
        prop_assert_eq!(Number::from_parts(negative, coefficient, i32::from(exponent)), Ok(number));
        let scientific = format!("{}{coefficient}E{exponent}", if negative { "-" } else { "+" });
        prop_assert_eq!(Number::parse(&scientific), Ok(number));
        let plain = text.trim_start_matches('-');
        prop_assert!(plain == "0" || !plain.starts_with('0') || plain.starts_with("0."));
        prop_assert!(!plain.contains('.') || !plain.ends_with(['0', '.']));
    }

    #[test]
    fn byte_order_is_numeric_order(a in any_number(), b in any_number()) {
        prop_assert_eq!(ordered(a).cmp(&ordered(b)), a.cmp(&b));
        // With something behind it that begins with a zero byte, as well.
        let followed = |number, behind| [ordered(number), vec![0, behind]].concat();
        if a != b {
            prop_assert_eq!(followed(a, 9).cmp(&followed(b, 1)), a.cmp(&b));
        }
    }

    #[test]
    fn numeric_order_is_that_of_the_difference(a in any_number(), b in any_number()) {
        let difference = plain_sum(&a, &-b);
        let (sign, digits) = difference.strip_prefix('-').map_or((1, &difference[..]), |digits| (-1, digits));
        let zero = digits.split('e').next().unwrap().bytes().all(|digit| digit == b'0');
        let expected = if zero { 0 } else { sign };
        prop_assert_eq!(a.cmp(&b) as i32, expected);
        prop_assert_eq!(b.cmp(&a) as i32, -expected);
        prop_assert_eq!(a == b, zero);
    }

    #[test]
    fn ordered_bytes_decode(number in any_number(), behind in any::<Vec<u8>>()) {
        let mut bytes = ordered(number);
        let length = bytes.len();
        prop_assert!(length <= 22);
        prop_assert_eq!(Number::decode_ordered(&bytes), Some((number, length)));
        bytes.push(0);
        bytes.extend(behind);
        prop_assert_eq!(Number::decode_ordered(&bytes), Some((number, length)));
    }

    #[test]
    fn sums_are_exact_or_refused(a in any_number(), b in any_number()) {
        prop_assert_eq!(a.checked_add(b), Number::parse(&plain_sum(&a, &b)));
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if let Some((number, length)) = Number::decode_ordered(&bytes) {
            prop_assert_eq!(&ordered(number)[..], &bytes[..length]);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+0-9.eE]{0,12}") {
        if let Ok(number) = Number::parse(&text) {
            let float: f64 = text.parse().unwrap();
            let back: f64 = number.to_string().parse().unwrap();
            prop_assert!((float - back).abs() <= float.abs() * 1e-15, "{text} {number}");
        } else if let Ok(float) = text.parse::<f64>() {
            prop_assert!(!(1e-129..1e125).contains(&float.abs()), "{text}");
        }
    }
}
