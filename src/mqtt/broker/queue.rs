//! The messages received, in order, until they are settled. Pure.
//!
//! A message is acknowledged only on the connection that brought it: each connection is an epoch, and packet identifiers
//! of an earlier epoch mean other messages now, or none. What an earlier connection brought is stored all the same: a
//! broker that has lost its session will not send it again, and one that has not marks it as a repetition, which the store
//! recognises.

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::ingest::{Message, Source};
use crate::mqtt::answer;
use crate::mqtt::publish::Publish;

/// Messages in one batch at most: as many as share a commit.
pub(super) const MAX_BATCH: usize = 2_000;
/// Bytes in one batch, beyond which nothing is added to it.
const MAX_BATCH_BYTES: usize = 1 << 20;
/// What a waiting message costs beside its bytes.
const OVERHEAD: usize = 128;

/// One publish.
#[derive(Debug)]
struct Entry {
    /// `None` where there is nothing to store: it only awaits its turn to be acknowledged.
    message: Option<(Publish, Source)>,
    packet_id: u16,
    qos: u8,
    bytes: usize,
    epoch: u64,
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    /// Entries at the front that are offered now.
    under_way: usize,
    bytes: usize,
    /// Entries of QoS 1 and 2 that this connection brought.
    unacknowledged: usize,
    epoch: u64,
}

impl Queue {
    /// Adds a publish.
    pub(super) fn push(&mut self, publish: Publish, source: &Source) {
        let (packet_id, qos, bytes) = (publish.packet_id(), publish.qos(), publish.size());
        self.add(Some((publish, source.clone())), packet_id, qos, bytes);
    }

    /// Adds one of which nothing is to be stored, so that it is acknowledged in its turn.
    pub(super) fn push_settled(&mut self, packet_id: u16, qos: u8) {
        if qos > 0 {
            self.add(None, packet_id, qos, 0);
        }
    }

    fn add(&mut self, message: Option<(Publish, Source)>, packet_id: u16, qos: u8, bytes: usize) {
        let bytes = bytes + OVERHEAD;
        self.bytes += bytes;
        self.unacknowledged += usize::from(qos > 0);
        self.entries.push_back(Entry { message, packet_id, qos, bytes, epoch: self.epoch });
    }

    /// The connection has ended: nothing it brought is acknowledged any more.
    pub(super) fn connection_ended(&mut self) {
        self.epoch += 1;
        self.unacknowledged = 0;
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self, messages: usize, bytes: usize) -> bool {
        self.entries.is_empty() || (self.entries.len() < messages && self.bytes < bytes)
    }

    /// Everything waiting.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Entries that are not under way.
    pub(super) fn ready(&self) -> usize {
        self.entries.len() - self.under_way
    }

