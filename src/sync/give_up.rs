//! Giving up: moves an upstream's cursor over what it has not had, so that the journal can be released. Changes of tables
//! whose owner chose `drop-oldest` are dropped, and counted; those of all others are set aside. The count, the rows
//! and the cursor are one commit: whatever happens, nothing is released that is neither sent, counted nor kept.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::aside;
use super::batch::Change;
use super::cursor::Cursor;
use super::pen::Pen;
use super::reader::{Fed, Sorter};
use super::route::Routes;
use crate::clock::Clock;
use crate::model::WhenFull;
use crate::store::journal::{Gap, Reader};
use crate::store::{Catalog, CommitError, Seq, Space, Store, Urgency};

/// Records that are gone through before the cursor is written.
const RECORDS: usize = 50_000;
/// Bytes that are set aside in one commit.
const ASIDE_BYTES: u64 = 512 << 10;

/// What the window knew when the giving up began.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// How far the journal was read.
    pub(super) read_to: Seq,
    /// What of it is not settled.
    pub(super) unsettled: HashSet<Seq>,
    /// Upstream tables that were left behind: nothing of them is in the window.
    pub(super) left: HashSet<String>,
}

/// What a change is, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was counted as settled already.
    Past,
    /// It is settled; the cursor has not counted it yet.
    Settled,
    /// It is given up.
    Dropped,
    /// It is kept beside the journal.
    Aside,
}

/// What becomes of a change that is to be sent.
fn fate(base: &Cursor, known: &Known, change: &Change, catalog: &Catalog) -> Fate {
    let table = change.route.upstream.as_str();
    if base.positions.passes(Some(table), change.seq) {
        return Fate::Past;
    }
    let read = change.seq <= known.read_to && !known.left.contains(table);
    if read && !known.unsettled.contains(&change.seq) {
        return Fate::Settled;
    }
    let drops = catalog.by_id(change.table).is_some_and(|table| table.when_full == WhenFull::DropOldest);
    if drops { Fate::Dropped } else { Fate::Aside }
}

/// What was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GivenUp {
    /// Changes dropped.
    pub(super) dropped: u64,
    /// Changes set aside.
    pub(super) aside: u64,
}

/// What came of it: the cursor as it is durable now, if any was written, and why it went no further, if it did not reach its
/// end.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) cursor: Option<Cursor>,
    pub(super) given_up: GivenUp,
    /// It passed over what the journal no longer has.
    pub(super) gap: bool,
    pub(super) stopped: Option<String>,
}

/// What is to be given up.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where the upstream is, by the window.
    pub(super) base: Cursor,
    pub(super) known: Known,
    /// How far it is to go.
    pub(super) through: Seq,
    /// Rows set aside earlier that are settled.
    pub(super) settled: Vec<Seq>,
    /// What the journal no longer has is still to be sent, as the rows stand.
    pub(super) bridges: bool,
}

/// One giving up.
pub(super) struct Task {
    pub(super) upstream: String,
    pub(super) store: Store,
    pub(super) pen: Pen,
    pub(super) clock: Clock,
    pub(super) routes: Arc<Routes>,
    pub(super) plan: Plan,
}

/// A part of the way.
struct Step {
    cursor: Cursor,
    rows: Vec<(Seq, Vec<u8>)>,
    given_up: GivenUp,
    gap: bool,
    end: bool,
    stopped: Option<String>,
}

/// The reading, on a thread that may block.
struct Walk {
    store: Store,
    sorter: Sorter,
    reader: Reader,
    base: Cursor,
    known: Known,
    cursor: Cursor,
    through: Seq,
    bridges: bool,
    /// A frame's rest, beyond what one step takes.
    rest: std::collections::VecDeque<Fed>,
}

impl Task {
    /// Goes as far as it can. A step that can't be written ends it; what was written before stands.
    pub(super) async fn run(self) -> Outcome {
        let Task { upstream, store, pen, clock, routes, plan } = self;
        let Plan { base, known, through, mut settled, bridges } = plan;
        let mut outcome = Outcome { cursor: None, given_up: GivenUp::default(), gap: false, stopped: None };
        let mut walk = Walk {
            sorter: Sorter::new(routes, store.keys()),
            reader: store.reader(base.prefix.seq),
            cursor: base.clone(),
            store: store.clone(),
            base,
            known,
            through,
            bridges,
            rest: Default::default(),
        };
        loop {
            let step = tokio::task::spawn_blocking(move || {
                let step = walk.step();
                (walk, step)
            });
            let step = match step.await {
                Ok((back, step)) => {
                    walk = back;
                    step
                }
                Err(error) => return Outcome { stopped: Some(error.to_string()), ..outcome },
            };
            let (end, given_up, gap, stopped) = (step.end, step.given_up, step.gap, step.stopped.clone());
            match write(&pen, &clock, &upstream, step, std::mem::take(&mut settled)).await {
                Ok(cursor) => outcome.cursor = Some(cursor),
                Err(error) => return Outcome { stopped: Some(error.to_string()), ..outcome },
            }
            outcome.gap |= gap;
            outcome.given_up.dropped += given_up.dropped;
            outcome.given_up.aside += given_up.aside;
            if end {
                return Outcome { stopped, ..outcome };
            }
        }
    }
}

