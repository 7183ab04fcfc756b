//! One change in a frame: table, flags, time, and what the flags announce, then the image.
//!
//! ```text
//! table     varint
//! flags     1 byte: delete 1, mark 2, delivery 4, estimated 8, before 16; origin in the upper three bits
//! time      varint: difference to the record before (the first: to the frame's base), folded
//! delivery  8 bytes, if flagged
//! mark      16 bytes boot id, varint count, then each: unit, varint length, name; if flagged
//! key       varint length, bytes; only in the store's own spaces
//! image     varint length, bytes
//! before    varint length, bytes; if flagged: the old image, nothing (there was one), or one zero (the same)
//! ```
//! A plain reading costs five to eight bytes beside its image; its sequence follows from its place.

use super::varint;
use crate::clock::BootId;
use crate::model::{Name, TableId};
use crate::store::batch::Change;
use crate::store::{Before, Kind, Mark, Movable, Origin, Record, Seq, Unit};

const DELETE: u8 = 1;
const MARK: u8 = 2;
const DELIVERY: u8 = 4;
const ESTIMATED: u8 = 8;
const BEFORE: u8 = 16;
/// No image begins with it.
const SAME: &[u8] = &[0];
const ORIGIN_SHIFT: u32 = 5;

/// The most bytes that a record can need beside its images, key and mark.
pub(super) const OVERHEAD: usize = 64;

/// Appends a change. `time` is the time of the record before; the answer is this one's.
pub(super) fn encode(out: &mut Vec<u8>, change: &Change, time: u64) -> u64 {
    let mut flags = (change.origin as u8) << ORIGIN_SHIFT;
    for (flag, set) in [
        (DELETE, change.kind == Kind::Delete),
        (MARK, change.mark.is_some()),
        (DELIVERY, change.delivery.is_some()),
        (ESTIMATED, change.time.estimated),
        (BEFORE, change.before.is_some()),
    ] {
        flags |= if set { flag } else { 0 };
    }
    varint::put(out, u64::from(change.table.0));
    out.push(flags);
    varint::put(out, varint::fold(change.time.us.wrapping_sub(time) as i64));
    if let Some(delivery) = change.delivery {
        out.extend_from_slice(&delivery.to_le_bytes());
    }
    if let Some(mark) = &change.mark {
        encode_mark(out, mark);
    }
    if change.table < TableId::FIRST {
        put_bytes(out, change.key.as_slice().get(4..).unwrap_or_default());
    }
    put_bytes(out, &change.image);
    match &change.before {
        None => {}
        Some(Before::Some) => put_bytes(out, &[]),
        Some(Before::Same) => put_bytes(out, SAME),
        Some(Before::Item(old)) => put_bytes(out, old),
    }
    change.time.us
}

/// Takes a record off the front; `None` if the bytes are not one.
pub(super) fn decode<'a>(input: &mut &'a [u8], seq: Seq, time: u64) -> Option<Record<'a>> {
    let table = TableId(u32::try_from(varint::take(input)?).ok()?);
    let (&flags, rest) = input.split_first()?;
    *input = rest;
    let time_us = time.wrapping_add(varint::unfold(varint::take(input)?) as u64);
    let has = |flag| flags & flag != 0;
    let delivery = if has(DELIVERY) { Some(u64::from_le_bytes(take_array(input)?)) } else { None };
    let mark = if has(MARK) { Some(decode_mark(input)?) } else { None };
    let system_key = if table < TableId::FIRST { take_bytes(input)? } else { &[] };
    let image = take_bytes(input)?;
    let before = if has(BEFORE) { Some(before(take_bytes(input)?)) } else { None };
    Some(Record {
        seq,
        table,
        kind: if has(DELETE) { Kind::Delete } else { Kind::Put },
        origin: origin(flags >> ORIGIN_SHIFT)?,
        time_us,
        estimated: has(ESTIMATED),
        mark,
        delivery,
        system_key,
        image,
        before,
    })
}

fn before(bytes: &[u8]) -> Before<&[u8]> {
    match bytes {
        [] => Before::Some,
        SAME => Before::Same,
        image => Before::Item(image),
    }
}

fn origin(number: u8) -> Option<Origin> {
    let known = [Origin::Dynamodb, Origin::Mqtt, Origin::Rest, Origin::Local, Origin::Daemon, Origin::Expiry];
    known.into_iter().find(|&origin| origin as u8 == number)
}

fn encode_mark(out: &mut Vec<u8>, mark: &Mark) {
    out.extend_from_slice(&mark.boot.0);
    varint::put(out, mark.attributes.len() as u64);
    for attribute in &mark.attributes {
        out.push(match attribute.unit {
            Unit::Microseconds => 0,
            Unit::Seconds => 1,
        });
        put_bytes(out, attribute.name.as_bytes());
    }
}

fn decode_mark(input: &mut &[u8]) -> Option<Mark> {
    let boot = BootId(take_array(input)?);
    let count = varint::take(input)?;
    let mut attributes = Vec::new();
    for _ in 0..count {
        let unit = match take_array::<1>(input)? {
            [0] => Unit::Microseconds,
            [1] => Unit::Seconds,
            _ => return None,
        };
        let name = Name::from(std::str::from_utf8(take_bytes(input)?).ok()?);
        attributes.push(Movable { name, unit });
    }
    Some(Mark { boot, attributes })
}

/// How many bytes a mark takes at most.
pub(super) fn mark_len(mark: &Mark) -> usize {
    32 + mark.attributes.iter().map(|attribute| attribute.name.len() + 8).sum::<usize>()
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint::take(input)?).ok()?;
    let (bytes, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(bytes)
}

fn take_array<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (array, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*array)
}
