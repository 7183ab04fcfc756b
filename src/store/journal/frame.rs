//! Frames: one group of changes, encoded, with one checksum.
//!
//! ```text
//!  0  checksum     u64  xxh3-64 of all that follows, seeded with the segment's salt
//!  8  magic        u16
//! 10  version      u8
//! 11  codec        u8   0: the payload is not compressed
//! 12  length       u32  of the whole frame
//! 16  number       u64  consecutive over the whole journal
//! 24  first        u64  sequence of the first record
//! 32  base time    u64  microseconds
//! 40  count        u32  of records
//! 44  head check   u32  of bytes 8 to 44, salted: a length is believed before so much is read
//! 48  records
//! ```
//! All little-endian.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::record_codec;
use crate::store::batch::Change;
use crate::store::{Before, Record, Seq};

/// The longest frame, old images included: 32 MiB.
pub const MAX_FRAME: usize = 32 << 20;

/// The length of a frame's header.
pub(super) const HEADER: usize = 48;
/// Frames begin at multiples of this.
pub(super) const ALIGN: u64 = 8;

const MAGIC: u16 = 0x4246;
const VERSION: u8 = 1;
/// A buffer that has grown beyond this is given back.
const KEEP: usize = 1 << 20;

/// A frame being made: a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct FrameBuf {
    bytes: Vec<u8>,
    head: Head,
    /// Time of the last record.
    time: u64,
}

/// The frame would be longer than [`MAX_FRAME`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group is larger than a frame may be")]
pub struct FrameFull;

impl FrameBuf {
    /// Empties it. Its first change will have the sequence `first`. The times of changes are kept as small differences to
    /// the one before; the first's to `base_time_us`.
    pub fn begin(&mut self, first: Seq, base_time_us: u64) {
        if self.bytes.capacity() > KEEP {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.bytes.resize(HEADER, 0);
        self.head = Head { first: first.0, base_time: base_time_us, ..Head::default() };
        self.time = base_time_us;
    }

    /// Adds one change; its sequence is the answer. On [`FrameFull`] the frame is as it was.
    pub fn push(&mut self, change: &Change) -> Result<Seq, FrameFull> {
        let before = match &change.before {
            Some(Before::Item(old)) => old.len(),
            _ => 0,
        };
        let mark = change.mark.as_ref().map_or(0, record_codec::mark_len);
        let most = change.image.len() + before + mark + change.key.0.len() + record_codec::OVERHEAD;
        if self.bytes.is_empty() || most > MAX_FRAME - self.bytes.len() || self.head.count == u32::MAX {
            return Err(FrameFull);
        }
        let seq = self.next_seq();
        self.time = record_codec::encode(&mut self.bytes, change, self.time);
        self.head.count += 1;
        Ok(seq)
    }

    /// Adds the changes of one decision, all or none; the first one's sequence is the answer ([`FrameBuf::next_seq`] if
    /// there are none).
    pub fn push_all(&mut self, changes: &[Change]) -> Result<Seq, FrameFull> {
        let (first, length, count, time) = (self.next_seq(), self.bytes.len(), self.head.count, self.time);
        for change in changes {
            if let Err(full) = self.push(change) {
                self.bytes.truncate(length);
                self.head.count = count;
                self.time = time;
                return Err(full);
            }
        }
        Ok(first)
    }

    /// The sequence that the next change gets.
    pub fn next_seq(&self) -> Seq {
        Seq(self.head.first + u64::from(self.head.count))
    }

    /// The first change's sequence.
    pub fn first(&self) -> Seq {
        Seq(self.head.first)
    }

    /// The last change's sequence.
    pub fn last(&self) -> Seq {
        self.head.last()
    }

    /// How many changes are in it.
    pub fn count(&self) -> u32 {
        self.head.count
    }

    /// Its length in bytes, header included.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no change in it.
    pub fn is_empty(&self) -> bool {
        self.head.count == 0
    }

    /// What was pushed, decoded.
    pub fn records(&self) -> FrameRecords<'_> {
        FrameRecords::trusted(self.head, &self.bytes)
    }

    /// Writes the header; the bytes are what to write. May be done again, with another salt and number.
    pub(super) fn finish(&mut self, salt: u64, number: u64) -> &[u8] {
        self.head.number = number;
        self.head.length = self.bytes.len() as u32;
        self.head.write(salt, &mut self.bytes);
        &self.bytes
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: u32,
    pub(super) number: u64,
    pub(super) first: u64,
    pub(super) base_time: u64,
    pub(super) count: u32,
}

impl Head {
    /// The last record's sequence.
    pub(super) fn last(&self) -> Seq {
        Seq((self.first + u64::from(self.count)).saturating_sub(1))
    }

