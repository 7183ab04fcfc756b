//! Follows the journal on a thread of its own (it reads files), and tells the worker, in bounded chunks. An upstream that
//! has seen nothing, while the journal no longer begins at the beginning, first gets the rows as they stand.

use std::collections::HashMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::aside;
use super::batch::Change;
use super::positions::Positions;
use super::route::{Route, Routes};
use crate::clock::Clock;
use crate::model::{KeyCodec, MapRef, TableDef, TableId};
use crate::store::journal::Gap;
use crate::store::{Direction, KeyRange, Kind, Read, ReadError, Record, Seq, Store};

/// Records in a chunk.
const CHUNK: usize = 256;
/// Bytes of their images.
const CHUNK_BYTES: usize = 256 << 10;
/// Rows looked at under one view.
const PAGE_ROWS: usize = 2_000;
/// Wait after a read that failed for now.
const PATIENCE: Duration = Duration::from_secs(1);
/// The reader's stack.
const STACK: usize = 256 << 10;

/// A journal record, as the worker needs it.
#[derive(Debug)]
pub enum Fed {
    /// To be sent.
    Change(Change),
    /// Not to be sent: everything up to here is read. `counted` is its table where the store counts it.
    Pass {
        /// Its place.
        seq: Seq,
        /// Its table.
        counted: Option<TableId>,
    },
    /// A row as it stands, to be sent: from before the journal begins.
    Row(Change),
    /// A change that was set aside, to be sent before what the journal has.
    Aside(Change),
    /// A change that was set aside, and can't be sent any more.
    Useless(Seq),
    /// Part of the journal is gone; reading goes on behind this sequence.
    Gap {
        /// The last change before it.
        after: Seq,
        /// The last change in it.
        resume: Seq,
        /// The rows of then were sent in its place.
        bridged: bool,
        /// Why.
        what: String,
    },
    /// All that was there when the reader began is read; said once.
    CaughtUp,
}

/// Where a reader begins.
#[derive(Debug)]
pub struct Begin {
    /// Behind this.
    pub after: Seq,
    /// With what is set aside.
    pub aside: bool,
    /// If the journal does not reach back to there, with the rows as they stand, but for those that these positions have
    /// passed.
    pub settled: Option<Positions>,
}

/// Starts a reader. It ends when the receiver is dropped, or the store closes.
pub fn start(
    store: Store,
    clock: Clock,
    routes: Arc<Routes>,
    upstream: &str,
    begin: Begin,
) -> std::io::Result<mpsc::Receiver<Vec<Fed>>> {
    let (feed, fed) = mpsc::channel(2);
    let runtime = Handle::current();
    let sorter = Sorter::new(routes, store.keys());
    let Begin { after, aside, settled } = begin;
    let aside = aside.then(|| upstream.to_owned());
    let bridge = settled.map(|settled| (after, settled));
    let follower = Follower { store, clock, sorter, after, aside, bridge, caught_up: false, feed };
    std::thread::Builder::new()
        .name(format!("sync {upstream}").chars().take(15).collect())
        .stack_size(STACK)
        .spawn(move || follower.run(&runtime))?;
    Ok(fed)
}

struct Follower {
    store: Store,
    clock: Clock,
    sorter: Sorter,
    after: Seq,
    /// The upstream, where it has something set aside.
    aside: Option<String>,
    /// Where a gap is filled with the rows as they stand, and what of them is settled.
    bridge: Option<(Seq, Positions)>,
    caught_up: bool,
    feed: mpsc::Sender<Vec<Fed>>,
}

