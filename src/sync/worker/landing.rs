//! What to do with what came back.

use std::collections::BTreeMap;

use super::{Done, Now, Todo, Worker, Write, Written};
use crate::operations::upstreams::LetterId;
use crate::store::{CommitError, Kind, Space, Urgency};
use crate::sync::batch::{Id, Picked};
use crate::sync::client::{NoReply, Reply};
use crate::sync::dead_letter::{Blob, DeadLetter, letter_key};
use crate::sync::retry::{Verdict, judge, judge_description};
use crate::sync::route::Lane;
use crate::telemetry::UpstreamState;

/// How long the state stays `throttled` after the upstream asked for less.
const SHOW_THROTTLED_MS: u64 = 5_000;
/// After so many attempts that the upstream failed at, a batch is taken apart.
const SUSPICIOUS: u32 = 3;
/// A change that the upstream alone keeps failing at waits this long, doubled with each attempt …
const FAULTY_WAIT_MS: u64 = 1_000;
/// … up to this.
const FAULTY_WAIT_MAX_MS: u64 = 300_000;
/// A letter that can't be written now (the store is full, or there are too many) is tried again after this.
const LETTER_WAIT_MS: u64 = 10_000;

impl Worker {
    /// Sorts what has ended.
    pub(in crate::sync) fn landed(&mut self, now: Now, done: Done) {
        self.now = now;
        match done {
            Done::Sent { batch, result } => {
                self.requests -= 1;
                self.sent(batch, result);
            }
            Done::Described { lane, result } => {
                self.requests -= 1;
                self.described(lane, result);
            }
            Done::Written { what: Written::Letter(picked), result } => self.letter_written(picked, result),
            Done::Written { what: Written::Cursor(cursor, removed), result } => {
                self.cursor_written(cursor, removed, result);
            }
            Done::Read { seqs, result } => self.letters_read(seqs, result),
            Done::GaveUp(outcome) => self.gave_up(outcome),
        }
    }

    fn sent(&mut self, batch: Vec<Picked>, result: Result<Reply, NoReply>) {
        self.pay_for(&result);
        let verdict = match &result {
            Ok(reply) => judge(&reply.answer(), &batch),
            Err(error) => no_reply(error),
        };
        let now = self.now.ms;
        match verdict {
            Verdict::Taken { back } => self.taken(batch, &back, now),
            Verdict::Refused(reason) => self.refused(batch, reason),
            Verdict::Table(reason) => {
                let tables: BTreeMap<Lane, String> = batch
                    .iter()
                    .map(|picked| (picked.change.route.lane, picked.change.route.upstream.clone()))
                    .collect();
                self.link.no_table(&tables, &reason, now, self.random.u64(..));
                self.all_again(&batch);
            }
            Verdict::Faulty(reason) => {
                self.fault.clone_from(&reason);
                self.upstream_wide(Verdict::Faulty(reason), now);
                self.faulty(&batch, now);
            }
            verdict => {
                self.upstream_wide(verdict, now);
                self.all_again(&batch);
            }
        }
    }

    /// What comes back costs bytes too.
    fn pay_for(&mut self, result: &Result<Reply, NoReply>) {
        if let Ok(reply) = result {
            self.allowance.pay(0, reply.body.len() as u64);
        }
    }

    fn all_again(&mut self, batch: &[Picked]) {
        for picked in batch {
            self.window.retry(picked.id);
        }
    }

    fn taken(&mut self, batch: Vec<Picked>, back: &[usize], now: u64) {
        let taken = batch.len() - back.len().min(batch.len());
        self.link.budget.taken(taken, now);
        if taken > 0 {
            self.link.taken(batch.iter().map(|picked| picked.change.route.lane));
        }
        if !back.is_empty() {
            self.link.throttled(taken == 0, now, self.random.u64(..));
            self.throttled_until = Some(now + SHOW_THROTTLED_MS);
        }
        self.board.acknowledged.add(taken as u64);
        for (place, picked) in batch.into_iter().enumerate() {
            if back.contains(&place) {
                self.window.retry(picked.id);
            } else {
                self.board.letters().settled(&picked.change.key, picked.change.seq);
                self.window.settle(picked.id);
            }
        }
    }

    /// What concerns the upstream as a whole.
    fn upstream_wide(&mut self, verdict: Verdict, now: u64) {
        let random = self.random.u64(..);
        let (state, reason) = match verdict {
            Verdict::Throttled(_) => {
                self.link.throttled(true, now, random);
                self.throttled_until = Some(now + SHOW_THROTTLED_MS);
                return;
            }
            Verdict::Skewed(reason) => {
                self.around.believe_upstream_time();
                (UpstreamState::Blocked, reason)
            }
            Verdict::Blocked(reason) => {
                // Renewed meanwhile, or while the request was under way: they get their chance first.
                if self.around.credentials_refused() {
                    return;
                }
                (UpstreamState::Blocked, reason)
            }
            Verdict::Unreachable(reason) | Verdict::Faulty(reason) => (UpstreamState::Offline, reason),
            Verdict::Taken { .. } | Verdict::Refused(_) | Verdict::Table(_) => return,
        };
        self.link.failed(state, reason, now, random);
    }

