//! Copies of one message that a broker delivers for each of several filters that match it (MQTT 5, section 3.3.4). Pure.
//!
//! A broker makes them at once, so they come close together, each under another subscription. Equal messages of a device
//! come under the same subscription again, and are no copies.

use std::collections::VecDeque;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::mqtt::publish::Publish;

/// How many messages are remembered.
const KEPT: usize = 64;

/// The messages that came lately; of each, the subscriptions it has come under.
#[derive(Debug, Default)]
pub(super) struct Copies(VecDeque<(u64, Vec<u32>)>);

impl Copies {
    /// Whether a publish is a copy of one that came before.
    pub(super) fn is_copy(&mut self, publish: &Publish) -> bool {
        let Some(subscription) = publish.subscription() else { return false };
        let topic = xxh3_64_with_seed(publish.topic().as_bytes(), u64::from(publish.retained()));
        self.seen(xxh3_64_with_seed(publish.payload(), topic), subscription)
    }

    /// The same, of a message by its fingerprint.
    fn seen(&mut self, message: u64, subscription: u32) -> bool {
        let mut same = self.0.iter_mut().filter(|(known, _)| *known == message);
        if let Some((_, under)) = same.find(|(_, under)| !under.contains(&subscription)) {
            under.push(subscription);
            return true;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((message, vec![subscription]));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_subscriptions_bring_copies_and_the_same_one_brings_equal_messages() {
        let mut copies = Copies::default();
        // Two equal messages, each for three filters, in any order.
        let came = [(7, 1), (7, 2), (7, 3), (7, 1), (8, 1), (7, 3), (7, 2), (8, 1)];
        let new: Vec<bool> = came.map(|(message, under)| !copies.seen(message, under)).into();
        assert_eq!(new, [true, false, false, true, true, false, false, true]);
        let mut copies = Copies::default();
        let came = [(7, 1), (7, 1), (7, 2), (7, 2)];
        assert_eq!(came.map(|(message, under)| !copies.seen(message, under)), [true, true, false, false]);
    }

    #[test]
    fn few_are_remembered() {
        let mut copies = Copies::default();
        for message in 0..=KEPT as u64 {
            assert!(!copies.seen(message, 1));
        }
        assert!(!copies.seen(0, 2), "too long ago");
        assert!(copies.seen(KEPT as u64, 2));
        assert_eq!(copies.0.len(), KEPT);
    }
}
