//! Starts requests: batches, and looks at tables.

use std::collections::BTreeMap;

use super::{Todo, Worker};
use crate::sync::allowance::{HEADS, Held};
use crate::sync::batch::Picked;
use crate::sync::route::Lane;
use crate::sync::wire;
use crate::telemetry::UpstreamState;

impl Worker {
    /// Starts all requests that may be made now.
    pub(super) fn dispatch(&mut self) {
        let now = self.now.ms;
        self.alarm = None;
        if self.board.paused().is_some() {
            return;
        }
        self.alarm = self.window.wake(now);
        self.catching_up &= self.window.has_room() && !self.rewinding && self.reading;
        if self.giving_up.holds() || self.catching_up {
            return;
        }
        let held = self.held.take();
        while self.requests < self.link.in_flight(self.settings.max_in_flight) && !self.link.holds(now) {
            // Made ready when it is first needed, since certificates may be missing.
            if let Err(reason) = self.around.make_ready() {
                return self.link.failed(UpstreamState::Blocked, reason, now, self.random.u64(..));
            }
            if let Some((lane, name)) = self.link.due_check(now) {
                self.describe(Some((lane, name)));
                continue;
            }
            let allowed = match self.allowed(now) {
                Ok(allowed) => allowed,
                Err(Held { wait_ms, why }) => {
                    self.wait_for_more(now + wait_ms);
                    self.hold(why, held);
                    return;
                }
            };
            let changes = match self.link.budget.allow(allowed, now) {
                Ok(changes) => changes,
                Err(wait) => return self.wait_for_more(now + wait),
            };
            let batch = self.window.pick(changes, |lane| self.link.gate(lane));
            if !batch.is_empty() {
                self.send(batch);
            } else if self.requests == 0 && self.link.wants_ping() {
                self.describe(None);
            } else {
                return;
            }
        }
    }

    /// How many changes the owner allows to go now.
    fn allowed(&mut self, now: u64) -> Result<usize, Held> {
        self.allowance.allow(self.settings.limits.batch_changes, now, self.now.day)
    }

    fn wait_for_more(&mut self, until: u64) {
        if !self.window.is_empty() {
            self.alarm = Some(self.alarm.unwrap_or(u64::MAX).min(until));
        }
    }

    /// The owner's limit holds back what there is to send; said in the log where it takes longer than a moment.
    fn hold(&mut self, why: String, before: Option<String>) {
        if self.window.is_empty() {
            return;
        }
        if self.allowance.is_used_up() && before.as_ref() != Some(&why) {
            tracing::warn!(upstream = self.settings.name, why, "the upstream's allowance is used up");
        }
        self.held = Some(why);
    }

    fn send(&mut self, batch: Vec<Picked>) {
        let body = wire::batch_write(&batch, self.settings.max_request);
        let mut taken = BTreeMap::new();
        for (place, picked) in batch.into_iter().enumerate() {
            if let Some(at) = body.taken.iter().position(|taken| *taken == place) {
                taken.insert(at, picked);
            } else if body.unreadable.contains(&place) {
                self.write_letter(picked, "the item can't be read; the store is damaged here".to_owned());
            } else {
                self.window.put_back(picked.id);
            }
        }
        let batch: Vec<Picked> = taken.into_values().collect();
        if batch.is_empty() {
            return;
        }
        self.link.budget.sent(batch.len());
        let units = if self.allowance.counts_units() {
            batch.iter().map(|picked| picked.change.write_units()).sum()
        } else {
            0
        };
        self.allowance.pay(units, HEADS + body.bytes.len() as u64);
        self.requests += 1;
        self.todo.push(Todo::Send { batch, body: body.bytes });
    }

    /// Looks at a table; without one, whether the upstream answers at all.
    fn describe(&mut self, table: Option<(Lane, String)>) {
        self.requests += 1;
        self.allowance.pay(0, HEADS);
        self.todo.push(Todo::Describe(table));
    }
}
