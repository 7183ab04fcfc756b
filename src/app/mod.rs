//! The only place that builds, wires and drains tasks.

mod broker;
mod doors;
mod error;
mod logging;
mod memory;
mod signals;
mod tables;
mod upstreams;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use error::AppError;
pub use logging::start as start_logging;

use crate::clock::Clock;
use crate::config::Settings;
use crate::engine::Engine;
use crate::http::Readiness;
use crate::ingest::Accept;
use crate::operations::expiry::ExpiryWatch;
use crate::operations::time::{self, TimeWatch};
use crate::store::{Store, StoreSettings};
use crate::telemetry::IngestMetrics;
use upstreams::UpstreamManager;

/// How long the tasks may take to drain before the store is closed under them.
const DRAIN: Duration = Duration::from_secs(20);
/// Threads that read rows, at most: each may block on a cold page of the SD card.
const READERS: usize = 16;
/// Threads that drive sockets, at most.
const WORKERS: usize = 4;

/// Runs the daemon until a signal ends it, or the journal can't be written any more.
pub fn run(settings: Settings) -> Result<(), AppError> {
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
    let result = runtime.block_on(serve(settings));
    // Whatever still blocks on a read does not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn serve(settings: Settings) -> Result<(), AppError> {
    let mut signals = signals::Signals::listen()?;
    let clock = Clock::system(settings.clock.trust, 0);
    let store = open(&settings, &clock)?;
    tracing::info!(path = %settings.store_path.display(), "store");
    let result = serve_on(settings, &store, &clock, &mut signals).await;
    // The clock's last word, then the last fold.
    if let Err(error) = time::keep_checkpoint(&store, &clock).await {
        tracing::warn!(%error, "the time could not be written down");
    }
    tokio::select! {
        () = store.close() => tracing::info!("stopped"),
        () = signals.again() => tracing::warn!("ending at once; the next start replays the journal"),
    }
    result
}

fn open(settings: &Settings, clock: &Clock) -> Result<Store, AppError> {
    let store = StoreSettings {
        max_size: settings.max_size,
        commit_wait: settings.commit_wait,
        ..StoreSettings::new(&settings.store_path)
    };
    Ok(Store::open(&store, clock)?)
}

async fn serve_on(
    settings: Settings,
    store: &Store,
    clock: &Clock,
    signals: &mut signals::Signals,
) -> Result<(), AppError> {
    time::resume(store, clock).await.map_err(|error| AppError::System(error.to_string()))?;
    let engine = Engine::new(store.clone(), clock.clone());
    tables::ensure(&engine, &settings.tables).await?;

    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
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
    let accept = Accept::new(engine.clone(), clock.clone(), rules, Arc::clone(&ingest));
    let readiness = Arc::new(Readiness::not_yet("the doors are being opened"));
    let broker = broker::BrokerClient::new();
    let doors = doors::Doors {
        gateway: settings.gateway_id,
        engine,
        accept: accept.clone(),
        store: store.clone(),
        clock: clock.clone(),
        dynamodb: settings.dynamodb,
        ingest,
        upstreams: upstreams.shown(),
        readiness: Arc::clone(&readiness),
        mqtt: Arc::clone(&broker.status),
        broker: Arc::clone(&broker.metrics),
    };
    doors.open(settings.http, settings.listener, &stopping, &mut tasks).await?;
    let _broker = broker.start(settings.broker, &accept, store, clock, &stopping, &mut tasks);
    readiness.ready();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");

    let ended = tokio::select! {
        name = signals.again_named() => {
            tracing::info!(signal = name, "draining");
            Ok(())
        }
        why = store.poisoned() => Err(AppError::Poisoned(why)),
    };
    readiness.not("draining");
    stop.send_replace(true);
    let drained = async {
        upstreams.stop().await;
        while tasks.join_next().await.is_some() {}
    };
    tokio::select! {
        result = tokio::time::timeout(DRAIN, drained) => {
            if result.is_err() {
                tracing::warn!("some tasks did not drain in time");
            }
        }
        () = signals.again() => {}
    }
    ended
}
