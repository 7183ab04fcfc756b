//! Times in messages, stored as microseconds since 1970.

use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

use super::pointer::Pointer;
use super::scope::{Found, Scope};
use super::settings::{Fallback, RuleError, TimeForm, TimeSettings};
use super::template::Template;
use super::topic::Pattern;
use crate::model::{AttributeValue, Number};

/// 2000-01-01: before it, a device does not know the time.
const EARLIEST_US: u64 = 946_684_800_000_000;
/// 9999-12-31: beyond it, the unit is not the one the rule says.
const LATEST_US: u64 = 253_402_300_800_000_000;

/// A compiled time source.
#[derive(Clone, Debug)]
pub(super) struct Time {
    from: From,
    form: TimeForm,
    offset: Offset,
    or_now: bool,
}

#[derive(Clone, Debug)]
enum From {
    Pointer(Pointer),
    Template(Template),
}

impl Time {
    /// Compiles the source of the attribute that is set by `key`.
    pub(super) fn new(
        key: &str,
        settings: &TimeSettings,
        topic: &Pattern,
        each: bool,
    ) -> Result<Time, RuleError> {
        let from = if settings.from.contains('{') {
            let template = Template::parse(&settings.from, topic, each);
            From::Template(
                template
                    .map_err(|(problem, remedy)| RuleError::new(&format!("{key}.from"), problem, remedy))?,
            )
        } else {
            let pointer = Pointer::parse(&settings.from).ok_or_else(|| {
                let problem = format!("\"{}\" is no JSON pointer", settings.from);
                RuleError::new(
                    &format!("{key}.from"),
                    problem,
                    "write \"/Time\", or a placeholder such as \"{ts}\"",
                )
            })?;
            From::Pointer(pointer)
        };
        let offset = match settings.offset.as_deref() {
            None => Offset::UTC,
            Some(_) if settings.time != TimeForm::Rfc3339 => {
                let problem = "only times of the form rfc3339 may lack an offset";
                return Err(RuleError::new(&format!("{key}.offset"), problem, "leave it out"));
            }
            Some(text) => parse_offset(text).ok_or_else(|| {
                RuleError::new(
                    &format!("{key}.offset"),
                    format!("\"{text}\" is no offset"),
                    "write \"+02:00\"",
                )
            })?,
        };
        let or_now = match settings.or {
            None => false,
            Some(Fallback::Now) => true,
        };
        Ok(Time { from, form: settings.time, offset, or_now })
    }

    /// The time in microseconds; `None` where it is missing, cannot be read, or is before 2000.
    pub(super) fn of(&self, scope: &Scope<'_>) -> Option<Found> {
        let read = match &self.from {
            // A reading's own time first, then the message's.
            From::Pointer(pointer) => scope
                .element
                .and_then(|element| pointer.of(element.value))
                .or_else(|| pointer.of(scope.payload))
                .and_then(|value| self.read(value)),
            From::Template(template) => template.of(scope).and_then(|found| self.read(&found.value)),
        };
        match read {
            Some(us) => Some(Found::plain(AttributeValue::N(us.into()))),
            None if self.or_now => Some(Found::now(scope.now.get())),
            None => None,
        }
    }

    fn read(&self, value: &AttributeValue) -> Option<u64> {
        let us = match (self.form, value) {
            (TimeForm::Rfc3339, AttributeValue::S(text)) => rfc3339(text, self.offset)?,
            (TimeForm::Rfc3339, _) => return None,
            (form, AttributeValue::N(number)) => scaled(number, power(form))?,
            (form, AttributeValue::S(text)) => scaled(&Number::parse(text).ok()?, power(form))?,
            _ => return None,
        };
        (EARLIEST_US..LATEST_US).contains(&us).then_some(us)
    }
}

/// Decimal places between the unit and microseconds.
fn power(form: TimeForm) -> i32 {
    match form {
        TimeForm::S => 6,
        TimeForm::Ms => 3,
        TimeForm::Us | TimeForm::Rfc3339 => 0,
    }
}

