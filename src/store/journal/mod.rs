//! The journal: segments of frames, one group of changes each. What the committer acknowledges is what a frame holds
//! whose `fdatasync` has returned.
//!
//! # How to use it
//! ```text
//! Survey::of(disk, settings, store)?   read-only: headers; whose journal it is, what there is
//!     .replay(after, |frame| …)?       read-only: every whole frame with a change after `after`, in order
//!     .start(store_id)?                durable: ends what was torn, sets damage aside, begins a segment → Journal
//! journal.append(&mut frame)?          one write, one fdatasync: acknowledged
//! journal.publish()                    readers see it
//! journal.release(through)             no longer needed up to here: segments are used again
//! journal.maintain()                   prepares the reserve; between groups
//! ```
//!
//! # Invariants
//! - A frame is one write and carries one checksum, over its segment's salt too: what a segment held in an earlier life
//!   is never taken for a frame.
//! - A segment's header is durable, under its name, before the first frame in it is written. It names its predecessor and
//!   the frame number at which that ends: a torn frame that turns up whole later is not part of the journal.
//! - Recovery never appends to an old segment, and never reads through the page cache.
//! - A released segment is touched only after a later header has said durably that it is released.
//! - After a write or sync that failed nothing more is written: [`AppendError::Poisoned`].
//! - Nothing read from disk is trusted before its checksum; whatever is there, nothing panics and nothing grows.

mod backlog;
pub mod disk;
pub mod epoch;
#[cfg(test)]
mod faults;
pub mod frame;
mod index;
#[cfg(test)]
mod properties;
pub mod reader;
mod record_codec;
pub mod recovery;
mod replay;
mod rotation;
mod scan;
mod segment;
#[cfg(test)]
pub(in crate::store) mod sim;
#[cfg(test)]
mod smoke;
mod spares;
pub mod start;
mod varint;
mod window;
pub mod writer;

pub use backlog::giving;
pub use epoch::EpochFile;
pub use frame::{FrameBuf, FrameFull, FrameRecords, MAX_FRAME};
pub use reader::{Bookmark, Gap, Reader, Readers};
pub use recovery::{Cut, Damage, JournalError, Recovered, Survey};
pub use writer::{AppendError, Figures, Journal};

use super::Seq;

/// A store's identity: random, made with the store. It stands in every segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct StoreId(pub [u8; 16]);

/// How a journal lays itself out.
#[derive(Clone, Copy, Debug)]
pub struct JournalSettings {
    /// A segment's size in bytes, a multiple of 4 KiB. A frame that is larger gets a segment of its own.
    pub segment_size: u64,
    /// Segments kept prepared, so that a full disk is met here and not in the middle of a commit.
    pub reserve: usize,
    /// Released segments kept for use again, the reserve included; more are removed. What one fold releases should fit in:
    /// a segment that was written before takes half the bytes of a new one.
    pub keep_free: usize,
}

impl Default for JournalSettings {
    fn default() -> JournalSettings {
        JournalSettings { segment_size: 4 << 20, reserve: 2, keep_free: 6 }
    }
}

/// Where a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The segment's number.
    pub segment: u64,
    /// The frame's first byte in it.
    pub offset: u64,
    /// The frame's number: consecutive over the whole journal.
    pub frame: u64,
    /// The last change in it.
    pub last: Seq,
}
