//! What becomes of requests and writes, and all else that happens.

use super::upstream::{Applied, reply};
use super::{Event, Fate, Life, Request, Seq, Sim, What, oracle};
use crate::store::CommitError;
use crate::sync::worker::Done;

impl Sim {
    /// Something happens; whether the worker's driver wakes up.
    pub(super) fn happen(&mut self, event: Event) -> bool {
        match event {
            Event::Wake => return self.life.as_ref().is_some_and(|life| life.wake_at == Some(self.now)),
            Event::Feed(reader) => self.feed(reader),
            Event::Arrive(id) => {
                self.arrive(id);
                return false;
            }
            Event::Answer(id) => self.answer(id),
            Event::Commit => self.commit(),
            Event::Ended(life, done) => {
                if self.ends_in(life) {
                    self.landed(*done);
                }
            }
            Event::Write(item, put, refused) => {
                let time_us = self.now * 1000;
                if !self.poisoned {
                    self.disk().write(item, put, refused, time_us);
                }
                return false;
            }
            Event::Missing(table, missing) => {
                if missing && self.disk().trouble {
                    self.upstream.missing.insert(table);
                    self.oracle.left = !self.oracle.strict;
                } else {
                    self.upstream.missing.remove(&table);
                }
                return false;
            }
            Event::Jump(us, trusted) => {
                self.clock = (us, trusted);
                return false;
            }
            // What was written before comes before it.
            Event::Replay | Event::Discard if !self.writes.is_empty() => {
                self.after(100, event);
                return false;
            }
            Event::Replay => self.replay(),
            Event::Discard => self.discard(),
            Event::Pause(pause) => self.pause(pause),
            Event::Stop => self.stop(),
            Event::Deadline(life) => {
                if self.life.as_ref().is_some_and(|now| now.number == life && now.stopping) {
                    self.end();
                }
            }
            Event::Start => self.start(),
            Event::Die(life) => {
                if self.life.as_ref().is_some_and(|now| now.number == life) {
                    self.die();
                }
            }
            Event::Calm => {
                self.disk().trouble = false;
                self.upstream.missing.clear();
                self.dies_at = None;
                self.clock.1 = true;
                return false;
            }
        }
        true
    }

    /// Something that is no write has ended; whether the gateway that wanted it still lives.
    fn ends_in(&mut self, life: u64) -> bool {
        let Some(now) = self.life.as_mut().filter(|now| now.number == life) else { return false };
        now.under_way -= 1;
        true
    }

    /// A request is made.
    pub(super) fn request(&mut self, life: &mut Life, what: What) {
        let percent = self.trouble;
        let fate = if self.goes_wrong(percent) { Fate::draw(&mut self.random) } else { Fate::Fine };
        let id = self.events;
        let arrivals = 1 + u8::from(fate == Fate::Twice);
        life.under_way += 1;
        let request = Request { life: life.number, what, fate, arrivals, answer: None, taken: Vec::new() };
        self.requests.insert(id, request);
        if fate.arrives() {
            let wait = self.wait();
            self.after(wait, Event::Arrive(id));
        } else {
            let wait = self.wait();
            self.after(wait, Event::Answer(id));
        }
    }

    /// How long something takes on the line: mostly not long.
    fn wait(&mut self) -> u64 {
        let most = if self.goes_wrong(5) { 20_000 } else { 150 };
        self.random.u64(..most)
    }

    fn arrive(&mut self, id: u64) {
        let Some(mut request) = self.requests.remove(&id) else { return };
        let answer = match &request.what {
            What::Batch { body, places, .. } => {
                let (applied, answer) = self.upstream.batch_write(body, request.fate, &mut self.random);
                request.taken = self.apply(applied, places);
                answer
            }
            What::Look(table) => {
                self.upstream.describe(table.as_ref().map(|(_, name)| name.as_str()), request.fate)
            }
        };
        let answered = answer.0 == 200 && !matches!(request.fate, Fate::AnswerDropped | Fate::Damaged);
        if !answered {
            request.taken.clear();
        }
        request.answer = Some(answer);
        request.arrivals -= 1;
        let next = if request.arrivals > 0 { Event::Arrive(id) } else { Event::Answer(id) };
        self.requests.insert(id, request);
        let wait = self.wait();
        self.after(wait, next);
    }

    fn apply(
        &mut self,
        applied: Vec<Applied>,
        places: &std::collections::BTreeMap<oracle::Place, Seq>,
    ) -> Vec<Seq> {
        let mut taken = Vec::new();
        for (table, sort, value) in applied {
            let place = (table, sort);
            let seq = places[&place];
            assert!(value.is_none_or(|value| value == seq.0), "{place:?}: {value:?} is not of {seq:?}");
            self.tell(format_args!("    the upstream applies {} to {place:?}", seq.0));
            let refusable = self.disk().record(seq).refused;
            self.oracle.applied(&place, seq, refusable);
            taken.push(seq);
        }
        taken
    }

    fn answer(&mut self, id: u64) {
        let Some(Request { life, what, fate, answer, taken, .. }) = self.requests.remove(&id) else { return };
        if !self.ends_in(life) {
            return;
        }
        let result = reply(answer.unwrap_or_default(), fate);
        let done = match what {
            What::Batch { batch, places, .. } => {
                self.oracle.ended(&places);
                taken.into_iter().for_each(|seq| self.oracle.confirmed(seq));
                Done::Sent { batch, result }
            }
            What::Look(table) => Done::Described { lane: table.map(|(lane, _)| lane), result },
        };
        self.landed(done);
    }

    /// What was on its way when the gateway died: it arrives, or not. Answers reach nobody.
    pub(super) fn cut(&mut self) {
        for id in self.requests.keys().copied().collect::<Vec<_>>() {
            let arrives = self.requests[&id].answer.is_none() && self.requests[&id].fate.arrives();
            if arrives && self.random.bool() {
                self.arrive(id);
            }
        }
        self.requests.clear();
    }

    /// The oldest write is committed, or fails.
    fn commit(&mut self) {
        let Some((life, write)) = self.writes.pop_front() else { return };
        let unknown = || Err(CommitError::OutcomeUnknown("the sync failed".to_owned()));
        let result = if self.poisoned {
            unknown()
        } else if self.goes_wrong(2) {
            // It is durable or not, and nobody knows; nothing is written after that, and the process ends.
            self.poisoned = true;
            if self.random.bool() {
                self.disk().commit(&write.rows);
            }
            let wait = self.random.u64(..3_000);
            self.after(wait, Event::Die(life));
            unknown()
        } else if self.goes_wrong(15) {
            Err(CommitError::Busy)
        } else {
            self.disk().commit(&write.rows);
            Ok(())
        };
        if let Some(now) = self.life.as_mut().filter(|now| now.number == life) {
            now.under_way += 1;
            let wait = self.random.u64(..30);
            let done = Done::Written { what: write.what, result };
            self.after(wait, Event::Ended(life, Box::new(done)));
        }
    }
}
