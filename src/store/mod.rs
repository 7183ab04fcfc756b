//! The store: a journal in front of LMDB. The only room that names `heed`.
//!
//! Writes go through [`Store::submit`]: a decision runs on the committer's thread against everything staged before it,
//! stages changes into a [`Batch`], and is answered after the group's `fdatasync`. Reads take a [`View`], synchronous and
//! for one page.

mod apply;
pub mod backlog;
pub mod batch;
pub mod before;
pub mod catalog;
mod check;
mod claim;
mod committer;
#[cfg(test)]
mod crash_tests;
pub mod cursor;
mod deliveries;
mod evict;
pub mod expired;
mod expiry;
mod faults;
mod fold;
#[cfg(test)]
mod full_tests;
mod group;
pub mod handle;
mod identity;
mod index_build;
mod index_entries;
mod index_scan;
#[cfg(test)]
mod index_tests;
pub mod journal;
#[cfg(test)]
mod life_tests;
mod lock;
mod marks;
#[cfg(test)]
mod measure;
mod meta;
mod open;
mod overlay;
mod pulse;
mod queue;
pub mod record;
mod recover;
mod retention;
#[cfg(test)]
pub(crate) mod rig;
mod room;
pub mod row;
mod rows;
mod seed;
mod set_aside;
mod shared;
mod space;
mod staged;
mod status;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod upgrade;
pub mod view;
mod wear;

use std::ops::{Bound, ControlFlow};

pub use backlog::{Asked, Asks, Backlog};
pub use batch::{About, Batch};
pub use before::{Before, Event};
pub use catalog::Catalog;
pub use claim::Claim;
pub use cursor::{cursor_value, read_cursor};
pub use expired::ExpiryScan;
pub use handle::{OpenError, Store, StoreSettings, TableStatistics};
pub use pulse::{Doing, Heartbeat};
pub use record::{Kind, Origin, Record};
pub use row::{Mark, Movable, Row, Unit};
pub use view::View;

use crate::model::{Image, IndexDef, RowKey, TableDef};

/// A change's place in the order of all changes: epoch (16 bits) and counter (48 bits). Never reused.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Bits of the counter.
    pub const COUNTER_BITS: u32 = 48;

    /// The first sequence of an epoch.
    pub fn start_of(epoch: u16) -> Seq {
        Seq(u64::from(epoch) << Seq::COUNTER_BITS)
    }

    /// The epoch.
    pub fn epoch(self) -> u16 {
        (self.0 >> Seq::COUNTER_BITS) as u16
    }

    /// The one after it, in the same epoch.
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

/// The store's own rows, beside the tables' (which begin at [`crate::model::TableId::FIRST`]). Their keys are raw bytes
/// behind the space's number; they go through the same journal, overlay and tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Space {
    /// Table definitions, by id.
    Catalog = 1,
    /// Upstreams' cursors, by name.
    Cursor = 2,
    /// Dead letters, by upstream and sequence.
    DeadLetter = 3,
    /// Changes set aside for an upstream, by upstream and sequence.
    Aside = 4,
    /// Boots: what became of their estimated times.
    Boot = 5,
    /// Single values of the daemon's (the clock's floor …).
    Setting = 6,
    /// Rows whose time is still estimated, by boot; derived by `apply`.
    Mark = 7,
    /// MQTT clients that have a session, by a hash of their identifier.
    Session = 8,
    /// What the broker client's sessions are subscribed to, by a hash of broker and client identifier.
    Subscription = 9,
    /// Clients' tokens of transactions, by a hash of the token.
    Token = 10,
}

/// How long a decision's group may wait for company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Close the group at once (HTTP).
    Now,
    /// Until nothing has come for 1 ms, `commit_wait` at most (MQTT, housekeeping).
    Gather,
}

/// Why a decision has no outcome, or none that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The store is full; nothing was changed. The text says what is full and what helps.
    #[error("the store is full: {0}")]
    Full(String),
    /// Too much is waiting; nothing was changed; try again.
    #[error("too many writes are waiting")]
    Busy,
    /// Writing or syncing the group failed, or the store is stopping: the change may or may not be durable.
    #[error("the outcome is not known: {0}")]
    OutcomeUnknown(String),
}

/// Reading failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A row does not match its checksum, or can't be read.
    #[error("a damaged row in {place}: {what}")]
    Damaged {
        /// Where.
        place: String,
        /// What is wrong.
        what: String,
    },
    /// LMDB said no.
    #[error("the tree can't be read: {0}")]
    Tree(String),
}

/// A range of rows' keys.
#[derive(Clone, Debug)]
pub struct KeyRange {
    /// Where it begins.
    pub start: Bound<Vec<u8>>,
    /// Where it ends.
    pub end: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Whether a key is in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        let after = match &self.start {
            Bound::Included(start) => key >= start.as_slice(),
            Bound::Excluded(start) => key > start.as_slice(),
            Bound::Unbounded => true,
        };
        let before = match &self.end {
            Bound::Included(end) => key <= end.as_slice(),
            Bound::Excluded(end) => key < end.as_slice(),
            Bound::Unbounded => true,
        };
        after && before
    }
}

/// The end of all keys that begin with these bytes.
pub fn successor(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return Bound::Excluded(end);
        }
        end.pop();
    }
    Bound::Unbounded
}

/// How far an index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Items of before it was added are being brought in: it can't be read yet.
    Building,
    /// It agrees with its table.
    Ready,
    /// It was removed, and its rows are being freed.
    Leaving,
    /// It was removed, and nothing of it is left.
    Gone,
}

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// What a scan's visitor gets: the row's key and the row; the image borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    /// The change that wrote it.
    pub seq: Seq,
    /// The item's image, or a system row's value.
    pub image: &'a [u8],
    /// An estimated time in it, still to be resolved.
    pub mark: Option<&'a Mark>,
}

/// A consistent state to read from: a view of what is published, or the committer's state with all that is staged.
/// Rows that have expired are still there: whoever reads judges by [`crate::model::TableDef::expiry_of`].
pub trait Read {
    /// The newest change that is seen.
    fn seq(&self) -> Seq;
    /// The tables.
    fn catalog(&self) -> &Catalog;
    /// One row.
    fn get(&self, key: &RowKey) -> Result<Option<Row>, ReadError>;
    /// The rows of a range, in order, until the visitor breaks.
    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError>;
    /// The items of a range of an index, in the index's order, until the visitor breaks; the key is the index row's. The
    /// range is one of whole keys ([`crate::model::IndexKey::whole`]).
    fn scan_index(
        &self,
        table: &TableDef,
        index: &IndexDef,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError>;
    /// How far an index is.
    fn index_state(&self, index: &IndexDef) -> Result<IndexState, ReadError>;
    /// Whether an MQTT delivery with this fingerprint was committed lately.
    fn delivered(&self, delivery: u64) -> bool;
}

/// The key of a system row.
pub fn system_key(space: Space, key: &[u8]) -> RowKey {
    let mut bytes = Vec::with_capacity(4 + key.len());
    bytes.extend_from_slice(&(space as u32).to_be_bytes());
    bytes.extend_from_slice(key);
    RowKey(bytes.into())
}

impl Row {
    /// The image, to read it in place.
    pub fn item(&self) -> Image {
        Image::from_trusted(self.image.clone())
    }
}
