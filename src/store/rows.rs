//! How a row stands in the tree: checksum, flags, sequence, mark, image.
//!
//! ```text
//! checksum u32 LE | flags u8 | epoch varint | counter varint | [mark length varint | mark CBOR] | image
//! ```
//! The checksum covers the key as well, so that a row found under another key is seen.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Mark, Seq};

/// A mark follows the sequence.
const FLAG_MARK: u8 = 1;
const CHECKSUM: usize = 4;

/// A row of the tree, its image borrowed.
#[derive(Debug)]
pub(super) struct TreeRow<'a> {
    pub(super) seq: Seq,
    pub(super) mark: Option<Mark>,
    pub(super) image: &'a [u8],
}

fn checksum(key: &[u8], rest: &[u8]) -> u32 {
    xxh3_64_with_seed(rest, xxh3_64(key)) as u32
}

/// Writes a row's value into `out`, which is cleared first.
pub(super) fn encode(key: &[u8], seq: Seq, mark: Option<&Mark>, image: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.reserve(CHECKSUM + 16 + image.len());
    out.extend_from_slice(&[0; CHECKSUM]);
    out.push(if mark.is_some() { FLAG_MARK } else { 0 });
    varint(u64::from(seq.epoch()), out);
    varint(seq.0 & ((1 << Seq::COUNTER_BITS) - 1), out);
    if let Some(mark) = mark {
        let bytes = encode_mark(mark);
        varint(bytes.len() as u64, out);
        out.extend_from_slice(&bytes);
    }
    out.extend_from_slice(image);
    if let Some((head, rest)) = out.split_first_chunk_mut::<CHECKSUM>() {
        *head = checksum(key, rest).to_le_bytes();
    }
}

/// Reads a row's value in place.
pub(super) fn decode<'a>(key: &[u8], value: &'a [u8]) -> Result<TreeRow<'a>, &'static str> {
    let (head, rest) = value.split_first_chunk::<CHECKSUM>().ok_or("the row is too short")?;
    if u32::from_le_bytes(*head) != checksum(key, rest) {
        return Err("the row does not match its checksum");
    }
    let (&flags, mut rest) = rest.split_first().ok_or("the row is too short")?;
    let epoch = read_varint(&mut rest).ok_or("the row's sequence is cut off")?;
    let counter = read_varint(&mut rest).ok_or("the row's sequence is cut off")?;
    let seq = Seq((epoch << Seq::COUNTER_BITS) | counter);
    let mark = if flags & FLAG_MARK == 0 {
        None
    } else {
        let length = read_varint(&mut rest).ok_or("the row's mark is cut off")?;
        let length = usize::try_from(length).map_err(|_| "the row's mark is cut off")?;
        let (bytes, image) = rest.split_at_checked(length).ok_or("the row's mark is cut off")?;
        rest = image;
        Some(ciborium::from_reader(bytes).map_err(|_| "the row's mark can't be read")?)
    };
    Ok(TreeRow { seq, mark, image: rest })
}

fn encode_mark(mark: &Mark) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing plain data to a Vec has no way to fail; a mark that came out empty is refused on read, not lost in silence.
    let written = ciborium::into_writer(mark, &mut bytes);
    debug_assert!(written.is_ok());
    bytes
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::BootId;
    use crate::store::{Movable, Unit};

    fn mark() -> Mark {
        let attributes = vec![Movable { name: "ts".into(), unit: Unit::Microseconds }];
        Mark { boot: BootId([7; 16]), attributes }
    }

    #[test]
    fn a_row_comes_back() {
        let mut value = Vec::new();
        for (seq, mark) in [(Seq(0), None), (Seq::start_of(3).next(), Some(mark())), (Seq(u64::MAX), None)] {
            encode(b"key", seq, mark.as_ref(), b"image", &mut value);
            let row = decode(b"key", &value).unwrap();
            assert_eq!((row.seq, row.mark, row.image), (seq, mark, &b"image"[..]));
        }
    }

    #[test]
    fn damage_is_seen_wherever_it_is() {
        let mut value = Vec::new();
        encode(b"key", Seq(9), Some(&mark()), b"image", &mut value);
        assert!(decode(b"kex", &value).is_err());
        for at in 0..value.len() {
            let mut damaged = value.clone();
            damaged[at] ^= 1;
            assert!(decode(b"key", &damaged).is_err(), "byte {at}");
            assert!(decode(b"key", &value[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_plain_row_costs_ten_bytes_beside_its_image() {
        let mut value = Vec::new();
        encode(b"key", Seq(Seq::start_of(1).0 + 1_000_000), None, b"", &mut value);
        assert!(value.len() <= 10, "{}", value.len());
    }
}
