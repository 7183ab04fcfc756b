//! Time and its trust. A gateway that boots in 1970 expires nothing and corrupts no timestamp.
//!
//! The only place that asks the system for time. Everything else takes a [`Clock`], or `now` as an argument.

use std::sync::Arc;

/// One start of the machine: the kernel's `boot_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct BootId(pub [u8; 16]);

/// When the system clock is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// When the kernel says NTP has set it, or when there is a clock chip and its time is not before the floor or the
    /// build date.
    #[default]
    Auto,
    /// Only when the kernel says NTP has set it.
    Ntp,
    /// Without question.
    Always,
}

/// A point in time, with what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds since 1970; strictly increasing between corrections.
    pub us: u64,
    /// The clock was not trusted: this is the floor plus the time since boot.
    pub estimated: bool,
}

/// The gateway's time; cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    #[allow(dead_code)]
    trust: Trust,
}

impl Clock {
    /// The system's clock; `floor_us` is the latest time known to have been reached (0: none yet).
    pub fn system(_trust: Trust, _floor_us: u64) -> Clock {
        todo!()
    }

    /// A clock that only [`Clock::set`] moves, for tests: trusted, at this time.
    pub fn manual(_now_us: u64) -> Clock {
        let _ = &Inner { trust: Trust::Always };
        todo!()
    }

    /// Moves a manual clock.
    pub fn set(&self, _now_us: u64, _trusted: bool) {
        let _ = &self.0;
        todo!()
    }

    /// Now, once: no two calls get the same microsecond.
    pub fn stamp(&self) -> Stamp {
        todo!()
    }

    /// Now, in microseconds since 1970, without making a new stamp.
    pub fn now_us(&self) -> u64 {
        todo!()
    }

    /// Whether the system's time is believed now.
    pub fn trusted(&self) -> bool {
        todo!()
    }

    /// The second that expiry is judged by; `None` while the clock is not trusted or a jump has suspended it: nothing
    /// expires then.
    pub fn expiry_now(&self) -> Option<u64> {
        todo!()
    }

    /// Raises the floor: time is at least this (the newest record found at start).
    pub fn at_least(&self, _us: u64) {
        todo!()
    }

    /// This start of the machine.
    pub fn boot(&self) -> BootId {
        todo!()
    }

    /// Microseconds since the machine started, from the monotonic clock.
    pub fn since_boot_us(&self) -> u64 {
        todo!()
    }
}
