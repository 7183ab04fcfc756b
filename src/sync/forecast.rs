//! When an upstream's backlog will be gone, and what it will cost in write units. Pure: `now` (milliseconds of any monotonic
//! clock) and what is pending are arguments.
//!
//! Both are estimates. The first goes by how fast the backlog has become smaller of late, what came in meanwhile
//! included (where it is no more than what goes in a few seconds, by how fast changes go: it may never be empty); the second by the mean cost of the changes that were read. Neither looks at the backlog itself.

#[cfg(test)]
mod tests;

/// A rate is remembered for about so long, in seconds: longer than a throttled upstream takes to find its rate.
const MEMORY: f64 = 60.0;
/// Nothing is said of a rate before it was seen for so long, in seconds.
const ENOUGH: f64 = 2.0;
/// Looks that are closer together are one, in milliseconds.
const LOOK_MS: u64 = 500;
/// What goes within so many seconds is no backlog, but what is on its way.
const MOMENTS: f64 = 5.0;
/// Who drains so slowly does not drain: ten years, in seconds.
const NEVER: f64 = 315_360_000.0;
/// The mean cost is that of about so many changes.
const CHANGES: f64 = 10_000.0;

/// What is known of an upstream's pace and of its changes' cost.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    /// The last look: when, how many changes were pending, and how many the upstream had taken.
    last: Option<(u64, u64, u64)>,
    /// Changes by which the backlog has become smaller, changes that the upstream took, and in how many seconds; what is
    /// long ago has faded.
    drained: f64,
    taken: f64,
    seconds: f64,
    /// Mean write units of a change, and of how many.
    units: f64,
    changes: f64,
}

impl Forecast {
    /// So many changes are pending, and the upstream has taken so many in all. While nothing is sent (`sending`), all that is known of the pace is forgotten: it says
    /// nothing of the time when the upstream is back.
    pub fn look(&mut self, pending: u64, taken: u64, sending: bool, now: u64) {
        if !sending {
            let Forecast { units, changes, .. } = *self;
            *self = Forecast { units, changes, ..Forecast::default() };
            return;
        }
        if !self.is_due(now) {
            return;
        }
        let Some((at, before, taken_before)) = self.last.replace((now, pending, taken)) else { return };
        let passed = now.saturating_sub(at) as f64 / 1000.0;
        let fade = (-passed / MEMORY).exp();
        // The beginning of a long time has faded at its end.
        let weight = MEMORY * (1.0 - fade);
        let share = weight / passed;
        self.drained = self.drained * fade + (before as f64 - pending as f64) * share;
        self.taken = self.taken * fade + taken.saturating_sub(taken_before) as f64 * share;
        self.seconds = self.seconds * fade + weight;
    }

    /// Whether it is time for another look.
    pub fn is_due(&self, now: u64) -> bool {
        self.last.is_none_or(|(at, ..)| now.saturating_sub(at) >= LOOK_MS)
    }

    /// In how many seconds so many pending changes, and what comes in meanwhile, will have gone (or only they, where that is
    /// a matter of moments); `None` while that is not known, or the backlog does not become smaller.
    pub fn drained_in(&self, pending: u64) -> Option<u64> {
        if pending == 0 {
            return Some(0);
        }
        let pending = pending as f64;
        let on_its_way = pending * self.seconds <= MOMENTS * self.taken;
        let gone = if on_its_way { self.taken } else { self.drained };
        let seconds = pending * self.seconds / gone;
        let known = self.seconds >= ENOUGH && gone > 0.0 && seconds < NEVER;
        known.then_some(seconds.round().max(1.0) as u64)
    }

    /// A change that costs so many write units was read.
    pub fn weigh(&mut self, units: u64) {
        self.changes = (self.changes + 1.0).min(CHANGES);
        self.units += (units as f64 - self.units) / self.changes;
    }

    /// What so many pending changes will cost in write units, about; `None` while none was ever read.
    pub fn cost(&self, pending: u64) -> Option<u64> {
        let known = pending == 0 || self.changes > 0.0;
        known.then_some((pending as f64 * self.units).round() as u64)
    }
}