    fn write(&self, salt: u64, frame: &mut [u8]) {
        let mut head = [0; HEADER];
        let mut at = 8;
        let mut put = |bytes: &[u8]| {
            if let Some(to) = head.get_mut(at..at + bytes.len()) {
                to.copy_from_slice(bytes);
            }
            at += bytes.len();
        };
        put(&MAGIC.to_le_bytes());
        put(&[VERSION, 0]);
        put(&self.length.to_le_bytes());
        put(&self.number.to_le_bytes());
        put(&self.first.to_le_bytes());
        put(&self.base_time.to_le_bytes());
        put(&self.count.to_le_bytes());
        let check = head_check(salt, &head);
        head[44..].copy_from_slice(&check.to_le_bytes());
        if let Some(to) = frame.first_chunk_mut() {
            *to = head;
        }
        let sum = xxh3_64_with_seed(frame.get(8..).unwrap_or_default(), salt);
        if let Some(to) = frame.first_chunk_mut() {
            *to = sum.to_le_bytes();
        }
    }

    /// What a frame's header says, if these bytes begin with one that was written with this salt.
    pub(super) fn read(salt: u64, bytes: &[u8]) -> Option<Head> {
        let head = bytes.first_chunk::<HEADER>()?;
        let plausible = Head::read_unchecked(bytes)?;
        let check = u32::from_le_bytes(*head.last_chunk()?);
        (check == head_check(salt, head)).then_some(plausible)
    }

    /// What it says, if it looks like a header of whatever salt.
    pub(super) fn read_unchecked(bytes: &[u8]) -> Option<Head> {
        let mut rest = bytes.first_chunk::<HEADER>()?.get(8..)?;
        if u16::from_le_bytes(take(&mut rest)?) != MAGIC || take(&mut rest)? != [VERSION, 0] {
            return None;
        }
        let head = Head {
            length: u32::from_le_bytes(take(&mut rest)?),
            number: u64::from_le_bytes(take(&mut rest)?),
            first: u64::from_le_bytes(take(&mut rest)?),
            base_time: u64::from_le_bytes(take(&mut rest)?),
            count: u32::from_le_bytes(take(&mut rest)?),
        };
        let length = head.length as usize;
        let fits = (HEADER..=MAX_FRAME).contains(&length) && head.count > 0 && head.first > 0;
        (fits && head.first.checked_add(u64::from(head.count)).is_some()).then_some(head)
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*array)
}

fn head_check(salt: u64, head: &[u8; HEADER]) -> u32 {
    xxh3_64_with_seed(&head[8..44], salt) as u32
}

/// The records of one frame, in order. Made only of a frame whose checksum and structure were checked.
#[derive(Clone, Debug)]
pub struct FrameRecords<'a> {
    head: Head,
    rest: &'a [u8],
    next: u64,
    time: u64,
}

impl<'a> FrameRecords<'a> {
    /// Checks a whole frame: checksum and structure.
    pub(super) fn check(salt: u64, bytes: &'a [u8]) -> Option<FrameRecords<'a>> {
        let head = Head::read(salt, bytes)?;
        if head.length as usize != bytes.len() {
            return None;
        }
        let sum = u64::from_le_bytes(*bytes.first_chunk()?);
        if sum != xxh3_64_with_seed(bytes.get(8..)?, salt) {
            return None;
        }
        let records = FrameRecords::trusted(head, bytes);
        let mut walk = records.clone();
        let whole = walk.by_ref().count() == head.count as usize && walk.rest.is_empty();
        whole.then_some(records)
    }

    /// Of a frame that was checked before.
    pub(super) fn trusted(head: Head, bytes: &'a [u8]) -> FrameRecords<'a> {
        let rest = bytes.get(HEADER..).unwrap_or_default();
        FrameRecords { head, rest, next: head.first, time: head.base_time }
    }

    /// The frame's number.
    pub fn number(&self) -> u64 {
        self.head.number
    }

    /// The first change's sequence.
    pub fn first_seq(&self) -> Seq {
        Seq(self.head.first)
    }

    /// The last change's sequence.
    pub fn last_seq(&self) -> Seq {
        self.head.last()
    }

    /// How many changes it had at first.
    pub fn changes(&self) -> u32 {
        self.head.count
    }

    /// The frame's length in bytes.
    pub fn byte_len(&self) -> usize {
        self.head.length as usize
    }
}

impl<'a> Iterator for FrameRecords<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.next > self.head.last().0 {
            return None;
        }
        let record = record_codec::decode(&mut self.rest, Seq(self.next), self.time)?;
        self.next += 1;
        self.time = record.time_us;
        Some(record)
    }
}

#[cfg(test)]
pub(super) mod tests;
