//! From one segment to the next: beginning them, giving them back, keeping a reserve of them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::disk::BLOCK;
use super::index::Segment;
use super::segment::{self, FRAMES_AT, Header};
use super::spares::Spare;
use super::writer::{Active, METADATA};
use super::{AppendError, Journal};
use crate::store::Seq;

impl Journal {
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
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
