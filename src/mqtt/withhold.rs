//! Acknowledgements withheld while the store can't take messages: they are offered again, ever more rarely, until it can.

use std::time::{Duration, Instant};

use crate::engine::EngineError;
use crate::ingest::Source;
use crate::telemetry::Gauge;

/// After the first "busy", and the longest.
const BUSY: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(200)];
/// After the first "full", and the longest.
const FULL: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// One connection's state.
pub(super) struct Withhold<'a> {
    /// How many are withholding.
    withholding: &'a Gauge,
    again: Option<Instant>,
    pause: Duration,
    full: bool,
}

impl<'a> Withhold<'a> {
    /// Nothing is withheld.
    pub(super) fn new(withholding: &'a Gauge) -> Withhold<'a> {
        Withhold { withholding, again: None, pause: Duration::ZERO, full: false }
    }

    /// When messages may be offered again; `None` for now.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.again.filter(|again| *again > now)
    }

    /// The store is busy; `progress`: some messages were settled before.
    pub(super) fn busy(&mut self, progress: bool) {
        self.wait(BUSY, progress);
    }

    /// The store is full, or fails otherwise.
    pub(super) fn full(&mut self, progress: bool, dropped: u64, error: &EngineError, source: &Source) {
        if !std::mem::replace(&mut self.full, true) {
            self.withholding.add(1);
            tracing::warn!(
                ?source, %error, dropped,
                "acknowledgements are withheld until the store takes messages again; QoS 0 is dropped"
            );
        }
        self.wait(FULL, progress);
    }

    /// The store takes messages.
    pub(super) fn ended(&mut self, source: &Source) {
        (self.again, self.pause) = (None, Duration::ZERO);
        if std::mem::take(&mut self.full) {
            self.withholding.sub(1);
            tracing::info!(?source, "the store takes messages again");
        }
    }

    fn wait(&mut self, [first, longest]: [Duration; 2], progress: bool) {
        self.pause = if progress { first } else { (self.pause * 2).clamp(first, longest) };
        // Half to the whole of it, so that connections do not come all at once.
        let pause = self.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.again = Some(Instant::now() + pause);
    }
}

impl Drop for Withhold<'_> {
    fn drop(&mut self) {
        if self.full {
            self.withholding.sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_begin_anew_after_progress() {
        let withholding = Gauge::default();
        let source = Source::Listener { client: Arc::from("c") };
        let mut withhold = Withhold::new(&withholding);
        let full = EngineError::Full("x".into());
        for _ in 0..12 {
            withhold.full(false, 0, &full, &source);
        }
        assert_eq!((withhold.pause, withholding.get()), (FULL[1], 1));
        withhold.full(true, 0, &full, &source);
        assert_eq!(withhold.pause, FULL[0]);
        assert!(withhold.until(Instant::now()).is_some());
        withhold.ended(&source);
        assert_eq!((withhold.until(Instant::now()), withholding.get()), (None, 0));
        withhold.full(false, 0, &full, &source);
        drop(withhold);
        assert_eq!(withholding.get(), 0);
    }
}
