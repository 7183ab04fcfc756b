//! Sizes (`"64MiB"`) and durations (`"30s"`, `"30d"`) as the configuration writes them.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// An address and port to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) SocketAddr);

/// Size units, longest first so that `B` does not eat the end of `MiB`.
const SIZES: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// The whole number in front of one of the units, times the unit.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        parse(text, &SIZES).map(Size).ok_or_else(|| {
            format!("{text:?} is not a size: write a whole number and a unit, such as \"64MiB\" or \"2GiB\"")
        })
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        crate::ingest::parse_duration(text).map(Span).ok_or_else(|| {
            format!("{text:?} is not a duration: write a whole number and a unit, such as \"5ms\", \"30s\" or \"30d\"")
        })
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Address).map_err(|_| {
            D::Error::custom(format!(
                "{text:?} is not an address and port: write them in numbers, such as \"127.0.0.1:8000\" or \"[::1]:8000\""
            ))
        })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_as_written() {
        assert_eq!("64MiB".parse(), Ok(Size(64 << 20)));
        assert_eq!("2 GiB".parse(), Ok(Size(2 << 30)));
        assert_eq!("17B".parse(), Ok(Size(17)));
        assert_eq!("5ms".parse(), Ok(Span(Duration::from_millis(5))));
        assert_eq!("0s".parse(), Ok(Span(Duration::ZERO)));
        assert_eq!("30d".parse(), Ok(Span(Duration::from_secs(30 * 86_400))));
    }

    #[test]
    fn what_has_no_unit_or_overflows_is_refused_with_an_example() {
        for text in ["", "64", "MiB", "-1s", "1.5h", "99999999999999GiB", "64mib"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        assert!("10".parse::<Span>().unwrap_err().contains("\"30s\""));
    }
}
