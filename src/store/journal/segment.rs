//! A segment's first block: who it is, and where it stands in the chain.
//!
//! ```text
//!   0  magic        8 bytes
//!   8  format       u32
//!  12  (0)          u32
//!  16  salt         u64  random; seeds the checksums of this segment's frames
//!  24  number       u64  rises with every segment; the file's name says it too
//!  32  store        16 bytes
//!  48  previous     u64  the segment before it in the chain, 0 if there is none
//!  56  first frame  u64  its first frame's number: the previous segment ends before it, whatever else is in there
//!  64  after        u64  the last sequence before this segment
//!  72  live from    u64  segments below this number are released
//!  80  checksum     u64  xxh3-64 of the bytes before
//! ```
//! All little-endian; written twice, at 0 and at 2,048. Frames follow from 4,096 on.

use std::io;

use xxhash_rust::xxh3::xxh3_64;

use super::StoreId;
use super::disk::BLOCK;
use crate::store::Seq;

/// The format that this binary writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// Where the first frame begins.
pub(super) const FRAMES_AT: u64 = BLOCK;

const MAGIC: [u8; 8] = *b"FBJOURNL";
const SUM_AT: usize = 80;
const LENGTH: usize = 88;
const COPY_AT: usize = 2048;

/// A segment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) salt: u64,
    pub(super) number: u64,
    pub(super) store: StoreId,
    pub(super) previous: u64,
    pub(super) first_frame: u64,
    pub(super) after: Seq,
    pub(super) live_from: u64,
}

/// What a first block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A segment's header.
    Segment(Header),
    /// A header of a format that is newer than this binary.
    Newer(u32),
    /// Nothing of ours, or damaged.
    Unknown,
}

impl Header {
    /// The whole block.
    pub(super) fn block(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(BLOCK as usize);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&FORMAT.to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&self.salt.to_le_bytes());
        header.extend_from_slice(&self.number.to_le_bytes());
        header.extend_from_slice(&self.store.0);
        for number in [self.previous, self.first_frame, self.after.0, self.live_from] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.extend_from_slice(&xxh3_64(&header).to_le_bytes());
        header.resize(COPY_AT, 0);
        header.extend_from_within(..LENGTH);
        header.resize(BLOCK as usize, 0);
        header
    }

    /// What a first block holds: either copy will do.
    pub(super) fn read(block: &[u8]) -> Block {
        let copies = [Some(block), block.get(COPY_AT..)].map(|copy| copy.and_then(read_copy));
        copies.into_iter().flatten().next().unwrap_or(Block::Unknown)
    }
}

fn read_copy(bytes: &[u8]) -> Option<Block> {
    let sum = u64::from_le_bytes(*bytes.get(SUM_AT..)?.first_chunk()?);
    if sum != xxh3_64(bytes.get(..SUM_AT)?) || !bytes.starts_with(&MAGIC) {
        return None;
    }
    let format = u32::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    if format > FORMAT {
        return Some(Block::Newer(format));
    }
    let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    Some(Block::Segment(Header {
        salt: number(16)?,
        number: number(24)?,
        store: StoreId(*bytes.get(32..)?.first_chunk()?),
        previous: number(48)?,
        first_frame: number(56)?,
        after: Seq(number(64)?),
        live_from: number(72)?,
    }))
}

/// A new salt.
pub(super) fn salt() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}

const SUFFIX: &str = ".segment";
const SPARE_SUFFIX: &str = ".spare";

/// A segment's file name.
pub(super) fn name(number: u64) -> String {
    format!("{number:012}{SUFFIX}")
}

/// A prepared file's name.
pub(super) fn spare_name(number: u64) -> String {
    format!("{number:012}{SPARE_SUFFIX}")
}

/// The number in a segment's file name.
pub(super) fn parse_name(name: &str) -> Option<u64> {
    name.strip_suffix(SUFFIX)?.parse().ok()
}

/// The number in a prepared file's name.
pub(super) fn parse_spare_name(name: &str) -> Option<u64> {
    name.strip_suffix(SPARE_SUFFIX)?.parse().ok()
}

/// Where a frame of this length goes, if the frames so far end at `end`: right behind them, unless a block less is written
/// by beginning with the next block. See `docs/decisions`.
pub(super) fn place(end: u64, length: u64) -> u64 {
    let next_block = end.next_multiple_of(BLOCK);
    let blocks_here = (end + length).div_ceil(BLOCK) - end / BLOCK;
    if blocks_here > length.div_ceil(BLOCK) { next_block } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            salt: 1,
            number: 2,
            store: StoreId([3; 16]),
            previous: 4,
            first_frame: 5,
            after: Seq(6),
            live_from: 7,
        }
    }

    #[test]
    fn either_copy_will_do() {
        let block = header().block();
        assert_eq!(block.len(), BLOCK as usize);
        for broken in [0..512, 2048..2560] {
            let mut block = block.clone();
            block[broken].fill(0xff);
            assert_eq!(Header::read(&block), Block::Segment(header()));
        }
        let mut block = block;
        block[20] ^= 1;
        block[2068] ^= 1;
        assert_eq!(Header::read(&block), Block::Unknown);
        assert_eq!(Header::read(&[]), Block::Unknown);
        assert_eq!(Header::read(&[0; 100]), Block::Unknown);
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        let mut block = header().block();
        block[8] = 9;
        let sum = xxh3_64(&block[..SUM_AT]);
        block[SUM_AT..LENGTH].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(Header::read(&block), Block::Newer(9));
    }

    #[test]
    fn frames_are_placed_to_touch_few_blocks() {
        assert_eq!(place(4096, 100), 4096);
        assert_eq!(place(4200, 3900), 4200);
        assert_eq!(place(4200, 4000), 8192);
        assert_eq!(place(4096 + 2304, 2300), 8192);
        assert_eq!(place(4104, 4100), 4104, "two blocks either way");
        assert_eq!(place(8184, 4110), 8192);
    }

    #[test]
    fn names() {
        assert_eq!(parse_name(&name(12)), Some(12));
        assert_eq!(parse_spare_name(&spare_name(12)), Some(12));
        assert_eq!(parse_name(&spare_name(12)), None);
        assert_eq!(parse_name("x"), None);
    }
}
