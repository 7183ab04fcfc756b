//! Time and its trust. A gateway that boots in 1970 expires nothing and corrupts no timestamp.
//!
//! The only place that asks the system for time. Everything else takes a [`Clock`], or `now` as an argument.

mod jump;
mod manual;
mod system;
mod timeline;
mod trust;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use manual::Manual;
pub use timeline::Checkpoint;
use timeline::Timeline;

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

/// The clock, as `status` and the metrics show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClockStatus {
    /// The time is believed.
    pub trusted: bool,
    /// Why the system's clock is not believed at the moment. With `trusted`, the time goes on from when it last was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub doubt: Option<String>,
    /// A forward jump of more than a day waits to have held for an hour or to be confirmed; nothing expires.
    pub jump_doubted: bool,
    /// How often the time was set back.
    pub corrections: u64,
}

/// The gateway's time; cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

enum Inner {
    System(Mutex<System>),
    Manual(Mutex<Manual>),
}

/// How often the system's clock is looked at, by the monotonic one: that costs three system calls.
const LOOK_EVERY_US: u64 = 1_000_000;

struct System {
    timeline: Timeline,
    looked_us: u64,
}

impl System {
    fn look(&mut self) {
        self.looked_us = system::since_boot_us();
        self.timeline.observe(self.looked_us, &system::evidence());
    }

    /// The monotonic time, and a look at the system's clock where one is due.
    fn refresh(&mut self) -> u64 {
        let boot_us = system::since_boot_us();
        if boot_us.saturating_sub(self.looked_us) >= LOOK_EVERY_US {
            self.look();
        }
        boot_us
    }
}

/// A panic elsewhere leaves a timeline whole: each step of it is.
/// `CLOCK_MONOTONIC`, in microseconds: what service managers date a reload by.
pub fn monotonic_us() -> u64 {
    system::monotonic_us()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clock {
    /// The system's clock; `floor_us` is the latest time known to have been reached (0: none yet).
    pub fn system(trust: Trust, floor_us: u64) -> Clock {
        let boot_us = system::since_boot_us();
        let timeline = Timeline::new(trust, system::build_us(), system::boot_id(), floor_us, boot_us);
        let mut inner = System { timeline, looked_us: 0 };
        inner.look();
        Clock(Arc::new(Inner::System(Mutex::new(inner))))
    }

    /// A clock that only [`Clock::set`] moves, for tests: trusted, at this time.
    pub fn manual(now_us: u64) -> Clock {
        Clock(Arc::new(Inner::Manual(Mutex::new(Manual::new(now_us)))))
    }

    /// Moves a manual clock; backwards is a correction. When it becomes trusted, no time has passed by the monotonic
    /// clock: [`Clock::offset_of_this_boot`] is the whole difference. The system's clock is not moved by this.
    pub fn set(&self, now_us: u64, trusted: bool) {
        if let Inner::Manual(manual) = &*self.0 {
            lock(manual).set(now_us, trusted);
        }
    }

    fn with<R>(
        &self,
        system: impl FnOnce(&mut Timeline, u64) -> R,
        manual: impl FnOnce(&mut Manual) -> R,
    ) -> R {
        match &*self.0 {
            Inner::System(inner) => {
                let mut inner = lock(inner);
                let boot_us = inner.refresh();
                system(&mut inner.timeline, boot_us)
            }
            Inner::Manual(inner) => manual(&mut lock(inner)),
        }
    }

    /// Now, once: no two calls get the same microsecond.
    pub fn stamp(&self) -> Stamp {
        self.with(Timeline::stamp, Manual::stamp)
    }

    /// Now, in microseconds since 1970, without making a new stamp. An estimate while the clock is not trusted: also
    /// the time to judge certificates by.
    pub fn now_us(&self) -> u64 {
        self.with(|time, boot_us| time.now_us(boot_us), |manual| manual.now_us())
    }

    /// Whether the system's time is believed. Once it is, it stays so until the machine restarts.
    pub fn trusted(&self) -> bool {
        self.with(|time, _| time.trusted(), |manual| manual.trusted())
    }

    /// The second that expiry is judged by; `None` while the clock is not trusted or a jump has suspended it: nothing
    /// expires then.
    pub fn expiry_now(&self) -> Option<u64> {
        self.with(|time, boot_us| time.expiry_now(boot_us), |manual| manual.expiry_now())
    }

    /// Raises the floor: time is at least this (the newest record found at start). A trusted clock that says otherwise
    /// by more than a second is followed all the same, as a correction.
    pub fn at_least(&self, us: u64) {
        self.with(|time, boot_us| time.at_least(us, boot_us), |manual| manual.at_least(us));
        self.look();
    }

    /// Goes on from what an earlier process kept: the floor, and, if it is of this boot, the offsets of its times. To be
    /// called once, when the store is open and before anything is stamped.
    pub fn resume(&self, kept: &Checkpoint) {
        self.with(|time, boot_us| time.resume(kept, boot_us), |manual| manual.at_least(kept.floor_us));
        self.look();
    }

    /// What to keep for [`Clock::resume`]: durable before the first item of an untrusted clock is acknowledged (else a
    /// restart within the boot loses the offset of the items before it), when the clock becomes trusted, then now and
    /// again, and at the end.
    pub fn checkpoint(&self) -> Checkpoint {
        self.with(Timeline::checkpoint, |manual| Checkpoint {
            floor_us: manual.now_us(),
            boot: manual.boot(),
            estimate_offset_us: 0,
            first_offset_us: manual.offset(),
            offset_us: manual.offset(),
            doubted_since_us: None,
        })
    }

    fn look(&self) {
        if let Inner::System(inner) = &*self.0 {
            lock(inner).look();
        }
    }

    /// This start of the machine.
    pub fn boot(&self) -> BootId {
        self.with(|time, _| time.boot(), |manual| manual.boot())
    }

    /// Microseconds since the machine started, from the monotonic clock.
    pub fn since_boot_us(&self) -> u64 {
        match &*self.0 {
            Inner::System(_) => system::since_boot_us(),
            Inner::Manual(manual) => lock(manual).since_boot_us(),
        }
    }

    /// Vouches for the time after a forward jump: expiry and the floor go on at once. False: none was doubted.
    pub fn confirm_jump(&self) -> bool {
        self.with(|time, _| time.confirm_jump(), |_| false)
    }

    /// The latest trusted time, in microseconds since 1970; 0: none yet.
    pub fn floor_us(&self) -> u64 {
        self.with(|time, boot_us| time.floor_us(boot_us), |manual| manual.now_us())
    }

    /// What must be added to an estimated time of this boot to make it right, in microseconds; known once the clock is
    /// trusted, and the same from then on.
    pub fn offset_of_this_boot(&self) -> Option<i64> {
        self.with(|time, _| time.offset_of_this_boot(), |manual| manual.offset())
    }

    /// How the clock is.
    pub fn status(&self) -> ClockStatus {
        self.with(
            |time, _| ClockStatus {
                trusted: time.trusted(),
                doubt: time.doubt().map(|doubt| doubt.to_string()),
                jump_doubted: time.jump_doubted(),
                corrections: time.corrections(),
            },
            |manual| ClockStatus { trusted: manual.trusted(), ..ClockStatus::default() },
        )
    }
}

#[cfg(test)]
mod tests;