    /// Messages of this connection that await their acknowledgement.
    pub(super) fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }

    /// Begins the next batch from the front; empty if nothing is to be stored. Ends with [`Queue::settle`].
    pub(super) fn begin(&mut self) -> Vec<Message> {
        let (mut messages, mut bytes) = (Vec::with_capacity(self.entries.len().min(MAX_BATCH)), 0);
        self.under_way = 0;
        for entry in &self.entries {
            if messages.len() == MAX_BATCH || bytes >= MAX_BATCH_BYTES {
                break;
            }
            self.under_way += 1;
            if let Some((publish, source)) = &entry.message {
                bytes += entry.bytes;
                messages.push(publish.message(source));
            }
        }
        messages
    }

    /// The batch has ended, and so many of its messages are settled: writes their acknowledgements, and gives their number.
    /// The others stay at the front.
    pub(super) fn settle(&mut self, mut count: usize, out: &mut BytesMut) -> u64 {
        self.under_way = 0;
        let mut acknowledged = 0;
        while let Some(front) = self.entries.front() {
            if front.message.is_some() {
                if count == 0 {
                    break;
                }
                count -= 1;
            }
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes -= entry.bytes;
            if entry.epoch != self.epoch || entry.qos == 0 {
                continue;
            }
            self.unacknowledged -= 1;
            acknowledged += 1;
            match entry.qos {
                1 => answer::puback(entry.packet_id, out),
                _ => answer::pubrec(entry.packet_id, out),
            }
        }
        if self.entries.is_empty() && self.entries.capacity() > MAX_BATCH {
            self.entries = VecDeque::new();
        }
        acknowledged
    }

    /// Drops what waits with QoS 0, because the store can't take it; gives how many. Not while a batch is under way.
    pub(super) fn drop_qos0(&mut self) -> u64 {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.qos > 0);
        self.bytes = self.entries.iter().map(|entry| entry.bytes).sum();
        (before - self.entries.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::Version;

    fn push(queue: &mut Queue, id: u16, qos: u8, payload: usize) {
        let mut body = b"\x00\x01t".to_vec();
        if qos > 0 {
            body.extend(id.to_be_bytes());
        }
        body.resize(body.len() + payload, b'1');
        let publish = Publish::parse(Version::V4, qos << 1, body.into()).unwrap();
        queue.push(publish, &Source::Broker { url: "mqtt://b:1883".into(), session: 0 });
    }

    fn settled(queue: &mut Queue, count: usize) -> Vec<u8> {
        let mut out = BytesMut::new();
        let acknowledged = queue.settle(count, &mut out);
        assert_eq!(acknowledged as usize * 4, out.len());
        out.chunks(4).map(|ack| ack[3]).collect()
    }

    #[test]
    fn acknowledges_in_order_and_only_what_is_settled() {
        let mut queue = Queue::default();
        for id in 1..=4 {
            push(&mut queue, id, 1, 20);
        }
        assert_eq!((queue.begin().len(), queue.ready()), (4, 0));
        push(&mut queue, 5, 1, 20);
        assert_eq!(queue.ready(), 1);
        assert_eq!(settled(&mut queue, 3), [1, 2, 3]);
        assert_eq!(queue.begin().len(), 2);
        assert_eq!(settled(&mut queue, 2), [4, 5]);
        assert_eq!((queue.len(), queue.bytes(), queue.unacknowledged()), (0, 0, 0));
    }

    #[test]
    fn what_is_not_to_be_stored_waits_for_its_turn() {
        let mut queue = Queue::default();
        queue.push_settled(1, 1);
        push(&mut queue, 2, 1, 1);
        queue.push_settled(3, 1);
        queue.push_settled(0, 0);
        assert_eq!(queue.len(), 3);
        assert_eq!(queue.begin().len(), 1);
        assert_eq!(settled(&mut queue, 0), [1]);
        assert_eq!(queue.begin().len(), 1);
        assert_eq!(settled(&mut queue, 1), [2, 3]);
    }

    #[test]
    fn an_earlier_connections_messages_are_stored_and_never_acknowledged() {
        let mut queue = Queue::default();
        push(&mut queue, 1, 1, 1);
        push(&mut queue, 2, 1, 1);
        assert_eq!(queue.begin().len(), 2);
        queue.connection_ended();
        assert_eq!(queue.unacknowledged(), 0);
        push(&mut queue, 1, 1, 1);
        assert!(settled(&mut queue, 1).is_empty());
        assert_eq!(queue.begin().len(), 2, "the second one is offered still, and the new one");
        assert_eq!(settled(&mut queue, 2), [1]);
        assert_eq!((queue.len(), queue.bytes(), queue.unacknowledged()), (0, 0, 0));
    }

    #[test]
    fn batches_and_the_queue_are_bounded() {
        let mut queue = Queue::default();
        assert!(queue.has_room(1, 0), "one message always fits");
        for id in 1..=2_500 {
            push(&mut queue, id, 1, 10);
        }
        assert!(queue.has_room(2_501, usize::MAX) && !queue.has_room(2_500, usize::MAX));
        assert!(!queue.has_room(usize::MAX, queue.bytes()));
        assert_eq!(queue.begin().len(), MAX_BATCH);
        settled(&mut queue, MAX_BATCH);
        let mut queue = Queue::default();
        for id in 1..=10 {
            push(&mut queue, id, 1, 300 * 1024);
        }
        assert_eq!(queue.begin().len(), 4, "a batch ends beyond a megabyte");
    }

    #[test]
    fn qos_0_is_dropped_alone_and_qos_2_is_received() {
        let mut queue = Queue::default();
        push(&mut queue, 0, 0, 5);
        push(&mut queue, 7, 2, 5);
        assert_eq!(queue.drop_qos0(), 1);
        assert_eq!(queue.begin().len(), 1);
        let mut out = BytesMut::new();
        assert_eq!(queue.settle(1, &mut out), 1);
        assert_eq!(&out[..], [0x50, 2, 0, 7]);
        assert_eq!(queue.bytes(), 0);
    }
}
