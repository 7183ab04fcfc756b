//! What one upstream's worker decides: keeps the window filled, says what may go, and leaves the sorting of answers to its
//! parts. Pure: it is told the time, what was read and what became of what it wanted done ([`Done`]), draws from a
//! generator it is given, and gives out what is to be done ([`Todo`]); `driver` does it.

use std::sync::Arc;

use super::allowance::Allowance;
use super::aside::{self, Aside};
use super::batch::{Change, Gate, Window};
use super::board::Board;
use super::control;
use super::cursor::Cursor;
use super::hush::Hush;
use super::joining::{self, Covers, How, Joined};
use super::letters::Letters;
use super::link::Link;
use super::positions::Positions;
use super::reader::{Begin, Fed};
use super::route::{Lane, Routes};
use super::settings::UpstreamSettings;
use super::status::Live;
use crate::model::KeyCodec;
use crate::store::{Backlog, Read, ReadError, Seq};
use crate::telemetry::UpstreamState;

mod durable;
mod giving_up;
mod landing;
mod orders;
mod sending;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
mod todo;

pub(super) use orders::{Again, read as read_letters};
#[cfg(test)]
use todo::SystemRow;
pub(super) use todo::{Around, Done, Now, Todo, Write, Written};

/// Where a worker begins.
pub(super) struct Place<'a> {
    /// The rows: cursor, pause, letters.
    pub(super) store: &'a dyn Read,
    pub(super) routes: &'a Routes,
    pub(super) codec: &'a KeyCodec,
}

