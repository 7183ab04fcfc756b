//! The only place that builds, wires and drains tasks.

mod broker;
mod daemon;
mod doors;
mod error;
mod logging;
mod memory;
mod reload;
mod service;
mod signals;
mod sockets;
mod stages;
mod tables;
mod upstreams;

use std::time::{Duration, Instant};

pub use error::AppError;
pub use logging::{Logging, start as start_logging, stderr_is_the_journals};

use crate::clock::Clock;
use crate::config::{Settings, Sources};
use crate::operations::time;
use crate::store::{Store, StoreSettings};
use daemon::{Daemon, Ended};
use service::Service;
use signals::Signals;
use sockets::Sockets;

/// What closing may take beyond the time for the last fold, if the disk does not answer.
const CLOSE_LATE: Duration = Duration::from_secs(1);
/// Threads that read rows, at most: each may block on a cold page of the SD card.
const READERS: usize = 16;
/// Threads that drive sockets, at most; one of them never reads rows.
const WORKERS: usize = 5;

/// Runs the daemon until a signal ends it, or the journal can't be written any more.
pub fn run(settings: Settings, sources: Sources, logging: Logging) -> Result<(), AppError> {
    memory::settle();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = (processors + 1).min(WORKERS);
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
    let store = tokio::select! {
        opened = service.patiently("opening the store", open(&settings, &clock)) => opened?,
        signal = signals.end() => {
            tracing::info!(signal, "ended while the store was being opened");
            return Ok(());
        }
    };
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
