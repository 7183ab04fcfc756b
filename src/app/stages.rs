//! The order of the end: devices, broker and upstreams first, and HTTP last, so that it can say meanwhile that the daemon drains.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::signals::Signals;

/// How long the tasks may take to end before the store is closed under them.
const DRAIN: Duration = Duration::from_secs(15);
/// Of that, how long HTTP goes on for the others' sake.
const OTHERS: Duration = Duration::from_secs(10);

/// Tasks that end together.
pub(super) struct Stage {
    stop: watch::Sender<bool>,
    /// Becomes true when they are to end.
    pub(super) stopping: watch::Receiver<bool>,
    /// The tasks.
    pub(super) tasks: JoinSet<()>,
}

impl Stage {
    pub(super) fn new() -> Stage {
        let (stop, stopping) = watch::channel(false);
        Stage { stop, stopping, tasks: JoinSet::new() }
    }

    /// Lets them end, each in its own time.
    async fn end(&mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Lets all of them end, unless they take too long or a second signal comes: then `true`.
pub(super) async fn drain(mut others: Stage, mut http: Stage, signals: &mut Signals) -> bool {
    let drained = async {
        let done = tokio::time::timeout(OTHERS, others.end()).await.is_ok();
        http.end().await;
        if !done {
            others.end().await;
        }
    };
    tokio::select! {
        result = tokio::time::timeout(DRAIN, drained) => {
            if result.is_err() {
                tracing::warn!("some tasks did not drain in time");
            }
            false
        }
        _ = signals.end() => true,
    }
}
