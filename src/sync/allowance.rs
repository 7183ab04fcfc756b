//! What an upstream's owner allows to be spent on it: write units and bytes a second, bytes a day and a month. Pure: `now`
//! (milliseconds of any monotonic clock) and the calendar's day are arguments.
//!
//! A request goes as long as anything is left, and pays afterwards: what is too large for a second is waited for behind it, so
//! that nothing is too large to go, and the average holds.

use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Heads of a request and its answer, about, in bytes: they cost as much as the bodies do.
pub const HEADS: u64 = 1_000;
/// Seconds of a day.
pub const DAY: u64 = 86_400;
/// A used-up day or month is looked at again after this: clocks may be set.
const LOOK_AGAIN_MS: u64 = 60_000;

/// The owner's limits; `None`: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowances {
    /// DynamoDB's write units a second: one for each begun KB of an item that is put, one for a delete.
    pub write_units_per_second: Option<u64>,
    /// Bytes a second, both ways.
    pub bytes_per_second: Option<u64>,
    /// Bytes of a day (UTC), both ways.
    pub bytes_per_day: Option<u64>,
    /// Bytes of a calendar month (UTC), both ways.
    pub bytes_per_month: Option<u64>,
}

/// Bytes of the running day and month; kept with the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The day, in days since 1970; `None`: not known yet.
    date: Option<u64>,
    day: u64,
    month: u64,
}

impl Spent {
    /// Since an earlier state of it, of the same month.
    pub fn since(&self, earlier: &Spent) -> u64 {
        self.month.saturating_sub(earlier.month)
    }
}

/// Nothing may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// To be asked again after so many milliseconds.
    pub wait_ms: u64,
    /// Which limit, in words.
    pub why: String,
}

/// A limit of so many a second.
#[derive(Clone, Debug)]
struct Bucket {
    rate: f64,
    /// Below zero: owed.
    tokens: f64,
    filled_at: u64,
}

impl Bucket {
    /// Full: a second's worth.
    fn new(rate: u64) -> Bucket {
        let rate = rate.max(1) as f64;
        Bucket { rate, tokens: rate, filled_at: 0 }
    }

    /// What is there, or in how many milliseconds one will be.
    fn look(&mut self, now: u64) -> Result<f64, u64> {
        let passed = now.saturating_sub(self.filled_at) as f64 / 1000.0;
        self.filled_at = now;
        self.tokens = (self.tokens + passed * self.rate).min(self.rate);
        if self.tokens >= 1.0 {
            Ok(self.tokens)
        } else {
            Err(((1.0 - self.tokens) * 1000.0 / self.rate).ceil() as u64)
        }
    }
}

/// What is left of an upstream's allowances.
#[derive(Clone, Debug)]
pub struct Allowance {
    limits: Allowances,
    units: Option<Bucket>,
    bytes: Option<Bucket>,
    spent: Spent,
}

impl Allowance {
    /// Goes on where the day and the month were.
    pub fn new(limits: Allowances, spent: Spent) -> Allowance {
        Allowance {
            units: limits.write_units_per_second.map(Bucket::new),
            bytes: limits.bytes_per_second.map(Bucket::new),
            limits,
            spent,
        }
    }

    /// What of the day and the month is spent.
    pub fn spent(&self) -> &Spent {
        &self.spent
    }

    /// How many changes may go now, of so many that are wanted. `date` is the day (in days since 1970, UTC); `None` while it
    /// is not known for certain: then the last one goes on.
    ///
    /// # Errors
    /// How long to wait, and for which limit.
    pub fn allow(&mut self, want: usize, now: u64, date: Option<u64>) -> Result<usize, Held> {
        self.turn(date);
        if let Some((limit, span)) = self.used_up() {
            let why = format!(
                "the {limit} B of bytes_per_{span} are used up; it goes on with the next {span}, UTC"
            );
            return Err(Held { wait_ms: LOOK_AGAIN_MS, why });
        }
        let held = |wait_ms: u64, what: &str| {
            Err(Held { wait_ms: wait_ms.max(1), why: format!("it is held to its {what}") })
        };
        if let Some(Err(wait_ms)) = self.bytes.as_mut().map(|bytes| bytes.look(now)) {
            return held(wait_ms, "bytes_per_second");
        }
        match self.units.as_mut().map(|units| units.look(now)) {
            Some(Err(wait_ms)) => held(wait_ms, "write_units_per_second"),
            // A change costs a unit at least: a small allowance is not spent on a large batch at once.
            Some(Ok(units)) => Ok(want.min(units as usize)),
            None => Ok(want),
        }
    }

    /// Whether the day or the month has nothing left.
    pub fn is_used_up(&self) -> bool {
        self.used_up().is_some()
    }

    fn used_up(&self) -> Option<(u64, &'static str)> {
        let Allowances { bytes_per_day, bytes_per_month, .. } = self.limits;
        [(bytes_per_month, self.spent.month, "month"), (bytes_per_day, self.spent.day, "day")]
            .into_iter()
            .find_map(|(limit, spent, span)| limit.filter(|limit| spent >= *limit).map(|limit| (limit, span)))
    }

    /// Whether units are counted at all.
    pub fn counts_units(&self) -> bool {
        self.units.is_some()
    }

    /// So much was sent, or received.
    pub fn pay(&mut self, units: u64, bytes: u64) {
        if let Some(bucket) = &mut self.units {
            bucket.tokens -= units as f64;
        }
        if let Some(bucket) = &mut self.bytes {
            bucket.tokens -= bytes as f64;
        }
        self.spent.day = self.spent.day.saturating_add(bytes);
        self.spent.month = self.spent.month.saturating_add(bytes);
    }

    /// Another day begins another count, and so does another month.
    fn turn(&mut self, date: Option<u64>) {
        if date.is_none() || date == self.spent.date {
            return;
        }
        // What was spent before the day was known is of this one.
        if self.spent.date.is_some() {
            self.spent.day = 0;
            if month(self.spent.date) != month(date) {
                self.spent.month = 0;
            }
        }
        self.spent.date = date;
    }
}

/// The year and the month of a day; `None` beyond any calendar.
fn month(date: Option<u64>) -> Option<(i16, i8)> {
    let second = i64::try_from(date?.checked_mul(DAY)?).ok()?;
    let date = jiff::Timestamp::from_second(second).ok()?.to_zoned(jiff::tz::TimeZone::UTC).date();
    Some((date.year(), date.month()))
}

/// The write units of putting an item of so many bytes.
pub fn write_units(size: usize) -> u64 {
    size.div_ceil(1024).max(1) as u64
}
