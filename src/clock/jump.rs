//! Forward jumps of a trusted clock: one of more than a day is a good time after a long sleep, or a bad one that would
//! expire everything. Until it has held for an hour or someone confirms it, nothing is concluded from it.

/// A jump of more than this is doubted.
pub(super) const DOUBTED_US: i64 = 86_400_000_000;
/// How long a doubted jump must hold.
pub(super) const HELD_US: u64 = 3_600_000_000;
/// How much the clock may be corrected while a jump is doubted, for it to be the same jump.
const SAME_US: u64 = 60_000_000;

/// Watches the clock's offset: system time less monotonic time, constant but for corrections.
#[derive(Clone, Debug, Default)]
pub(super) struct Jumps {
    /// The offset by the last time that was concluded from.
    reference: Option<i64>,
    /// Whether the reference comes from what was known before, and not just from the first look.
    grounded: bool,
    doubted: Option<Doubted>,
}

#[derive(Clone, Copy, Debug)]
struct Doubted {
    offset: i64,
    since_us: u64,
}

impl Jumps {
    /// Takes in what was known before the first look at the clock: at `offset`, at least.
    pub(super) fn ground(&mut self, offset: i64) {
        if !self.grounded {
            self.grounded = true;
            self.reference = Some(offset);
        }
    }

    /// Takes in what is known for sure: the offset is this one, or was before a step.
    pub(super) fn ground_anew(&mut self, offset: i64) {
        self.grounded = true;
        self.accept(offset);
    }

    /// Goes on doubting an offset, since this monotonic time.
    pub(super) fn doubt(&mut self, offset: i64, since_us: u64) {
        self.doubted = Some(Doubted { offset, since_us });
    }

    /// The monotonic time since which a jump has been doubted.
    pub(super) fn doubted_since_us(&self) -> Option<u64> {
        self.doubted.map(|doubted| doubted.since_us)
    }

    /// Takes in a look at the trusted clock, at this monotonic time. True: the time is doubted.
    pub(super) fn observe(&mut self, boot_us: u64, offset: i64) -> bool {
        let far = self.reference.is_some_and(|reference| offset.saturating_sub(reference) > DOUBTED_US);
        if !far {
            self.accept(offset);
            return false;
        }
        match self.doubted {
            Some(doubted) if doubted.offset.abs_diff(offset) <= SAME_US => {
                if boot_us.saturating_sub(doubted.since_us) >= HELD_US {
                    self.accept(offset);
                }
            }
            _ => self.doubted = Some(Doubted { offset, since_us: boot_us }),
        }
        self.doubted()
    }

    /// Someone vouches for the time as it is. False: it was not doubted.
    pub(super) fn confirm(&mut self) -> bool {
        match self.doubted {
            Some(doubted) => {
                self.accept(doubted.offset);
                true
            }
            None => false,
        }
    }

    /// Whether a jump is doubted now.
    pub(super) fn doubted(&self) -> bool {
        self.doubted.is_some()
    }

    fn accept(&mut self, offset: i64) {
        self.reference = Some(offset);
        self.doubted = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = DOUBTED_US;

    #[test]
    fn small_steps_and_the_first_look_are_accepted() {
        let mut jumps = Jumps::default();
        assert!(!jumps.observe(0, 50 * DAY));
        assert!(!jumps.observe(1, 51 * DAY));
        assert!(!jumps.observe(2, 52 * DAY));
        assert!(!jumps.observe(3, 0));
    }

    #[test]
    fn a_jump_must_hold_for_an_hour() {
        let mut jumps = Jumps::default();
        jumps.ground(0);
        assert!(jumps.observe(0, DAY + 1));
        assert!(jumps.observe(HELD_US - 1, DAY + 1_000_000));
        assert!(!jumps.observe(HELD_US, DAY + 1_000_000));
        assert!(!jumps.observe(HELD_US + 1, 2 * DAY));
    }

    #[test]
    fn another_jump_begins_its_own_hour() {
        let mut jumps = Jumps::default();
        jumps.ground(0);
        assert!(jumps.observe(0, 2 * DAY));
        assert!(jumps.observe(HELD_US - 1, 5 * DAY));
        assert!(jumps.observe(HELD_US, 5 * DAY));
        assert!(!jumps.observe(2 * HELD_US - 1, 5 * DAY));
    }

    #[test]
    fn a_jump_taken_back_is_forgotten() {
        let mut jumps = Jumps::default();
        jumps.ground(0);
        assert!(jumps.observe(0, 2 * DAY));
        assert!(!jumps.observe(1, 5));
        assert!(jumps.observe(HELD_US + 1, 2 * DAY), "the hour begins anew");
    }

    #[test]
    fn a_jump_can_be_confirmed() {
        let mut jumps = Jumps::default();
        assert!(!jumps.confirm());
        jumps.ground(0);
        assert!(jumps.observe(0, 2 * DAY));
        assert!(jumps.confirm());
        assert!(!jumps.doubted());
        assert!(!jumps.observe(1, 2 * DAY));
    }

    #[test]
    fn what_was_known_before_counts_once() {
        let mut jumps = Jumps::default();
        assert!(!jumps.observe(0, 9 * DAY));
        jumps.ground(0);
        assert!(jumps.observe(1, 9 * DAY));
        jumps.ground(9 * DAY);
        assert!(jumps.observe(2, 9 * DAY));
    }
}