impl Follower {
    fn run(mut self, runtime: &Handle) {
        if let Some(upstream) = self.aside.take()
            && !self.send_aside(&upstream, runtime)
        {
            return;
        }
        let mut published = self.store.published();
        let mut reader = self.store.reader(self.after);
        loop {
            // Before reading: what is published from here on wakes us.
            published.borrow_and_update();
            let going_on = match reader.next() {
                Ok(Some(records)) => {
                    let mut chunk = Chunk::default();
                    let mut open = true;
                    for record in records {
                        if record.seq <= self.after {
                            continue;
                        }
                        self.after = record.seq;
                        chunk.add(self.sorter.sort(&self.store, &record));
                        if chunk.is_full() {
                            open = self.feed.blocking_send(chunk.take()).is_ok();
                        }
                        if !open {
                            break;
                        }
                    }
                    open && (chunk.is_empty() || self.feed.blocking_send(chunk.take()).is_ok())
                }
                Ok(None) => {
                    self.say_caught_up()
                        && runtime.block_on(async {
                            tokio::select! {
                                changed = published.changed() => changed.is_ok(),
                                () = self.feed.closed() => false,
                            }
                        })
                }
                Err(Gap { after, resume: Some(resume), what }) => {
                    let bridge = self.bridge.take().filter(|(at, _)| *at == self.after);
                    let bridged = bridge.is_some();
                    if let Some((_, settled)) = bridge
                        && !self.send_rows(resume, &settled, runtime)
                    {
                        return;
                    }
                    self.after = self.after.max(resume);
                    self.feed.blocking_send(vec![Fed::Gap { after, resume, bridged, what }]).is_ok()
                }
                Err(gap) => {
                    tracing::warn!(%gap, "the journal can't be read for now");
                    // What was read may go.
                    self.say_caught_up()
                        && runtime
                            .block_on(async { tokio::time::timeout(PATIENCE, self.feed.closed()).await })
                            .is_err()
                }
            };
            if !going_on {
                return;
            }
        }
    }
}

impl Follower {
    /// Says once that there is no more for now; whether anybody listens.
    fn say_caught_up(&mut self) -> bool {
        std::mem::replace(&mut self.caught_up, true) || self.feed.blocking_send(vec![Fed::CaughtUp]).is_ok()
    }

    /// Sends all that is set aside. Nobody sets anything aside meanwhile: that begins with another reader.
    fn send_aside(&mut self, upstream: &str, runtime: &Handle) -> bool {
        let mut after = None;
        loop {
            let mut chunk = Chunk::default();
            match self.aside_from(upstream, &mut after, &mut chunk) {
                Ok(_) if !chunk.is_empty() && self.feed.blocking_send(chunk.take()).is_err() => return false,
                Ok(true) => {}
                Ok(false) => return true,
                Err(error) => {
                    tracing::warn!(%error, "what is set aside can't be read for now");
                    let closed = async { tokio::time::timeout(PATIENCE, self.feed.closed()).await };
                    if runtime.block_on(closed).is_ok() {
                        return false;
                    }
                }
            }
        }
    }

