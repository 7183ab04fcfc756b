//! The committer's heartbeat: what its thread is doing, and since when. A watchdog is fed by it.
//!
//! A card that stalls must not become a crash loop: killing the process would not make it write any faster. So the disk
//! gets minutes, and everything else, which ends by itself or never, gets less.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the committer's thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Waiting for a decision.
    Waiting,
    /// Making a group: decisions read rows, which a card may take its time for.
    Deciding,
    /// Writing or syncing, or looking after the journal's files.
    Disk,
    /// It has ended: the store is closed, or poisoned.
    Ended,
}

impl Doing {
    const ALL: [Doing; 4] = [Doing::Waiting, Doing::Deciding, Doing::Disk, Doing::Ended];

    /// How long it may take before the thread counts as stuck.
    fn patience(self) -> Duration {
        match self {
            // It looks around every 30 s by itself.
            Doing::Waiting => Duration::from_secs(90),
            Doing::Deciding => Duration::from_secs(120),
            Doing::Disk => Duration::from_secs(600),
            // Whoever closed the store, or hears of the poison, ends the process.
            Doing::Ended => Duration::MAX,
        }
    }
}

/// A look at the heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// What the thread is doing.
    pub doing: Doing,
    /// For how long.
    pub lasting: Duration,
}

impl Heartbeat {
    /// Whether the thread is believed to go on by itself.
    pub fn is_alive(&self) -> bool {
        self.lasting <= self.doing.patience()
    }
}

/// Beaten by the committer, felt by anybody.
#[derive(Debug)]
pub(super) struct Pulse {
    begun: Instant,
    /// Milliseconds from `begun` to the last beat, and below them what is done since, in [`Pulse::BITS`] bits.
    beat: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Pulse {
        Pulse { begun: Instant::now(), beat: AtomicU64::new(0) }
    }
}

impl Pulse {
    const BITS: u32 = 2;

    /// From now on the thread does this.
    pub(super) fn beat(&self, doing: Doing) {
        let now = self.begun.elapsed().as_millis() as u64;
        self.beat.store(now << Pulse::BITS | doing as u64, Ordering::Relaxed);
    }

    /// What it does, and how long that has lasted at this moment.
    pub(super) fn feel(&self, now: Instant) -> Heartbeat {
        let beat = self.beat.load(Ordering::Relaxed);
        let since = Duration::from_millis(beat >> Pulse::BITS);
        let doing = Doing::ALL.get((beat & ((1 << Pulse::BITS) - 1)) as usize).copied();
        Heartbeat {
            doing: doing.unwrap_or(Doing::Waiting),
            lasting: now.saturating_duration_since(self.begun).saturating_sub(since),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::sync_channel;

    use super::super::faults::Point;
    use super::super::testing::*;
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_beat_says_what_and_since_when() {
        let pulse = Pulse::default();
        for doing in Doing::ALL {
            pulse.beat(doing);
            let later = pulse.feel(Instant::now() + MINUTE);
            assert_eq!(later.doing, doing);
            assert!(later.lasting >= MINUTE);
        }
    }

    #[test]
    fn the_disk_gets_minutes_and_nothing_else_does() {
        let alive = |doing, minutes| Heartbeat { doing, lasting: MINUTE * minutes }.is_alive();
        for doing in [Doing::Waiting, Doing::Deciding] {
            assert!(alive(doing, 1) && !alive(doing, 3), "{doing:?}");
        }
        assert!(alive(Doing::Disk, 9) && !alive(Doing::Disk, 11));
        assert!(alive(Doing::Ended, 1_000_000));
    }

    #[tokio::test]
    async fn a_committer_that_hangs_in_a_decision_is_not_alive_for_long() {
        let bench = Bench::new().await;
        let (reached, reaching) = sync_channel(1);
        // The committer hangs until the test drops this end.
        let (_held, hold) = sync_channel::<()>(1);
        let hold = Mutex::new(hold);
        bench.store().shared().faults.set(move |at| {
            if at == Point::GroupDecided && reached.try_send(()).is_ok() {
                assert!(hold.lock().unwrap().recv().is_err());
            }
            Ok(())
        });
        let store = bench.store().clone();
        tokio::spawn(async move { bench.put(item("a", 1, "held")).await });
        tokio::task::spawn_blocking(move || reaching.recv().unwrap()).await.unwrap();
        let later = |minutes| store.shared().pulse.feel(Instant::now() + MINUTE * minutes);
        assert_eq!(later(0).doing, Doing::Deciding);
        assert!(later(0).is_alive() && !later(3).is_alive());
    }

    #[tokio::test]
    async fn a_committer_that_waits_for_work_is_alive() {
        let bench = Bench::new().await;
        bench.put(item("a", 1, "x")).await.unwrap();
        // It answers before it goes back to waiting.
        while bench.store().heartbeat().doing != Doing::Waiting {
            tokio::task::yield_now().await;
        }
        assert!(bench.store().heartbeat().is_alive());
    }
}
