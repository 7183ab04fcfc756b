//! Starts requests: batches, and looks at tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Done, Worker};
use crate::model::dynamodb_json::write_string;
use crate::sync::allowance::{DAY, HEADS, Held};
use crate::sync::batch::Picked;
use crate::sync::client::Client;
use crate::sync::route::Lane;
use crate::sync::wire;
use crate::telemetry::UpstreamState;

impl Worker {
    /// Starts all requests that may be made now.
    pub(super) fn dispatch(&mut self) {
        let now = self.now();
        self.alarm = None;
        if self.shared.paused().is_some() {
            return;
        }
        self.alarm = self.window.wake(now);
        self.catching_up &= self.window.has_room() && !self.rewinding && self.feed.is_some();
        if self.giving_up.holds() || self.catching_up {
            return;
        }
        let held = self.held.take();
        while self.requests < self.link.in_flight(self.settings.max_in_flight) && !self.link.holds(now) {
            let Some(client) = self.client(now) else { return };
            if let Some((lane, name)) = self.link.due_check(now) {
                self.describe(client, Some((lane, name)));
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
                self.send(client, batch);
            } else if self.requests == 0 && self.link.wants_ping() {
                self.describe(client, None);
            } else {
                return;
            }
        }
    }

    /// How many changes the owner allows to go now.
    fn allowed(&mut self, now: u64) -> Result<usize, Held> {
        let day = self.shared.clock.expiry_now().map(|second| second / DAY);
        self.allowance.allow(self.settings.limits.batch_changes, now, day)
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

    /// The client; made when it is first needed, since certificates may be missing.
    fn client(&mut self, now: u64) -> Option<Arc<Client>> {
        if self.client.is_none() {
            match Client::new(&self.settings, self.shared.clock.clone()) {
                Ok(client) => self.client = Some(Arc::new(client)),
                Err(reason) => self.link.failed(UpstreamState::Blocked, reason, now, fastrand::u64(..)),
            }
        }
        self.client.clone()
    }

    fn send(&mut self, client: Arc<Client>, batch: Vec<Picked>) {
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
        let mut slot = self.slots.pop().unwrap_or_default();
        self.under_way.spawn(async move {
            let result = client.call(&mut slot, "BatchWriteItem", body.bytes.into()).await;
            Done::Sent { slot, batch, result }
        });
    }

    /// Looks at a table; without one, whether the upstream answers at all.
    fn describe(&mut self, client: Arc<Client>, table: Option<(Lane, String)>) {
        self.requests += 1;
        self.allowance.pay(0, HEADS);
        let mut slot = self.slots.pop().unwrap_or_default();
        self.under_way.spawn(async move {
            let mut body = Vec::new();
            let (lane, operation) = match table {
                Some((lane, name)) => {
                    body.extend_from_slice(br#"{"TableName":"#);
                    write_string(&name, &mut body);
                    body.push(b'}');
                    (Some(lane), "DescribeTable")
                }
                None => {
                    body.extend_from_slice(br#"{"Limit":1}"#);
                    (None, "ListTables")
                }
            };
            let result = client.call(&mut slot, operation, body.into()).await;
            Done::Described { slot, lane, result }
        });
    }
}