/// `number × 10^power`, without what is below one.
fn scaled(number: &Number, power: i32) -> Option<u64> {
    let (negative, coefficient, exponent) = number.parts();
    if negative {
        return None;
    }
    let exponent = i32::from(exponent) + power;
    let factor = 10u128.checked_pow(exponent.unsigned_abs());
    let value = match exponent >= 0 {
        true => coefficient.checked_mul(factor?)?,
        false => factor.map_or(0, |factor| coefficient / factor),
    };
    u64::try_from(value).ok()
}

fn rfc3339(text: &str, offset: Offset) -> Option<u64> {
    let pieces = Pieces::parse(text.trim()).ok()?;
    let time = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let offset = pieces.to_numeric_offset().unwrap_or(offset);
    let timestamp = offset.to_timestamp(time).ok()?;
    u64::try_from(timestamp.as_microsecond()).ok()
}

/// `Z`, `+02:00`, `-0530`, `+02`.
fn parse_offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "0"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    if !hours.bytes().chain(minutes.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let in_range = hours <= 23 && minutes <= 59;
    in_range.then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: TimeForm, offset: &str, value: &str) -> Option<u64> {
        let settings = TimeSettings { from: String::new(), time: form, offset: None, or: None };
        let time = Time::new("set.ts", &settings, &Pattern::parse("a").unwrap(), false).unwrap();
        let time = Time { offset: parse_offset(offset).unwrap(), ..time };
        time.read(&crate::model::plain_json::read_value(value.as_bytes()).unwrap())
    }

    #[test]
    fn rfc_3339() {
        for (offset, text, wanted) in [
            ("Z", "\"2020-01-01T00:00:00\"", Some(1_577_836_800_000_000)),
            ("+02:00", "\"2020-01-01T00:00:00\"", Some(1_577_829_600_000_000)),
            ("Z", "\"2020-01-01T00:00:00+02:00\"", Some(1_577_829_600_000_000)),
            ("+02:00", "\"2020-01-01T00:00:00Z\"", Some(1_577_836_800_000_000)),
            ("Z", "\"2020-01-01T00:00:00.1234567Z\"", Some(1_577_836_800_123_456)),
            ("Z", "\"2020-01-01 00:00:00\"", Some(1_577_836_800_000_000)),
            ("Z", "\"1970-01-01T00:00:00\"", None),
            ("Z", "\"1999-12-31T23:59:59Z\"", None),
            ("Z", "\"2000-01-01T00:00:00Z\"", Some(EARLIEST_US)),
            ("Z", "\"yesterday\"", None),
            ("Z", "1577836800", None),
        ] {
            assert_eq!(read(TimeForm::Rfc3339, offset, text), wanted, "{offset} {text}");
        }
    }

    #[test]
    fn numbers() {
        for (form, value, wanted) in [
            (TimeForm::S, "1700000000", Some(1_700_000_000_000_000)),
            (TimeForm::S, "1700000000.5", Some(1_700_000_000_500_000)),
            (TimeForm::S, "1700000000.1234567", Some(1_700_000_000_123_456)),
            (TimeForm::S, "\"1700000000\"", Some(1_700_000_000_000_000)),
            (TimeForm::Ms, "1700000000123", Some(1_700_000_000_123_000)),
            (TimeForm::Us, "1700000000123456", Some(1_700_000_000_123_456)),
            (TimeForm::Us, "17e14", Some(1_700_000_000_000_000)),
            (TimeForm::S, "12", None),
            (TimeForm::S, "-1700000000", None),
            (TimeForm::S, "1700000000000", None),
            (TimeForm::S, "1e100", None),
            (TimeForm::S, "1e-100", None),
            (TimeForm::S, "true", None),
        ] {
            assert_eq!(read(form, "Z", value), wanted, "{form:?} {value}");
        }
    }

    #[test]
    fn offsets() {
        let seconds = |text| parse_offset(text).map(|o| o.seconds());
        assert_eq!(seconds("+02:00"), Some(7200));
        assert_eq!(seconds("-05:30"), Some(-19_800));
        assert_eq!(seconds("+02"), Some(7200));
        assert_eq!(seconds("-0530"), Some(-19_800));
        for bad in ["", "2", "02:00", "+2:00", "+02:60", "+24:00", "+ab:cd", "+1", "CEST", "+é2"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
