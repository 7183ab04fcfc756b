//! When the cursor is written: seldom enough to be gentle to flash, often enough that little is sent twice.

use super::{Todo, Worker, Write, Written};
use crate::store::{CommitError, Seq, Space, Urgency};
use crate::sync::allowance::Spent;
use crate::sync::aside::{self, Amount};
use crate::sync::batch::{Prefix, Window};
use crate::sync::cursor::Cursor;
use crate::sync::dead_letter::letter_key;
use crate::sync::joining::parked_key;
use crate::sync::positions::Positions;

/// While it moves, it is written at least this often …
const AT_LEAST_EVERY_MS: u64 = 30_000;
/// … or after so many changes,
const AT_LEAST_PER: u64 = 10_000;
/// or when a backlog of so many is gone.
const BACKLOG: u64 = 1_000;
/// So many bytes spent move it as well.
const SPENT: u64 = 256 << 10;
/// A cursor that could not be written is tried again after this.
const RETRY_MS: u64 = 5_000;
/// Or when so many letters have been withdrawn.
const WITHDRAWN: usize = 1_000;

/// Rows that go with a cursor.
#[derive(Debug)]
pub(in crate::sync) struct Removed {
    /// Void letters, the first of them.
    withdrawn: usize,
    /// Changes set aside that are settled.
    aside: Vec<Seq>,
}

/// What is durable of the cursor.
pub(super) struct State {
    written: Cursor,
    /// How far the window's prefix was then.
    written_to: Seq,
    /// None was ever written: the journal is not kept for us yet.
    fresh: bool,
    /// The upstream was gone: there the journal may have a gap that rows as they stand fill.
    join_at: Option<Seq>,
    under_way: bool,
    /// When it was written last, or tried in vain.
    at: u64,
    not_before: u64,
    dropped: u64,
}

impl State {
    pub(super) fn new(written: Cursor, fresh: bool) -> State {
        let dropped = written.dropped;
        let written_to = written.prefix.seq;
        let join_at = written.joining.then_some(written.prefix.seq);
        State { written, written_to, fresh, join_at, under_way: false, at: 0, not_before: 0, dropped }
    }

    /// What was given up is durable, with this cursor.
    pub(super) fn gave_up(&mut self, cursor: Cursor) {
        self.dropped = cursor.dropped;
        self.written_to = cursor.prefix.seq;
        self.written = cursor;
    }

    /// Whether a gap of the journal behind this sequence is filled with the rows as they stand: nothing was ever sent, or
    /// the upstream was gone.
    pub(super) fn bridges(&self, after: Seq) -> bool {
        after == Seq(0) || self.join_at == Some(after)
    }

    /// Whether a cursor is being written.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// How far the cursor that is durable is; `None` while there is none.
    pub(super) fn written_to(&self) -> Option<Seq> {
        (!self.fresh).then_some(self.written.prefix.seq)
    }

    /// So many more changes were given up unsent.
    pub(super) fn dropped(&mut self, changes: u64) {
        self.dropped += changes;
    }

    /// How many were given up unsent.
    pub(super) fn dropped_unsent(&self) -> u64 {
        self.dropped
    }

    /// The cursor as it would be written now.
    pub(super) fn cursor(
        &self,
        window: &Window,
        positions: &Positions,
        aside: Amount,
        spent: Spent,
    ) -> Cursor {
        let (seq, positions) = positions.at(window.prefix().seq);
        let prefix = Prefix { seq, counts: window.prefix().counts.clone() };
        let (covers, joining) = (self.written.covers.clone(), self.join_at == Some(seq));
        Cursor { prefix, positions, dropped: self.dropped, aside, covers, joining, spent }
    }

    fn moved(&self, window: &Window, spent: &Spent) -> u64 {
        let sum = |cursor: &Cursor| cursor.prefix.counts.values().sum::<u64>();
        let now: u64 = window.prefix().counts.values().sum();
        now.saturating_sub(sum(&self.written))
            .max(u64::from(self.dropped != self.written.dropped))
            .max(u64::from(spent.since(&self.written.spent) >= SPENT))
    }

