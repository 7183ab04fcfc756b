//! Payloads: from bytes to values.

pub use super::cbor::{CborError, cbor_value, cbor_values};
use super::settings::PayloadKind;
use crate::model::plain_json::{self, PlainError};
use crate::model::{AttributeValue, Number};

/// Reads a payload; the error says why it can't be a value.
pub(super) fn read(kind: PayloadKind, payload: &[u8]) -> Result<AttributeValue, String> {
    match kind {
        PayloadKind::Json => plain_json::read_value(payload).map_err(|reason| reason.to_string()),
        PayloadKind::Cbor => cbor_value(payload).map_err(|reason| reason.to_string()),
        PayloadKind::Number => number(payload),
        PayloadKind::Text => text(payload),
        PayloadKind::Bytes => Ok(AttributeValue::B(payload.to_vec())),
        PayloadKind::Auto => match plain_json::read_value(payload) {
            Ok(value) => Ok(value),
            Err(PlainError::Syntax { .. }) => text(payload),
            // It is JSON, but holds what no item can: as text it would only surprise.
            Err(reason @ PlainError::Value(_)) => Err(reason.to_string()),
        },
    }
}

fn text(payload: &[u8]) -> Result<AttributeValue, String> {
    match std::str::from_utf8(payload) {
        Ok(text) => Ok(AttributeValue::S(text.into())),
        Err(at) => {
            let at = at.valid_up_to();
            Err(format!("the payload is not UTF-8 text (byte {at}); payload = \"bytes\" would store it"))
        }
    }
}

fn number(payload: &[u8]) -> Result<AttributeValue, String> {
    let text =
        std::str::from_utf8(payload).map_err(|_| "the payload is not a number, nor text".to_owned())?;
    let text = text.trim_ascii();
    Number::parse(text).map(AttributeValue::N).map_err(|reason| {
        let start: String = text.chars().take(40).collect();
        match start.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str() {
            "nan" | "inf" | "infinity" => format!("\"{start}\" is not a number that DynamoDB can hold"),
            _ => format!("the payload \"{start}\" can't be stored as a number: {reason}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(kind: PayloadKind, payload: &[u8]) -> Result<String, String> {
        let mut out = Vec::new();
        plain_json::write_value(&read(kind, payload)?, &mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn auto_is_json_if_it_parses_else_text() {
        for (payload, wanted) in [
            ("21.50", "21.5"),
            (r#"{"a":23.20}"#, r#"{"a":23.2}"#),
            ("\"quoted\"", "\"quoted\""),
            ("ON", "\"ON\""),
            ("nan", "\"nan\""),
            ("{not json", "\"{not json\""),
            ("[1,2", "\"[1,2\""),
            ("null", "null"),
        ] {
            assert_eq!(shown(PayloadKind::Auto, payload.as_bytes()).as_deref(), Ok(wanted), "{payload}");
        }
        assert!(shown(PayloadKind::Auto, b"\xff\xfe").unwrap_err().contains("UTF-8"));
        assert!(shown(PayloadKind::Auto, b"1e200").is_err());
    }

    #[test]
    fn numbers() {
        assert_eq!(shown(PayloadKind::Number, b" 21.5\n").as_deref(), Ok("21.5"));
        assert_eq!(shown(PayloadKind::Number, b"-0").as_deref(), Ok("0"));
        for bad in ["nan", "NaN", "-inf", "Infinity"] {
            assert!(
                shown(PayloadKind::Number, bad.as_bytes()).unwrap_err().contains("DynamoDB can hold"),
                "{bad}"
            );
        }
        assert!(shown(PayloadKind::Number, "21.5 °C".as_bytes()).unwrap_err().contains("21.5 °C"));
        assert!(shown(PayloadKind::Number, b"\xff").is_err());
    }

    #[test]
    fn kinds_are_strict() {
        assert!(shown(PayloadKind::Json, b"ON").is_err());
        assert!(shown(PayloadKind::Text, b"\xff").is_err());
        assert_eq!(shown(PayloadKind::Text, b"21.5").as_deref(), Ok("\"21.5\""));
        assert_eq!(shown(PayloadKind::Bytes, b"\xff\x00").as_deref(), Ok("\"/wA=\""));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for kind in [PayloadKind::Json, PayloadKind::Cbor, PayloadKind::Number, PayloadKind::Text, PayloadKind::Auto] {
                let _ = read(kind, &bytes);
            }
        }

        #[test]
        fn numbers_keep_every_digit(digits in "[1-9][0-9]{0,36}", scale in 0usize..37) {
            let at = digits.len().saturating_sub(scale);
            let text = format!("{}.{}1", if at == 0 { "0" } else { &digits[..at] }, &digits[at..]);
            for kind in [PayloadKind::Json, PayloadKind::Number, PayloadKind::Auto] {
                prop_assert_eq!(shown(kind, text.as_bytes()), Ok(text.clone()));
            }
        }
    }
}
