//! What the writer and the readers share: the chain of segments, and how far it is published.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::Disk;
use crate::store::Seq;

/// A segment of the chain. Readers hold it while they are in it: then its file is not used again.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) salt: u64,
    /// Bytes its file takes.
    pub(super) size: u64,
    pub(super) first_frame: u64,
    /// The last sequence before it.
    pub(super) after: Seq,
    /// The first frame number that is not in it any more; `u64::MAX` while it is written to.
    end_frame: AtomicU64,
}

impl Segment {
    /// A segment that ends before this frame number.
    pub(super) fn new(
        number: u64,
        salt: u64,
        size: u64,
        first_frame: u64,
        after: Seq,
        end_frame: u64,
    ) -> Segment {
        Segment { number, salt, size, first_frame, after, end_frame: AtomicU64::new(end_frame) }
    }

    /// The first frame number that is not in it any more.
    pub(super) fn end_frame(&self) -> u64 {
        self.end_frame.load(Ordering::Acquire)
    }

    /// Says where it ends.
    pub(super) fn end_at(&self, frame: u64) {
        self.end_frame.store(frame, Ordering::Release);
    }
}

/// The chain, and how far it is published.
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    segments: Mutex<Vec<Arc<Segment>>>,
    /// Frames below this number are published.
    published: AtomicU64,
    /// The same, with the last sequence in them.
    published_to: Mutex<(u64, Seq)>,
}

impl Shared {
    pub(super) fn new(disk: Arc<dyn Disk>, segments: Vec<Arc<Segment>>, frame: u64, seq: Seq) -> Shared {
        Shared {
            disk,
            segments: Mutex::new(segments),
            published: AtomicU64::new(frame),
            published_to: Mutex::new((frame, seq)),
        }
    }

    /// The chain, oldest first. Files named by it are neither renamed nor removed while this is held.
    pub(super) fn segments(&self) -> MutexGuard<'_, Vec<Arc<Segment>>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn publish(&self, frame: u64, seq: Seq) {
        *self.published_to.lock().unwrap_or_else(PoisonError::into_inner) = (frame, seq);
        self.published.store(frame, Ordering::Release);
    }

    /// Frames below this number are published.
    pub(super) fn published_frame(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// The same, with the last sequence in them.
    pub(super) fn published_to(&self) -> (u64, Seq) {
        *self.published_to.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The segment in which what comes after a sequence begins; `None` if that is before all of them.
pub(super) fn holding(segments: &[Arc<Segment>], after: Seq) -> Option<&Arc<Segment>> {
    let beyond = segments.partition_point(|segment| segment.after <= after);
    segments.get(beyond.checked_sub(1)?)
}
