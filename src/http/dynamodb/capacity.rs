//! ConsumedCapacity (developer guide, "Read and write operations"): read units are 4 KB, halved when eventually
//! consistent; write units are 1 KB of the larger of old and new.

use compact_str::CompactString;

use super::json::Object;
use crate::engine::{Capacity, IndexWrite};
use crate::model::{IndexKind, limits};

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
        let units = bytes.div_ceil(limits::READ_UNIT).max(1) as u64;
        Units(if consistent { units * 2 } else { units })
    }

    /// So many whole read units.
    pub(super) fn reads(count: usize, consistent: bool) -> Units {
        Units(count as u64 * if consistent { 2 } else { 1 })
    }

    /// In a transaction everything is done twice.
    pub(super) fn twice(self) -> Units {
        Units(self.0 * 2)
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

/// Units of an index.
pub(super) type IndexUnits = (CompactString, IndexKind, Units);

/// The units that writes have cost in indexes, summed by index.
pub(super) fn index_units(writes: &[IndexWrite]) -> Vec<IndexUnits> {
    let mut summed: Vec<IndexUnits> = Vec::new();
    for IndexWrite { name, kind, sizes } in writes {
        let units: Units = sizes.iter().map(|size| Units::write(*size)).sum();
        match summed.iter_mut().find(|(known, ..)| known == name) {
            Some((.., so_far)) => *so_far = [*so_far, units].into_iter().sum(),
            None => summed.push((name.clone(), *kind, units)),
        }
    }
    summed
}

impl Report {
    /// Appends a table's ConsumedCapacity, without its member's name.
    pub(super) fn write(self, table: &str, units: Units, out: &mut Vec<u8>) {
        self.write_with(table, units, &[], out);
    }

    /// The same where indexes have their part.
    pub(super) fn write_with(self, table: &str, units: Units, indexes: &[IndexUnits], out: &mut Vec<u8>) {
        self.write_as(None, table, units, indexes, out);
    }

    /// The same for a transaction, which says besides whether it has read or written.
    pub(super) fn write_transacted(
        self,
        capacity: Capacity,
        table: &str,
        units: Units,
        indexes: &[IndexUnits],
        out: &mut Vec<u8>,
    ) {
        let member = match capacity {
            Capacity::Read => "ReadCapacityUnits",
            Capacity::Write => "WriteCapacityUnits",
        };
        self.write_as(Some(member), table, units, indexes, out);
    }

    fn write_as(
        self,
        besides: Option<&str>,
        table: &str,
        units: Units,
        indexes: &[IndexUnits],
        out: &mut Vec<u8>,
    ) {
        let put = |object: &mut Object<'_>, units: Units| {
            object.plain("CapacityUnits", units);
            if let Some(member) = besides {
                object.plain(member, units);
            }
        };
        let total: Units = indexes.iter().map(|(.., units)| *units).chain([units]).sum();
        let mut consumed = Object::open(out);
        consumed.text("TableName", table);
        put(&mut consumed, total);
        if self == Report::Indexes {
            let mut own = consumed.object("Table");
            put(&mut own, units);
            own.close();
            for (kind, member) in
                [(IndexKind::Local, "LocalSecondaryIndexes"), (IndexKind::Global, "GlobalSecondaryIndexes")]
            {
                if !indexes.iter().any(|(_, of, _)| *of == kind) {
                    continue;
                }
                let mut by_name = consumed.object(member);
                for (name, _, units) in indexes.iter().filter(|(_, of, _)| *of == kind) {
                    let mut one = Object::open(by_name.named(name));
                    put(&mut one, *units);
                    one.close();
                }
                by_name.close();
            }
        }
        consumed.close();
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
