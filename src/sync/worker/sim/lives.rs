//! The gateway starts, stops and dies; and what its owner says.

use std::sync::Arc;

use super::{Board, Event, Life, Place, Routes, Seq, Sim, Surroundings, Worker, Write, codec};
use crate::store::{CommitError, Space};
use crate::sync::control::pause_key;
use crate::sync::dead_letter::{DeadLetter, letter_key, read_letter};
use crate::sync::worker::Done;

impl Sim {
    pub(super) fn start(&mut self) {
        if self.life.is_some() {
            return;
        }
        self.lives += 1;
        self.poisoned = false;
        let routes = Arc::new(Routes::new(self.settings.tables.clone(), self.settings.handling.clone()));
        let board = Arc::new(Board::new(&self.settings));
        let around =
            Surroundings { disk: self.disk.clone(), routes: routes.clone(), random: self.random.fork() };
        let random = self.random.fork();
        let now = crate::sync::worker::Now::default();
        let mut worker = {
            let disk = self.disk();
            let place = Place { store: &*disk, routes: &routes, codec: &codec() };
            let settings = self.settings.clone();
            Worker::load(settings, board.clone(), &place, Box::new(around), random, now).unwrap()
        };
        worker.follow();
        let (number, begun) = (self.lives, self.now);
        let (reader, wake_at, stopping, under_way) = (None, None, false, 0);
        self.life = Some(Life { number, worker, board, routes, begun, reader, wake_at, stopping, under_way });
    }

    /// The gateway dies. What it had handed to the disk is there, or not, up to some point; so is what it had sent.
    pub(super) fn die(&mut self) {
        self.tell(format_args!("DIES"));
        self.life = None;
        self.dies_at = None;
        self.cut();
        let durable = if self.poisoned { 0 } else { self.random.usize(..=self.writes.len()) };
        self.commit_all(durable);
        self.oracle.life_ends(false);
        let wait = self.random.u64(..5_000);
        self.after(wait, Event::Start);
        if self.random.bool() {
            self.dies_at = Some(self.steps + self.random.u64(1..400));
        }
    }

    fn commit_all(&mut self, durable: usize) {
        for (_, write) in self.writes.drain(..).take(durable) {
            self.disk.lock().unwrap().commit(&write.rows);
        }
    }

    /// The owner stops it: requests may end.
    pub(super) fn stop(&mut self) {
        let Some(life) = self.life.as_mut() else { return };
        life.stopping = true;
        life.reader = None;
        let number = life.number;
        self.after(self.settings.drain_timeout.as_millis() as u64, Event::Deadline(number));
    }

    /// Whether a gateway that stops has nothing more to wait for.
    pub(super) fn is_drained(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.stopping && life.under_way == 0) && self.writes.is_empty()
    }

    /// It has stopped: the last cursor is written, and the process ends.
    pub(super) fn end(&mut self) {
        let Some(mut life) = self.life.take() else { return };
        self.cut();
        self.commit_all(if self.poisoned { 0 } else { usize::MAX });
        let settled = life.worker.window.is_empty() && life.worker.positions.left().next().is_none();
        let mut durable = true;
        if let Some(Write { rows, what, .. }) = life.worker.last_cursor() {
            durable = !self.poisoned && !self.goes_wrong(20);
            let result = if durable {
                self.disk().commit(&rows);
                Ok(())
            } else {
                Err(CommitError::Busy)
            };
            let now = self.time(&life);
            life.worker.landed(now, Done::Written { what, result });
        }
        self.oracle.life_ends(durable && settled);
        let wait = self.random.u64(..5_000);
        self.after(wait, Event::Start);
    }

    /// The owner wants all letters to go again, as `control` does it.
    pub(super) fn replay(&mut self) {
        let Some(life) = self.life.as_ref().filter(|_| !self.poisoned) else { return };
        let board = life.board.clone();
        let name = self.settings.name.clone();
        let mut disk = self.disk.lock().unwrap();
        let seqs: Vec<Seq> = board.letters().all();
        for seq in seqs {
            let Some(letter) = read_letter(&*disk, &name, seq).unwrap() else { continue };
            let value = DeadLetter { replay: true, ..letter }.encode();
            disk.commit(&[(Space::DeadLetter, letter_key(&name, seq), value)]);
            board.letters().replay(seq);
        }
    }

    /// The owner throws one of the letters away.
    pub(super) fn discard(&mut self) {
        let Some(life) = self.life.as_ref().filter(|_| !self.poisoned) else { return };
        let board = life.board.clone();
        let name = self.settings.name.clone();
        let seqs = board.letters().all();
        let Some(seq) = seqs.get(self.random.usize(..seqs.len().max(1))).copied() else { return };
        let letter = read_letter(&*self.disk(), &name, seq).unwrap().unwrap();
        let row = (Space::DeadLetter, letter_key(&name, seq), letter.buried().encode());
        self.disk().commit(&[row]);
        board.letters().discard(seq);
        let place = self.place(seq);
        self.oracle.discarded(&place, seq);
    }

    /// The owner pauses the upstream, or lets it go on.
    pub(super) fn pause(&mut self, pause: bool) {
        if self.poisoned {
            return;
        }
        let value = pause.then(Vec::new);
        self.disk().commit(&[(Space::Setting, pause_key(&self.settings.name), value)]);
        let Some(life) = self.life.as_ref() else { return };
        life.board.set_paused(pause.then_some(1));
        if !pause {
            life.board.retry();
        }
    }
}
