use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::clock::{BootId, Stamp};
use crate::model::{RowKey, TableId};
use crate::store::{Before, Kind, Mark, Movable, Origin, Unit};

pub(crate) fn change(table: u32, image: Vec<u8>) -> Change {
    Change {
        table: TableId(table),
        key: RowKey(Bytes::from_static(b"\0\0\0\x02some key")),
        kind: Kind::Put,
        origin: Origin::Mqtt,
        time: Stamp { us: 1_700_000_000_000_000, estimated: false },
        mark: None,
        delivery: None,
        size: None,
        image: image.into(),
        before: None,
    }
}

fn mark() -> impl Strategy<Value = Mark> {
    let unit = prop_oneof![Just(Unit::Microseconds), Just(Unit::Seconds)];
    let attribute = ("[a-zé]{1,20}", unit).prop_map(|(name, unit)| Movable { name: name.into(), unit });
    (any::<[u8; 16]>(), prop::collection::vec(attribute, 0..4))
        .prop_map(|(boot, attributes)| Mark { boot: BootId(boot), attributes })
}

fn any_change() -> impl Strategy<Value = Change> {
    let origins =
        [Origin::Dynamodb, Origin::Mqtt, Origin::Rest, Origin::Local, Origin::Daemon, Origin::Expiry];
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    let table = prop_oneof![1..8u32, 256..1000u32, Just(u32::MAX)];
    let about = (any::<bool>(), prop::sample::select(origins.to_vec()), any::<u64>(), any::<bool>());
    let before = prop_oneof![
        Just(Before::Some),
        Just(Before::Same),
        bytes().prop_map(|bytes| Before::Item([&[0xa1][..], &bytes].concat().into())),
    ];
    let extra = (prop::option::of(mark()), prop::option::of(any::<u64>()), prop::option::of(before));
    (table, bytes(), bytes(), about, extra).prop_map(|(table, key, image, about, extra)| {
        let key = [&table.to_be_bytes()[..], &key].concat();
        Change {
            table: TableId(table),
            key: RowKey(key.into()),
            kind: if about.0 { Kind::Put } else { Kind::Delete },
            origin: about.1,
            time: Stamp { us: about.2, estimated: about.3 },
            mark: extra.0,
            delivery: extra.1,
            size: None,
            image: image.into(),
            before: extra.2,
        }
    })
}

fn check_same(change: &Change, record: &Record<'_>) {
    assert_eq!(record.table, change.table);
    assert_eq!(record.kind, change.kind);
    assert_eq!(record.origin, change.origin);
    assert_eq!(record.time_us, change.time.us);
    assert_eq!(record.estimated, change.time.estimated);
    assert_eq!(record.mark, change.mark);
    assert_eq!(record.delivery, change.delivery);
    assert_eq!(record.image, &change.image[..]);
    let before = change.before.as_ref().map(|before| match before {
        Before::Item(image) => Before::Item(&image[..]),
        Before::Some => Before::Some,
        Before::Same => Before::Same,
    });
    assert_eq!(record.before, before);
    let key = if change.table < TableId::FIRST { &change.key.as_slice()[4..] } else { &[] };
    assert_eq!(record.system_key, key);
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(changes in prop::collection::vec(any_change(), 1..20), salt: u64, base: u64) {
        let mut frame = FrameBuf::default();
        frame.begin(Seq(7), base);
        for (index, change) in changes.iter().enumerate() {
            prop_assert_eq!(frame.push(change), Ok(Seq(7 + index as u64)));
        }
        let length = frame.len();
        let bytes = frame.finish(salt, 42).to_vec();
        prop_assert_eq!(bytes.len(), length);
        let records = FrameRecords::check(salt, &bytes).unwrap();
        prop_assert_eq!(records.number(), 42);
        prop_assert_eq!(records.last_seq(), Seq(6 + changes.len() as u64));
        let records: Vec<_> = records.collect();
        prop_assert_eq!(records.len(), changes.len());
        for (index, (change, record)) in changes.iter().zip(&records).enumerate() {
            prop_assert_eq!(record.seq, Seq(7 + index as u64));
            check_same(change, record);
        }
        prop_assert!(FrameRecords::check(salt ^ 1, &bytes).is_none());
    }

    #[test]
    fn any_flipped_bit_is_noticed(change in any_change(), salt: u64, at: prop::sample::Index, bit in 0..8u32) {
        let mut frame = FrameBuf::default();
        frame.begin(Seq(1), 0);
        frame.push(&change).unwrap();
        let mut bytes = frame.finish(salt, 1).to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(FrameRecords::check(salt, &bytes).is_none());
    }

    /// Even with a right checksum.
    #[test]
    fn rubbish_is_no_frame_and_no_panic(payload in prop::collection::vec(any::<u8>(), 0..200), count in 1..5u32) {
        let mut frame = FrameBuf::default();
        frame.begin(Seq(1), 0);
        frame.bytes.extend_from_slice(&payload);
        frame.head.count = count;
        let bytes = frame.finish(9, 1).to_vec();
        if let Some(records) = FrameRecords::check(9, &bytes) {
            prop_assert_eq!(records.changes(), count);
            prop_assert_eq!(records.fold(0, |seen, _| seen + 1), count);
        }
        let _ = FrameRecords::check(9, &payload);
    }
}

#[test]
fn a_plain_reading_costs_eight_bytes_beside_its_image() {
    let mut frame = FrameBuf::default();
    frame.begin(Seq(1), 1_700_000_000_000_000);
    for reading in 0..100 {
        let mut change = change(256, vec![0; 200]);
        change.time.us += reading * 900;
        frame.push(&change).unwrap();
    }
    let overhead = (frame.len() - HEADER) as f64 / 100.0 - 200.0;
    assert!(overhead <= 8.0, "{overhead}");
}

#[test]
fn a_decision_is_in_a_frame_whole_or_not_at_all() {
    let mut frame = FrameBuf::default();
    assert_eq!(frame.push(&change(256, vec![])), Err(FrameFull), "not begun");
    frame.begin(Seq(1), 0);
    frame.push(&change(256, vec![1; 10])).unwrap();
    let length = frame.len();
    let too_much: Vec<_> = (0..9).map(|_| change(256, vec![2; 4 << 20])).collect();
    assert_eq!(frame.push_all(&too_much), Err(FrameFull));
    assert_eq!((frame.len(), frame.count()), (length, 1));
    assert_eq!(frame.push_all(&[change(256, vec![3])]), Ok(Seq(2)));
    let images: Vec<_> = frame.records().map(|record| record.image.to_vec()).collect();
    assert_eq!(images, [vec![1; 10], vec![3]]);
    frame.begin(Seq(9), 0);
    assert_eq!((frame.len(), frame.next_seq()), (HEADER, Seq(9)));
}
