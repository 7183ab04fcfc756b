//! ConsumedCapacity (developer guide, "Read and write operations"): read units are 4 KB, halved when eventually
//! consistent; write units are 1 KB of the larger of old and new.

use crate::model::dynamodb_json::write_string;

/// A read unit, in bytes.
const READ_UNIT: usize = 4096;
/// A write unit, in bytes.
const WRITE_UNIT: usize = 1024;

/// What a request wants to know (ReturnConsumedCapacity).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Report {
    /// Nothing.
    #[default]
    None,
    /// The sum.
    Total,
    /// By table and index.
    Indexes,
}

/// Capacity units, counted in halves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Units(u64);

impl Units {
    /// Reading so many bytes; at least one unit, even for nothing.
    pub(super) fn read(bytes: usize, consistent: bool) -> Units {
        let units = bytes.div_ceil(READ_UNIT).max(1) as u64;
        Units(if consistent { units * 2 } else { units })
    }

    /// Counted in halves.
    pub(super) fn halves(self) -> u64 {
        self.0
    }

    /// Writing so many bytes.
    pub(super) fn write(bytes: usize) -> Units {
        Units(bytes.div_ceil(WRITE_UNIT).max(1) as u64 * 2)
    }
}

impl std::iter::Sum for Units {
    fn sum<I: Iterator<Item = Units>>(units: I) -> Units {
        Units(units.map(|units| units.0).sum())
    }
}

impl std::fmt::Display for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0 / 2, if self.0 % 2 == 1 { 5 } else { 0 })
    }
}

impl Report {
    /// Appends a table's ConsumedCapacity, without its member's name.
    pub(super) fn write(self, table: &str, units: Units, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"TableName\":");
        write_string(table, out);
        out.extend_from_slice(format!(",\"CapacityUnits\":{units}").as_bytes());
        if self == Report::Indexes {
            out.extend_from_slice(format!(",\"Table\":{{\"CapacityUnits\":{units}}}").as_bytes());
        }
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_round_up_and_halve() {
        assert_eq!(Units::read(0, false).to_string(), "0.5");
        assert_eq!(Units::read(4096, true).to_string(), "1.0");
        assert_eq!(Units::read(4097, true).to_string(), "2.0");
        assert_eq!(Units::read(8193, false).to_string(), "1.5");
        assert_eq!(Units::write(0).to_string(), "1.0");
        assert_eq!(Units::write(1025).to_string(), "2.0");
        let sum: Units = [Units::read(1, false), Units::read(1, false)].into_iter().sum();
        assert_eq!(sum.to_string(), "1.0");
    }
}