    /// When it is due, with so many letters withdrawn; `None` while nothing moves.
    pub(super) fn wake(&self, window: &Window, spent: &Spent, withdrawn: usize, now: u64) -> Option<u64> {
        if self.under_way {
            return None;
        }
        let moved = self.moved(window, spent);
        // Records that are not sent move it too; they only matter for the room they take in the journal.
        let passed = window.prefix().seq.0.saturating_sub(self.written_to.0);
        let soon = self.fresh
            || moved >= AT_LEAST_PER
            || passed >= AT_LEAST_PER
            || (window.is_empty() && moved >= BACKLOG)
            || withdrawn >= WITHDRAWN;
        let due = if soon {
            now
        } else if moved > 0 || withdrawn > 0 {
            self.at + AT_LEAST_EVERY_MS
        } else {
            return None;
        };
        Some(due.max(self.not_before))
    }
}

impl Worker {
    /// Writes the cursor if it is due, in the company of other commits.
    pub(super) fn keep_cursor(&mut self) {
        let now = self.now.ms;
        let withdrawn = self.void_letters();
        if self.giving_up.is_under_way()
            || self
                .durable
                .wake(&self.window, self.allowance.spent(), withdrawn, now)
                .is_none_or(|due| due > now)
        {
            return;
        }
        self.begin_cursor();
    }

    /// Writes the cursor.
    pub(super) fn begin_cursor(&mut self) {
        self.durable.under_way = true;
        let write = self.cursor_write(Urgency::Gather);
        self.durable.written_to = self.window.prefix().seq;
        self.todo.push(Todo::Write(write));
    }

    /// How many letters' rows are void, or would be with a cursor written now.
    pub(super) fn void_letters(&self) -> usize {
        let letters = self.board.letters();
        // The positions are only gone through where there is something behind them.
        let buried = letters.has_buried_up_to(self.window.prefix().seq)
            && letters.has_buried_up_to(self.positions.at(self.window.prefix().seq).0);
        letters.withdrawn().len() + usize::from(buried)
    }

    /// Letters whose rows go with this cursor.
    fn let_go_of_letters(&self, cursor: &Cursor) -> usize {
        let mut letters = self.board.letters();
        letters.let_go(cursor.prefix.seq);
        letters.withdrawn().len()
    }

    /// The cursor as it would be written now, and the rows set aside that are settled by it.
    pub(super) fn cursor_now(&self) -> (Cursor, Vec<Seq>) {
        let settled = if self.aside.is_empty() {
            Vec::new()
        } else {
            self.aside.settled(&self.window.unsettled_seqs())
        };
        (
            self.durable.cursor(
                &self.window,
                &self.positions,
                self.aside.without(&settled),
                self.allowance.spent().clone(),
            ),
            settled,
        )
    }

    pub(super) fn cursor_written(
        &mut self,
        cursor: Cursor,
        removed: Removed,
        result: Result<(), CommitError>,
    ) {
        let now = self.now.ms;
        self.durable.under_way = false;
        match result {
            Ok(()) => {
                self.durable.written = cursor;
                self.durable.fresh = false;
                self.durable.at = now;
                self.board.letters().removed(removed.withdrawn);
                self.aside.removed(&removed.aside);
                if !removed.aside.is_empty() {
                    self.say_backlog();
                }
            }
            Err(error) => {
                tracing::warn!(upstream = self.settings.name, %error, "the cursor can't be written now");
                self.durable.not_before = now + RETRY_MS;
            }
        }
    }

    /// The cursor as it is to be written before the end, if it has moved at all.
    pub(in crate::sync) fn last_cursor(&self) -> Option<Write> {
        let still = self.durable.moved(&self.window, self.allowance.spent()) == 0 && self.void_letters() == 0;
        // What is being given up writes cursors that the window does not know.
        (!self.giving_up.is_under_way() && !still).then(|| self.cursor_write(Urgency::Now))
    }

    /// The cursor as it is now, and what goes with it.
    fn cursor_write(&self, urgency: Urgency) -> Write {
        let name = &self.settings.name;
        let (cursor, aside) = self.cursor_now();
        let withdrawn = self.let_go_of_letters(&cursor);
        let mut rows = vec![(Space::Cursor, name.as_bytes().to_vec(), Some(cursor.encode()))];
        // What it had left behind when it was gone.
        rows.extend(self.durable.fresh.then(|| (Space::Setting, parked_key(name), None)));
        let letters = self.board.letters();
        let void = letters.withdrawn().iter().take(withdrawn);
        rows.extend(void.map(|seq| (Space::DeadLetter, letter_key(name, *seq), None)));
        rows.extend(aside.iter().map(|seq| (Space::Aside, aside::key(name, *seq), None)));
        Write { rows, urgency, what: Written::Cursor(cursor, Removed { withdrawn, aside }) }
    }
}