    /// One page of it; whether there may be more.
    fn aside_from(
        &self,
        upstream: &str,
        after: &mut Option<Seq>,
        chunk: &mut Chunk,
    ) -> Result<bool, ReadError> {
        let Sorter { routes, codec, .. } = &self.sorter;
        let (view, mut more) = (self.store.view()?, false);
        aside::each(&view, upstream, *after, routes, codec, &mut |seq, found| {
            *after = Some(seq);
            chunk.add(match found {
                aside::Found::Change(change) => Fed::Aside(change),
                aside::Found::Useless(seq) => Fed::Useless(seq),
            });
            more = chunk.is_full();
            if more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(more)
    }

    /// Sends all rows up to a change. What changes meanwhile is left out: the journal has it, and it is read afterwards.
    fn send_rows(&mut self, up_to: Seq, settled: &Positions, runtime: &Handle) -> bool {
        let catalog = self.store.catalog();
        for table in catalog.tables() {
            let Some(route) = self.sorter.routes.of(table) else { continue };
            if settled.passes(Some(&route.upstream), up_to) {
                continue;
            }
            let mut start = Bound::Included(table.id.0.to_be_bytes().to_vec());
            loop {
                let mut chunk = Chunk::default();
                match self.rows_from(&start, table, &route, (up_to, settled), &mut chunk) {
                    Ok(None) => {
                        if !chunk.is_empty() && self.feed.blocking_send(chunk.take()).is_err() {
                            return false;
                        }
                        break;
                    }
                    Ok(Some(last)) => {
                        start = Bound::Excluded(last);
                        if !chunk.is_empty() && self.feed.blocking_send(chunk.take()).is_err() {
                            return false;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the rows can't be read for now");
                        let closed = async { tokio::time::timeout(PATIENCE, self.feed.closed()).await };
                        if runtime.block_on(closed).is_ok() {
                            return false;
                        }
                    }
                }
            }
        }
        true
    }

    /// One page of a table's rows; says where it ended, if there may be more.
    fn rows_from(
        &self,
        start: &Bound<Vec<u8>>,
        table: &TableDef,
        route: &Arc<Route>,
        (up_to, settled): (Seq, &Positions),
        chunk: &mut Chunk,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let range =
            KeyRange { start: start.clone(), end: Bound::Excluded((table.id.0 + 1).to_be_bytes().to_vec()) };
        let expiry = self.clock.expiry_now();
        let time_us = self.clock.now_us();
        let (mut seen, mut last) = (0, None);
        self.store.view()?.scan(&range, Direction::Forward, &mut |key, row| {
            seen += 1;
            let image = MapRef::new(row.image);
            let expired = table.is_expired(image, expiry);
            if row.seq <= up_to
                && !settled.passes(Some(&route.upstream), row.seq)
                && row.mark.is_none()
                && !expired
                && let Some(row_key) = route.key_of(image, &self.sorter.codec)
            {
                chunk.add(Fed::Row(Change {
                    seq: row.seq,
                    key: row_key,
                    table: table.id,
                    route: route.clone(),
                    kind: Kind::Put,
                    image: Bytes::copy_from_slice(row.image),
                    time_us,
                }));
            }
            if chunk.is_full() || seen >= PAGE_ROWS {
                last = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(last)
    }
}

#[derive(Default)]
struct Chunk {
    fed: Vec<Fed>,
    bytes: usize,
}

impl Chunk {
    fn add(&mut self, fed: Fed) {
        match (self.fed.last_mut(), &fed) {
            // A run of records that nobody counts is one step.
            (Some(Fed::Pass { seq, counted: None }), Fed::Pass { seq: next, counted: None }) => *seq = *next,
            _ => {
                if let Fed::Change(change) | Fed::Row(change) | Fed::Aside(change) = &fed {
                    self.bytes += change.image.len();
                }
                self.fed.push(fed);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.fed.len() >= CHUNK || self.bytes >= CHUNK_BYTES
    }

    fn is_empty(&self) -> bool {
        self.fed.is_empty()
    }

    fn take(&mut self) -> Vec<Fed> {
        self.bytes = 0;
        std::mem::take(&mut self.fed)
    }
}

/// Decides which records are to be sent.
pub(super) struct Sorter {
    routes: Arc<Routes>,
    codec: KeyCodec,
    /// A table's name and keys never change.
    known: HashMap<TableId, Option<Arc<Route>>>,
}

impl Sorter {
    pub(super) fn new(routes: Arc<Routes>, codec: KeyCodec) -> Sorter {
        Sorter { routes, codec, known: HashMap::new() }
    }

    /// A record as a change, or as something to read past.
    pub(super) fn sort(&mut self, store: &Store, record: &Record<'_>) -> Fed {
        let seq = record.seq;
        if record.table < TableId::FIRST || record.origin.is_local() || record.mark.is_some() {
            return Fed::Pass { seq, counted: None };
        }
        let route = match self.known.get(&record.table) {
            Some(route) => route.clone(),
            None => {
                let catalog = store.catalog();
                let route = catalog.by_id(record.table).and_then(|table| self.routes.of(table));
                self.known.insert(record.table, route.clone());
                route
            }
        };
        let Some(route) = route else { return Fed::Pass { seq, counted: Some(record.table) } };
        let Some(key) = route.key_of(MapRef::new(record.image), &self.codec) else {
            tracing::error!(?seq, table = route.upstream, "a change without a readable key can't be sent");
            return Fed::Pass { seq, counted: Some(record.table) };
        };
        Fed::Change(Change {
            seq,
            key,
            table: record.table,
            route,
            kind: record.kind,
            image: Bytes::copy_from_slice(record.image),
            time_us: record.time_us,
        })
    }
}
