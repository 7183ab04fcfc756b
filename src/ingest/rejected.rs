//! The newest rejected messages, in memory, so that they can be looked at.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{Message, Rejection, Source};
use crate::clock::Stamp;

/// The most messages kept.
const KEPT: usize = 1_000;
/// The most they take together.
const KEPT_BYTES: usize = 1024 * 1024;
/// So much of a payload or a topic is kept.
const HEAD: usize = 512;
/// What one takes besides its texts, about.
const OVERHEAD: usize = 160;
/// The shortest time between two log lines.
const LOG_EVERY_US: u64 = 1_000_000;

/// A message that no rule could map, or that can't be an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// When.
    pub time: Stamp,
    /// Its topic, 512 bytes of it at most.
    pub topic: Box<str>,
    /// The beginning of its payload, 512 bytes at most.
    pub payload: Bytes,
    /// The whole payload's length, in bytes.
    pub payload_len: usize,
    /// Where it came from.
    pub source: Source,
    /// The rule that matched.
    pub rule: Option<Arc<str>>,
    /// Why it was rejected.
    pub reason: Box<str>,
}

/// The list; oldest first.
#[derive(Debug, Default)]
pub(super) struct RejectedList(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    messages: VecDeque<Rejected>,
    bytes: usize,
    /// When a line was last logged, by the monotonic clock.
    logged_us: Option<u64>,
    unlogged: u64,
}

impl RejectedList {
    /// Keeps a message, and logs it unless another was logged within the last second.
    pub(super) fn push(&self, message: &Message, rejection: Rejection, time: Stamp, since_boot_us: u64) {
        let rejected = Rejected {
            time,
            topic: head(&message.topic).into(),
            // A copy: a slice would hold the whole packet in memory.
            payload: Bytes::copy_from_slice(message.payload.get(..HEAD).unwrap_or(&message.payload)),
            payload_len: message.payload.len(),
            source: message.source.clone(),
            rule: rejection.rule,
            reason: head(&rejection.reason).into(),
        };
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let log = list.may_log(since_boot_us);
        if let Some(unlogged) = log {
            let rule = rejected.rule.as_deref().unwrap_or("-");
            tracing::warn!(topic = ?rejected.topic, rule, reason = %rejected.reason, unlogged, "message rejected");
        }
        list.push(rejected);
    }

    /// The messages kept, oldest first.
    pub(super) fn get(&self) -> Vec<Rejected> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.messages.iter().cloned().collect()
    }
}

impl List {
    fn push(&mut self, rejected: Rejected) {
        self.bytes += rejected.bytes();
        self.messages.push_back(rejected);
        while self.messages.len() > KEPT || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// How many were not logged since the last line, if there may be a line now.
    fn may_log(&mut self, now_us: u64) -> Option<u64> {
        match self.logged_us {
            Some(last) if now_us.saturating_sub(last) < LOG_EVERY_US => {
                self.unlogged += 1;
                None
            }
            _ => {
                self.logged_us = Some(now_us);
                Some(std::mem::take(&mut self.unlogged))
            }
        }
    }
}

impl Rejected {
    fn bytes(&self) -> usize {
        let sender = match &self.source {
            Source::Listener { client } => client.len(),
            Source::Broker { url, .. } => url.len(),
        };
        OVERHEAD + self.topic.len() + self.payload.len() + self.reason.len() + sender
    }
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(HEAD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: usize) -> Message {
        Message {
            topic: topic.into(),
            payload: vec![b'x'; payload].into(),
            qos: 1,
            retained: false,
            dup: false,
            packet_id: Some(1),
            source: Source::Listener { client: "c".into() },
        }
    }

    fn push(list: &RejectedList, topic: &str, payload: usize, at: u64) {
        let rejection = Rejection { rule: None, reason: "no rule".into() };
        list.push(&message(topic, payload), rejection, Stamp { us: at, estimated: false }, at);
    }

    #[test]
    fn the_newest_thousand_are_kept() {
        let list = RejectedList::default();
        for at in 0..1_500 {
            push(&list, &format!("t/{at}"), 10, at);
        }
        let kept = list.get();
        assert_eq!(kept.len(), 1_000);
        assert_eq!(&*kept[0].topic, "t/500");
        assert_eq!(&*kept[999].topic, "t/1499");
    }

    #[test]
    fn memory_is_bounded() {
        let list = RejectedList::default();
        for at in 0..3_000 {
            push(&list, &"ü".repeat(30_000), 100_000, at);
        }
        let kept = list.get();
        assert!(kept.iter().map(Rejected::bytes).sum::<usize>() <= KEPT_BYTES);
        assert!(kept.len() > 500);
        assert_eq!((kept[0].topic.len(), kept[0].payload.len(), kept[0].payload_len), (512, 512, 100_000));
    }

    #[test]
    fn a_line_a_second() {
        let mut list = List::default();
        let lines: Vec<_> =
            [0, 10, 999_999, 1_000_000, 1_500_000, 9_000_000].map(|us| list.may_log(us)).into();
        assert_eq!(lines, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
