//! The only place that builds, wires and drains tasks.

mod broker;
mod doors;
mod error;
mod logging;
mod memory;
mod reload;
mod service;
mod signals;
mod sockets;
mod tables;
mod upstreams;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use error::AppError;
pub use logging::{Logging, start as start_logging, stderr_is_the_journals};

use crate::clock::Clock;
use crate::config::{Settings, Sources};
use crate::engine::Engine;
use crate::http::Readiness;
use crate::ingest::Accept;
use crate::operations::expiry::ExpiryWatch;
use crate::operations::time::{self, TimeWatch};
use crate::store::{Store, StoreSettings};
use crate::telemetry::{ConfigurationFigures, IngestMetrics, Watched};
use reload::Reloader;
use service::Service;
use signals::{Asked, Signals};
use sockets::Sockets;
use upstreams::UpstreamManager;

/// From the signal to the end of the process, at most, but for the moments that follow.
const STOP: Duration = Duration::from_secs(27);
/// Of that, how long the tasks may take to drain before the store is closed under them.
const DRAIN: Duration = Duration::from_secs(15);
/// What closing may take beyond the time for the last fold, if the disk does not answer.
const CLOSE_LATE: Duration = Duration::from_secs(1);
/// Threads that read rows, at most: each may block on a cold page of the SD card.
const READERS: usize = 16;
/// Threads that drive sockets, at most.
const WORKERS: usize = 4;

/// Runs the daemon until a signal ends it, or the journal can't be written any more.
pub fn run(settings: Settings, sources: Sources, logging: Logging) -> Result<(), AppError> {
    memory::settle();
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(WORKERS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(READERS)
        .thread_keep_alive(Duration::from_secs(60))
        .thread_name("forebay-io")
        .enable_all()
        .build()
        .map_err(|error| AppError::System(format!("the system gives no threads: {error}")))?;
    let result = runtime.block_on(serve(settings, sources, logging));
    // Whatever still blocks on a read does not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn serve(settings: Settings, sources: Sources, logging: Logging) -> Result<(), AppError> {
    let mut signals = Signals::listen()?;
    let service = Service::from_environment();
    let sockets = Sockets::from_environment();
    let clock = Clock::system(settings.clock.trust, 0);
    let store = service.patiently("opening the store", open(&settings, &clock)).await?;
    tracing::info!(path = %settings.store_path.display(), "store");
    let daemon = Daemon { store: &store, clock: &clock, service: &service, sources, logging, sockets };
    let Ended { why, until, hurried, _supervision } =
        daemon.run(settings, &mut signals).await.unwrap_or_else(Ended::early);
    if hurried {
        tracing::warn!("ending at once; the next start replays the journal");
        return why;
    }
    let close = async {
        // The clock's last word, then the last fold.
        if let Err(error) = time::keep_checkpoint(&store, &clock).await {
            tracing::warn!(%error, "the time could not be written down");
        }
        store.close_within(until.saturating_duration_since(Instant::now())).await;
    };
    let late = tokio::time::sleep_until((until + CLOSE_LATE).into());
    tokio::select! {
        () = service.patiently("folding", close) => tracing::info!("stopped"),
        () = late => tracing::warn!("the disk does not answer; the next start replays the journal"),
        _ = signals.end() => tracing::warn!("ending at once; the next start replays the journal"),
    }
    why
}

/// Opening replays the journal, and may check the tree: minutes on a slow card, on a thread that may block.
async fn open(settings: &Settings, clock: &Clock) -> Result<Store, AppError> {
    let store = StoreSettings {
        max_size: settings.max_size,
        commit_wait: settings.commit_wait,
        ..StoreSettings::new(&settings.store_path)
    };
    let clock = clock.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&store, &clock)).await;
    Ok(opened.map_err(|error| AppError::System(format!("opening the store: {error}")))??)
}

/// What the daemon runs on.
struct Daemon<'a> {
    store: &'a Store,
    clock: &'a Clock,
    service: &'a Service,
    sources: Sources,
    logging: Logging,
    sockets: Sockets,
}

/// How the running ended.
struct Ended {
    why: Result<(), AppError>,
    /// When the process must have ended.
    until: Instant,
    /// Whether a second signal came.
    hurried: bool,
    /// Feeds the watchdog to the very end.
    _supervision: Option<AbortOnDrop>,
}

