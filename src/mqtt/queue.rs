//! The publishes of one connection, in the order received, until they are settled; and from PUBREC to PUBREL the
//! identifiers of QoS 2 (sections 4.3, 4.6). Pure.

use std::collections::{HashSet, VecDeque};

use bytes::BytesMut;

use super::Version;
use super::answer;
use super::end::End;
use super::publish::Publish;
use crate::ingest::{Message, Source};

/// Messages in one batch at most.
const MAX_BATCH: usize = 1024;
/// Bytes in one batch, beyond which nothing is added to it.
const MAX_BATCH_BYTES: usize = 1 << 20;
/// Messages waiting at most; further ones are left in the socket.
const MAX_WAITING: usize = 4096;
/// What a waiting message costs beside its bytes.
const OVERHEAD: usize = 64;
/// A 3.1.1 client is not told a maximum: it may have so many times the receive maximum between PUBREC and PUBREL.
const UNTOLD: usize = 10;

/// A publish in the queue.
#[derive(Debug)]
enum Waiting {
    /// To be offered.
    New(Publish),
    /// QoS 2, stored in an earlier connection: it only awaits its turn to be acknowledged.
    Stored(u16),
}

/// The queue of one connection.
#[derive(Debug)]
pub(super) struct Queue {
    version: Version,
    receive_maximum: usize,
    waiting: VecDeque<Waiting>,
    /// Entries at the front that are offered now.
    under_way: usize,
    bytes: usize,
    /// New entries of QoS 1 and 2.
    unacknowledged: usize,
    /// Identifiers of new entries of QoS 2.
    settling: HashSet<u16>,
    /// Identifiers between PUBREC and PUBREL.
    received: HashSet<u16>,
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits to be offered.
    New,
    /// It has been received before, in this session.
    Again,
}

impl Queue {
    /// An empty queue; `received` comes from the session.
    pub(super) fn new(version: Version, receive_maximum: u16, received: &[u16]) -> Queue {
        Queue {
            version,
            receive_maximum: usize::from(receive_maximum),
            waiting: VecDeque::new(),
            under_way: 0,
            bytes: 0,
            unacknowledged: 0,
            settling: HashSet::new(),
            received: received.iter().copied().collect(),
        }
    }

    /// Adds a publish. A QoS 2 publish that is in the session already is not offered again.
    pub(super) fn push(&mut self, publish: Publish) -> Result<Pushed, End> {
        let id = publish.packet_id();
        if publish.qos() == 2 {
            if self.settling.contains(&id) {
                return Ok(Pushed::Again);
            }
            if self.received.contains(&id) {
                self.bytes += OVERHEAD;
                self.waiting.push_back(Waiting::Stored(id));
                return Ok(Pushed::Again);
            }
        }
        if publish.qos() > 0 {
            self.check_receive_maximum(publish.qos())?;
            self.unacknowledged += 1;
        }
        if publish.qos() == 2 {
            self.settling.insert(id);
        }
        self.bytes += publish.size() + OVERHEAD;
        self.waiting.push_back(Waiting::New(publish));
        Ok(Pushed::New)
    }

    fn check_receive_maximum(&self, qos: u8) -> Result<(), End> {
        let exceeded = match self.version {
            Version::V5 => self.unacknowledged + self.received.len() >= self.receive_maximum,
            Version::V4 => {
                qos == 2 && self.received.len() + self.settling.len() >= self.receive_maximum * UNTOLD
            }
        };
        if exceeded { Err(End::ReceiveMaximum) } else { Ok(()) }
    }

    /// Whether more may be read, with so many bytes of memory.
    pub(super) fn has_room(&self, memory: usize) -> bool {
        let untold = self.version == Version::V4 && self.unacknowledged >= self.receive_maximum;
        self.waiting.is_empty() || (self.bytes < memory && self.waiting.len() < MAX_WAITING && !untold)
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Entries that are not under way.
    pub(super) fn ready(&self) -> usize {
        self.waiting.len() - self.under_way
    }

    /// Messages of QoS 1 and 2 that are not settled.
    pub(super) fn unacknowledged(&self) -> usize {
        self.unacknowledged
    }

    /// Everything waiting.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Begins the next batch from the front; empty if nothing new waits. Ends with [`Queue::settle`].
    pub(super) fn begin(&mut self, source: &Source) -> Vec<Message> {
        let (mut messages, mut bytes) = (Vec::with_capacity(self.waiting.len().min(MAX_BATCH)), 0);
        self.under_way = 0;
        for entry in &self.waiting {
            if messages.len() == MAX_BATCH || bytes >= MAX_BATCH_BYTES {
                break;
            }
            self.under_way += 1;
            if let Waiting::New(publish) = entry {
                bytes += publish.size();
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
        loop {
            match self.waiting.front() {
                Some(Waiting::New(_)) if count == 0 => break,
                None => break,
                Some(_) => {}
            }
            match self.waiting.pop_front() {
                Some(Waiting::New(publish)) => {
                    count -= 1;
                    self.left(&publish);
                    match publish.qos() {
                        0 => continue,
                        1 => answer::puback(publish.packet_id(), out),
                        _ => {
                            self.received.insert(publish.packet_id());
                            answer::pubrec(publish.packet_id(), out);
                        }
                    }
                }
                Some(Waiting::Stored(id)) => {
                    self.bytes -= OVERHEAD;
                    answer::pubrec(id, out);
                }
                None => break,
            }
            acknowledged += 1;
        }
        if self.waiting.is_empty() && self.waiting.capacity() > MAX_BATCH {
            self.waiting = VecDeque::new();
        }
        acknowledged
    }

    /// A publish has left the queue.
    fn left(&mut self, publish: &Publish) {
        self.bytes -= publish.size() + OVERHEAD;
        if publish.qos() > 0 {
            self.unacknowledged -= 1;
        }
        if publish.qos() == 2 {
            self.settling.remove(&publish.packet_id());
        }
    }

    /// Drops what waits with QoS 0, because the store can't take it; gives how many. Not while a batch is under way.
    pub(super) fn drop_qos0(&mut self) -> u64 {
        let (before, mut bytes) = (self.waiting.len(), 0);
        self.waiting.retain(|entry| match entry {
            Waiting::New(publish) if publish.qos() == 0 => {
                bytes += publish.size() + OVERHEAD;
                false
            }
            _ => true,
        });
        self.bytes -= bytes;
        (before - self.waiting.len()) as u64
    }

    /// PUBREL: whether the identifier was known.
    pub(super) fn release(&mut self, id: u16) -> bool {
        self.received.remove(&id)
    }

    /// The identifiers between PUBREC and PUBREL, for the session.
    pub(super) fn into_received(self) -> Box<[u16]> {
        self.received.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
