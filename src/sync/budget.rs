//! How fast an upstream that throttles is asked: additive raise, multiplicative cut. Pure: `now` is an argument, in
//! milliseconds of any monotonic clock.

/// A rate is not looked at any more after this long without throttling.
const FORGET_MS: u64 = 120_000;
/// Several answers of one moment cut the rate once.
const ONE_CUT_MS: u64 = 500;
/// For so long after a cut the rate rises slowly.
const CAREFUL_MS: u64 = 3_000;
/// The first cut is from this rate at least.
const FIRST: f64 = 50.0;
/// Changes per second never go below this.
const SLOWEST: f64 = 1.0;

/// The budget of one upstream: unlimited until it throttles.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// Changes per second.
    rate: Option<f64>,
    tokens: f64,
    filled_at: u64,
    throttled_at: u64,
    /// What went through in the running second, and in the last whole one.
    second: u64,
    running: u64,
    last: u64,
}

impl Budget {
    /// How many changes may go now (up to `want`), or how many milliseconds until one may.
    pub fn allow(&mut self, want: usize, now: u64) -> Result<usize, u64> {
        let Some(rate) = self.rate else { return Ok(want) };
        if now.saturating_sub(self.throttled_at) > FORGET_MS {
            self.rate = None;
            return Ok(want);
        }
        let passed = now.saturating_sub(self.filled_at) as f64 / 1000.0;
        self.filled_at = now;
        self.tokens = (self.tokens + passed * rate).min(rate.max(1.0));
        // A full batch is worth waiting for, as long as that is not long.
        let worth = (rate / 4.0).clamp(1.0, want.max(1) as f64);
        if self.tokens >= worth {
            Ok((self.tokens as usize).min(want))
        } else {
            Err(((worth - self.tokens) / rate * 1000.0).ceil() as u64)
        }
    }

    /// So many changes were sent.
    pub fn sent(&mut self, changes: usize) {
        self.tokens -= changes as f64;
    }

    /// So many changes were taken.
    pub fn taken(&mut self, changes: usize, now: u64) {
        let second = now / 1000;
        if second != self.second {
            self.last = if second == self.second + 1 { self.running } else { 0 };
            self.second = second;
            self.running = 0;
        }
        self.running += changes as u64;
        if let Some(rate) = &mut self.rate {
            // At full use about a fifth more per second; twice as much when the last throttling is a while ago.
            let soon = now.saturating_sub(self.throttled_at) < CAREFUL_MS;
            *rate += changes as f64 * if soon { 0.2 } else { 1.0 };
        }
    }

    /// The upstream asked for less.
    pub fn throttled(&mut self, now: u64) {
        if self.rate.is_some() && now.saturating_sub(self.throttled_at) < ONE_CUT_MS {
            return;
        }
        let used = self.last.max(self.running) as f64;
        // What was used says little when little was wanted.
        let base = self.rate.map_or(used.max(FIRST), |rate| rate.min(used.max(rate / 2.0)));
        self.rate = Some((base / 2.0).max(SLOWEST));
        self.tokens = 0.0;
        self.filled_at = now;
        self.throttled_at = now;
    }

    /// Whether the rate is limited now.
    pub fn is_limited(&self) -> bool {
        self.rate.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as much as the budget allows for so long; the upstream takes `capacity` a second and throttles the rest.
    fn run(budget: &mut Budget, capacity: u64, from: u64, seconds: u64) -> (u64, u64) {
        let (mut taken, mut throttled) = (0, 0);
        for second in from..from + seconds {
            let mut room = capacity;
            for step in 0..20 {
                let now = second * 1000 + step * 50;
                let Ok(n) = budget.allow(25, now) else { continue };
                budget.sent(n);
                if n as u64 <= room {
                    room -= n as u64;
                    taken += n as u64;
                    budget.taken(n, now);
                } else {
                    throttled += 1;
                    budget.throttled(now);
                }
            }
        }
        (taken, throttled)
    }

    #[test]
    fn unlimited_until_throttled() {
        let mut budget = Budget::default();
        assert_eq!(budget.allow(25, 0), Ok(25));
        budget.throttled(10);
        assert!(budget.allow(25, 10).is_err());
        assert_eq!(budget.allow(25, 1010), Ok(25));
    }

    #[test]
    fn finds_the_capacity_and_uses_most_of_it() {
        let mut budget = Budget::default();
        run(&mut budget, 100, 0, 30);
        let (taken, throttled) = run(&mut budget, 100, 30, 60);
        assert!(taken > 60 * 50, "only {taken} in 60 s");
        assert!(throttled < 60, "throttled {throttled} times in 60 s");
    }

    #[test]
    fn forgets() {
        let mut budget = Budget::default();
        budget.throttled(0);
        assert!(budget.is_limited());
        assert_eq!(budget.allow(25, FORGET_MS + 1), Ok(25));
        assert!(!budget.is_limited());
    }
}