/// The worker.
pub(super) struct Worker {
    settings: UpstreamSettings,
    board: Arc<Board>,
    around: Box<dyn Around>,
    now: Now,
    random: fastrand::Rng,
    todo: Vec<Todo>,
    window: Window,
    /// The journal is being read.
    reading: bool,
    letters_under_way: usize,
    reading_letters: bool,
    refusals: Hush,
    aside: Aside,
    giving_up: giving_up::State,
    link: Link,
    allowance: Allowance,
    /// The owner's limit that holds changes back, if one does.
    held: Option<String>,
    requests: usize,
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
    /// Until then it is shown as throttled, in milliseconds.
    throttled_until: Option<u64>,
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
        board: Arc<Board>,
        place: &Place<'_>,
        around: Box<dyn Around>,
        random: fastrand::Rng,
        now: Now,
    ) -> Result<Worker, ReadError> {
        let Place { store, routes, codec } = *place;
        let Joined { cursor, how, fresh } =
            joining::join(store, &settings.name, Covers::new(settings.tables.clone()))?;
        board.set_paused(control::load_pause(store, &settings.name)?);
        let letters = match Letters::load(store, &settings.name, routes, codec) {
            Err(ReadError::Damaged { place, what }) => {
                tracing::error!(upstream = settings.name, place, what, "a dead letter is damaged");
                Letters::default()
            }
            letters => letters?,
        };
        *board.letters() = letters;
        let mut link = Link::new(settings.max_backoff);
        for table in store.catalog().tables() {
            if let Some(route) = routes.of(table) {
                link.look_at(route.lane, &route.upstream);
            }
        }
        let allowance = Allowance::new(settings.allowances.clone(), cursor.spent.clone());
        Ok(Worker {
            window: Window::new(cursor.prefix.clone(), settings.limits, settings.supersede),
            positions: cursor.positions.clone(),
            aside: Aside::new(cursor.aside),
            giving_up: giving_up::State::default(),
            how,
            bridge_at: None,
            rewinding: false,
            catching_up: false,
            durable: durable::State::new(cursor, fresh),
            settings,
            board,
            around,
            now,
            random,
            todo: Vec::new(),
            reading: false,
            letters_under_way: 0,
            reading_letters: false,
            refusals: Hush::default(),
            link,
            allowance,
            held: None,
            requests: 0,
            gap: None,
            throttled_until: None,
            fault: String::new(),
            said: (UpstreamState::Offline, None),
            since_us: now.us,
            alarm: None,
        })
    }

    /// What is to be done since this was asked last, in order.
    pub(super) fn take_todo(&mut self) -> Vec<Todo> {
        std::mem::take(&mut self.todo)
    }

    /// Whether it wants to be fed.
    pub(super) fn wants_more(&self) -> bool {
        self.window.has_room() && !self.rewinding
    }

    /// Decides all that can be decided now.
    pub(super) fn step(&mut self, now: Now) {
        self.now = now;
        self.count_the_lost();
        self.give_up();
        self.dispatch();
        self.leave_and_return();
        self.give_up_on_the_head();
        self.keep_cursor();
        self.say_how_many();
    }

    /// Starts reading behind the window's prefix.
    pub(super) fn follow(&mut self) {
        let after = self.window.prefix().seq;
        self.bridge_at = self.durable.bridges(after).then_some(after);
        self.catching_up = true;
        self.reading = true;
        self.todo.push(Todo::Follow(Begin {
            after,
            aside: !self.aside.is_empty(),
            settled: self.bridge_at.map(|_| self.positions.clone()),
        }));
    }

    /// The reader has ended.
    pub(super) fn feed_ended(&mut self) {
        self.reading = false;
    }

    /// Leaves tables behind that hold up the others, and goes back for them when they take changes again.
    fn leave_and_return(&mut self) {
        if self.giving_up.is_under_way() {
            return;
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
            self.read_again(cursor);
        }
    }

    /// Begins again behind a cursor: nothing of what was read is kept.
    fn read_again(&mut self, cursor: Cursor) {
        self.window = Window::new(cursor.prefix, self.settings.limits, self.settings.supersede);
        self.positions = Positions::new(cursor.positions.to, cursor.positions.behind);
        self.rewinding = false;
        self.board.letters().put_all_back();
        self.follow();
    }

    fn leave(&mut self, lane: Lane) {
        let prefix = self.window.prefix().seq;
        if let Some(first) = self.window.abandon(lane) {
            let (upstream, table) = (&self.settings.name, &first.route.upstream);
            tracing::warn!(upstream, table, "the table takes nothing; the others go on without it");
            self.positions.leave(table, prefix, first.time_us);
            self.board.letters().put_back(lane);
            self.aside.leave(lane);
        }
    }

    /// Takes what the reader has read.
    pub(super) fn feed(&mut self, fed: Vec<Fed>) {
        for fed in fed {
            match fed {
                Fed::Change(change) if self.positions.passes(Some(&change.route.upstream), change.seq) => {
                    self.window.pass(change.seq, None);
                }
                Fed::Change(change) if self.board.letters().is_buried(change.seq) => {
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
        if self.board.letters().is_buried(change.seq) {
            self.window.pass(self.window.read_to(), Some(change.table));
        } else {
            self.window.push_aside(change);
        }
    }

    /// After a gap, once all is read: what the store has counted and nobody read is lost.
    fn count_the_lost(&mut self) {
        let Some(lost) = self.gap else { return };
        let (seq, counts) = self.around.counted();
        // Until the rows have arrived, what they stand for is pending.
        if seq != self.window.read_to() || self.window.has_rows() {
            return;
        }
        self.gap = None;
        let mut dropped = 0;
        for (table, count) in self.window.reconcile(&counts) {
            if lost && self.around.is_sent(table) {
                dropped += count;
            }
        }
        if dropped > 0 {
            tracing::error!(upstream = self.settings.name, dropped, "changes were dropped unsent");
            self.durable.dropped(dropped);
        }
    }

    /// When (in milliseconds) it wants to decide again, if nothing happens before.
    pub(super) fn next_wake(&self) -> u64 {
        let now = self.now.ms;
        let cursor = self.durable.wake(&self.window, self.allowance.spent(), self.void_letters(), now);
        [self.alarm, self.link.wake(now), cursor, self.refusals.wake(), self.giving_up.wake(now)]
            .into_iter()
            .flatten()
            .min()
            // Time passes, and the age of the oldest change with it; nothing else depends on this.
            .unwrap_or(now + 60_000)
    }

    /// Until when (in milliseconds) it is to be shown as throttled.
    pub(super) fn throttled_until(&self) -> Option<u64> {
        self.throttled_until
    }

    /// How things are, for others to see; but for [`Worker::throttled_until`]. That it is paused they see by themselves.
    pub(super) fn look(&mut self) -> Live {
        let (state, reason) = match self.link.state() {
            (UpstreamState::Online, _) if self.board.letters().count() >= self.settings.max_dead_letters => {
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
                self.since_us = self.now.us;
            }
            self.said = (state, reason.clone());
        }
        Live {
            state,
            reason,
            since_us: Some(self.since_us),
            throttled_until: None,
            held: self.held.clone(),
            sending: state == UpstreamState::Online && !self.allowance.is_used_up(),
            settled: Some(self.window.settled_counts()),
            oldest_us: self.positions.oldest_us().into_iter().chain(self.window.oldest_us()).min(),
            dropped: self.durable.dropped_unsent(),
        }
    }

    fn too_many_letters(&self) -> String {
        let (name, most) = (&self.settings.name, self.settings.max_dead_letters);
        format!(
            "{most} dead letters wait for a decision; forebay dead-letter list {name} shows why, replay or drop them"
        )
    }
}
