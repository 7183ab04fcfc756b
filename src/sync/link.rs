//! What is known of an upstream: whether it answers, how fast it may be asked, and which of its tables are in trouble.
//! Pure: `now` (milliseconds of any monotonic clock) and randomness are arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use super::batch::Gate;
use super::budget::Budget;
use super::retry::{Backoff, Verdict};
use super::route::Lane;
use crate::telemetry::UpstreamState;

#[cfg(test)]
mod tests;

/// The first ceiling of a wait after a failure.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// The same for a table that is missing.
const FIRST_TABLE_BACKOFF: Duration = Duration::from_secs(1);

/// An upstream's link.
#[derive(Debug)]
pub struct Link {
    /// How many changes may go.
    pub budget: Budget,
    backoff: Backoff,
    /// Nothing is sent before.
    hold_until: u64,
    /// It has answered, as DynamoDB does, at least once.
    contacted: bool,
    /// Trouble of the upstream as a whole.
    trouble: Option<(UpstreamState, String)>,
    lanes: BTreeMap<Lane, Table>,
    max_backoff: Duration,
}

/// An upstream table that is in trouble, or has not been looked at.
#[derive(Debug)]
struct Table {
    name: String,
    /// Why nothing is sent to it.
    reason: Option<String>,
    /// Not to be mixed with other tables: a refusal does not say which table it is about.
    apart: bool,
    /// It is to be described, not before `until`.
    check: bool,
    under_way: bool,
    until: u64,
    backoff: Backoff,
}

impl Link {
    /// A link that has not been tried.
    pub fn new(max_backoff: Duration) -> Link {
        Link {
            budget: Budget::default(),
            backoff: Backoff::new(FIRST_BACKOFF, max_backoff),
            hold_until: 0,
            contacted: false,
            trouble: None,
            lanes: BTreeMap::new(),
            max_backoff,
        }
    }

    /// Looks at a table before it is used.
    pub fn look_at(&mut self, lane: Lane, name: &str) {
        self.table(lane, name).check = true;
    }

    /// Requests that may be on their way at once: one, while there is trouble.
    pub fn in_flight(&self, most: usize) -> usize {
        if self.backoff.failures() > 0 { 1 } else { most.max(1) }
    }

    /// Whether the upstream is left alone for now.
    pub fn holds(&self, now: u64) -> bool {
        self.hold_until > now
    }

    /// Whether a request should be made even if there is nothing to send, to find out whether it answers.
    pub fn wants_ping(&self) -> bool {
        !self.contacted || self.trouble.is_some()
    }

    /// What may be picked of a lane.
    pub fn gate(&self, lane: Lane) -> Gate {
        match self.lanes.get(&lane) {
            Some(table) if table.reason.is_some() => Gate::Shut,
            Some(table) if table.apart => Gate::Alone,
            _ => Gate::Open,
        }
    }

    /// Whether nothing may be sent to an upstream table now.
    pub fn is_blocked(&self, name: &str) -> bool {
        self.lanes.values().any(|table| table.name == name && table.reason.is_some())
    }

    /// A table that is to be described now; it counts as under way from here on.
    pub fn due_check(&mut self, now: u64) -> Option<(Lane, String)> {
        let (lane, table) =
            self.lanes.iter_mut().find(|(_, table)| table.check && !table.under_way && table.until <= now)?;
        table.under_way = true;
        Some((*lane, table.name.clone()))
    }

    /// When something changes by itself, if ever.
    pub fn wake(&self, now: u64) -> Option<u64> {
        let tables =
            self.lanes.values().filter(|table| table.check && !table.under_way).map(|table| table.until);
        // What is due already waits for a free connection, not for a time.
        tables.chain([self.hold_until]).filter(|until| *until > now).min()
    }

