//! The committer: one thread on which decisions run one after another; a group of them becomes one frame, one `fdatasync`,
//! and is then published and answered.
//!
//! Invariants:
//! - Nothing of a group is visible, and none of its decisions is answered, before the sync of its frame has returned.
//! - A decision's changes are in one frame, or nowhere.
//! - After a failed write or sync nothing is written any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::faults::{Died, Point};
use super::group::{Group, Refused};
use super::identity::Identity;
use super::journal::{AppendError, FrameBuf, Journal};
use super::overlay::Closing;
use super::pulse::Doing;
use super::queue::{Job, Jobs, Work};
use super::retention::{Kept, Retention};
use super::shared::Shared;
use super::staged::Staged;
use super::{CommitError, Seq, check};

mod relief;

/// A group that waits for company is closed when nothing has come for so long.
const QUIET: Duration = Duration::from_millis(1);
/// The age at which a generation is folded though it is small.
const OLDEST: Duration = Duration::from_secs(3600);
/// The longest a group waits for a place in the overlay.
const OVERLAY_PATIENCE: Duration = Duration::from_secs(10);
const FAILING_PATIENCE: Duration = Duration::from_millis(200);
/// Up for so long, the store is no suspect any more.
const SETTLED: Duration = Duration::from_secs(60);
/// How often the disk is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long the thread sleeps: while a fold runs, and otherwise.
const TICK_FOLDING: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_secs(30);

/// The committer.
pub(super) struct Committer {
    shared: Arc<Shared>,
    journal: Journal,
    jobs: Jobs,
    identity: Identity,
    path: std::path::PathBuf,
    commit_wait: Duration,
    frame: FrameBuf,
    next: Seq,
    /// When the active generation got its first row.
    born: Option<Instant>,
    looked_at_disk: Option<Instant>,
    /// How many segments the journal had begun then: with each there is less room.
    looked_at_segment: u64,
    made_room: Option<Instant>,
    /// Space was short when it was looked at last: how things stood then.
    short: Option<relief::Progress>,
    /// The start, until the store has been up for a while.
    settling: Option<Instant>,
    released: Seq,
    retention: Retention,
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.pulse.beat(Doing::Ended);
    }
}

/// Why a group's making ended.
#[derive(PartialEq, Eq)]
enum End {
    Group,
    /// The last fold may take so long.
    Close(Duration),
    Gone,
}

impl Committer {
    /// A committer whose next change has the sequence `next`.
    pub(super) fn new(
        shared: Arc<Shared>,
        journal: Journal,
        jobs: Jobs,
        identity: Identity,
        settings: &super::StoreSettings,
        next: Seq,
    ) -> Committer {
        let (path, commit_wait) = (settings.path.clone(), settings.commit_wait);
        let born = (!shared.overlay.load().active.is_empty()).then(Instant::now);
        Committer {
            shared,
            journal,
            jobs,
            identity,
            path,
            commit_wait,
            frame: FrameBuf::default(),
            next,
            born,
            looked_at_disk: None,
            looked_at_segment: 0,
            made_room: None,
            short: None,
            settling: Some(Instant::now()),
            released: Seq(0),
            retention: Retention::default(),
        }
    }

    /// The thread.
    pub(super) fn run(mut self) {
        loop {
            self.shared.pulse.beat(Doing::Disk);
            if self.between_groups().is_err() {
                return;
            }
            let folding = self.shared.overlay.load().frozen.is_some();
            self.shared.pulse.beat(Doing::Waiting);
            let end = match self.jobs.recv_timeout(if folding { TICK_FOLDING } else { TICK }) {
                Ok(Job::Decide(work)) => match self.group(work) {
                    Ok(end) => end,
                    Err(Died) => return,
                },
                Ok(Job::Close(patience)) => End::Close(patience),
                Err(RecvTimeoutError::Timeout) => End::Group,
                Err(RecvTimeoutError::Disconnected) => End::Gone,
            };
            match end {
                End::Group => {}
                End::Close(patience) => return self.close(patience),
                End::Gone => return,
            }
        }
    }

