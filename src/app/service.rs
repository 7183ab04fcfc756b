//! The daemon as a service: what the service manager is told while it starts, runs and stops.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::operations::Upstreams;
use crate::operations::notify::{Notifier, Word, watchdog_interval};
use crate::operations::supervision::Supervision;
use crate::store::Store;

/// A start or an end that takes long asks for so much more time, and asks again at half of it.
const MORE: Duration = Duration::from_secs(60);
/// How often it may ask: a card that hangs for an hour is better met by a new start.
const ASKED_AT_MOST: u32 = 120;

/// The service manager's side.
#[derive(Clone)]
pub(super) struct Service {
    notifier: Notifier,
}

impl Service {
    /// By the process's environment.
    pub(super) fn from_environment() -> Service {
        Service { notifier: Notifier::from_environment() }
    }

    /// Something of the start or of the end, for which the manager's patience is extended.
    pub(super) async fn patiently<R>(&self, what: &str, work: impl Future<Output = R>) -> R {
        self.notifier.say(&[Word::Status(what.to_owned())]);
        let ask = async {
            let mut ask = tokio::time::interval(MORE / 2);
            for _ in 0..ASKED_AT_MOST {
                ask.tick().await;
                self.notifier.say(&[Word::Extend(MORE)]);
            }
            std::future::pending().await
        };
        tokio::select! {
            result = work => result,
            () = ask => unreachable!("it asks, and then waits for ever"),
        }
    }

    /// Every door is open: says so, and begins to feed the watchdog. The task is to be aborted at the very end.
    pub(super) fn ready(&self, store: &Store, upstreams: &Upstreams) -> JoinHandle<()> {
        self.notifier.say(&[Word::Ready]);
        let supervision = Supervision {
            notifier: self.notifier.clone(),
            watchdog: watchdog_interval(|name| std::env::var(name).ok(), std::process::id()),
            store: store.clone(),
            upstreams: upstreams.clone(),
        };
        tokio::spawn(supervision.run())
    }

    /// A reload begins.
    pub(super) fn reloading(&self) {
        self.notifier.say(&[Word::Reloading]);
    }

    /// A reload has ended, in one way or the other.
    pub(super) fn reloaded(&self) {
        self.notifier.say(&[Word::Ready]);
    }

    /// The end begins.
    pub(super) fn stopping(&self) {
        self.notifier.say(&[Word::Stopping, Word::Status("draining".to_owned())]);
    }
}
