//! The way to the committer: decisions wait here, bounded by number and by bytes.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Batch, CommitError, Read, Urgency};

/// What may wait, in KiB; a decision counts as 4 at least.
const CAPACITY: usize = 16 << 10;
const LEAST: usize = 4;
/// The longest a decision waits for its place.
const PATIENCE: Duration = Duration::from_secs(10);

/// A decision, and whoever waits for it.
pub(super) trait Work: Send {
    /// Decides. `false`: it panicked, and what it staged is not to be kept.
    fn decide(&mut self, read: &dyn Read, batch: &mut Batch) -> bool;
    /// Answers.
    fn finish(self: Box<Self>, outcome: Result<(), CommitError>);
    /// How long its group may wait for company.
    fn urgency(&self) -> Urgency;
}

/// What the committer is asked.
pub(super) enum Job {
    /// Decide, and commit.
    Decide(Box<dyn Work>),
    /// Commit what came before, fold for so long at most, end.
    Close(Duration),
}

struct Task<R, F> {
    decide: Option<F>,
    outcome: Option<R>,
    answer: oneshot::Sender<Result<R, CommitError>>,
    urgency: Urgency,
    _place: OwnedSemaphorePermit,
}

impl<R, F> Work for Task<R, F>
where
    R: Send + 'static,
    F: FnOnce(&dyn Read, &mut Batch) -> R + Send + 'static,
{
    fn decide(&mut self, read: &dyn Read, batch: &mut Batch) -> bool {
        let Some(decide) = self.decide.take() else { return false };
        // The batch is thrown away after a panic, and a read view has nothing to be left half done.
        self.outcome = catch_unwind(AssertUnwindSafe(|| decide(read, batch))).ok();
        self.outcome.is_some()
    }

    fn finish(self: Box<Self>, outcome: Result<(), CommitError>) {
        let Task { outcome: decided, answer: asker, .. } = *self;
        let answer = outcome.and_then(|()| {
            decided.ok_or_else(|| {
                CommitError::OutcomeUnknown(
                    "the decision ended in a bug of forebay's; see the log".to_owned(),
                )
            })
        });
        // Whoever asked may have gone away.
        let _ = asker.send(answer);
    }

    fn urgency(&self) -> Urgency {
        self.urgency
    }
}

/// The sending end.
pub(super) struct Queue {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
    ended: Arc<AtomicBool>,
}

/// The receiving end.
pub(super) struct Jobs {
    jobs: Receiver<Job>,
    ended: Arc<AtomicBool>,
}

impl Deref for Jobs {
    type Target = Receiver<Job>;

    fn deref(&self) -> &Receiver<Job> {
        &self.jobs
    }
}

impl Drop for Jobs {
    /// Answers what still waits: the channel would keep it for as long as somebody may send.
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        while self.jobs.try_recv().is_ok() {}
    }
}

impl Queue {
    /// Both ends.
    pub(super) fn new() -> (Queue, Jobs) {
        let (jobs, receiver) = crossbeam_channel::bounded(CAPACITY / LEAST + 8);
        let ended = Arc::new(AtomicBool::new(false));
        let queue = Queue { jobs, places: Arc::new(Semaphore::new(CAPACITY)), ended: ended.clone() };
        (queue, Jobs { jobs: receiver, ended })
    }

    /// Puts a decision in, and waits for its outcome.
    pub(super) async fn submit<R: Send + 'static>(
        &self,
        urgency: Urgency,
        size: usize,
        decide: impl FnOnce(&dyn Read, &mut Batch) -> R + Send + 'static,
    ) -> Result<R, CommitError> {
        let place = self.place(size).await?;
        let (answer, mut outcome) = oneshot::channel();
        let task = Task { decide: Some(decide), outcome: None, answer, urgency, _place: place };
        match self.jobs.try_send(Job::Decide(Box::new(task))) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(CommitError::Busy),
            Err(TrySendError::Disconnected(_)) => return Err(closed()),
        }
        if self.ended.load(Ordering::SeqCst) {
            // It may have been put in behind the committer's back.
            return outcome.try_recv().unwrap_or_else(|_| Err(closed()));
        }
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    async fn place(&self, size: usize) -> Result<OwnedSemaphorePermit, CommitError> {
        let wanted = (size / 1024).clamp(LEAST, CAPACITY) as u32;
        if let Ok(place) = self.places.clone().try_acquire_many_owned(wanted) {
            return Ok(place);
        }
        let waiting = self.places.clone().acquire_many_owned(wanted);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(closed()),
            Err(_) => Err(CommitError::Busy),
        }
    }

    /// Asks the committer to end. Its place in the queue is kept free.
    pub(super) fn close(&self, patience: Duration) {
        self.places.close();
        let _ = self.jobs.try_send(Job::Close(patience));
    }
}

fn closed() -> CommitError {
    CommitError::OutcomeUnknown("the store is closed".to_owned())
}
