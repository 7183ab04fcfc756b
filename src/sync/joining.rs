//! Where an upstream begins: one that is new, one that was gone from the configuration and is back, one that gets more tables
//! than before.
//!
//! A table that is newly sent begins at the very start: what the journal no longer has of it goes as the rows stand. An
//! upstream that is gone leaves its cursor behind, which keeps no journal; if it comes back while the journal still
//! reaches back to there, it gets everything, deletes included.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use serde::{Deserialize, Serialize};

use super::control::pause_key;
use super::cursor::Cursor;
use crate::clock::Clock;
use crate::model::TableId;
use crate::store::{
    Batch, CommitError, Direction, KeyRange, Read, ReadError, Seq, Space, Store, Urgency, system_key,
};

#[cfg(test)]
mod tests;

/// Which tables an upstream gets: local name → upstream name; without a mapping every table under its own name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covers {
    tables: Option<BTreeMap<String, String>>,
}

impl Covers {
    /// By this mapping.
    pub fn new(tables: Option<BTreeMap<String, String>>) -> Covers {
        Covers { tables }
    }

    /// Under what name a table goes.
    fn upstream<'a>(&'a self, local: &'a str) -> Option<&'a str> {
        match &self.tables {
            None => Some(local),
            Some(tables) => tables.get(local).map(String::as_str),
        }
    }
}

/// How an upstream begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// Where it was.
    #[default]
    Known,
    /// It has had nothing yet.
    New,
    /// It was gone, and is back.
    Back,
    /// These local tables are newly sent.
    Wider(Vec<String>),
}

/// Where an upstream begins, and how.
#[derive(Debug)]
pub struct Joined {
    /// Where.
    pub cursor: Cursor,
    /// How.
    pub how: How,
    /// The cursor is not durable as it is.
    pub fresh: bool,
}

/// Reads where an upstream begins that is to get these tables.
pub fn join(store: &dyn Read, upstream: &str, covers: Covers) -> Result<Joined, ReadError> {
    let (cursor, how) = match Cursor::load(store, upstream)? {
        Some(cursor) if cursor.joining => (cursor, How::Back),
        Some(cursor) => (cursor, How::Known),
        None => match parked(store, upstream)? {
            Some(cursor) => (Cursor { joining: true, ..cursor }, How::Back),
            None => (Cursor::default(), How::New),
        },
    };
    let local = store.catalog().tables().into_iter().map(|table| (table.id, table.name.as_str()));
    Ok(widen(cursor, how, covers, local))
}

/// Puts the tables at the start that were not sent so far.
fn widen<'a>(
    mut cursor: Cursor,
    how: How,
    covers: Covers,
    tables: impl Iterator<Item = (TableId, &'a str)>,
) -> Joined {
    let before = cursor.covers.replace(covers.clone());
    let fresh = how != How::Known || before.as_ref() != Some(&covers);
    let mut wider = Vec::new();
    if let Some(before) = before.filter(|before| how != How::New && *before != covers) {
        for (id, local) in tables {
            let Some(upstream) = covers.upstream(local) else { continue };
            if before.upstream(local) != Some(upstream) {
                cursor.positions.behind.insert(upstream.to_owned(), Seq(0));
                // What was counted while it was not sent.
                cursor.prefix.counts.remove(&id);
                wider.push(local.to_owned());
            }
        }
    }
    if wider.is_empty() {
        return Joined { cursor, how, fresh };
    }
    cursor.positions.to = cursor.positions.to.max(cursor.prefix.seq);
    cursor.prefix.seq = Seq(0);
    let how = if how == How::Known { How::Wider(wider) } else { how };
    Joined { cursor, how, fresh }
}

/// The key (within [`Space::Setting`]) of the cursor that an upstream has left behind.
pub(super) fn parked_key(upstream: &str) -> Vec<u8> {
    [b"upstream-gone/".as_slice(), upstream.as_bytes()].concat()
}

fn parked(store: &dyn Read, upstream: &str) -> Result<Option<Cursor>, ReadError> {
    let row = store.get(&system_key(Space::Setting, &parked_key(upstream)))?;
    Ok(row.and_then(|row| Cursor::decode(&row.image)))
}

/// Lets go of upstreams that are not among these: their cursors keep no journal any more, their pauses end; their dead letters
/// stay, for when they come back.
pub async fn retain(store: &Store, clock: &Clock, names: &[String]) -> Result<(), RetainError> {
    let (names, stamp) = (names.to_vec(), clock.stamp());
    // As a rule there is nothing to do, and then nothing is committed.
    if cursors_but(&store.view()?, &names)?.is_empty() {
        return Ok(());
    }
    let stage = move |read: &dyn Read, batch: &mut Batch| {
        let gone = cursors_but(read, &names)?;
        for (name, cursor) in &gone {
            batch.set_system(Space::Setting, &parked_key(name), Some(cursor.clone()), stamp);
            batch.set_system(Space::Setting, &pause_key(name), None, stamp);
            batch.set_system(Space::Cursor, name.as_bytes(), None, stamp);
        }
        Ok(gone.into_iter().map(|(name, _)| name).collect())
    };
    let gone: Result<Vec<String>, ReadError> = store.submit(Urgency::Gather, 1024, stage).await?;
    for upstream in gone? {
        tracing::info!(upstream, "the upstream is no longer configured; no journal is kept for it");
    }
    Ok(())
}

/// Upstreams that are gone can't be let go of now.
#[derive(Debug, thiserror::Error)]
pub enum RetainError {
    /// The rows can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Nothing can be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// The cursors of all upstreams but these.
fn cursors_but(read: &dyn Read, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
    let start = system_key(Space::Cursor, &[]).as_slice().to_vec();
    let end = (Space::Cursor as u32 + 1).to_be_bytes().to_vec();
    let range = KeyRange { start: Bound::Included(start), end: Bound::Excluded(end) };
    let mut found = Vec::new();
    read.scan(&range, Direction::Forward, &mut |key, row| {
        let name = key.get(4..).and_then(|name| std::str::from_utf8(name).ok());
        if let Some(name) = name.filter(|name| names.iter().all(|kept| kept != name)) {
            found.push((name.to_owned(), row.image.to_vec()));
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
