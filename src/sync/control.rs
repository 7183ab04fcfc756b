//! What an upstream's owner says to it: pause, resume, retry; and to its dead letters. Orders are made durable here, and told
//! to the worker, which follows them when it next looks.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::dead_letter::{DeadLetter, each_letter, letter_key, read_letter};
use super::status::Shared;
use crate::operations::upstreams::{Answer, Letter, LetterId, Order, OrderError, Upstream, Which};
use crate::store::{Batch, Read, ReadError, Seq, Space, Urgency, system_key};
use crate::telemetry::{UpstreamSource, UpstreamStatus};

mod show;

pub(super) use show::time as time_text;

/// Letters that are changed in one commit …
const LETTERS: usize = 200;
/// … or so many bytes of them.
const LETTERS_BYTES: usize = 1 << 20;

/// A pause, as its row keeps it.
#[derive(Serialize, Deserialize)]
struct Pause {
    /// In microseconds since 1970.
    since_us: u64,
}

/// The key (within [`Space::Setting`]) of an upstream's pause.
pub(super) fn pause_key(upstream: &str) -> Vec<u8> {
    [b"upstream-paused/".as_slice(), upstream.as_bytes()].concat()
}

/// Since when an upstream is paused, if it is. A row that can't be read counts as a pause: better late than against the
/// owner's will.
pub(super) fn load_pause(store: &dyn Read, upstream: &str) -> Result<Option<u64>, ReadError> {
    let row = store.get(&system_key(Space::Setting, &pause_key(upstream)))?;
    Ok(row.map(|row| ciborium::from_reader::<Pause, _>(row.image.as_ref()).map_or(0, |pause| pause.since_us)))
}

/// What is to become of letters.
#[derive(Clone, Copy)]
enum Fate {
    Replay,
    Discard,
}

/// The owner's hold on one upstream.
pub(super) struct Reins(pub(super) Arc<Shared>);

impl UpstreamSource for Reins {
    fn status(&self) -> UpstreamStatus {
        self.0.status()
    }
}

impl Upstream for Reins {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn order(&self, order: Order) -> Answer<()> {
        let shared = self.0.clone();
        Box::pin(async move {
            match order {
                Order::Pause => shared.pause().await,
                Order::Resume => shared.resume().await,
                Order::Retry if shared.paused().is_some() => Err(OrderError::Conflict(format!(
                    "upstream {0:?} is paused; forebay upstream resume {0} lets it go on",
                    shared.name
                ))),
                Order::Retry => {
                    shared.retry();
                    Ok(())
                }
            }
        })
    }

