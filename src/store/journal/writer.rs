//! The journal's writing side, owned by the committer's thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::{BLOCK, Disk, DiskFile, ZEROS};
use super::frame::{ALIGN, MAX_FRAME};
use super::index::{Segment, Shared, holding};
use super::segment;
use super::spares::Spares;
use super::{FrameBuf, JournalSettings, Position, Reader, Readers, StoreId};
use crate::store::Seq;

/// Why a frame was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No segment could be prepared: nothing was written, the frame may be appended later.
    #[error("no journal segment could be prepared: {0}")]
    Full(String),
    /// A write or sync failed, now or earlier: whether this frame is durable is not known, and nothing more is written.
    #[error("the journal is poisoned: {0}")]
    Poisoned(String),
    /// The frame's first sequence is not beyond the last one, or the frame is empty: a mistake of the caller's. Nothing
    /// was written.
    #[error("the frame begins at {first:?}, which is not beyond {last:?}, or is empty")]
    Order {
        /// The frame's first sequence.
        first: Seq,
        /// The journal's last.
        last: Seq,
    },
}

/// Figures that any thread may read.
#[derive(Debug, Default)]
pub struct Figures {
    /// Bytes written since the start, in whole 4 KiB blocks: frames, headers, zeros.
    pub bytes_written: AtomicU64,
    /// Segments that hold frames still needed.
    pub segments: AtomicU64,
    /// Bytes allocated: segments needed, released and prepared.
    pub bytes_on_disk: AtomicU64,
    /// Segments prepared; below [`super::JournalSettings::reserve`] means that the disk is full.
    pub prepared: AtomicU64,
    /// The bytes of these.
    pub prepared_bytes: AtomicU64,
    /// Bytes of segments that were given back and are used again, or removed, once a later one has begun.
    pub released_bytes: AtomicU64,
}

/// What a file system's own journal takes when a name or a file's blocks change: on ext4 a descriptor, the block, a commit.
pub(super) const METADATA: u64 = 3 * BLOCK;
/// Into blocks that were never written, frames up to this length go with zeros ahead of them: each block is written twice
/// then, which is less than the metadata of every commit. See `docs/decisions/002-journal-blocks.md`.
const ZERO_AHEAD_MAX: u64 = METADATA;
/// How far ahead.
const ZERO_AHEAD: u64 = 128 << 10;

/// The journal, writing.
pub struct Journal {
    pub(super) settings: JournalSettings,
    pub(super) store: StoreId,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) shared: Arc<Shared>,
    pub(super) figures: Arc<Figures>,
    pub(super) spares: Spares,
    /// Where frames go; none if no segment could be prepared, or the last one is closed.
    pub(super) active: Option<Active>,
    /// The number for the next segment.
    pub(super) next_segment: u64,
    /// The number for the next frame.
    pub(super) next_frame: u64,
    pub(super) last: Seq,
    /// The last segment of the chain, 0 if there is none.
    pub(super) previous: u64,
    /// Out of the chain, but no header says so yet: not to be touched.
    pub(super) released: Vec<Arc<Segment>>,
    /// Out of the chain, and a header says so.
    pub(super) retired: Vec<Arc<Segment>>,
    pub(super) poison: Option<String>,
}

/// The segment that is written to.
pub(super) struct Active {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) segment: Arc<Segment>,
    /// Where the last frame ends.
    pub(super) end: u64,
    /// Blocks before this offset have been written once.
    pub(super) written_to: u64,
}

impl Journal {
    /// One write, one `fdatasync`: when it returns, the frame is durable. Readers see it after [`Journal::publish`].
    pub fn append(&mut self, frame: &mut FrameBuf) -> Result<Position, AppendError> {
        self.healthy()?;
        let length = frame.len() as u64;
        if frame.is_empty() || frame.first() <= self.last || frame.len() > MAX_FRAME {
            return Err(AppendError::Order { first: frame.first(), last: self.last });
        }
        if self.active.as_ref().is_none_or(|active| active.place(length).1 > active.segment.size) {
            self.begin_segment(length)?;
        }
        let Some(active) = &mut self.active else {
            return Err(AppendError::Full("there is no segment".into()));
        };
        let (offset, end) = active.place(length);
        match active.write(frame.finish(active.segment.salt, self.next_frame), offset) {
            Ok(written) => self.figures.bytes_written.fetch_add(written, Ordering::Relaxed),
            Err(error) => return Err(self.poisoned(&error)),
        };
        active.end = end;
        let position =
            Position { segment: active.segment.number, offset, frame: self.next_frame, last: frame.last() };
        self.next_frame += 1;
        self.last = frame.last();
        Ok(position)
    }

