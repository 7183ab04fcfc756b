//! Dropping items: where the tree is short of room, tables whose owner chose `drop-oldest` lose their oldest ones. On the
//! fold's thread, in slices.
//!
//! Which are the oldest needs no index of its own. Items with an expiry go in the order of their expiry rows, the nearest
//! first. Of the others those go that were written longest ago: the table is gone through again and again, and each time
//! around what was written before a certain change is dropped, an eighth of what the last time around has seen.
//!
//! Only the local copy goes: what is still to be sent stands in the journal. Rows whose time is still estimated are
//! in nobody's journal as they will be, and stay. So do rows that the overlay hides: the item would stay, and the fold
//! to come replaces them. What goes is counted in the transaction that takes it, so that at every moment items and count add up.

use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::apply::{ApplyError, Slice};
use super::faults::Point;
use super::fold::commit;
use super::shared::Shared;
use super::tree::read_expiry_key;
use super::{Catalog, ReadError, Seq, meta, rows};
use crate::model::schema::is_expired;
use crate::model::{MapRef, RowKey, TableDef, TableId, WhenFull};

/// Rows dropped in one go.
const ROWS: usize = 16_384;
/// Rows looked at in one go.
const LOOKED_AT: usize = 16_384;
/// Sequences remembered of a time around.
const SAMPLE: usize = 1_024;
/// The part of a table that goes in a time around.
const PART: usize = 8;
/// What was dropped is said in the log once in a while, in sum.
const SAY: Duration = Duration::from_secs(60);

/// A table being gone through by age.
#[derive(Debug, Default)]
struct Round {
    table: Option<TableId>,
    after: Option<Vec<u8>>,
    /// What was written up to here goes.
    cut: Seq,
    sample: Vec<Seq>,
    seen: usize,
}

/// What dropping has still to do.
#[derive(Debug, Default)]
pub(super) struct Dropper {
    /// The last expiry row looked at.
    after: Option<Vec<u8>>,
    round: Round,
    unsaid: u64,
    said: Option<Instant>,
}

/// A row that may go, with its expiry if it has one.
type Candidate = (Bytes, Option<u64>);

impl Dropper {
    /// Does a bounded part of what there is to do; whether there is more.
    pub(super) fn run(&mut self, shared: &Shared) -> Result<bool, ApplyError> {
        let wanted = shared.space.wanted_items();
        if wanted == 0 {
            self.after = None;
            return Ok(false);
        }
        let catalog = shared.published.load().catalog.clone();
        let mut found = self.by_expiry(shared, &catalog, wanted)?;
        if found.is_empty() && self.after.is_none() {
            found = self.by_age(shared, &catalog)?;
            if found.is_empty() && self.round.table.is_none() {
                return Ok(false);
            }
        }
        let freed = self.drop_rows(shared, &catalog, found, wanted)?;
        shared.space.gave_items(freed);
        self.say(shared)?;
        Ok(freed < wanted)
    }

    /// Of the items with an expiry the nearest, about as many as are wanted. None and a forgotten place: there are none
    /// any more.
    fn by_expiry(
        &mut self,
        shared: &Shared,
        catalog: &Catalog,
        wanted: u64,
    ) -> Result<Vec<Candidate>, ReadError> {
        let txn = shared.tree.snapshot()?;
        let start = self.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let (mut found, mut bytes, mut last) = (Vec::new(), 0, None);
        for (at, entry) in shared.tree.expiry.range(&txn, &(start, Bound::<&[u8]>::Unbounded))?.enumerate() {
            let (key, _) = entry?;
            if at >= LOOKED_AT || found.len() >= ROWS || bytes >= wanted {
                break;
            }
            last = Some(key.to_vec());
            let Some((second, row)) = read_expiry_key(key) else { continue };
            let row = Bytes::copy_from_slice(row);
            if drops(catalog, RowKey(row.clone()).table()).is_some() {
                bytes +=
                    shared.tree.rows.get(&txn, &row)?.map_or(0, |value| (row.len() + value.len()) as u64);
                found.push((row, Some(second)));
            }
        }
        self.after = last;
        Ok(found)
    }

