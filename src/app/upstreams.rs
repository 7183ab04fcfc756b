//! Starts, stops and reloads the upstreams of a running daemon.

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::operations::Upstreams;
use crate::operations::upstreams::Handle;
use crate::store::Store;
use crate::sync::{self, UpstreamSettings};

/// The upstreams at work. Dropping it stops nothing: [`UpstreamManager::stop`] does.
pub(super) struct UpstreamManager {
    store: Store,
    clock: Clock,
    shown: Upstreams,
    running: Vec<Running>,
}

/// One upstream at work.
struct Running {
    settings: UpstreamSettings,
    /// Of the certificates that it was started with.
    seal: Option<u64>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    handle: Handle,
}

impl Running {
    /// Whether it runs by these settings, and these certificates.
    fn is(&self, seal: Option<u64>, settings: &UpstreamSettings) -> bool {
        self.seal == seal && self.settings == *settings
    }
}

/// What tells certificates of the same file's apart when they were renewed; they are read once, at the start.
async fn seal(settings: &UpstreamSettings) -> Option<u64> {
    let bytes = tokio::fs::read(settings.ca_file.as_ref()?).await.ok()?;
    Some(xxhash_rust::xxh3::xxh3_64(&bytes))
}

/// Some upstreams could not be started; the others run.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub(super) struct NotStarted(Vec<String>);

impl UpstreamManager {
    /// With no upstream yet; [`UpstreamManager::reload`] starts some.
    pub(super) fn new(store: Store, clock: Clock) -> UpstreamManager {
        UpstreamManager { store, clock, shown: Upstreams::default(), running: Vec::new() }
    }

    /// The set as others see it; it follows each reload.
    pub(super) fn shown(&self) -> Upstreams {
        self.shown.clone()
    }

    /// Makes these the upstreams. An upstream whose settings and certificates are the same is left alone; one that is new is started; one that
    /// is gone lets its requests end and is forgotten; one that has changed does the same and goes on from its cursor. Takes
    /// as long as the slowest of them needs to let go ([`UpstreamSettings::drain_timeout`] and a moment).
    pub(super) async fn reload(&mut self, wanted: Vec<UpstreamSettings>) -> Result<(), NotStarted> {
        let before = std::mem::take(&mut self.running);
        let mut sealed = Vec::with_capacity(wanted.len());
        for settings in wanted {
            sealed.push((seal(&settings).await, settings));
        }
        let is_wanted = |running: &Running| sealed.iter().any(|(seal, it)| running.is(*seal, it));
        let (mut kept, ending): (Vec<Running>, Vec<Running>) = before.into_iter().partition(is_wanted);
        stop_all(ending).await;
        let mut failures = Vec::new();
        let names: Vec<String> = sealed.iter().map(|(_, settings)| settings.name.clone()).collect();
        if let Err(error) = sync::joining::retain(&self.store, &self.clock, &names).await {
            tracing::warn!(%error, "upstreams that are gone still keep their part of the journal, until the next start");
        }
        for (seal, settings) in sealed {
            if let Some(at) = kept.iter().position(|running| running.is(seal, &settings)) {
                self.running.push(kept.swap_remove(at));
                continue;
            }
            match self.start(seal, settings) {
                Ok(running) => self.running.push(running),
                Err(failure) => failures.push(failure),
            }
        }
        self.shown.set(self.running.iter().map(|running| running.handle.clone()).collect());
        if failures.is_empty() { Ok(()) } else { Err(NotStarted(failures)) }
    }

    fn start(&self, seal: Option<u64>, settings: UpstreamSettings) -> Result<Running, String> {
        let (stop, stopping) = watch::channel(false);
        let name = &settings.name;
        match sync::start(settings.clone(), self.store.clone(), self.clock.clone(), stopping) {
            Ok((task, handle)) => {
                tracing::info!(upstream = name, endpoint = settings.endpoint.url(), "upstream");
                Ok(Running { settings, seal, stop, task, handle })
            }
            Err(error) => Err(format!("upstream {name:?} can't be started: {error}")),
        }
    }

    /// Lets all of them end, each in its own time; they stay visible.
    pub(super) async fn stop(&mut self) {
        stop_all(std::mem::take(&mut self.running)).await;
    }
}

/// All are told before any is waited for.
async fn stop_all(ending: Vec<Running>) {
    for running in &ending {
        running.stop.send_replace(true);
    }
    for running in ending {
        if running.task.await.is_err() {
            tracing::error!(upstream = running.settings.name, "the upstream's task ended in a panic");
        } else {
            tracing::info!(upstream = running.settings.name, "the upstream has ended");
        }
    }
}
