//! A clock that stands still until it is moved, for tests.

use super::{BootId, Stamp};

#[derive(Clone, Debug)]
pub(super) struct Manual {
    now_us: u64,
    trusted: bool,
    started_us: u64,
    last_us: u64,
    /// What the estimated times of before were short of, since the clock has been trusted again.
    offset: Option<i64>,
}

impl Manual {
    pub(super) fn new(now_us: u64) -> Manual {
        Manual { now_us, trusted: true, started_us: now_us, last_us: 0, offset: Some(0) }
    }

    pub(super) fn set(&mut self, now_us: u64, trusted: bool) {
        if trusted && !self.trusted {
            self.offset = Some(now_us.cast_signed().wrapping_sub(self.now_us.cast_signed()));
        } else if !trusted {
            self.offset = None;
        }
        if now_us < self.now_us {
            self.last_us = self.last_us.min(now_us.saturating_sub(1));
        }
        self.now_us = now_us;
        self.trusted = trusted;
    }

    pub(super) fn stamp(&mut self) -> Stamp {
        self.last_us = self.now_us.max(self.last_us.saturating_add(1));
        Stamp { us: self.last_us, estimated: !self.trusted }
    }

    pub(super) fn at_least(&mut self, us: u64) {
        self.last_us = self.last_us.max(us);
    }

    pub(super) fn now_us(&self) -> u64 {
        self.now_us.max(self.last_us)
    }

    pub(super) fn trusted(&self) -> bool {
        self.trusted
    }

    pub(super) fn expiry_now(&self) -> Option<u64> {
        self.trusted.then_some(self.now_us / 1_000_000)
    }

    pub(super) fn offset(&self) -> Option<i64> {
        self.offset
    }

    pub(super) fn since_boot_us(&self) -> u64 {
        self.now_us.saturating_sub(self.started_us)
    }

    pub(super) fn boot(&self) -> BootId {
        BootId(*b"a manual clock's")
    }
}
