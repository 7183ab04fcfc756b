//! Which broker is tried next, and when. Pure but for the jitter, which is handed in.

use std::time::Duration;

/// The way through a list of brokers. The list's order is the order of preference: after the loss of a connection it is
/// gone through from its top. Between two rounds there is a pause, drawn from zero up to a bound that doubles from round
/// to round ("full jitter"), so that the gateways of a fleet do not come back all at once.
#[derive(Debug)]
pub(super) struct Rotation {
    brokers: usize,
    next: usize,
    rounds: u32,
    first: Duration,
    longest: Duration,
}

impl Rotation {
    /// A way through so many brokers.
    pub(super) fn new(brokers: usize, first: Duration, longest: Duration) -> Rotation {
        Rotation { brokers: brokers.max(1), next: 0, rounds: 0, first, longest }
    }

    /// The broker to try now.
    pub(super) fn current(&self) -> usize {
        self.next
    }

    /// The try failed: how long to wait for the next one. `jitter` is in 0..1.
    pub(super) fn failed(&mut self, jitter: f64) -> Duration {
        self.next = (self.next + 1) % self.brokers;
        if self.next == 0 { self.pause(jitter) } else { Duration::ZERO }
    }

    /// A connection that lasted so long is lost. One that was short counts as a failed round: a broker that accepts
    /// everybody and keeps nobody is not to be stormed.
    pub(super) fn lost(&mut self, lasted: Duration, jitter: f64) -> Duration {
        self.next = 0;
        if lasted >= self.bound() {
            self.rounds = 0;
        }
        self.pause(jitter)
    }

    fn bound(&self) -> Duration {
        self.first.saturating_mul(1 << self.rounds.min(20)).min(self.longest)
    }

    fn pause(&mut self, jitter: f64) -> Duration {
        let pause = self.bound().mul_f64(jitter.clamp(0.0, 1.0));
        self.rounds = self.rounds.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn all_brokers_are_tried_before_a_pause() {
        let mut rotation = Rotation::new(3, SECOND, 60 * SECOND);
        let mut seen = Vec::new();
        for _ in 0..7 {
            seen.push((rotation.current(), rotation.failed(1.0).as_secs()));
        }
        assert_eq!(seen, [(0, 0), (1, 0), (2, 1), (0, 0), (1, 0), (2, 2), (0, 0)]);
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut rotation = Rotation::new(1, SECOND, 60 * SECOND);
        let pauses: Vec<_> = (0..200).map(|_| rotation.failed(1.0).as_secs()).collect();
        assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pauses.last(), Some(&60));
        assert_eq!(rotation.failed(0.0), Duration::ZERO);
        assert_eq!(rotation.failed(0.5), 30 * SECOND);
    }

    #[test]
    fn a_lasting_connection_begins_anew_and_a_short_one_does_not() {
        let mut rotation = Rotation::new(2, SECOND, 60 * SECOND);
        for _ in 0..6 {
            rotation.failed(1.0);
        }
        assert_eq!(rotation.lost(SECOND, 1.0), 8 * SECOND);
        assert_eq!(rotation.lost(15 * SECOND, 1.0), 16 * SECOND);
        assert_eq!(rotation.lost(100 * SECOND, 1.0), SECOND);
        assert_eq!(rotation.current(), 0);
    }
}
