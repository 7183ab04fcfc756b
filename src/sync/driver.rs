//! The task around one upstream's worker: tells it the time, feeds it, does what it wants done, and says what came of it.
//! Nothing here waits for the upstream but the requests themselves.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::allowance::DAY;
use super::client::{NoReply, Reply, Slot};
use super::give_up::{Plan, Task};
use super::pen::Pen;
use super::reader::{self, Fed};
use super::route::Lane;
use super::settings::UpstreamSettings;
use super::status::Shared;
use super::worker::{Again, Done, Now, Place, Todo, Worker, Write, read_letters};
use crate::model::dynamodb_json::write_string;
use crate::store::{Asks, Batch, CommitError, ReadError, Seq};

mod outside;

use outside::{Means, Outside};

/// Drives a worker.
pub(super) struct Driver {
    worker: Worker,
    shared: Arc<Shared>,
    pen: Pen,
    means: Arc<Means>,
    asks: watch::Receiver<Asks>,
    feed: Option<mpsc::Receiver<Vec<Fed>>>,
    /// What is under way; a request gives its slot back.
    under_way: JoinSet<(Option<Slot>, Done)>,
    started: Instant,
    drain_timeout: Duration,
}

impl Driver {
    /// Reads where the upstream is. Blocking, though short.
    pub(super) fn load(
        settings: UpstreamSettings,
        shared: Arc<Shared>,
        pen: Pen,
    ) -> Result<Driver, ReadError> {
        let view = shared.store.view()?;
        let started = Instant::now();
        let drain_timeout = settings.drain_timeout;
        let means = Arc::new(Means::new(settings.clone(), shared.clock.clone()));
        let outside = Box::new(Outside::new(shared.clone(), means.clone()));
        let place = Place { store: &view, routes: &shared.routes, codec: &shared.store.keys() };
        let random = fastrand::Rng::new();
        let board = shared.board.clone();
        let worker = Worker::load(settings, board, &place, outside, random, now(&shared, started))?;
        shared.store.set_backlog(&shared.name, worker.backlog());
        let (asks, under_way) = (shared.store.asks(), JoinSet::new());
        let mut driver =
            Driver { worker, pen, means, asks, feed: None, under_way, started, drain_timeout, shared };
        driver.publish();
        Ok(driver)
    }