    /// The next part of a table without expiry: what was written before the cut.
    fn by_age(&mut self, shared: &Shared, catalog: &Catalog) -> Result<Vec<Candidate>, ReadError> {
        let txn = shared.tree.snapshot()?;
        let def = match self.round.table.and_then(|table| drops(catalog, table)) {
            Some(def) => def,
            None => {
                let mut largest = None;
                for def in catalog.all().filter(|def| drops(catalog, def.id).is_some()) {
                    let bytes = meta::counted(shared.tree.meta, &txn, def.id)?.bytes;
                    if bytes > 0 && largest.is_none_or(|(most, _)| bytes > most) {
                        largest = Some((bytes, &**def));
                    }
                }
                let Some((_, def)) = largest else { return Ok(Vec::new()) };
                self.round = Round { table: Some(def.id), ..Round::default() };
                def
            }
        };
        let first = def.id.0.to_be_bytes().to_vec();
        let start = self.round.after.take().map_or(Bound::Included(first), Bound::Excluded);
        let end = def.id.0.saturating_add(1).to_be_bytes().to_vec();
        let bounds = (start.as_ref().map(Vec::as_slice), Bound::Excluded(end.as_slice()));
        let (mut found, mut last) = (Vec::new(), None);
        for (at, entry) in shared.tree.rows.range(&txn, &bounds)?.enumerate() {
            let (key, value) = entry?;
            if at >= LOOKED_AT {
                break;
            }
            last = Some(key.to_vec());
            let Ok(row) = rows::decode(key, value) else { continue };
            if row.mark.is_some() || def.expiry_of(MapRef::new(row.image)).is_some() {
                continue;
            }
            if row.seq <= self.round.cut {
                found.push((Bytes::copy_from_slice(key), None));
            } else {
                self.round.remember(row.seq);
            }
        }
        match last {
            Some(last) => self.round.after = Some(last),
            None => self.round = self.round.next(),
        }
        Ok(found)
    }

    /// Drops rows, until so many bytes are free; how many are.
    fn drop_rows(
        &mut self,
        shared: &Shared,
        catalog: &Catalog,
        mut found: Vec<Candidate>,
        wanted: u64,
    ) -> Result<u64, ApplyError> {
        // Neighbours share pages.
        found.sort_unstable();
        let now = shared.clock.expiry_now();
        let mut found = found.into_iter();
        let mut freed = 0;
        while found.len() > 0 && freed < wanted {
            let mut slice = Slice::begin(&shared.tree, catalog, shared.keys)?;
            let (mut rows, mut past) = (0, 0);
            for (key, second) in found.by_ref() {
                let generations = shared.overlay.load();
                if generations.each().any(|generation| generation.get(&key, Seq(u64::MAX)).is_some()) {
                    continue;
                }
                let expired = now.zip(second).is_some_and(|(now, second)| is_expired(second, now));
                if let Some(bytes) = slice.drop_item(&key, second, expired)? {
                    freed += bytes;
                    rows += u64::from(!expired);
                    past += u64::from(expired);
                }
                if slice.pages() >= shared.tuning.slice_pages || freed >= wanted {
                    break;
                }
            }
            commit(shared, slice)?;
            shared.stats.expired.fetch_add(past, Ordering::Relaxed);
            self.unsaid += rows;
            shared.faults.reach(Point::SweepCommitted)?;
        }
        Ok(freed)
    }

    fn say(&mut self, shared: &Shared) -> Result<(), ReadError> {
        if self.unsaid > 0 && self.said.is_none_or(|at| at.elapsed() >= SAY) {
            let total = meta::dropped_items(shared.tree.meta, &*shared.tree.snapshot()?)?;
            tracing::warn!(
                items = self.unsaid,
                total,
                "the store is nearly full: the oldest items of tables with when_full = \"drop-oldest\" were dropped here"
            );
            (self.unsaid, self.said) = (0, Some(Instant::now()));
        }
        Ok(())
    }
}

impl Round {
    /// Keeps a fair sample of what is seen (reservoir sampling).
    fn remember(&mut self, seq: Seq) {
        self.seen += 1;
        if self.sample.len() < SAMPLE {
            self.sample.push(seq);
        } else if let Some(place) = self.sample.get_mut(fastrand::usize(..self.seen)) {
            *place = seq;
        }
    }

    /// The next time around; none if nothing was seen.
    fn next(&mut self) -> Round {
        self.sample.sort_unstable();
        let cut = self.sample.get(self.sample.len() / PART).copied();
        match cut {
            Some(cut) => Round { table: self.table, cut, ..Round::default() },
            None => Round::default(),
        }
    }
}

/// The table, if it is one that loses its oldest items.
fn drops(catalog: &Catalog, table: TableId) -> Option<&TableDef> {
    let def = catalog.by_id(table)?;
    (def.when_full == WhenFull::DropOldest && !def.dropped).then_some(&**def)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_of_what_was_seen_goes_the_next_time_around() {
        let mut round = Round { table: Some(TableId(256)), ..Round::default() };
        for seq in 1..=800 {
            round.remember(Seq(seq));
        }
        let next = round.next();
        assert_eq!((next.cut, next.sample.len()), (Seq(101), 0));
        for seq in 0..100_000 {
            round.remember(Seq(seq));
        }
        assert_eq!(round.sample.len(), SAMPLE);
        let cut = round.next().cut.0;
        assert!((5_000..25_000).contains(&cut), "{cut}");
        assert_eq!(Round::default().next().table, None);
    }
}
