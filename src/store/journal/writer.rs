//! The journal's writing side, owned by the committer's thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::disk::{BLOCK, Disk, DiskFile, ZEROS};
use super::frame::{ALIGN, MAX_FRAME};
use super::index::{Segment, Shared, holding};
use super::segment::{self, FRAMES_AT, Header};
use super::spares::{Spare, Spares};
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
}

/// Metadata blocks that a new name or a changed inode costs on the way through a file system's own journal: an estimate,
/// measured on ext4.
const METADATA: u64 = 4 * BLOCK;
/// Frames up to this length are worth zeros written ahead, in blocks that were never written: see `docs/decisions`.
const ZERO_AHEAD_MAX: u64 = BLOCK;
/// How far ahead.
const ZERO_AHEAD: u64 = 128 << 10;

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

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
    file: Arc<dyn DiskFile>,
    segment: Arc<Segment>,
    /// Where the last frame ends.
    end: u64,
    /// Blocks before this offset have been written once.
    written_to: u64,
}

impl Journal {
    /// One write, one `fdatasync`: when it returns, the frame is durable. Readers see it after [`Journal::publish`].
    pub fn append(&mut self, frame: &mut FrameBuf) -> Result<Position, AppendError> {
        self.healthy()?;
        let length = frame.len() as u64;
        if frame.is_empty() || frame.first() <= self.last || frame.len() > MAX_FRAME {
            return Err(AppendError::Order { first: frame.first(), last: self.last });
        }
        if !self.active.as_ref().is_some_and(|active| active.place(length).1 <= active.segment.size) {
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
        let segments = self.shared.segments();
        let first = holding(&segments, after).map_or(0, |segment| segment.number);
        let used = |segment: &Arc<Segment>| match &self.active {
            Some(active) if active.segment.number == segment.number => active.end,
            _ => segment.size,
        };
        segments.iter().filter(|segment| segment.number >= first).map(used).sum()
    }

    /// Changes up to here are no longer needed by anyone: segments wholly at or below it will be used again. They are
    /// touched only once a later segment's header says so: with the next segment, or [`Journal::rotate`].
    pub fn release(&mut self, through: Seq) {
        {
            let mut segments = self.shared.segments();
            let after = segments.iter().skip(1).take_while(|next| next.after <= through).count();
            self.released.extend(segments.drain(..after));
        }
        self.update_figures();
    }

    /// Prepares what is missing of the reserve, and frees what was released. Cheap when there is nothing to do; call it
    /// between groups. An error means that the disk is full, or worse: writes go on as long as there are segments.
    pub fn maintain(&mut self) -> io::Result<()> {
        self.healthy().map_err(io::Error::other)?;
        let mut result = Ok(());
        for retired in std::mem::take(&mut self.retired) {
            if let Err(error) = self.reuse(&retired) {
                result = Err(error);
            }
        }
        while self.spares.count() < self.settings.reserve && result.is_ok() {
            result = self.spares.prepare();
            self.figures.bytes_written.fetch_add(METADATA, Ordering::Relaxed);
        }
        self.update_figures();
        result
    }

    /// Begins a new segment now and frees what was released (when space is short).
    pub fn rotate(&mut self) -> Result<(), AppendError> {
        self.healthy()?;
        self.begin_segment(0)?;
        // Removing needs no space, but making the reserve may: that is not this call's matter.
        let _ = self.maintain();
        Ok(())
    }

    fn healthy(&self) -> Result<(), AppendError> {
        match &self.poison {
            Some(cause) => Err(AppendError::Poisoned(cause.clone())),
            None => Ok(()),
        }
    }

    fn poisoned(&mut self, error: &io::Error) -> AppendError {
        AppendError::Poisoned(self.poison.insert(error.to_string()).clone())
    }

    /// A segment of the past: used again, or removed.
    fn reuse(&mut self, retired: &Arc<Segment>) -> io::Result<()> {
        let name = segment::name(retired.number);
        // Readers take segments out of the chain: if none has this one now, none will.
        let unread = Arc::strong_count(retired) == 1;
        let wanted = unread && self.spares.count() < self.settings.keep_free;
        if wanted && self.spares.adopt(name.clone())? {
            return Ok(());
        }
        self.disk.remove(&name)
    }

    /// Begins a segment with room for a frame of this length: its header is durable when this returns.
    pub(super) fn begin_segment(&mut self, length: u64) -> Result<(), AppendError> {
        let size = (FRAMES_AT + length).next_multiple_of(BLOCK).max(self.settings.segment_size);
        let mut spare = match self.take_spare(size) {
            Ok(spare) => spare,
            Err(error) => return Err(AppendError::Full(error.to_string())),
        };
        let header = match self.next_header() {
            Ok(header) => header,
            Err(error) => return self.not_begun(spare, &error),
        };
        // While the file has its old name, its header means nothing.
        let written = spare.file.write_at(&header.block(), 0).and_then(|()| spare.file.sync());
        if let Err(error) = written {
            return self.not_begun(spare, &error);
        }
        spare.written_to = spare.written_to.max(FRAMES_AT);
        // From here on it may be durable that the segment before ends here, whatever becomes of the new one.
        self.close_active();
        self.next_segment += 1;
        let name = segment::name(header.number);
        if let Err(error) = self.disk.rename(&spare.name, &name) {
            return self.not_begun(spare, &error);
        }
        if let Err(error) = self.disk.sync_folder("") {
            if self.disk.rename(&name, &spare.name).is_err() {
                spare.name = name;
            }
            return self.not_begun(spare, &error);
        }
        self.figures.bytes_written.fetch_add(BLOCK + METADATA, Ordering::Relaxed);
        self.begun(spare, &header);
        Ok(())
    }

    fn take_spare(&mut self, size: u64) -> io::Result<Spare> {
        if self.spares.count() == 0 {
            for retired in std::mem::take(&mut self.retired) {
                // What can't be had again is not missed: there is another, or a new one is made.
                let _ = self.reuse(&retired);
            }
        }
        loop {
            match self.spares.take(size) {
                // Without space for a header, none can say what is released: the oldest has to go without, one by one, so
                // that the chain only loses its beginning.
                Err(error) if is_full(&error) && !self.released.is_empty() => {
                    self.disk.remove(&segment::name(self.released.remove(0).number))?;
                    self.disk.sync_folder("")?;
                }
                taken => return taken,
            }
        }
    }

    fn next_header(&self) -> io::Result<Header> {
        let live_from = self.shared.segments().first().map_or(self.next_segment, |first| first.number);
        Ok(Header {
            salt: segment::salt()?,
            number: self.next_segment,
            store: self.store,
            previous: self.previous,
            first_frame: self.next_frame,
            after: self.last,
            live_from,
        })
    }

    fn close_active(&mut self) {
        if let Some(active) = self.active.take() {
            active.segment.end_at(self.next_frame);
        }
    }

    /// A segment that could not be begun: full, if that is all; anything else means that the disk can't be relied on.
    fn not_begun(&mut self, spare: Spare, error: &io::Error) -> Result<(), AppendError> {
        self.spares.put_back(spare);
        if is_full(error) {
            return Err(AppendError::Full(error.to_string()));
        }
        Err(self.poisoned(error))
    }

    fn begun(&mut self, spare: Spare, header: &Header) {
        let Spare { file, size, written_to, .. } = spare;
        let segment =
            Segment::new(header.number, header.salt, size, header.first_frame, header.after, u64::MAX);
        let segment = Arc::new(segment);
        self.shared.segments().push(segment.clone());
        self.previous = header.number;
        self.active = Some(Active { file, segment, end: FRAMES_AT, written_to });
        self.retired.append(&mut self.released);
        self.update_figures();
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