    /// What is done while nobody waits: freeze, give back segments, prepare new ones.
    fn between_groups(&mut self) -> Result<(), Died> {
        if self.due_for_folding() {
            self.freeze()?;
        }
        self.release();
        if self.settling.is_some_and(|since| since.elapsed() >= SETTLED) {
            self.settling = None;
            check::mark_settled(&self.path, self.shared.clock.boot());
        }
        let begun = self.journal.segments_begun();
        if begun != self.looked_at_segment
            || self.looked_at_disk.is_none_or(|at| at.elapsed() >= LOOK)
            || self.is_relieved()
        {
            self.looked_at_disk = Some(Instant::now());
            self.looked_at_segment = begun;
            self.shared.space.look_at_disk();
            if let Err(error) = self.journal.maintain() {
                tracing::warn!(%error, "the journal's reserve can't be prepared");
            }
            // What only streams need goes before anyone is asked for room.
            self.retention.look_again();
            self.release();
            self.make_room()?;
        }
        Ok(())
    }

    fn due_for_folding(&self) -> bool {
        let generations = self.shared.overlay.load();
        if generations.frozen.is_some() || generations.active.is_empty() {
            return false;
        }
        generations.active.bytes() >= self.shared.tuning.generation
            || self.born.is_some_and(|born| born.elapsed() >= OLDEST)
            || self.journal.bytes_after(self.shared.folded.load().folded_to) >= self.shared.tuning.unfolded
    }

    fn freeze(&mut self) -> Result<(), Died> {
        if self.shared.overlay.load().active.is_empty() {
            return Ok(());
        }
        self.freeze_any()
    }

    /// Freezes even what holds nothing.
    fn freeze_any(&mut self) -> Result<(), Died> {
        let published = self.shared.published.load();
        let closing =
            Closing { seq: published.seq, counts: published.counts.clone(), time_us: published.time_us };
        if self.shared.overlay.freeze(closing) {
            self.born = None;
            self.shared.faults.reach(Point::GenerationFrozen)?;
            self.shared.gate.wake();
        }
        Ok(())
    }

    /// Gives back the segments that neither two folds nor a cursor need.
    fn release(&mut self) {
        let cursors = &self.shared.published.load().cursors;
        let folded = self.shared.folded.load().folded_before;
        let through = cursors.values().fold(folded, |through, cursor| through.min(*cursor));
        let Kept { through, yielded, .. } = self.retention.look(&self.shared, &self.journal, through);
        if through > self.released {
            self.released = through;
            self.journal.release(through);
            if yielded {
                // Before anyone else is asked for room.
                self.rotate();
            }
        }
    }

    /// Makes a group that begins with this decision, and commits it.
    fn group(&mut self, first: Box<dyn Work>) -> Result<End, Died> {
        self.shared.pulse.beat(Doing::Deciding);
        self.wait_for_overlay()?;
        let shared = self.shared.clone();
        let mut group = Group::begin(&shared, self.next);
        let begun = Instant::now();
        let mut closing = group.decide(&mut self.frame, first);
        let mut end = End::Group;
        while group.has_room() {
            let next = if closing {
                self.jobs.try_recv().map_err(|_| RecvTimeoutError::Timeout)
            } else {
                let left = self.commit_wait.saturating_sub(begun.elapsed());
                self.jobs.recv_timeout(QUIET.min(left))
            };
            match next {
                Ok(Job::Decide(work)) => closing |= group.decide(&mut self.frame, work),
                Ok(Job::Close(patience)) => {
                    end = End::Close(patience);
                    break;
                }
                Err(_) => break,
            }
        }
        self.commit(&shared, group)?;
        Ok(end)
    }

    /// Waits, for a while, until the overlay has room.
    fn wait_for_overlay(&mut self) -> Result<(), Died> {
        let shared = self.shared.clone();
        if shared.overlay.load().active.bytes() < shared.tuning.generation {
            return Ok(());
        }
        // A fold that fails may go on failing: what waits is told so soon. And it may need what is done here.
        let folded = || shared.overlay.load().frozen.is_none();
        shared.gate.wait(OVERLAY_PATIENCE, FAILING_PATIENCE, folded);
        self.between_groups()
    }

