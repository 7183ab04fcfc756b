//! The task of one upstream: keeps the window filled, sends what may go, and leaves the sorting of answers to the pure
//! parts. Nothing here waits for the upstream but the requests themselves.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::allowance::Allowance;
use super::aside::{self, Aside};
use super::batch::{Change, Gate, Picked, Window};
use super::client::{Client, NoReply, Reply, Slot};
use super::control;
use super::cursor::Cursor;
use super::give_up::Outcome;
use super::hush::Hush;
use super::joining::{self, Covers, How, Joined};
use super::letters::Letters;
use super::link::Link;
use super::pen::Pen;
use super::positions::Positions;
use super::reader::{self, Begin, Fed};
use super::route::Lane;
use super::settings::UpstreamSettings;
use super::status::{Live, Shared};
use crate::store::{CommitError, ReadError, Seq};
use crate::telemetry::UpstreamState;

mod durable;
mod giving_up;
mod landing;
mod orders;
mod sending;
#[cfg(test)]
mod tests;

/// Something that was under way has ended.
enum Done {
    /// A batch.
    Sent { slot: Slot, batch: Vec<Picked>, result: Result<Reply, NoReply> },
    /// A look at a table, or (without a lane) at the upstream.
    Described { slot: Slot, lane: Option<Lane>, result: Result<Reply, NoReply> },
    /// A dead letter was written, or not.
    Letter { picked: Picked, result: Result<(), CommitError> },
    /// Letters that are to go again were read, or not.
    Read { seqs: Vec<Seq>, result: Result<Vec<orders::Again>, ReadError> },
    /// A cursor was written, or not; with it went what it makes void.
    Cursor { cursor: Cursor, removed: durable::Removed, result: Result<(), CommitError> },
    /// What the store had no room for was given up.
    GaveUp(Outcome),
}

/// The worker.
pub(super) struct Worker {
    settings: UpstreamSettings,
    shared: Arc<Shared>,
    pen: Pen,
    client: Option<Arc<Client>>,
    window: Window,
    feed: Option<mpsc::Receiver<Vec<Fed>>>,
    letters_under_way: usize,
    reading_letters: bool,
    refusals: Hush,
    aside: Aside,
    giving_up: giving_up::State,
    link: Link,
    allowance: Allowance,
    /// The owner's limit that holds changes back, if one does.
    held: Option<String>,
    slots: Vec<Slot>,
    requests: usize,
    under_way: JoinSet<Done>,
    durable: durable::State,
    positions: Positions,
    how: How,
    /// Behind this a gap of the journal is filled with rows, if anywhere.
    bridge_at: Option<Seq>,
    /// Tables that were left behind are back: once the window is empty, the journal is read again for them.
    rewinding: bool,
    /// The reader has just begun: what comes may be superseded by what it has not read yet, and that may have been sent
    /// before. Until it has caught up, or the window is full, nothing goes, so that no item passes through an earlier state.
    catching_up: bool,
    /// The journal had a gap: what was lost (or, if not, was sent otherwise) is still to be counted.
    gap: Option<bool>,
    started: Instant,
    throttled_until: Option<Instant>,
    /// What the upstream said when it failed last.
    fault: String,
    /// The state as it was said last.
    said: (UpstreamState, Option<String>),
    /// Since when it is in that state.
    since_us: u64,
    /// A moment at which there is something to do again.
    alarm: Option<u64>,
}

impl Worker {
    /// Reads where the upstream is. Blocking, though short.
    pub(super) fn load(
        settings: UpstreamSettings,
        shared: Arc<Shared>,
        pen: Pen,
    ) -> Result<Worker, ReadError> {
        let view = shared.store.view()?;
        let Joined { cursor, how, fresh } =
            joining::join(&view, &settings.name, Covers::new(settings.tables.clone()))?;
        shared.set_paused(control::load_pause(&view, &settings.name)?);
        let letters = match Letters::load(&view, &settings.name, &shared.routes, &shared.store.keys()) {
            Err(ReadError::Damaged { place, what }) => {
                tracing::error!(upstream = settings.name, place, what, "a dead letter is damaged");
                Letters::default()
            }
            letters => letters?,
        };
        *shared.letters() = letters;
        let mut link = Link::new(settings.max_backoff);
        for table in shared.store.catalog().tables() {
            if let Some(route) = shared.routes.of(table) {
                link.look_at(route.lane, &route.upstream);
            }
        }
        let slots = (0..settings.max_in_flight.max(1)).map(|_| Slot::default()).collect();
        let allowance = Allowance::new(settings.allowances.clone(), cursor.spent.clone());
        let now_us = shared.clock.now_us();
        let mut worker = Worker {
            window: Window::new(cursor.prefix.clone(), settings.limits, settings.supersede),
            positions: cursor.positions.clone(),
            aside: Aside::new(cursor.aside),
            giving_up: giving_up::State::new(shared.store.asks()),
            how,
            bridge_at: None,
            rewinding: false,
            catching_up: false,
            durable: durable::State::new(cursor, fresh),
            settings,
            shared,
            pen,
            client: None,
            feed: None,
            letters_under_way: 0,
            reading_letters: false,
            refusals: Hush::default(),
            link,
            allowance,
            held: None,
            slots,
            requests: 0,
            under_way: JoinSet::new(),
            gap: None,
            started: Instant::now(),
            throttled_until: None,
            fault: String::new(),
            said: (UpstreamState::Offline, None),
            since_us: now_us,
            alarm: None,
        };
        worker.say_backlog();
        worker.publish();
        Ok(worker)
    }

