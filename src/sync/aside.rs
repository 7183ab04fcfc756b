//! Changes set aside: of tables that refuse when full, taken out of a journal that has to be released although the upstream
//! has not had them. They are rows of the store, and are sent before everything that the journal still has.

use std::collections::{BTreeMap, HashSet};
use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::batch::Change;
use super::dead_letter::{Blob, letter_key, letters_of};
use super::route::{Lane, Routes};
use crate::model::{KeyCodec, MapRef, TableId};
use crate::store::{Direction, KeyRange, Kind, Read, ReadError, Seq, Space, system_key};

/// What is set aside for an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Changes.
    pub changes: u64,
    /// Bytes of their rows.
    pub bytes: u64,
}

/// A change set aside, as its row keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    table: TableId,
    delete: bool,
    image: Blob,
    time_us: u64,
}

/// What a row costs beside its image, about.
const ROW: u64 = 64;

/// The key (within [`Space::Aside`]) of a change.
pub fn key(upstream: &str, seq: Seq) -> Vec<u8> {
    letter_key(upstream, seq)
}

/// A change as a row; what that takes.
pub fn encode(change: &Change) -> Option<(Vec<u8>, u64)> {
    let kept = Kept {
        table: change.table,
        delete: change.kind == Kind::Delete,
        image: Blob(change.image.to_vec()),
        time_us: change.time_us,
    };
    let mut bytes = Vec::with_capacity(kept.image.0.len() + 32);
    ciborium::into_writer(&kept, &mut bytes).ok()?;
    Some((bytes, weight(&change.image)))
}

/// What a change takes as a row, in bytes, about.
pub fn weight(image: &[u8]) -> u64 {
    image.len() as u64 + ROW
}

/// A row found: a change to be sent, or one that nothing can be done with any more (its table is no longer sent, or it
/// can't be read).
#[derive(Debug)]
pub enum Found {
    /// To be sent.
    Change(Change),
    /// To be removed.
    Useless(Seq),
}

/// Visits an upstream's changes after a sequence, oldest first, until the visitor breaks.
pub fn each(
    store: &dyn Read,
    upstream: &str,
    after: Option<Seq>,
    routes: &Routes,
    codec: &KeyCodec,
    visit: &mut dyn FnMut(Seq, Found) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let prefix = letters_of(upstream);
    let whole = |tail: &[u8]| system_key(Space::Aside, &[&prefix[..], tail].concat()).0.to_vec();
    let start = match after {
        Some(seq) => Bound::Excluded(whole(&seq.0.to_be_bytes())),
        None => Bound::Included(whole(&[])),
    };
    let range = KeyRange { start, end: Bound::Included(whole(&[0xff; 8])) };
    store.scan(&range, Direction::Forward, &mut |key, row| {
        let Some(seq) = key.last_chunk::<8>().map(|seq| Seq(u64::from_be_bytes(*seq))) else {
            return ControlFlow::Continue(());
        };
        let found = decode(store, seq, row.image, routes, codec);
        if found.is_none() {
            tracing::warn!(upstream, seq = seq.0, "a change that was set aside can't be sent any more");
        }
        visit(seq, found.map_or(Found::Useless(seq), Found::Change))
    })
}

fn decode(store: &dyn Read, seq: Seq, value: &[u8], routes: &Routes, codec: &KeyCodec) -> Option<Change> {
    let kept: Kept = ciborium::from_reader(value).ok()?;
    let route = store.catalog().by_id(kept.table).and_then(|table| routes.of(table))?;
    let key = route.key_of(MapRef::new(&kept.image.0), codec)?;
    Some(Change {
        seq,
        key,
        table: kept.table,
        route,
        kind: if kept.delete { Kind::Delete } else { Kind::Put },
        image: kept.image.0.into(),
        time_us: kept.time_us,
    })
}

/// What the worker knows of the rows.
#[derive(Debug, Default)]
pub struct Aside {
    /// All rows.
    pub amount: Amount,
    /// The rows that were read into the window, or are settled and not removed yet; each with its lane and what it takes.
    read: BTreeMap<Seq, (Option<Lane>, u64)>,
}

impl Aside {
    /// As the cursor has it; nothing is read yet.
    pub fn new(amount: Amount) -> Aside {
        Aside { amount, read: BTreeMap::new() }
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.amount.changes == 0
    }

    /// A row was read; whether it is new.
    pub fn take(&mut self, seq: Seq, lane: Option<Lane>, bytes: u64) -> bool {
        self.read.insert(seq, (lane, bytes)).is_none()
    }

    /// A lane's rows are to be read again later.
    pub fn leave(&mut self, lane: Lane) {
        self.read.retain(|_, (other, _)| *other != Some(lane));
    }

    /// Everything but these is to be read again.
    pub fn keep(&mut self, settled: &[Seq]) {
        self.read.retain(|seq, _| settled.binary_search(seq).is_ok());
    }

    /// The rows that are settled: what was read and is not among the unsettled. All of them go with the next cursor, so that
    /// none can be sent again behind a later change of its key.
    pub fn settled(&self, unsettled: &HashSet<Seq>) -> Vec<Seq> {
        self.read.keys().filter(|seq| !unsettled.contains(seq)).copied().collect()
    }

    /// What remains without these.
    pub fn without(&self, rows: &[Seq]) -> Amount {
        let bytes: u64 = rows.iter().filter_map(|seq| self.read.get(seq)).map(|(_, bytes)| bytes).sum();
        Amount {
            changes: self.amount.changes.saturating_sub(rows.len() as u64),
            bytes: self.amount.bytes.saturating_sub(bytes),
        }
    }

    /// These are removed.
    pub fn removed(&mut self, rows: &[Seq]) {
        self.amount = self.without(rows);
        for seq in rows {
            self.read.remove(seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_rows_go_and_those_of_a_lane_that_is_left_stay() {
        let mut aside = Aside::new(Amount { changes: 4, bytes: 400 });
        for (seq, lane) in [(1, 1), (2, 2), (3, 1)] {
            assert!(aside.take(Seq(seq), Some(Lane(lane)), 100));
        }
        assert!(!aside.take(Seq(1), Some(Lane(1)), 100));
        aside.leave(Lane(2));
        let settled = aside.settled(&HashSet::from([Seq(3)]));
        assert_eq!(settled, [Seq(1)]);
        aside.removed(&settled);
        assert_eq!(aside.amount, Amount { changes: 3, bytes: 300 });
        assert!(aside.take(Seq(2), Some(Lane(2)), 100), "it is read again");
    }
}