    /// Works until `shutdown` says so, then lets requests end, and writes the cursor. An error: a task of ours has panicked,
    /// and what it held is not known.
    pub(super) async fn run(mut self, shutdown: &mut watch::Receiver<bool>) -> std::io::Result<()> {
        self.worker.follow();
        self.carry_out()?;
        let shared = self.shared.clone();
        loop {
            self.worker.obey(self.now());
            self.fill();
            self.worker.step(self.now());
            self.carry_out()?;
            self.publish();
            let wake = self.started + Duration::from_millis(self.worker.next_wake());
            let feeding = self.worker.wants_more() && self.feed.is_some();
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => break,
                Some(done) = self.under_way.join_next() => self.landed(done)?,
                fed = next(&mut self.feed), if feeding => match fed {
                    Some(fed) => self.feed(fed),
                    None => {
                        self.feed = None;
                        self.worker.feed_ended();
                    }
                },
                () = shared.told.notified() => {}
                () = changed(&mut self.asks) => {}
                () = sleep_until(wake) => {}
            }
        }
        self.drain().await
    }

    async fn drain(mut self) -> std::io::Result<()> {
        self.feed = None;
        let deadline = Instant::now() + self.drain_timeout;
        while let Ok(Some(done)) = timeout_at(deadline, self.under_way.join_next()).await {
            self.landed(done)?;
        }
        if let Some(write) = self.worker.last_cursor() {
            // Requests may have taken all the time there was.
            let deadline = deadline.max(Instant::now() + Duration::from_secs(2));
            match timeout_at(deadline, written(self.pen.clone(), self.shared.clone(), write)).await {
                Ok(done) => self.worker.landed(self.now(), done),
                Err(_) => {
                    tracing::warn!(upstream = self.shared.name, "the last cursor was not written in time");
                }
            }
        }
        self.carry_out()?;
        self.publish();
        Ok(())
    }

    fn now(&self) -> Now {
        now(&self.shared, self.started)
    }

    /// Takes what the reader has ready.
    fn fill(&mut self) {
        while self.worker.wants_more() {
            let Some(Ok(fed)) = self.feed.as_mut().map(mpsc::Receiver::try_recv) else { return };
            self.feed(fed);
        }
    }

    fn feed(&mut self, fed: Vec<Fed>) {
        self.shared.weigh(&fed);
        self.worker.feed(fed);
    }

    fn landed(&mut self, done: Result<(Option<Slot>, Done), JoinError>) -> std::io::Result<()> {
        let (slot, done) = done.map_err(std::io::Error::other)?;
        if let Some(slot) = slot {
            self.means.give_back(slot);
        }
        self.worker.landed(self.now(), done);
        self.carry_out()
    }

    fn publish(&mut self) {
        let mut live = self.worker.look();
        let throttled_until = self.worker.throttled_until();
        live.throttled_until = throttled_until.map(|ms| self.started + Duration::from_millis(ms));
        self.shared.look(&live);
        self.shared.live.update(|shown| *shown = live);
    }

    /// Does what is to be done, or sees to it.
    fn carry_out(&mut self) -> std::io::Result<()> {
        for todo in self.worker.take_todo() {
            self.see_to(todo)?;
        }
        Ok(())
    }

    fn see_to(&mut self, todo: Todo) -> std::io::Result<()> {
        let shared = self.shared.clone();
        match todo {
            Todo::Follow(begin) => {
                let Shared { store, clock, routes, board, .. } = &*shared;
                let fed = reader::start(store.clone(), clock.clone(), routes.clone(), &board.name, begin)?;
                self.feed = Some(fed);
            }
            Todo::StopReading => self.feed = None,
            Todo::SetBacklog(backlog) => shared.store.set_backlog(&shared.name, backlog),
            Todo::Send { batch, body } => {
                self.request("BatchWriteItem", body, |result| Done::Sent { batch, result });
            }
            Todo::Describe(table) => {
                let (lane, operation, body) = look_at(table);
                self.request(operation, body, move |result| Done::Described { lane, result });
            }
            Todo::Write(write) => {
                let pen = self.pen.clone();
                self.under_way.spawn(async move { (None, written(pen, shared, write).await) });
            }
            Todo::ReadLetters(seqs) => {
                self.under_way.spawn_blocking(move || {
                    let result = letters(&shared, &seqs);
                    (None, Done::Read { seqs, result })
                });
            }
            Todo::GiveUp(plan) => {
                let task = self.giving_up(plan);
                self.under_way.spawn(async move { (None, Done::GaveUp(task.run().await)) });
            }
        }
        Ok(())
    }

    fn giving_up(&self, plan: Plan) -> Task {
        let Shared { store, clock, routes, board, .. } = &*self.shared;
        Task {
            upstream: board.name.clone(),
            store: store.clone(),
            pen: self.pen.clone(),
            clock: clock.clone(),
            routes: routes.clone(),
            plan,
        }
    }

    /// Begins a request.
    fn request(
        &mut self,
        operation: &'static str,
        body: Vec<u8>,
        done: impl FnOnce(Result<Reply, NoReply>) -> Done + Send + 'static,
    ) {
        let (client, mut slot) = (self.means.client(), self.means.slot());
        self.under_way.spawn(async move {
            let result = match client {
                Ok(client) => client.call(&mut slot, operation, body.into()).await,
                Err(reason) => Err(NoReply::Unable(reason)),
            };
            (Some(slot), done(result))
        });
    }
}

fn now(shared: &Shared, started: Instant) -> Now {
    Now {
        ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        us: shared.clock.now_us(),
        day: shared.clock.expiry_now().map(|second| second / DAY),
    }
}

/// A request that looks at a table; without one, whether the upstream answers at all.
fn look_at(table: Option<(Lane, String)>) -> (Option<Lane>, &'static str, Vec<u8>) {
    match table {
        Some((lane, name)) => {
            let mut body = br#"{"TableName":"#.to_vec();
            write_string(&name, &mut body);
            body.push(b'}');
            (Some(lane), "DescribeTable", body)
        }
        None => (None, "ListTables", br#"{"Limit":1}"#.to_vec()),
    }
}

/// Writes rows in one commit.
async fn written(pen: Pen, shared: Arc<Shared>, write: Write) -> Done {
    let Write { rows, urgency, what } = write;
    let size = rows.iter().map(|(_, _, value)| value.as_ref().map_or(0, Vec::len) + 64).sum();
    let clock = shared.clock.clone();
    let stage = move |batch: &mut Batch| {
        for (space, key, value) in rows {
            batch.set_system(space, &key, value, clock.stamp());
        }
    };
    let result: Result<(), CommitError> = pen.write(urgency, size, stage).await;
    Done::Written { what, result }
}

fn letters(shared: &Shared, seqs: &[Seq]) -> Result<Vec<Again>, ReadError> {
    let (view, codec) = (shared.store.view()?, shared.store.keys());
    read_letters(&shared.name, &Place { store: &view, routes: &shared.routes, codec: &codec }, seqs)
}

async fn next(feed: &mut Option<mpsc::Receiver<Vec<Fed>>>) -> Option<Vec<Fed>> {
    match feed {
        Some(feed) => feed.recv().await,
        None => None,
    }
}

/// Resolves when something else is asked.
async fn changed(asks: &mut watch::Receiver<Asks>) {
    if asks.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