    /// Works until `shutdown` says so, then lets requests end, and writes the cursor.
    pub(super) async fn run(mut self, shutdown: &mut watch::Receiver<bool>) -> std::io::Result<()> {
        self.follow()?;
        let shared = self.shared.clone();
        loop {
            self.obey();
            self.fill();
            self.count_the_lost();
            self.give_up();
            self.dispatch();
            self.leave_and_return()?;
            self.give_up_on_the_head();
            self.keep_cursor();
            self.say_how_many();
            self.publish();
            let now = self.now();
            let wake = self.started + Duration::from_millis(self.next_wake(now));
            let Worker { under_way, feed, window, rewinding, giving_up, .. } = &mut self;
            let feeding = window.has_room() && !*rewinding && feed.is_some();
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => break,
                Some(done) = under_way.join_next() => self.landed(done)?,
                fed = next(feed), if feeding => match fed {
                    Some(fed) => self.feed(fed),
                    None => self.feed = None,
                },
                () = shared.told.notified() => {}
                () = giving_up.asked() => {}
                () = sleep_until(wake) => {}
            }
        }
        self.drain().await
    }

    /// Starts reading behind the window's prefix.
    fn follow(&mut self) -> std::io::Result<()> {
        let Shared { store, clock, routes, name, .. } = &*self.shared;
        let after = self.window.prefix().seq;
        self.bridge_at = self.durable.bridges(after).then_some(after);
        let begin = Begin {
            after,
            aside: !self.aside.is_empty(),
            settled: self.bridge_at.map(|_| self.positions.clone()),
        };
        self.catching_up = true;
        self.feed = Some(reader::start(store.clone(), clock.clone(), routes.clone(), name, begin)?);
        Ok(())
    }

    /// Leaves tables behind that hold up the others, and goes back for them when they take changes again.
    fn leave_and_return(&mut self) -> std::io::Result<()> {
        if self.giving_up.is_under_way() {
            return Ok(());
        }
        if self.rewinding {
            // Nothing of what still waits may keep the window from becoming empty.
            for lane in self.window.lanes() {
                if self.link.gate(lane) == Gate::Shut {
                    self.leave(lane);
                }
            }
        } else if !self.window.has_room()
            && let Some(lane) = self.window.head().map(|change| change.route.lane)
            && self.link.gate(lane) == Gate::Shut
        {
            self.leave(lane);
        }
        self.rewinding |= self.positions.left().any(|table| !self.link.is_blocked(table));
        if self.rewinding && self.window.is_empty() && self.requests == 0 {
            let (cursor, _) = self.cursor_now();
            self.read_again(cursor)?;
        }
        Ok(())
    }

    /// Begins again behind a cursor: nothing of what was read is kept.
    fn read_again(&mut self, cursor: Cursor) -> std::io::Result<()> {
        self.window = Window::new(cursor.prefix, self.settings.limits, self.settings.supersede);
        self.positions = Positions::new(cursor.positions.to, cursor.positions.behind);
        self.rewinding = false;
        self.shared.letters().put_all_back();
        self.follow()
    }

    fn leave(&mut self, lane: Lane) {
        let prefix = self.window.prefix().seq;
        if let Some(first) = self.window.abandon(lane) {
            let (upstream, table) = (&self.settings.name, &first.route.upstream);
            tracing::warn!(upstream, table, "the table takes nothing; the others go on without it");
            self.positions.leave(table, prefix, first.time_us);
            self.shared.letters().put_back(lane);
            self.aside.leave(lane);
        }
    }

    async fn drain(mut self) -> std::io::Result<()> {
        self.feed = None;
        let deadline = Instant::now() + self.settings.drain_timeout;
        while let Ok(Some(done)) = timeout_at(deadline, self.under_way.join_next()).await {
            self.landed(done)?;
        }
        self.last_cursor(deadline).await;
        self.publish();
        Ok(())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes what the reader has ready.
    fn fill(&mut self) {
        while self.window.has_room() && !self.rewinding {
            let Some(Ok(fed)) = self.feed.as_mut().map(mpsc::Receiver::try_recv) else { return };
            self.feed(fed);
        }
    }

    fn feed(&mut self, fed: Vec<Fed>) {
        self.shared.weigh(&fed);
        for fed in fed {
            match fed {
                Fed::Change(change) if self.positions.passes(Some(&change.route.upstream), change.seq) => {
                    self.window.pass(change.seq, None);
                }
                Fed::Change(change) if self.shared.letters().is_buried(change.seq) => {
                    self.window.pass(change.seq, Some(change.table));
                }
                Fed::Change(change) => self.window.push(change),
                Fed::Pass { seq, counted } => {
                    self.window.pass(seq, counted.filter(|_| !self.positions.passes(None, seq)));
                }
                Fed::Row(row) => self.window.push_row(row),
                Fed::Aside(change) => self.feed_aside(change),
                Fed::CaughtUp => self.catching_up = false,
                Fed::Useless(seq) => drop(self.aside.take(seq, None, 0)),
                Fed::Gap { after, resume, bridged, what } => {
                    if bridged {
                        self.say_bridged();
                    } else {
                        let upstream = self.settings.name.as_str();
                        tracing::error!(
                            upstream,
                            ?after,
                            ?resume,
                            what,
                            "part of the journal was never sent"
                        );
                    }
                    self.gap = Some(self.gap.unwrap_or(false) || !bridged);
                    self.window.pass(resume, None);
                }
            }
        }
    }

    fn say_bridged(&self) {
        let upstream = self.settings.name.as_str();
        match &self.how {
            How::Known | How::New => {
                tracing::info!(upstream, "the upstream is new: it gets the rows as they stand");
            }
            How::Wider(tables) => {
                tracing::info!(upstream, ?tables, "tables are newly sent: they go as their rows stand");
            }
            How::Back => tracing::warn!(
                upstream,
                "the upstream was gone for longer than the journal was kept: it gets the rows as they stand; items that were \
                 deleted meanwhile may still be there"
            ),
        }
    }

    /// A change that was set aside; not what is settled already, nor what a table that takes nothing will read again.
    fn feed_aside(&mut self, change: Change) {
        let left = self.positions.left().any(|table| table == change.route.upstream);
        let bytes = aside::weight(&change.image);
        if left || !self.aside.take(change.seq, Some(change.route.lane), bytes) {
            return;
        }
        if self.shared.letters().is_buried(change.seq) {
            self.window.pass(self.window.read_to(), Some(change.table));
        } else {
            self.window.push_aside(change);
        }
    }

    /// After a gap, once all is read: what the store has counted and nobody read is lost.
    fn count_the_lost(&mut self) {
        let store = &self.shared.store;
        let Some(lost) = self.gap else { return };
        let (seq, counts) = store.counted();
        // Until the rows have arrived, what they stand for is pending.
        if seq != self.window.read_to() || self.window.has_rows() {
            return;
        }
        self.gap = None;
        let catalog = store.catalog();
        let routes = &self.shared.routes;
        let mut dropped = 0;
        for (table, count) in self.window.reconcile(&counts) {
            if lost && catalog.by_id(table).is_some_and(|table| routes.of(table).is_some()) {
                dropped += count;
            }
        }
        if dropped > 0 {
            tracing::error!(upstream = self.settings.name, dropped, "changes were dropped unsent");
            self.durable.dropped(dropped);
        }
    }

    fn next_wake(&self, now: u64) -> u64 {
        let cursor = self.durable.wake(&self.window, self.allowance.spent(), self.void_letters(), now);
        [self.alarm, self.link.wake(now), cursor, self.refusals.wake(), self.giving_up.wake(now)]
            .into_iter()
            .flatten()
            .min()
            // Time passes, and the age of the oldest change with it; nothing else depends on this.
            .unwrap_or(now + 60_000)
    }

    /// Lets others see how things are. That it is paused they see by themselves.
    fn publish(&mut self) {
        let (state, reason) = match self.link.state() {
            (UpstreamState::Online, _) if self.shared.letters().count() >= self.settings.max_dead_letters => {
                (UpstreamState::Blocked, Some(self.too_many_letters()))
            }
            state => state,
        };
        if self.said != (state, reason.clone()) {
            let upstream = &self.settings.name;
            match (&reason, state) {
                (Some(reason), _) => tracing::warn!(upstream, ?state, reason, "the upstream is in trouble"),
                (None, UpstreamState::Online) => tracing::info!(upstream, "the upstream answers"),
                (None, _) => {}
            }
            if self.said.0 != state {
                self.since_us = self.shared.clock.now_us();
            }
            self.said = (state, reason.clone());
        }
        let live = Live {
            state,
            reason,
            since_us: Some(self.since_us),
            throttled_until: self.throttled_until,
            held: self.held.clone(),
            sending: state == UpstreamState::Online && !self.allowance.is_used_up(),
            settled: Some(self.window.settled_counts()),
            oldest_us: self.positions.oldest_us().into_iter().chain(self.window.oldest_us()).min(),
            dropped: self.durable.dropped_unsent(),
        };
        self.shared.look(&live);
        self.shared.live.update(|shown| *shown = live);
    }

    fn too_many_letters(&self) -> String {
        let (name, most) = (&self.settings.name, self.settings.max_dead_letters);
        format!(
            "{most} dead letters wait for a decision; forebay dead-letter list {name} shows why, replay or drop them"
        )
    }
}

async fn next(feed: &mut Option<mpsc::Receiver<Vec<Fed>>>) -> Option<Vec<Fed>> {
    match feed {
        Some(feed) => feed.recv().await,
        None => None,
    }
}
