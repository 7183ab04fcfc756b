//! One upstream, as others see it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::board::Board;
use super::control::time_text;
use super::forecast::Forecast;
use super::reader::Fed;
use super::route::Routes;
use super::settings::UpstreamSettings;
use crate::clock::Clock;
use crate::model::TableId;
use crate::store::Store;
use crate::telemetry::{UpstreamState, UpstreamStatus};

/// What the worker says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    pub(super) state: UpstreamState,
    pub(super) reason: Option<String>,
    /// Since when it is in this state, in microseconds since 1970.
    pub(super) since_us: Option<u64>,
    /// Until then `online` is shown as `throttled`.
    pub(super) throttled_until: Option<Instant>,
    /// The owner's limit that holds changes back: `online` is shown as `throttled` as well.
    pub(super) held: Option<String>,
    /// It answers, and may be sent something.
    pub(super) sending: bool,
    /// Settled changes by table; `None` until the cursor has been read.
    pub(super) settled: Option<BTreeMap<TableId, u64>>,
    /// The time of the first change that is not settled.
    pub(super) oldest_us: Option<u64>,
    pub(super) dropped: u64,
}

/// Shared by whoever drives the worker and whoever asks for the status.
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) routes: Arc<Routes>,
    pub(super) board: Arc<Board>,
    forecast: Mutex<Forecast>,
    began: Instant,
}

impl Deref for Shared {
    type Target = Board;

    fn deref(&self) -> &Board {
        &self.board
    }
}

impl Shared {
    pub(super) fn new(settings: &UpstreamSettings, store: Store, clock: Clock) -> Shared {
        Shared {
            store,
            clock,
            routes: Arc::new(Routes::new(settings.tables.clone(), settings.handling.clone())),
            board: Arc::new(Board::new(settings)),
            forecast: Mutex::default(),
            began: Instant::now(),
        }
    }

    fn paused_reason(&self) -> String {
        format!("its owner paused it; forebay upstream resume {} lets it go on", self.name)
    }

    fn forecast(&self) -> MutexGuard<'_, Forecast> {
        self.forecast.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns what changes cost.
    pub(super) fn weigh(&self, fed: &[Fed]) {
        let mut forecast = self.forecast();
        for fed in fed {
            if let Fed::Change(change) | Fed::Row(change) | Fed::Aside(change) = fed {
                forecast.weigh(change.write_units());
            }
        }
    }

    /// Learns how fast the backlog becomes smaller.
    pub(super) fn look(&self, live: &Live) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let sending = live.sending && self.paused().is_none();
        let mut forecast = self.forecast();
        if !sending || forecast.is_due(now) {
            forecast.look(self.unsettled(live), self.acknowledged.get(), sending, now);
        }
    }

    /// Changes in the journal that are not settled: what the store has counted less what the cursor has.
    fn unsettled(&self, live: &Live) -> u64 {
        let Some(settled) = &live.settled else { return 0 };
        // In this order: what is counted can't be behind what is settled.
        let counts = self.store.change_counts();
        let catalog = self.store.catalog();
        let mut pending = 0;
        for (table, count) in counts.iter() {
            let mapped = catalog
                .by_id(*table)
                .is_some_and(|table| self.routes.upstream_name(table.name.as_str()).is_some());
            if mapped {
                pending += count.saturating_sub(settled.get(table).copied().unwrap_or(0));
            }
        }
        pending
    }

    /// Rows that wait for their time, and are pending too; counting them takes longer than seeing that there are none.
    fn marked(&self) -> u64 {
        match self.store.marked_boots() {
            Ok(boots) if boots.is_empty() => 0,
            _ => self.store.status().marked,
        }
    }

    /// How it is.
    pub(super) fn status(&self) -> UpstreamStatus {
        let live = self.live.get();
        let paused = self.paused();
        let throttled = live.throttled_until.is_some_and(|until| until > Instant::now());
        let (state, reason, since_us) = match live.state {
            _ if paused.is_some() => (UpstreamState::Paused, Some(self.paused_reason()), paused),
            UpstreamState::Online if throttled => {
                (UpstreamState::Throttled, Some("it asks for less".to_owned()), None)
            }
            UpstreamState::Online if live.held.is_some() => {
                (UpstreamState::Throttled, live.held.clone(), None)
            }
            state => (state, live.reason.clone(), live.since_us),
        };
        let age = live.oldest_us.map_or(0, |oldest| self.clock.now_us().saturating_sub(oldest) / 1_000_000);
        self.look(&live);
        let pending = self.unsettled(&live) + self.marked();
        let forecast = self.forecast().clone();
        UpstreamStatus {
            name: self.name.clone(),
            state,
            reason,
            since: since_us.map(time_text),
            pending,
            drained_in_seconds: forecast.drained_in(pending),
            pending_write_units: forecast.cost(pending),
            oldest_pending_age_seconds: age,
            acknowledged: self.acknowledged.get(),
            dropped_unsent: live.dropped,
            dead_letters: self.letters().count() as u64,
        }
    }
}
