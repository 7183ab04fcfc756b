//! Shard iterators: what a client hands back to read on. They hold all that reading needs, so that nothing is kept for
//! them and they outlive a restart.
//!
//! `ARN|1|base64`: the bytes are a flag, the time it was given out, the sequence to go on behind, the place in the journal,
//! all big-endian, and a checksum over these and the ARN.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xxhash_rust::xxh3::xxh3_64;

use super::error::WireError;
use crate::engine::StreamPosition;
use crate::store::Seq;
use crate::store::journal::Bookmark;

const VERSION: &str = "1";
/// The position has a sequence.
const SEQUENCE: u64 = 1;
/// It has a place in the journal.
const BOOKMARK: u64 = 2;
/// Numbers before the checksum.
const NUMBERS: usize = 7;

/// Writes one.
pub(super) fn write(arn: &str, position: &StreamPosition) -> String {
    let StreamPosition { after, issued_us, bookmark } = position;
    let flags = if after.is_some() { SEQUENCE } else { 0 } | if bookmark.is_some() { BOOKMARK } else { 0 };
    let place = bookmark.unwrap_or(Bookmark { segment: 0, salt: 0, end: 0, frame: 0 });
    let Bookmark { segment, salt, end, frame } = place;
    let numbers = [flags, *issued_us, after.map_or(0, |after| after.0), segment, salt, end, frame];
    let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    bytes.extend_from_slice(&checksum(arn, &bytes).to_be_bytes());
    format!("{arn}|{VERSION}|{}", STANDARD.encode(bytes))
}

/// Reads one: the stream's ARN, and where to go on.
pub(super) fn read(text: &str) -> Result<(&str, StreamPosition), WireError> {
    parse(text).ok_or_else(|| WireError::validation("Invalid ShardIterator"))
}

fn parse(text: &str) -> Option<(&str, StreamPosition)> {
    let mut parts = text.split('|');
    let (arn, version, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    if version != VERSION || parts.next().is_some() {
        return None;
    }
    let bytes = STANDARD.decode(encoded).ok()?;
    let (body, sum) = bytes.split_last_chunk::<8>()?;
    if u64::from_be_bytes(*sum) != checksum(arn, body) {
        return None;
    }
    let (chunks, rest) = body.as_chunks::<8>();
    let numbers: Vec<u64> = chunks.iter().map(|chunk| u64::from_be_bytes(*chunk)).collect();
    let numbers = <[u64; NUMBERS]>::try_from(numbers).ok().filter(|_| rest.is_empty())?;
    let [flags, issued_us, after, segment, salt, end, frame] = numbers;
    let position = StreamPosition {
        after: (flags & SEQUENCE != 0).then_some(Seq(after)),
        issued_us,
        bookmark: (flags & BOOKMARK != 0).then_some(Bookmark { segment, salt, end, frame }),
    };
    Some((arn, position))
}

fn checksum(arn: &str, body: &[u8]) -> u64 {
    xxh3_64(&[arn.as_bytes(), body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:dynamodb:eu-west-1:000000000000:table/readings/stream/2026-07-01T12:00:00.000";

    #[test]
    fn an_iterator_comes_back() {
        let bookmark = Some(Bookmark { segment: 3, salt: u64::MAX, end: 4096, frame: 17 });
        for (after, bookmark) in [(None, None), (Some(Seq(7)), None), (Some(Seq(0)), bookmark)] {
            let position = StreamPosition { after, issued_us: 1_782_907_200_000_000, bookmark };
            let text = write(ARN, &position);
            assert!(text.len() <= 2048);
            assert_eq!(read(&text).unwrap(), (ARN, position));
        }
    }

    #[test]
    fn what_was_not_given_out_is_no_iterator() {
        let position = StreamPosition { after: Some(Seq(7)), issued_us: 1, bookmark: None };
        let text = write(ARN, &position);
        let other = text.replace("readings", "others");
        let (head, _) = text.rsplit_once('|').unwrap();
        for text in ["", "x", "a|1|b", other.as_str(), head, &format!("{text}|"), &text.replace("|1|", "|2|")]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