/// Writes a step: cursor, count and rows in one commit.
async fn write(
    pen: &Pen,
    clock: &Clock,
    upstream: &str,
    step: Step,
    settled: Vec<Seq>,
) -> Result<Cursor, CommitError> {
    let Step { cursor, rows, .. } = step;
    let (name, value, stamp) = (upstream.to_owned(), cursor.encode(), clock.stamp());
    let size = value.len() + rows.iter().map(|(_, row)| row.len() + 64).sum::<usize>() + 64 * settled.len();
    let write = pen.write(Urgency::Now, size, move |batch| {
        batch.set_system(Space::Cursor, name.as_bytes(), Some(value), stamp);
        for seq in settled {
            batch.set_system(Space::Aside, &aside::key(&name, seq), None, stamp);
        }
        for (seq, row) in rows {
            batch.set_system(Space::Aside, &aside::key(&name, seq), Some(row), stamp);
        }
    });
    write.await.map(|()| cursor)
}

impl Walk {
    /// Goes on until there is enough for a commit, or the end is reached.
    fn step(&mut self) -> Step {
        let mut step = Step {
            cursor: Cursor::default(),
            rows: Vec::new(),
            given_up: GivenUp::default(),
            gap: false,
            end: true,
            stopped: None,
        };
        let mut counts: BTreeMap<_, u64> = std::mem::take(&mut self.cursor.prefix.counts);
        let mut at = self.cursor.prefix.seq;
        let (mut records, mut bytes) = (0, 0);
        let catalog = self.store.catalog();
        while at < self.through {
            if records >= RECORDS || bytes >= ASIDE_BYTES {
                step.end = false;
                break;
            }
            let fed = match self.next() {
                Ok(Some(fed)) => fed,
                Ok(None) => break,
                Err(why) => {
                    step.stopped = Some(why);
                    break;
                }
            };
            records += 1;
            match fed {
                Fed::Change(change) => {
                    let (table, seq) = (change.table, change.seq);
                    match fate(&self.base, &self.known, &change, &catalog) {
                        Fate::Past => {}
                        Fate::Settled => *counts.entry(table).or_default() += 1,
                        Fate::Dropped => {
                            *counts.entry(table).or_default() += 1;
                            step.given_up.dropped += 1;
                        }
                        Fate::Aside => {
                            let row = aside::encode(&change).filter(|_| self.store.has_room_for_rows());
                            let Some((row, weight)) = row else {
                                step.stopped = Some("the store has no room to set changes aside".to_owned());
                                break;
                            };
                            step.rows.push((seq, row));
                            step.given_up.aside += 1;
                            bytes += weight;
                        }
                    }
                    at = seq;
                }
                Fed::Pass { seq, counted } => {
                    if let Some(table) = counted.filter(|_| !self.base.positions.passes(None, seq)) {
                        *counts.entry(table).or_default() += 1;
                    }
                    at = seq;
                }
                // What is lost is lost: it must not keep the store full as well.
                Fed::Gap { resume, .. } => {
                    step.gap = true;
                    at = at.max(resume.min(self.through));
                }
                _ => {}
            }
        }
        self.cursor.prefix = super::batch::Prefix { seq: at, counts };
        // Whatever was behind is as far as the rest now, up to here.
        let (_, positions) = self.base.positions.at(at);
        self.cursor.positions = positions;
        self.cursor.dropped += step.given_up.dropped;
        self.cursor.aside.changes += step.given_up.aside;
        self.cursor.aside.bytes += bytes;
        step.cursor = self.cursor.clone();
        step
    }

    /// The next record that is not settled by the cursor.
    fn next(&mut self) -> Result<Option<Fed>, String> {
        loop {
            if let Some(fed) = self.rest.pop_front() {
                return Ok(Some(fed));
            }
            let from = self.cursor.prefix.seq.max(self.base.prefix.seq);
            match self.reader.next() {
                Ok(Some(records)) => {
                    let records = records.filter(|record| record.seq > from && record.seq <= self.through);
                    self.rest.extend(records.map(|record| self.sorter.sort(&self.store, &record)));
                }
                Ok(None) => return Ok(None),
                Err(Gap { after, resume: Some(resume), what }) if !self.bridges => {
                    return Ok(Some(Fed::Gap { after, resume, bridged: false, what }));
                }
                Err(gap) => return Err(gap.to_string()),
            }
        }
    }
}