    /// Lets readers see everything appended.
    pub fn publish(&mut self) {
        self.shared.publish(self.next_frame, self.last);
    }

    /// The last change appended.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// A reader of everything after this sequence.
    pub fn reader(&self, after: Seq) -> Reader {
        self.readers().after(after)
    }

    /// Makes readers, for other threads.
    pub fn readers(&self) -> Readers {
        Readers::new(self.shared.clone())
    }

    /// Figures, for other threads.
    pub fn figures(&self) -> Arc<Figures> {
        self.figures.clone()
    }

    /// Bytes of journal from this sequence on, as they lie in segments (an upper bound): what it pins.
    pub fn bytes_after(&self, after: Seq) -> u64 {
        if after >= self.last {
            return 0;
        }
        let segments = self.shared.segments();
        let first = holding(&segments, after).map_or(0, |segment| segment.number);
        let used = |segment: &Arc<Segment>| match &self.active {
            Some(active) if active.segment.number == segment.number => active.end,
            _ => segment.size,
        };
        segments.iter().filter(|segment| segment.number >= first).map(used).sum()
    }

    pub(super) fn healthy(&self) -> Result<(), AppendError> {
        match &self.poison {
            Some(cause) => Err(AppendError::Poisoned(cause.clone())),
            None => Ok(()),
        }
    }

    pub(super) fn poisoned(&mut self, error: &io::Error) -> AppendError {
        AppendError::Poisoned(self.poison.insert(error.to_string()).clone())
    }

    pub(super) fn update_figures(&self) {
        let (count, bytes) = {
            let segments = self.shared.segments();
            (segments.len() as u64, segments.iter().map(|segment| segment.size).sum::<u64>())
        };
        let gone = self.released.iter().chain(&self.retired).map(|segment| segment.size).sum::<u64>();
        self.figures.segments.store(count, Ordering::Relaxed);
        self.figures.bytes_on_disk.store(bytes + gone + self.spares.bytes(), Ordering::Relaxed);
        self.figures.prepared.store(self.spares.count() as u64, Ordering::Relaxed);
        self.figures.prepared_bytes.store(self.spares.bytes(), Ordering::Relaxed);
        self.figures.released_bytes.store(gone, Ordering::Relaxed);
    }
}

impl Active {
    /// Where a frame of this length goes, and ends.
    fn place(&self, length: u64) -> (u64, u64) {
        let offset = segment::place(self.end.next_multiple_of(ALIGN), length);
        (offset, offset + length)
    }

    /// Writes and syncs a frame; the answer is the bytes that the device gets, in whole blocks.
    fn write(&mut self, frame: &[u8], offset: u64) -> io::Result<u64> {
        let end = offset + frame.len() as u64;
        self.file.write_at(frame, offset)?;
        let end_block = end.next_multiple_of(BLOCK);
        let mut written = end_block - offset / BLOCK * BLOCK;
        if end_block > self.written_to {
            let ahead = if frame.len() as u64 <= ZERO_AHEAD_MAX { ZERO_AHEAD } else { 0 };
            let target = (end_block + ahead).min(self.segment.size);
            let mut at = end_block;
            while at < target {
                let zeros = ZEROS.get(..(target - at) as usize).unwrap_or(&ZEROS);
                self.file.write_at(zeros, at)?;
                at += zeros.len() as u64;
            }
            // The file system writes down which blocks are in use now.
            written += target - end_block + METADATA;
            self.written_to = target;
        }
        self.file.sync()?;
        Ok(written)
    }
}
