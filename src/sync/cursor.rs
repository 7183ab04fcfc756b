//! The durable cursor: how far an upstream is, written beside the store's own rows, so that it can never be ahead of what
//! is durable. When it is lost, changes are sent again, which is harmless.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::allowance::Spent;
use super::aside::Amount;
use super::batch::Prefix;
use super::joining::Covers;
use super::positions::Positions;
use crate::model::TableId;
use crate::store::{Read, ReadError, Seq, Space, cursor_value, read_cursor, system_key};

/// What is kept of an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The prefix that is settled for all tables, with all counts: also of what is settled beyond it, as the positions say.
    pub prefix: Prefix,
    /// Tables that are not as far as the rest.
    pub positions: Positions,
    /// Changes given up unsent, since the store was made.
    pub dropped: u64,
    /// What is set aside, to be sent before what comes behind the cursor.
    pub aside: Amount,
    /// The tables that it is about; `None` where that is not known.
    pub covers: Option<Covers>,
    /// The upstream was gone: the journal may no longer reach back to here, and what is missing goes as the rows stand.
    pub joining: bool,
    /// What of the owner's allowance for the day and the month is spent.
    pub spent: Spent,
}

/// What follows the sequence in the row.
#[derive(Serialize, Deserialize)]
struct Rest {
    counts: BTreeMap<u32, u64>,
    #[serde(default)]
    dropped: u64,
    #[serde(default)]
    to: u64,
    #[serde(default)]
    behind: BTreeMap<String, u64>,
    #[serde(default)]
    aside: Amount,
    #[serde(default)]
    covers: Option<Covers>,
    #[serde(default)]
    joining: bool,
    #[serde(default)]
    spent: Spent,
}

impl Cursor {
    /// Reads an upstream's cursor; `None` where there is none. One that can't be read counts as lost.
    pub fn load(store: &dyn Read, upstream: &str) -> Result<Option<Cursor>, ReadError> {
        let cursor = match store.get(&system_key(Space::Cursor, upstream.as_bytes())) {
            Ok(None) => return Ok(None),
            Ok(Some(row)) => Cursor::decode(&row.image),
            Err(ReadError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        if cursor.is_none() {
            tracing::error!(upstream, "the cursor can't be read; everything in the journal is sent again");
        }
        Ok(cursor)
    }

    /// The row's value.
    pub fn encode(&self) -> Vec<u8> {
        let rest = Rest {
            counts: self.prefix.counts.iter().map(|(table, count)| (table.0, *count)).collect(),
            dropped: self.dropped,
            to: self.positions.to.0,
            behind: self.positions.behind.iter().map(|(table, seq)| (table.clone(), seq.0)).collect(),
            aside: self.aside,
            covers: self.covers.clone(),
            joining: self.joining,
            spent: self.spent.clone(),
        };
        let mut bytes = Vec::new();
        if ciborium::into_writer(&rest, &mut bytes).is_err() {
            bytes.clear();
        }
        cursor_value(self.prefix.seq, &bytes)
    }

    /// Reads a row's value.
    pub(super) fn decode(value: &[u8]) -> Option<Cursor> {
        let (seq, rest) = read_cursor(value)?;
        let rest: Rest = ciborium::from_reader(rest).ok()?;
        let counts = rest.counts.into_iter().map(|(table, count)| (TableId(table), count)).collect();
        let behind = rest.behind.into_iter().map(|(table, seq)| (table, Seq(seq))).collect();
        let positions = Positions::new(Seq(rest.to).max(seq), behind);
        let Rest { dropped, aside, covers, joining, spent, .. } = rest;
        Some(Cursor { prefix: Prefix { seq, counts }, positions, dropped, aside, covers, joining, spent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back() {
        let counts = BTreeMap::from([(TableId(256), 7), (TableId(300), u64::MAX)]);
        let positions = Positions::new(Seq((1 << 50) + 5), [("t".to_owned(), Seq(1 << 50))].into());
        let cursor = Cursor {
            prefix: Prefix { seq: Seq(1 << 50), counts },
            positions,
            dropped: 3,
            aside: Amount { changes: 2, bytes: 99 },
            covers: Some(Covers::new(Some([("t".to_owned(), "u".to_owned())].into()))),
            joining: true,
            spent: Spent::default(),
        };
        let value = cursor.encode();
        assert_eq!(Cursor::decode(&value), Some(cursor));
        assert_eq!(Cursor::decode(&value[..9]), None);
        assert_eq!(Cursor::decode(b""), None);
    }
}