    /// The state, and the reason where it needs one.
    pub fn state(&self) -> (UpstreamState, Option<String>) {
        if let Some((state, reason)) = &self.trouble {
            return (*state, Some(reason.clone()));
        }
        let blocked = self.lanes.values().find_map(|table| Some((&table.name, table.reason.as_ref()?)));
        match blocked {
            Some((name, reason)) => (UpstreamState::Blocked, Some(format!("table {name}: {reason}"))),
            None if self.contacted => (UpstreamState::Online, None),
            None => (UpstreamState::Offline, None),
        }
    }

    /// There was no answer, or none that helps: leaves the upstream alone for a while.
    pub fn failed(&mut self, state: UpstreamState, reason: String, now: u64, random: u64) {
        let wait = self.backoff.fail(random);
        self.hold_until = self.hold_until.max(now + millis(wait));
        self.trouble = Some((state, reason));
    }

    /// Forgets waits and troubles, so that everything is tried at once.
    pub fn retry(&mut self) {
        self.backoff.reset();
        self.hold_until = 0;
        self.contacted = false;
        self.trouble = None;
        for table in self.lanes.values_mut().filter(|table| table.check) {
            table.until = 0;
            table.backoff.reset();
        }
    }

    /// Leaves the upstream alone until then.
    pub fn leave_alone(&mut self, state: UpstreamState, reason: String, until: u64) {
        self.hold_until = self.hold_until.max(until);
        self.trouble = Some((state, reason));
    }

    /// The upstream asks for less; with `nothing` taken, it is also left alone for a moment.
    pub fn throttled(&mut self, nothing: bool, now: u64, random: u64) {
        self.answered();
        self.budget.throttled(now);
        if nothing {
            self.hold_until = self.hold_until.max(now + millis(self.backoff.fail(random)));
        }
    }

    /// DynamoDB itself answered.
    pub fn answered(&mut self) {
        self.contacted = true;
        self.trouble = None;
    }

    /// A batch for these lanes went through, at least in part.
    pub fn taken(&mut self, lanes: impl Iterator<Item = Lane>) {
        self.answered();
        self.backoff.reset();
        for lane in lanes {
            // A check that is under way still finds its table gone from here, and is ignored.
            self.lanes.remove(&lane);
        }
    }

    /// A batch for these tables was refused because of a table.
    pub fn no_table(&mut self, tables: &BTreeMap<Lane, String>, reason: &str, now: u64, random: u64) {
        self.answered();
        self.backoff.reset();
        let alone = tables.len() == 1;
        for (lane, name) in tables {
            let table = self.table(*lane, name);
            table.apart = true;
            table.check = true;
            if alone {
                table.reason = Some(reason.to_owned());
                table.until = now + millis(table.backoff.fail(random));
            }
        }
    }

    /// A table was described; `true` where that has helped.
    pub fn described(&mut self, lane: Lane, verdict: &Verdict, now: u64, random: u64) {
        let Some(table) = self.lanes.get_mut(&lane) else { return };
        table.under_way = false;
        match verdict {
            Verdict::Table(reason) if !reason.starts_with("AccessDenied") => {
                table.reason = Some(reason.clone());
                table.until = now + millis(table.backoff.fail(random));
            }
            // To be tried again when the upstream answers.
            Verdict::Unreachable(_)
            | Verdict::Faulty(_)
            | Verdict::Throttled(_)
            | Verdict::Skewed(_)
            | Verdict::Blocked(_) => {
                table.until = now + millis(FIRST_BACKOFF);
            }
            // It is there; or we may not look, and a batch will tell.
            _ if table.apart => {
                table.reason = None;
                table.check = false;
            }
            _ => {
                self.lanes.remove(&lane);
            }
        }
    }

    fn table(&mut self, lane: Lane, name: &str) -> &mut Table {
        let max_backoff = self.max_backoff;
        self.lanes.entry(lane).or_insert_with(|| Table {
            name: name.to_owned(),
            reason: None,
            apart: false,
            check: false,
            under_way: false,
            until: 0,
            backoff: Backoff::new(FIRST_TABLE_BACKOFF, max_backoff),
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}
