//! One upstream, as others see it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use tokio::time::Instant;

use super::board::Board;
use super::control::time_text;
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
}

impl Deref for Shared {
    type Target = Board;

    fn deref(&self) -> &Board {
        &self.board
    }
}

impl Shared {
    pub(super) fn new(settings: &UpstreamSettings, store: Store, clock: Clock) -> Shared {
        let routes = Arc::new(Routes::new(settings.tables.clone()));
        Shared { store, clock, routes, board: Arc::new(Board::new(settings)) }
    }

    fn paused_reason(&self) -> String {
        format!("its owner paused it; forebay upstream resume {} lets it go on", self.name)
    }

    /// Changes in the journal that are not settled: what the store has counted less what the cursor has, and the rows
    /// that wait for their time.
    fn pending(&self, live: &Live) -> u64 {
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
        pending + self.marked()
    }

    /// Rows that wait for their time; counting them takes longer than seeing that there are none.
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
        UpstreamStatus {
            name: self.name.clone(),
            state,
            reason,
            since: since_us.map(time_text),
            pending: self.pending(&live),
            oldest_pending_age_seconds: age,
            acknowledged: self.acknowledged.get(),
            dropped_unsent: live.dropped,
            dead_letters: self.letters().count() as u64,
        }
    }
}