    /// The upstream fails at a batch: after a while it is taken apart, since one change may be the cause.
    fn faulty(&mut self, batch: &[Picked], now: u64) {
        for picked in batch {
            self.window.blame(picked.id);
        }
        let suspicious = batch.iter().any(|picked| picked.faults + 1 >= SUSPICIOUS);
        match batch {
            [only] if suspicious => {
                let wait = FAULTY_WAIT_MS << (only.faults + 1).saturating_sub(SUSPICIOUS).min(20);
                self.window.delay(only.id, now + wait.min(FAULTY_WAIT_MAX_MS));
            }
            batch if suspicious => self.window.split(&ids(batch)),
            batch => self.all_again(batch),
        }
    }

    fn refused(&mut self, mut batch: Vec<Picked>, reason: String) {
        self.link.taken(std::iter::empty());
        if batch.len() > 1 {
            self.window.split(&ids(&batch));
        } else if let Some(picked) = batch.pop() {
            self.write_letter(picked, reason);
        }
    }

    fn described(&mut self, lane: Option<Lane>, result: Result<Reply, NoReply>) {
        self.pay_for(&result);
        let now = self.now.ms;
        let mut verdict = match &result {
            Ok(reply) => judge_description(&reply.answer()),
            Err(error) => no_reply(error),
        };
        // We may not look, or it can't be looked at: it answers, and that is all we wanted to know.
        if matches!(&verdict, Verdict::Blocked(reason) if reason.starts_with("UnknownOperation")) {
            verdict = Verdict::Taken { back: Vec::new() };
        }
        match &verdict {
            Verdict::Taken { .. } | Verdict::Table(_) | Verdict::Refused(_) => {
                self.link.taken(std::iter::empty());
            }
            wide => self.upstream_wide(wide.clone(), now),
        }
        if let Some(lane) = lane {
            self.link.described(lane, &verdict, now, self.random.u64(..));
        }
    }

    /// Writes a dead letter; the change counts as settled once that is durable.
    pub(super) fn write_letter(&mut self, picked: Picked, reason: String) {
        let now = self.now.ms;
        let change = &picked.change;
        let (before, waits, dropped, count) = {
            let letters = self.board.letters();
            let (seq, count) = (change.seq, letters.count());
            (letters.under_way(seq), letters.contains(seq), letters.is_buried(seq), count)
        };
        if dropped || before.is_some() && !waits {
            // Its owner has thrown it away while it was under way.
            self.board.letters().forget(change.seq);
            self.window.settle(picked.id);
            return;
        }
        let letter = DeadLetter {
            table: change.table,
            upstream_table: change.route.upstream.clone(),
            delete: change.kind == Kind::Delete,
            image: Blob(change.image.to_vec()),
            reason,
            time_us: change.time_us,
            refused_us: self.now.us,
            attempts: before.unwrap_or(0) + picked.attempts + 1,
            replay: false,
            dropped: false,
        };
        let room = waits || count + self.letters_under_way < self.settings.max_dead_letters;
        let value = letter.encode().filter(|_| room);
        let Some(value) = value else {
            // Whatever is sent now may well be refused too.
            self.link.leave_alone(UpstreamState::Blocked, self.too_many_letters(), now + LETTER_WAIT_MS);
            self.window.delay(picked.id, now + LETTER_WAIT_MS);
            return;
        };
        if self.refusals.happened(now) {
            tracing::warn!(
                upstream = self.settings.name,
                table = letter.upstream_table,
                letter = %LetterId(change.seq),
                reason = letter.reason,
                "the upstream refuses a change; it becomes a dead letter"
            );
        }
        let key = letter_key(&self.settings.name, change.seq);
        self.letters_under_way += 1;
        self.todo.push(Todo::Write(Write {
            rows: vec![(Space::DeadLetter, key, Some(value))],
            urgency: Urgency::Gather,
            what: Written::Letter(picked),
        }));
    }

    /// Refusals that were not said one by one.
    pub(super) fn say_how_many(&mut self) {
        let now = self.now.ms;
        if let Some(more) = self.refusals.due(now) {
            let (upstream, waiting) = (&self.settings.name, self.board.letters().count());
            tracing::warn!(upstream, more, waiting, "more changes became dead letters");
        }
    }

    /// The window is full because of a change that the upstream keeps failing at: it becomes a dead letter after all.
    pub(super) fn give_up_on_the_head(&mut self) {
        if self.window.has_room() {
            return;
        }
        if let Some(picked) = self.window.pick_delayed_head(SUSPICIOUS) {
            self.write_letter(picked, format!("the upstream keeps failing at it: {}", self.fault));
        }
    }

    fn letter_written(&mut self, picked: Picked, result: Result<(), CommitError>) {
        self.letters_under_way -= 1;
        match result {
            Ok(()) => {
                let mut letters = self.board.letters();
                // Its owner may have thrown away the letter that was there before.
                if letters.is_buried(picked.change.seq) {
                    letters.forget(picked.change.seq);
                } else {
                    letters.add(Some(picked.change.key), picked.change.seq);
                }
                drop(letters);
                self.window.settle(picked.id);
            }
            Err(error) => {
                tracing::warn!(upstream = self.settings.name, %error, "a dead letter can't be written now");
                let now = self.now.ms;
                self.window.delay(picked.id, now + LETTER_WAIT_MS);
            }
        }
    }
}

fn ids(batch: &[Picked]) -> Vec<Id> {
    batch.iter().map(|picked| picked.id).collect()
}

fn no_reply(error: &NoReply) -> Verdict {
    match error {
        NoReply::Lost(what) => Verdict::Unreachable(what.clone()),
        NoReply::Unable(what) => Verdict::Blocked(what.clone()),
    }
}