impl Ended {
    /// Before anything was served.
    fn early(error: AppError) -> Ended {
        Ended { why: Err(error), until: Instant::now() + STOP, hurried: false, _supervision: None }
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Daemon<'_> {
    /// Builds everything, serves until a signal or the poison, and drains.
    async fn run(self, settings: Settings, signals: &mut Signals) -> Result<Ended, AppError> {
        let Daemon { store, clock, service, sources, logging, sockets } = self;
        time::resume(store, clock).await.map_err(|error| AppError::System(error.to_string()))?;
        let engine = Engine::new(store.clone(), clock.clone());
        tables::ensure(&engine, &settings.tables).await?;

        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let fixed = reload::Fixed::of(&settings);
        let mut upstreams = UpstreamManager::new(store.clone(), clock.clone());
        upstreams.reload(settings.upstreams).await.map_err(|error| AppError::System(error.to_string()))?;
        let watch = TimeWatch {
            store: store.clone(),
            engine: engine.clone(),
            clock: clock.clone(),
            grace: settings.clock.grace,
        };
        tasks.spawn(watch.run(stopping.clone()));
        let expiry = ExpiryWatch { store: store.clone(), engine: engine.clone() };
        tasks.spawn(expiry.run(stopping.clone()));

        let ingest = Arc::new(IngestMetrics::default());
        let rules = Arc::new(ArcSwap::from_pointee(settings.rules));
        let accept = Accept::new(engine.clone(), clock.clone(), Arc::clone(&rules), Arc::clone(&ingest));
        let readiness = Arc::new(Readiness::not_yet("the doors are being opened"));
        let configuration = Arc::new(Watched::new(ConfigurationFigures {
            file: sources.file.as_ref().map(|file| file.display().to_string()),
            loaded_at: clock.now_us() / 1_000_000,
            ..ConfigurationFigures::default()
        }));
        let shown_upstreams = upstreams.shown();
        let broker = broker::BrokerClient::new();
        let doors = doors::Doors {
            gateway: settings.gateway_id,
            configuration: Arc::clone(&configuration),
            engine: engine.clone(),
            accept: accept.clone(),
            store: store.clone(),
            clock: clock.clone(),
            dynamodb: settings.dynamodb,
            ingest,
            upstreams: shown_upstreams.clone(),
            readiness: Arc::clone(&readiness),
            mqtt: Arc::clone(&broker.status),
            broker: Arc::clone(&broker.metrics),
        };
        doors.open(sockets, settings.http, settings.listener, &stopping, &mut tasks).await?;
        let broker = broker.start(settings.broker, &accept, store, clock, &stopping, &mut tasks);
        let reloader = Reloader {
            sources,
            fixed,
            logging,
            engine,
            clock: clock.clone(),
            rules,
            accept,
            broker,
            upstreams,
            service: service.clone(),
            shown: configuration,
        };
        let (reload, asked) = mpsc::channel(1);
        tasks.spawn(reloader.run(asked, stopping));
        readiness.ready();
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
        let supervision = AbortOnDrop(service.ready(store, &shown_upstreams));

        let why = serve_until_asked(store, signals, &reload).await;
        let until = Instant::now() + STOP;
        service.stopping();
        readiness.not("draining");
        stop.send_replace(true);
        let hurried = drain(tasks, signals).await;
        Ok(Ended { why, until, hurried, _supervision: Some(supervision) })
    }
}

/// Hands reloads on, until a signal asks for the end or the store can't go on.
async fn serve_until_asked(
    store: &Store,
    signals: &mut Signals,
    reload: &mpsc::Sender<()>,
) -> Result<(), AppError> {
    let poisoned = store.poisoned();
    tokio::pin!(poisoned);
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                // One that waits already reads the file anew as well.
                Asked::Reload => drop(reload.try_send(())),
                Asked::End(signal) => {
                    tracing::info!(signal, "draining");
                    return Ok(());
                }
            },
            why = &mut poisoned => return Err(AppError::Poisoned(why)),
        }
    }
}

/// Waits for the tasks, unless they take too long or a second signal comes: then `true`.
async fn drain(mut tasks: JoinSet<()>, signals: &mut Signals) -> bool {
    let drained = async { while tasks.join_next().await.is_some() {} };
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
