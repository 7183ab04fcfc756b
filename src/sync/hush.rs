//! Says seldom what happens often: the first time at once, after that how many more there were. Pure: `now` is an argument,
//! in milliseconds of any monotonic clock.

/// How long it stays quiet after each word.
const QUIET_MS: u64 = 30_000;

/// What was not said yet.
#[derive(Debug, Default)]
pub struct Hush {
    held: u64,
    quiet_until: u64,
}

impl Hush {
    /// It happened (again): whether to say so now.
    pub fn happened(&mut self, now: u64) -> bool {
        let say = self.held == 0 && now >= self.quiet_until;
        if say {
            self.quiet_until = now + QUIET_MS;
        } else {
            self.held += 1;
        }
        say
    }

    /// How many more there were, if it is time to say that.
    pub fn due(&mut self, now: u64) -> Option<u64> {
        if self.held == 0 || now < self.quiet_until {
            return None;
        }
        self.quiet_until = now + QUIET_MS;
        Some(std::mem::take(&mut self.held))
    }

    /// When there is something to say.
    pub fn wake(&self) -> Option<u64> {
        (self.held > 0).then_some(self.quiet_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_the_rest_together() {
        let mut hush = Hush::default();
        assert!(hush.happened(0) && hush.wake().is_none());
        assert!(!hush.happened(1) && !hush.happened(QUIET_MS - 1));
        assert_eq!((hush.wake(), hush.due(QUIET_MS - 1)), (Some(QUIET_MS), None));
        assert!(!hush.happened(QUIET_MS), "what was held comes first");
        assert_eq!(hush.due(QUIET_MS), Some(3));
        assert_eq!((hush.due(9 * QUIET_MS), hush.happened(9 * QUIET_MS)), (None, true));
    }
}
