//! When a batch is worth offering. A client that keeps several messages unacknowledged answers a batch of
//! acknowledgements with as many messages: they are waited for, as long as they keep coming, so that they share a commit.

use std::time::{Duration, Instant};

/// A batch waits for company no longer than this many quiet times.
const LONGEST: u32 = 5;

/// Decides for one connection.
#[derive(Debug)]
pub(super) struct Gather {
    quiet: Duration,
    expected: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// Offer now.
    Now,
    /// Look again then.
    At(Instant),
}

impl Gather {
    /// `quiet`: how long nothing must have come before a smaller batch goes; zero offers at once.
    pub(super) fn new(quiet: Duration) -> Gather {
        Gather { quiet, expected: 1, first: None, last: None }
    }

    /// Messages came.
    pub(super) fn arrived(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// Acknowledgements are going out, while so many messages in all were unacknowledged: as many may be expected again,
    /// and what waits already waits for them.
    pub(super) fn acknowledged(&mut self, unacknowledged: usize, now: Instant) {
        self.expected = unacknowledged;
        if self.first.is_some() {
            self.first = Some(now);
            self.last = Some(now);
        }
    }

    /// A batch is offered.
    pub(super) fn offered(&mut self) {
        self.first = None;
        self.last = None;
    }

    /// Whether so many waiting messages should go now.
    pub(super) fn ready(&self, waiting: usize, now: Instant) -> Ready {
        let (Some(first), Some(last)) = (self.first, self.last) else { return Ready::Now };
        let until = (last + self.quiet).min(first + self.quiet * LONGEST);
        if waiting >= self.expected || now >= until { Ready::Now } else { Ready::At(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_millis(1);

    #[test]
    fn a_lone_message_does_not_wait() {
        let (mut gather, now) = (Gather::new(QUIET), Instant::now());
        gather.arrived(now);
        assert_eq!(gather.ready(1, now), Ready::Now);
    }

    #[test]
    fn a_window_is_waited_for_while_it_keeps_coming() {
        let (mut gather, now) = (Gather::new(QUIET), Instant::now());
        gather.acknowledged(10, now);
        gather.arrived(now);
        assert_eq!(gather.ready(3, now), Ready::At(now + QUIET));
        gather.arrived(now + QUIET / 2);
        assert_eq!(gather.ready(7, now + QUIET), Ready::At(now + QUIET * 3 / 2));
        assert_eq!(gather.ready(10, now + QUIET), Ready::Now);
        assert_eq!(gather.ready(7, now + QUIET * 3 / 2), Ready::Now);
    }

    #[test]
    fn what_came_during_the_commit_waits_for_the_answer_to_its_acknowledgements() {
        let (mut gather, now) = (Gather::new(QUIET), Instant::now());
        gather.arrived(now);
        gather.acknowledged(100, now + QUIET * 3);
        assert_eq!(gather.ready(50, now + QUIET * 3), Ready::At(now + QUIET * 4));
        assert_eq!(gather.ready(100, now + QUIET * 3), Ready::Now);
    }

    #[test]
    fn a_trickle_does_not_wait_for_ever() {
        let (mut gather, start) = (Gather::new(QUIET), Instant::now());
        gather.acknowledged(1000, start);
        for step in 0..20 {
            gather.arrived(start + QUIET * step / 2);
        }
        assert_eq!(gather.ready(20, start + QUIET * LONGEST), Ready::Now);
    }
}
