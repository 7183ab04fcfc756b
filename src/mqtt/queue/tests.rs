use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn publish(qos: u8, id: u16) -> Publish {
    let mut body = b"\x00\x01t".to_vec();
    if qos > 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    Publish::parse(Version::V4, qos << 1, Bytes::from(body)).unwrap()
}

fn source() -> Source {
    Source::Listener { client: Arc::from("c") }
}

fn queue() -> Queue {
    Queue::new(Version::V4, 1000, &[])
}

#[test]
fn acknowledges_in_the_order_received_and_only_what_is_settled() {
    let (mut queue, mut out) = (queue(), BytesMut::new());
    for (qos, id) in [(1, 1), (2, 2), (0, 0), (1, 3)] {
        queue.push(publish(qos, id)).unwrap();
    }
    assert_eq!(queue.begin(&source()).len(), 4);
    assert_eq!(queue.settle(3, &mut out), 2);
    assert_eq!(&out[..], b"\x40\x02\x00\x01\x50\x02\x00\x02");
    out.clear();
    assert_eq!(queue.begin(&source()).len(), 1);
    assert_eq!(queue.settle(1, &mut out), 1);
    assert_eq!(&out[..], b"\x40\x02\x00\x03");
    assert_eq!((queue.bytes(), queue.len()), (0, 0));
}

#[test]
fn a_qos_2_message_is_offered_once_until_its_pubrel() {
    let (mut queue, mut out) = (queue(), BytesMut::new());
    assert_eq!(queue.push(publish(2, 7)), Ok(Pushed::New));
    assert_eq!(queue.push(publish(2, 7)), Ok(Pushed::Again));
    assert_eq!(queue.begin(&source()).len(), 1);
    assert_eq!(queue.push(publish(2, 7)), Ok(Pushed::Again));
    assert_eq!(queue.settle(1, &mut out), 1);
    assert_eq!(queue.push(publish(2, 7)), Ok(Pushed::Again));
    assert_eq!(queue.begin(&source()).len(), 0);
    assert_eq!(queue.settle(0, &mut out), 1, "the second PUBREC");
    assert!(queue.release(7));
    assert!(!queue.release(7));
    assert_eq!(queue.push(publish(2, 7)), Ok(Pushed::New));
}

#[test]
fn a_resumed_session_acknowledges_again_without_storing_again_but_in_turn() {
    let mut queue = Queue::new(Version::V4, 1000, &[5]);
    let mut out = BytesMut::new();
    queue.push(publish(1, 4)).unwrap();
    assert_eq!(queue.push(publish(2, 5)), Ok(Pushed::Again));
    assert_eq!(queue.begin(&source()).len(), 1);
    assert_eq!(queue.settle(0, &mut out), 0);
    assert!(out.is_empty());
    queue.begin(&source());
    assert_eq!(queue.settle(1, &mut out), 2);
    assert_eq!(&out[..], b"\x40\x02\x00\x04\x50\x02\x00\x05");
    assert_eq!(&*queue.into_received(), &[5]);
}

#[test]
fn holds_mqtt_5_clients_to_the_receive_maximum_and_pauses_others() {
    let mut told = Queue::new(Version::V5, 2, &[9]);
    let v5 = |id: u16| {
        let mut body = b"\x00\x01t".to_vec();
        body.extend_from_slice(&id.to_be_bytes());
        body.push(0);
        Publish::parse(Version::V5, 2, Bytes::from(body)).unwrap()
    };
    assert_eq!(told.push(v5(1)), Ok(Pushed::New));
    assert_eq!(told.push(v5(2)), Err(End::ReceiveMaximum));
    let mut untold = Queue::new(Version::V4, 2, &[]);
    untold.push(publish(1, 1)).unwrap();
    assert!(untold.has_room(1 << 20));
    untold.push(publish(1, 2)).unwrap();
    assert!(!untold.has_room(1 << 20));
}

#[test]
fn qos_0_is_dropped_where_nothing_can_be_stored() {
    let (mut queue, mut out) = (queue(), BytesMut::new());
    for (qos, id) in [(0, 0), (1, 1), (0, 0)] {
        queue.push(publish(qos, id)).unwrap();
    }
    queue.begin(&source());
    queue.settle(0, &mut out);
    assert_eq!(queue.drop_qos0(), 2);
    assert_eq!(queue.begin(&source()).len(), 1);
}

proptest! {
    /// Over any history: every new message is offered until settled and acknowledged once, in order, and the byte count
    /// comes back to zero.
    #[test]
    fn nothing_is_lost_doubled_or_swapped(steps in prop::collection::vec((0u8..4, 1u16..12, 0usize..5), 0..80)) {
        let (mut queue, mut out) = (queue(), BytesMut::new());
        let (mut expected, mut batch) = (Vec::new(), None);
        for (what, id, count) in steps {
            match what {
                0 | 1 => {
                    let qos = what + 1;
                    let known = qos == 2 && queue.settling.contains(&id);
                    queue.push(publish(qos, id)).unwrap();
                    if !known {
                        expected.push((if qos == 1 { 0x40 } else { 0x50 }, id));
                    }
                }
                2 if batch.is_none() => batch = Some(queue.begin(&source()).len()),
                3 => {
                    if let Some(offered) = batch.take() {
                        queue.settle(count.min(offered), &mut out);
                    }
                }
                _ => {}
            }
        }
        let offered = queue.begin(&source()).len();
        queue.settle(offered, &mut out);
        let acknowledged: Vec<_> =
            out.chunks(4).map(|ack| (ack[0], u16::from_be_bytes([ack[2], ack[3]]))).collect();
        prop_assert_eq!(acknowledged, expected);
        prop_assert_eq!((queue.bytes(), queue.len(), queue.unacknowledged), (0, 0, 0));
    }
}
