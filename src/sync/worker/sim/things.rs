//! What there is in the simulated world: events, requests, a gateway.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::disk::Item;
use super::oracle;
use super::upstream::Fate;
use crate::store::Seq;
use crate::sync::batch::Picked;
use crate::sync::board::Board;
use crate::sync::route::{Lane, Routes};
use crate::sync::worker::{Done, Worker};

/// Something that happens.
#[derive(Debug)]
pub(super) enum Event {
    /// The worker wanted to decide again.
    Wake,
    /// The reader (of this number) has read on.
    Feed(u64),
    /// A request gets to the upstream.
    Arrive(u64),
    /// Its answer gets here, or it is given up.
    Answer(u64),
    /// The oldest write is committed, or fails.
    Commit,
    /// Something that was under way in this life has ended.
    Ended(u64, Box<Done>),
    /// A device writes.
    Write(Option<Item>, bool, bool),
    /// A table is gone, or there.
    Missing(String, bool),
    /// The system's clock jumps by so many microseconds; whether it is believed then.
    Jump(i64, bool),
    /// The owner wants all letters to go again.
    Replay,
    /// The owner throws one of the letters away.
    Discard,
    /// The owner pauses the upstream, or lets it go on.
    Pause(bool),
    /// The owner stops the gateway.
    Stop,
    /// What was to be waited for when stopping has taken too long.
    Deadline(u64),
    /// The gateway starts.
    Start,
    /// A failed sync has poisoned the disk in this life, and the process ends.
    Die(u64),
    /// The faults end.
    Calm,
}

/// A request on its way.
pub(super) struct Request {
    pub(super) life: u64,
    pub(super) what: What,
    pub(super) fate: Fate,
    pub(super) arrivals: u8,
    pub(super) answer: Option<(u16, String)>,
    /// What the upstream took of it, and says so.
    pub(super) taken: Vec<Seq>,
}

pub(super) enum What {
    Batch { batch: Vec<Picked>, body: Vec<u8>, places: BTreeMap<oracle::Place, Seq> },
    Look(Option<(Lane, String)>),
}

/// A gateway that lives.
pub(super) struct Life {
    pub(super) number: u64,
    pub(super) worker: Worker,
    pub(super) board: Arc<Board>,
    pub(super) routes: Arc<Routes>,
    pub(super) begun: u64,
    pub(super) reader: Option<Reader>,
    pub(super) wake_at: Option<u64>,
    pub(super) stopping: bool,
    /// Requests and other things under way, but for writes.
    pub(super) under_way: usize,
}

/// How far the reader is.
pub(super) struct Reader {
    pub(super) number: u64,
    pub(super) after: Seq,
    pub(super) caught_up: bool,
    /// It is about to have something.
    pub(super) reading: bool,
}
