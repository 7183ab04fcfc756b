//! What the owner wants: retry, and letters that go again or not at all. (A pause is looked at wherever something would be
//! sent.)

use super::{Now, Place, Todo, Worker};
use crate::model::MapRef;
use crate::store::{Kind, ReadError, Seq};
use crate::sync::batch::{Change, Gate};
use crate::sync::dead_letter::read_letter;

/// Letters read at once.
const LETTERS: usize = 32;

/// A letter that is to go again: its change, and how often it was sent before; `None` where it can't.
pub(in crate::sync) type Again = (Seq, Option<(Change, u32)>);

impl Worker {
    /// Does what was ordered since it looked last.
    pub(in crate::sync) fn obey(&mut self, now: Now) {
        self.now = now;
        let discarded = self.board.letters().take_discarded();
        for (key, seq) in discarded {
            self.window.retract_letter(&key, seq);
        }
        if self.board.take_retry() {
            self.retry();
        }
        self.replay();
    }

    /// Forgets what has failed: waits, and what is known of certificates, credentials and connections.
    fn retry(&mut self) {
        tracing::info!(upstream = self.settings.name, "trying at once, as ordered");
        self.link.retry();
        self.around.forget();
        self.window.wake(u64::MAX);
    }

    /// Has letters read that are to go again, as far as there is room for them.
    fn replay(&mut self) {
        if self.reading_letters || self.rewinding || self.board.paused().is_some() || !self.window.has_room()
        {
            return;
        }
        let link = &self.link;
        let seqs = self.board.letters().take_due(LETTERS, |lane| link.gate(lane) != Gate::Shut);
        if seqs.is_empty() {
            return;
        }
        self.reading_letters = true;
        self.todo.push(Todo::ReadLetters(seqs));
    }

    /// Letters have been read, or not.
    pub(super) fn letters_read(&mut self, seqs: Vec<Seq>, result: Result<Vec<Again>, ReadError>) {
        self.reading_letters = false;
        let mut letters = self.board.letters();
        match result {
            // The journal is about to be read again: they come after that.
            Ok(_) if self.rewinding => {
                for seq in seqs {
                    letters.forget(seq);
                    letters.replay(seq);
                }
            }
            Ok(found) => {
                for (seq, again) in found {
                    letters.forget(seq);
                    // Thrown away meanwhile, or withdrawn.
                    let Some((change, attempts)) = again.filter(|_| letters.contains(seq)) else { continue };
                    if self.window.push_letter(change) {
                        letters.sent_before(seq, attempts);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(upstream = self.settings.name, %error, "dead letters can't be read; replay them again");
                seqs.into_iter().for_each(|seq| letters.forget(seq));
            }
        }
    }
}

/// Reads letters of an upstream that are to go again.
pub(in crate::sync) fn read(
    upstream: &str,
    place: &Place<'_>,
    seqs: &[Seq],
) -> Result<Vec<Again>, ReadError> {
    let Place { store, routes, codec } = *place;
    let read_one = |seq: &Seq| -> Result<Again, ReadError> {
        let Some(letter) = read_letter(store, upstream, *seq)? else { return Ok((*seq, None)) };
        let route = store.catalog().by_id(letter.table).and_then(|table| routes.of(table));
        let change = route.and_then(|route| {
            Some(Change {
                seq: *seq,
                key: route.key_of(MapRef::new(&letter.image.0), codec)?,
                table: letter.table,
                route,
                kind: if letter.delete { Kind::Delete } else { Kind::Put },
                image: letter.image.0.into(),
                time_us: letter.time_us,
            })
        });
        Ok((*seq, change.map(|change| (change, letter.attempts))))
    };
    seqs.iter().map(read_one).collect()
}
