//! What the worker wants done, what came of it, and what it may look at: all that it has of the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::durable::Removed;
use super::orders::Again;
use crate::model::TableId;
use crate::store::{Asked, Backlog, CommitError, ReadError, Seq, Space, Urgency};
use crate::sync::batch::Picked;
use crate::sync::client::{NoReply, Reply};
use crate::sync::cursor::Cursor;
use crate::sync::give_up::{Outcome, Plan};
use crate::sync::reader::Begin;
use crate::sync::route::Lane;

/// The time, as the worker is told it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sync) struct Now {
    /// Milliseconds of a monotonic clock.
    pub(in crate::sync) ms: u64,
    /// Microseconds since 1970; may jump.
    pub(in crate::sync) us: u64,
    /// The day, in days since 1970, UTC; `None` while it is not known for certain.
    pub(in crate::sync) day: Option<u64>,
}

/// Something to be done. They are done in the order in which they were given out; those that end in a [`Done`] may take
/// their time.
#[derive(Debug)]
pub(in crate::sync) enum Todo {
    /// Read on from there, and from nowhere else.
    Follow(Begin),
    /// Read no more.
    StopReading,
    /// Send a batch: [`Done::Sent`].
    Send {
        /// What is in it.
        batch: Vec<Picked>,
        /// The BatchWriteItem request.
        body: Vec<u8>,
    },
    /// Look at a table, or (without one) at the upstream: [`Done::Described`].
    Describe(Option<(Lane, String)>),
    /// Write rows in one commit: [`Done::Written`].
    Write(Write),
    /// Read letters that are to go again: [`Done::Read`].
    ReadLetters(Vec<Seq>),
    /// Give changes up: [`Done::GaveUp`].
    GiveUp(Plan),
    /// Tell the store what the upstream may hold back.
    SetBacklog(Backlog),
}

/// A row of the store: its space, its key therein, and its value; without one it is removed.
pub(in crate::sync) type SystemRow = (Space, Vec<u8>, Option<Vec<u8>>);

/// Rows of the store, all written in one commit.
#[derive(Debug)]
pub(in crate::sync) struct Write {
    /// The rows.
    pub(in crate::sync) rows: Vec<SystemRow>,
    /// How soon.
    pub(in crate::sync) urgency: Urgency,
    /// Why.
    pub(in crate::sync) what: Written,
}

/// What was written.
#[derive(Debug)]
pub(in crate::sync) enum Written {
    /// A dead letter.
    Letter(Picked),
    /// A cursor; with it went what it makes void.
    Cursor(Cursor, Removed),
}

/// Something that was under way has ended.
#[derive(Debug)]
pub(in crate::sync) enum Done {
    /// A batch.
    Sent { batch: Vec<Picked>, result: Result<Reply, NoReply> },
    /// A look at a table, or (without a lane) at the upstream.
    Described { lane: Option<Lane>, result: Result<Reply, NoReply> },
    /// Rows were written, or not.
    Written { what: Written, result: Result<(), CommitError> },
    /// Letters that are to go again were read, or not.
    Read { seqs: Vec<Seq>, result: Result<Vec<Again>, ReadError> },
    /// What the store had no room for was given up.
    GaveUp(Outcome),
}

/// What the worker looks at beside what it is told: answered at once, from memory.
pub(in crate::sync) trait Around: Send {
    /// How many changes of each table the store has counted, and up to where.
    fn counted(&self) -> (Seq, Arc<BTreeMap<TableId, u64>>);
    /// Whether a local table is sent.
    fn is_sent(&self, table: TableId) -> bool;
    /// Whether any table's oldest may go where space is short.
    fn drops(&self) -> bool;
    /// What the store asks of this upstream.
    fn asked(&self) -> Option<Asked>;
    /// Makes ready for requests: certificates may be missing, as the error says.
    fn make_ready(&mut self) -> Result<(), String>;
    /// Forgets connections, and what is known of certificates and credentials.
    fn forget(&mut self);
    /// The upstream refused the credentials: whether there are others now.
    fn credentials_refused(&mut self) -> bool;
    /// The upstream refused a signature for its time: from now on its own is used.
    fn believe_upstream_time(&mut self);
}