    fn commit(&mut self, shared: &Shared, group: Group<'_>) -> Result<(), Died> {
        let empty = group.is_empty();
        let Group { mut staged, decided, leftover, .. } = group;
        let written = if empty { Ok(()) } else { self.write(shared, &mut staged)? };
        for (work, outcome) in decided {
            work.finish(outcome.and_then(|()| written.clone()));
        }
        let Some((work, changes)) = leftover else { return Ok(()) };
        // It did not fit. Nothing has come between, so that what it decided still holds, unless the group failed.
        let mut group = Group::begin(shared, self.next);
        let taken = match written {
            Ok(()) => group.take(&mut self.frame, changes),
            Err(error) => Err(Refused::Commit(error)),
        };
        let outcome = match taken {
            Ok(()) => self.write(shared, &mut group.staged)?,
            Err(Refused::Commit(error)) => Err(error),
            Err(Refused::Frame(_)) => Err(CommitError::Busy),
        };
        work.finish(outcome);
        Ok(())
    }

    /// Appends the frame and publishes it.
    fn write(&mut self, shared: &Shared, staged: &mut Staged<'_>) -> Result<Result<(), CommitError>, Died> {
        // The tree's snapshot is not held across a sync: it would keep old pages from being used again.
        staged.release_snapshot();
        shared.faults.reach(Point::GroupDecided)?;
        let changes = u64::from(self.frame.count());
        shared.pulse.beat(Doing::Disk);
        let begun = Instant::now();
        let appended = self.journal.append(&mut self.frame);
        let took = begun.elapsed();
        shared.pulse.beat(Doing::Deciding);
        match appended {
            Ok(_) => {}
            Err(AppendError::Full(what)) => {
                staged.undo();
                return Ok(Err(CommitError::Full(what)));
            }
            Err(error @ (AppendError::Poisoned(_) | AppendError::Order { .. })) => {
                staged.undo();
                shared.poison.send_replace(Some(error.to_string()));
                return Ok(Err(CommitError::OutcomeUnknown(error.to_string())));
            }
        }
        shared.faults.reach(Point::GroupAppended)?;
        self.next = self.frame.next_seq();
        self.born.get_or_insert_with(Instant::now);
        if staged.tables_changed {
            self.keep_tables(staged);
        }
        let published = staged.next.clone();
        let seq = published.seq;
        shared.published.store(Arc::new(published));
        if staged.tables_changed {
            // There may be an index to be built, or rows to be freed.
            shared.gate.wake();
        }
        self.journal.publish();
        shared.watch.send_replace(seq);
        shared.stats.commits.fetch_add(1, Ordering::Relaxed);
        shared.stats.changes.fetch_add(changes, Ordering::Relaxed);
        shared.stats.commit_us.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        shared.stats.commit_changes.observe(changes);
        shared.faults.reach(Point::GroupPublished)?;
        Ok(Ok(()))
    }

    /// Writes the tables down beside the tree as well; the journal has them, so that a failure costs nothing yet.
    fn keep_tables(&mut self, staged: &Staged<'_>) {
        self.identity.tables = staged.next.catalog.all().map(|table| (**table).clone()).collect();
        if let Err(error) = self.identity.write(&self.path) {
            tracing::warn!(%error, "the tables can't be written down beside the tree");
        }
    }

    /// The end: folds what there is, within this time.
    fn close(mut self, patience: Duration) {
        let shared = self.shared.clone();
        shared.pulse.beat(Doing::Disk);
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !shared.gate.wait(left, left, || shared.overlay.load().frozen.is_none()) {
                tracing::warn!("the last fold was not finished; the next start does it from the journal");
                break;
            }
            if shared.overlay.load().active.is_empty() || self.freeze().is_err() {
                break;
            }
        }
        self.release();
    }
}
