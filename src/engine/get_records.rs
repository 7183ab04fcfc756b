//! GetRecords: the next records of a stream, read from the journal: 1,000 or 1 MB at most, and a bounded part of the
//! journal, whatever is in it.

use super::streams::{self, StreamName, StreamOf};
use super::{EngineError, StreamError};
use crate::model::{Image, Map, MapRef, limits, size};
use crate::store::journal::{Bookmark, Gap, Reader};
use crate::store::{Before, Event, Origin, Record, Seq, Store};

/// How long a position can be read from.
const ITERATOR_US: u64 = 15 * 60 * 1_000_000;
/// Journal read for one answer, in bytes.
const READ: usize = 8 << 20;

/// Where reading goes on: what a shard iterator holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPosition {
    /// Behind this sequence; `None`: with the oldest record there is.
    pub after: Option<Seq>,
    /// When it was given out, in microseconds since 1970.
    pub issued_us: u64,
    /// Where in the journal that is, if it is known.
    pub bookmark: Option<Bookmark>,
}

/// GetRecords.
#[derive(Clone, Debug)]
pub struct GetRecords {
    /// The stream.
    pub stream: StreamName,
    /// Where to go on.
    pub position: StreamPosition,
    /// The most records, 1 to 1,000.
    pub limit: usize,
}

/// One record of a stream.
#[derive(Clone, Debug)]
pub struct StreamRecord {
    /// Its sequence.
    pub seq: Seq,
    /// When, in microseconds since 1970.
    pub time_us: u64,
    /// What has happened.
    pub event: Event,
    /// Expiry did it.
    pub by_expiry: bool,
    /// The key attributes.
    pub keys: Map,
    /// The item as it is, where the view has it.
    pub new: Option<Image>,
    /// The item as it was, where the view has it.
    pub old: Option<Image>,
    /// The sizes of these by DynamoDB's accounting, summed, in bytes.
    pub size: usize,
}

/// GetRecords' answer.
#[derive(Clone, Debug)]
pub struct StreamRecords {
    /// The stream.
    pub of: StreamOf,
    /// The records, in order.
    pub records: Vec<StreamRecord>,
    /// Where to go on; `None`: the stream has ended.
    pub next: Option<StreamPosition>,
}

/// Reads a page. Blocking file reads.
pub(super) fn read(store: &Store, request: &GetRecords, now_us: u64) -> Result<StreamRecords, EngineError> {
    let GetRecords { stream, position, limit } = request;
    if now_us.saturating_sub(position.issued_us) > ITERATOR_US {
        return Err(StreamError::ExpiredIterator.into());
    }
    let of = streams::find(&store.catalog(), stream, now_us)?;
    let horizon = streams::horizon(store, &of.stream);
    let after = position.after.unwrap_or(horizon);
    if after < horizon {
        return Err(StreamError::Trimmed.into());
    }
    let last = of.stream.end.map_or(Seq(u64::MAX), |end| Seq(end.last));
    let mut page = Page { of: &of, limit: *limit, now_us, records: Vec::new(), bytes: 0, after };
    let mut bookmark = position.bookmark;
    // What is published from here on is for the next page.
    let published = *store.published().borrow();
    if after < published && after < last {
        bookmark = page.fill(store, bookmark)?;
    }
    let Page { records, after, .. } = page;
    let next = StreamPosition { after: Some(after), issued_us: now_us, bookmark };
    Ok(StreamRecords { next: (after < last).then_some(next), of, records })
}

/// A page being filled.
struct Page<'a> {
    of: &'a StreamOf,
    limit: usize,
    now_us: u64,
    records: Vec<StreamRecord>,
    bytes: usize,
    /// Everything up to here has been looked at.
    after: Seq,
}

impl Page<'_> {
    /// Reads until the page is full or the journal is at its end; where to go on.
    fn fill(&mut self, store: &Store, bookmark: Option<Bookmark>) -> Result<Option<Bookmark>, EngineError> {
        let mut reader = match bookmark {
            Some(bookmark) => store.resume_reader(self.after, bookmark),
            None => store.reader(self.after),
        };
        let mut read = 0;
        loop {
            let place = reader.bookmark();
            match self.next_frame(&mut reader, &mut read) {
                Ok(Frame::Whole) if read >= READ => return Ok(reader.bookmark()),
                Ok(Frame::Whole) => {}
                Ok(Frame::Part) => return Ok(place),
                Ok(Frame::None) => return Ok(reader.bookmark()),
                // The bookmark was of a journal that is no more.
                Err(_) if bookmark.is_some() && self.records.is_empty() => return self.fill(store, None),
                // Trimmed meanwhile.
                Err(Gap { resume: Some(resume), .. }) if resume <= store.journal_begins_after() => {
                    return Err(StreamError::Trimmed.into());
                }
                // Damaged: what follows is still to be had, and no later look would find more.
                Err(Gap { resume: Some(resume), what, .. }) => {
                    tracing::error!(
                        what,
                        after = self.after.0,
                        resume = resume.0,
                        "a stream has lost records"
                    );
                    self.after = self.after.max(resume);
                }
                Err(gap) => return Err(EngineError::Internal(gap.to_string())),
            }
        }
    }

    fn next_frame(&mut self, reader: &mut Reader, read: &mut usize) -> Result<Frame, Gap> {
        let Some(frame) = reader.next()? else { return Ok(Frame::None) };
        *read += frame.byte_len();
        for record in frame {
            if record.seq <= self.after {
                continue;
            }
            if !self.take(&record) {
                return Ok(Frame::Part);
            }
            self.after = record.seq;
        }
        Ok(Frame::Whole)
    }

    /// Takes a record in, if it is one of the stream's; whether there was room for it.
    fn take(&mut self, record: &Record<'_>) -> bool {
        let StreamOf { table, stream } = self.of;
        let is_of_it = record.table == table.id
            && stream.holds(record.seq.0)
            && !streams::is_trimmed(record.time_us, self.now_us);
        let Some(event) = record.event().filter(|_| is_of_it) else { return true };
        if self.records.len() >= self.limit {
            return false;
        }
        let Ok(keys) = table.keys.key_map(MapRef::new(record.image)) else {
            tracing::error!(seq = record.seq.0, "a record without a readable key is left out of its stream");
            return true;
        };
        let kept = |image: &[u8]| Image::from_trusted(bytes::Bytes::copy_from_slice(image));
        let new = (event != Event::Remove && stream.view.has_new()).then(|| kept(record.image));
        let old = match record.before {
            Some(Before::Item(old)) if stream.view.has_old() => Some(kept(old)),
            _ => None,
        };
        let image_size =
            |image: &Option<Image>| image.as_ref().map_or(0, |image| size::image_size(image.as_map()));
        let size = size::item_size(&keys) + image_size(&new) + image_size(&old);
        if !self.records.is_empty() && self.bytes + size > limits::PAGE {
            return false;
        }
        self.bytes += size;
        self.records.push(StreamRecord {
            seq: record.seq,
            time_us: record.time_us,
            event,
            by_expiry: record.origin == Origin::Expiry,
            keys,
            new,
            old,
            size,
        });
        true
    }
}

/// What became of a frame.
enum Frame {
    /// All of it was looked at.
    Whole,
    /// The page is full: the rest of it is for the next.
    Part,
    /// There is none.
    None,
}
