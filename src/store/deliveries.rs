//! The MQTT deliveries that were committed lately, so that a repeated one (DUP) makes no second item.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many are remembered.
const KEPT: usize = 16_384;

/// A ring of fingerprints.
#[derive(Debug, Default)]
pub(super) struct Ring {
    order: VecDeque<u64>,
    known: HashSet<u64, BuildHasherDefault<Fingerprint>>,
}

/// A fingerprint is a hash already. Somebody who aims collisions makes looking one up as slow as the ring is long divided by
/// sixteen: microseconds.
#[derive(Debug, Default)]
struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

impl Ring {
    /// Remembers a delivery.
    pub(super) fn insert(&mut self, delivery: u64) {
        if !self.known.insert(delivery) {
            return;
        }
        self.order.push_back(delivery);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Remembers what another ring does, as newer.
    pub(super) fn append(&mut self, newer: Ring) {
        for delivery in newer.order {
            self.insert(delivery);
        }
    }

    /// Forgets one that was not committed after all.
    pub(super) fn remove(&mut self, delivery: u64) {
        if self.known.remove(&delivery) {
            self.order.retain(|known| *known != delivery);
        }
    }

    /// Whether it is remembered.
    pub(super) fn contains(&self, delivery: u64) -> bool {
        self.known.contains(&delivery)
    }
}

/// The ring, shared by the committer and its readers.
#[derive(Debug, Default)]
pub(super) struct Deliveries(Mutex<Ring>);

impl Deliveries {
    /// A ring to share.
    pub(super) fn new(ring: Ring) -> Deliveries {
        Deliveries(Mutex::new(ring))
    }

    /// To look or to remember; held for moments only.
    pub(super) fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut ring = Ring::default();
        for delivery in 0..=KEPT as u64 {
            ring.insert(delivery);
        }
        assert!(!ring.contains(0));
        assert!(ring.contains(1));
        ring.remove(1);
        assert!(!ring.contains(1));
        assert_eq!(ring.order.len(), ring.known.len());
    }
}
