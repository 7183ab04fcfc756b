//! The time as the daemon keeps it: a function of what was seen of the clocks. Asks no system.
//!
//! Everything hangs on the monotonic clock, which counts from the machine's start and never steps. Time is that plus an
//! offset: before the clock is trusted the estimate's offset, which is fixed for a boot so that it can be made good later; after that
//! the real one, taken from the system's clock at each look. If the kernel loses trust (an NTP that is away for hours),
//! the last real offset holds on: a boot's estimated time is its beginning, never a later part.

use serde::{Deserialize, Serialize};

use super::jump::Jumps;
use super::trust::{Doubt, Evidence, judge};
use super::{BootId, Stamp, Trust};

/// Differences up to this are slewed: time stands almost still until it is right again. Beyond, it is set back.
const SLEWED_US: u64 = 1_000_000;

/// What to keep of the time over a restart: the floor, and how this boot's times hang on its monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The latest trusted time, in microseconds since 1970.
    pub floor_us: u64,
    /// The boot that the offsets are of.
    pub boot: BootId,
    /// What was added to the monotonic time to estimate the time.
    pub estimate_offset_us: i64,
    /// What would have been right, by the time when the clock was first trusted.
    pub first_offset_us: Option<i64>,
    /// What is right by the last look.
    pub offset_us: Option<i64>,
    /// The monotonic time since which a jump to that has been doubted.
    pub doubted_since_us: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Timeline {
    trust: Trust,
    build_us: u64,
    boot: BootId,
    floor_us: u64,
    /// Offset of the estimated time.
    estimate: i64,
    /// The estimate's offset may change no more.
    estimate_fixed: bool,
    /// Offset of the real time, when the clock was first trusted.
    first: Option<i64>,
    /// Offset of the real time now.
    real: Option<i64>,
    jumps: Jumps,
    /// The latest stamp made, or record known of.
    last_us: u64,
    corrections: u64,
    doubt: Option<Doubt>,
}

fn offset(time_us: u64, boot_us: u64) -> i64 {
    let signed = |us| i64::try_from(us).unwrap_or(i64::MAX);
    signed(time_us).saturating_sub(signed(boot_us))
}

fn at(boot_us: u64, offset: i64) -> u64 {
    boot_us.saturating_add_signed(offset)
}

impl Timeline {
    pub(super) fn new(trust: Trust, build_us: u64, boot: BootId, floor_us: u64, boot_us: u64) -> Timeline {
        let mut jumps = Jumps::default();
        if floor_us > 0 {
            jumps.ground(offset(floor_us, boot_us));
        }
        Timeline {
            trust,
            build_us,
            boot,
            floor_us,
            // The floor was reached before this boot; no time is before the program was made.
            estimate: offset(floor_us.max(build_us), 0),
            estimate_fixed: false,
            first: None,
            real: None,
            jumps,
            last_us: 0,
            corrections: 0,
            doubt: None,
        }
    }

    /// Takes in a look at the system's clock.
    pub(super) fn observe(&mut self, boot_us: u64, evidence: &Evidence) {
        let verdict = judge(self.trust, evidence, self.floor_us, self.build_us);
        self.doubt = verdict.err();
        if verdict.is_err() {
            return;
        }
        let now_us = evidence.system_us;
        let real = offset(now_us, boot_us);
        self.real = Some(real);
        self.first.get_or_insert(real);
        let doubted = self.jumps.observe(boot_us, real);
        if self.last_us.max(self.floor_us) > now_us.saturating_add(SLEWED_US) {
            self.last_us = now_us;
            self.floor_us = now_us;
            self.corrections += 1;
        }
        if !doubted {
            self.floor_us = self.floor_us.max(now_us);
        }
    }

    /// Time is at least this.
    pub(super) fn at_least(&mut self, us: u64, boot_us: u64) {
        self.last_us = self.last_us.max(us);
        if us > 0 {
            self.jumps.ground(offset(us, boot_us));
        }
        if !self.estimate_fixed {
            self.estimate = self.estimate.max(offset(us, boot_us));
        }
    }

    /// Goes on from what was kept.
    pub(super) fn resume(&mut self, kept: &Checkpoint, boot_us: u64) {
        self.floor_us = self.floor_us.max(kept.floor_us);
        if kept.floor_us > 0 {
            self.jumps.ground(offset(kept.floor_us, boot_us));
        }
        if kept.boot == self.boot {
            self.estimate = kept.estimate_offset_us;
            self.estimate_fixed = true;
            self.first = kept.first_offset_us.or(self.first);
            self.real = self.real.or(kept.offset_us);
            match (kept.offset_us, kept.doubted_since_us) {
                (Some(offset), Some(since_us)) => self.jumps.doubt(offset, since_us),
                (Some(offset), None) => self.jumps.ground_anew(offset),
                (None, _) => {}
            }
        } else if !self.estimate_fixed {
            self.estimate = self.estimate.max(offset(kept.floor_us, 0));
        }
    }

    /// What to keep.
    pub(super) fn checkpoint(&mut self, boot_us: u64) -> Checkpoint {
        // What was written down is what rows are going to be made good by.
        self.estimate_fixed = true;
        Checkpoint {
            floor_us: self.floor_us(boot_us),
            boot: self.boot,
            estimate_offset_us: self.estimate,
            first_offset_us: self.first,
            offset_us: self.real,
            doubted_since_us: self.jumps.doubted_since_us(),
        }
    }

    pub(super) fn stamp(&mut self, boot_us: u64) -> Stamp {
        let us = self.clock_us(boot_us).max(self.last_us.saturating_add(1));
        self.last_us = us;
        self.estimate_fixed |= self.real.is_none();
        Stamp { us, estimated: self.real.is_none() }
    }

    pub(super) fn now_us(&self, boot_us: u64) -> u64 {
        self.clock_us(boot_us).max(self.last_us)
    }

    fn clock_us(&self, boot_us: u64) -> u64 {
        at(boot_us, self.real.unwrap_or(self.estimate))
    }

    pub(super) fn trusted(&self) -> bool {
        self.real.is_some()
    }

    pub(super) fn expiry_now(&self, boot_us: u64) -> Option<u64> {
        let real = self.real.filter(|_| !self.jumps.doubted())?;
        Some(at(boot_us, real) / 1_000_000)
    }

    pub(super) fn floor_us(&self, boot_us: u64) -> u64 {
        match self.real {
            Some(real) if !self.jumps.doubted() => self.floor_us.max(at(boot_us, real)),
            _ => self.floor_us,
        }
    }

    pub(super) fn offset_of_this_boot(&self) -> Option<i64> {
        self.first.map(|first| first.saturating_sub(self.estimate))
    }

    pub(super) fn confirm_jump(&mut self) -> bool {
        self.jumps.confirm()
    }

    pub(super) fn boot(&self) -> BootId {
        self.boot
    }

    pub(super) fn jump_doubted(&self) -> bool {
        self.jumps.doubted()
    }

    pub(super) fn corrections(&self) -> u64 {
        self.corrections
    }

    /// Why the system's time is not believed now; it may still be, on the strength of an earlier look.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }
}

#[cfg(test)]
mod tests;