    fn letters(&self, after: Option<LetterId>, limit: usize) -> Result<Vec<Letter>, OrderError> {
        let view = self.0.store.view()?;
        let mut found = Vec::new();
        each_letter(&view, &self.0.name, after.map_or(Seq(0), |id| id.0), &mut |seq, letter| {
            // A void letter's row may still be there.
            if self.0.letters().contains(seq) {
                found.push(show::letter(&self.0.name, seq, &letter, view.catalog(), false));
            }
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(found)
    }

    fn letter(&self, id: LetterId) -> Result<Letter, OrderError> {
        self.0.known(id)?;
        let view = self.0.store.view()?;
        let letter = read_letter(&view, &self.0.name, id.0)?.ok_or_else(|| self.0.no_letter(id))?;
        Ok(show::letter(&self.0.name, id.0, &letter, view.catalog(), true))
    }

    fn replay(&self, which: Which) -> Answer<u64> {
        let shared = self.0.clone();
        Box::pin(async move {
            let seqs = shared.chosen(which)?;
            let routed: Vec<Seq> = {
                let letters = shared.letters();
                seqs.into_iter().filter(|seq| letters.is_routed(*seq)).collect()
            };
            if let (Which::One(id), []) = (which, routed.as_slice()) {
                return Err(OrderError::Conflict(format!(
                    "the letter {id} can't go again: its table is not sent to {} any more; map it in tables, or drop the letter",
                    shared.name
                )));
            }
            shared.change(routed, Fate::Replay).await
        })
    }

    fn discard(&self, which: Which) -> Answer<u64> {
        let shared = self.0.clone();
        Box::pin(async move {
            let seqs = shared.chosen(which)?;
            shared.change(seqs, Fate::Discard).await
        })
    }
}

impl Shared {
    async fn pause(&self) -> Result<(), OrderError> {
        if self.paused().is_some() {
            return Ok(());
        }
        let stamp = self.clock.stamp();
        let mut value = Vec::new();
        // Writing to memory does not fail; an empty row would be a pause too.
        let _ = ciborium::into_writer(&Pause { since_us: stamp.us }, &mut value);
        let key = pause_key(&self.name);
        let write = move |_: &dyn Read, batch: &mut Batch| {
            batch.set_system(Space::Setting, &key, Some(value), stamp);
        };
        self.store.submit(Urgency::Now, 128, write).await?;
        tracing::info!(upstream = self.name, "paused, as ordered");
        self.set_paused(Some(stamp.us));
        Ok(())
    }

    async fn resume(&self) -> Result<(), OrderError> {
        if self.paused().is_none() {
            return Ok(());
        }
        let (key, stamp) = (pause_key(&self.name), self.clock.stamp());
        let write = move |_: &dyn Read, batch: &mut Batch| {
            batch.set_system(Space::Setting, &key, None, stamp);
        };
        self.store.submit(Urgency::Now, 128, write).await?;
        tracing::info!(upstream = self.name, "goes on, as ordered");
        self.set_paused(None);
        self.retry();
        Ok(())
    }

    fn no_letter(&self, id: LetterId) -> OrderError {
        OrderError::NotFound(format!(
            "{} has no dead letter {id}; it may have been withdrawn: a later change of its item has arrived",
            self.name
        ))
    }

    fn known(&self, id: LetterId) -> Result<(), OrderError> {
        if self.letters().contains(id.0) { Ok(()) } else { Err(self.no_letter(id)) }
    }

    fn chosen(&self, which: Which) -> Result<Vec<Seq>, OrderError> {
        match which {
            Which::One(id) => self.known(id).map(|()| vec![id.0]),
            Which::All => Ok(self.letters().all()),
        }
    }

    /// Changes letters' rows, a few in each commit, and tells the worker; says how many there were.
    async fn change(&self, mut seqs: Vec<Seq>, fate: Fate) -> Result<u64, OrderError> {
        let full = self.letters().count() >= self.max_dead_letters;
        let mut changed = 0;
        while !seqs.is_empty() {
            let (name, stamp) = (self.name.clone(), self.clock.stamp());
            let some: Vec<Seq> = seqs.iter().take(LETTERS).copied().collect();
            let stage = move |read: &dyn Read, batch: &mut Batch| -> Result<(usize, Vec<Seq>), ReadError> {
                let (mut done, mut bytes, mut there) = (0, 0, Vec::new());
                for seq in some {
                    let letter = read_letter(read, &name, seq)?;
                    let Some(letter) = letter.filter(|letter| !letter.dropped) else {
                        done += 1;
                        continue;
                    };
                    let value = match fate {
                        Fate::Replay => DeadLetter { replay: true, ..letter }.encode(),
                        Fate::Discard => letter.buried().encode(),
                    };
                    bytes += value.as_ref().map_or(0, Vec::len);
                    batch.set_system(Space::DeadLetter, &letter_key(&name, seq), value, stamp);
                    there.push(seq);
                    done += 1;
                    if bytes > LETTERS_BYTES {
                        break;
                    }
                }
                Ok((done, there))
            };
            let (done, there) = self.store.submit(Urgency::Now, LETTERS_BYTES, stage).await??;
            changed += there.len() as u64;
            let mut letters = self.letters();
            for seq in there {
                match fate {
                    Fate::Replay => letters.replay(seq),
                    Fate::Discard => letters.discard(seq),
                }
            }
            seqs.drain(..done.min(seqs.len()));
            self.told.notify_one();
        }
        if full && matches!(fate, Fate::Discard) {
            // It was blocked by their number.
            self.retry();
        }
        Ok(changed)
    }
}
