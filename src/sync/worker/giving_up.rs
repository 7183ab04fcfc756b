//! When the store asks for room: the cursor is written if that is all, else what may be given up is.

use std::collections::BTreeSet;

use super::{Backlog, Todo, Worker};
use crate::sync::aside::Aside;
use crate::sync::cursor::Cursor;
use crate::sync::give_up::{Known, Outcome, Plan};
use crate::sync::positions::Positions;
use crate::telemetry::UpstreamState;

/// After a giving up that could not go on, the next one waits.
const AGAIN_MS: u64 = 5_000;
/// An upstream that is catching up while the store is short of room writes its cursor this often.
const PROGRESS_MS: u64 = 1_000;
/// What was given up is said in the log once in a while, in sum.
const SAY_MS: u64 = 60_000;

/// What the worker knows of it.
#[derive(Default)]
pub(super) struct State {
    /// Why, while it is under way.
    under_way: Option<String>,
    /// Nothing new is sent, so that it can begin.
    holding: bool,
    not_before: u64,
    /// What was not said yet: changes dropped, and set aside.
    unsaid: (u64, u64),
    said_at: Option<u64>,
}

impl State {
    /// Whether it has begun and not ended: the window and the cursor are to be left alone.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether nothing is to be sent now.
    pub(super) fn holds(&self) -> bool {
        self.holding || self.is_under_way()
    }

    /// When to look again, if nothing happens.
    pub(super) fn wake(&self, now: u64) -> Option<u64> {
        (self.not_before > now).then_some(self.not_before)
    }
}

impl Worker {
    /// Does what the store asks for, if it asks.
    pub(super) fn give_up(&mut self) {
        let now = self.now.ms;
        self.giving_up.holding = false;
        if self.giving_up.is_under_way() || self.durable.is_under_way() || self.giving_up.not_before > now {
            return;
        }
        let asked = self.around.asked();
        let Some(asked) =
            asked.filter(|asked| self.durable.written_to().is_some_and(|to| to < asked.through))
        else {
            return;
        };
        let (cursor, settled) = self.cursor_now();
        if cursor.prefix.seq >= asked.through {
            self.begin_cursor();
            return;
        }
        if !asked.urgent && self.link.state().0 == UpstreamState::Online {
            // It is catching up: what it has is released soon.
            if self.durable.written_to().is_some_and(|to| to < cursor.prefix.seq) {
                self.giving_up.not_before = now + PROGRESS_MS;
                self.begin_cursor();
            }
            return;
        }
        let drops = self.around.drops();
        // Rows as they stand have no place in the journal to begin again at.
        let copying = self.window.has_rows() || self.bridge_at == Some(self.window.read_to());
        if !drops || copying {
            return;
        }
        if self.requests > 0 || self.letters_under_way > 0 {
            self.giving_up.holding = true;
            return;
        }
        let known = Known {
            read_to: self.window.read_to(),
            unsettled: self.window.unsettled_seqs(),
            left: self.positions.left().map(str::to_owned).collect(),
        };
        let bridges = self.durable.bridges(cursor.prefix.seq);
        let mut base = cursor;
        base.positions = Positions::new(base.positions.to, base.positions.behind);
        let plan = Plan { base, known, through: asked.through, settled, bridges };
        self.reading = false;
        self.giving_up.under_way = Some(asked.why);
        self.todo.extend([Todo::StopReading, Todo::GiveUp(plan)]);
    }

    /// It has ended: what is durable now is where the upstream goes on.
    pub(super) fn gave_up(&mut self, outcome: Outcome) {
        let Outcome { cursor, given_up, gap, stopped } = outcome;
        let now = self.now.ms;
        let upstream = self.settings.name.as_str();
        let why = self.giving_up.under_way.take().unwrap_or_default();
        if let Some(stopped) = stopped {
            tracing::warn!(upstream, stopped, "no more of the journal can be given up now");
            self.giving_up.not_before = now + AGAIN_MS;
        }
        if gap {
            tracing::error!(upstream, "part of the journal is gone that the upstream has not had");
            self.gap = Some(true);
        }
        let (dropped, aside) = &mut self.giving_up.unsaid;
        *dropped += given_up.dropped;
        *aside += given_up.aside;
        if (*dropped, *aside) != (0, 0) && self.giving_up.said_at.is_none_or(|at| now >= at + SAY_MS) {
            let total = cursor.as_ref().map_or(0, |cursor| cursor.dropped);
            tracing::warn!(
                upstream,
                why,
                dropped,
                set_aside = aside,
                dropped_unsent = total,
                "the oldest unsent changes were given up"
            );
            self.giving_up.unsaid = (0, 0);
            self.giving_up.said_at = Some(now);
        }
        let Some(cursor) = cursor else {
            // Nothing has changed but that the reading has to begin again.
            let (cursor, settled) = self.cursor_now();
            self.aside.keep(&settled);
            self.read_again(Cursor { aside: self.aside.amount, ..cursor });
            return;
        };
        self.aside = Aside::new(cursor.aside);
        self.durable.gave_up(cursor.clone());
        self.say_backlog();
        self.read_again(cursor);
    }

    /// Tells the store what the upstream may hold back.
    pub(super) fn say_backlog(&mut self) {
        let backlog = self.backlog();
        self.todo.push(Todo::SetBacklog(backlog));
    }

    /// What the upstream may hold back.
    pub(in crate::sync) fn backlog(&self) -> Backlog {
        let tables =
            self.settings.tables.as_ref().map(|tables| tables.keys().cloned().collect::<BTreeSet<_>>());
        Backlog { max: self.settings.max_backlog, tables, aside: self.aside.amount.bytes }
    }
}
