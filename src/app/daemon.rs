//! The running daemon: built, served until it is asked to end, drained.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::reload::{self, Reloader};
use super::service::Service;
use super::signals::{Asked, Signals};
use super::sockets::Sockets;
use super::stages::{self, Stage};
use super::upstreams::UpstreamManager;
use super::{AppError, Logging, broker, doors, tables};
use crate::clock::Clock;
use crate::config::{Settings, Sources};
use crate::engine::Engine;
use crate::http::Readiness;
use crate::ingest::Accept;
use crate::operations::expiry::ExpiryWatch;
use crate::operations::time::{self, TimeWatch};
use crate::store::Store;
use crate::telemetry::{ConfigurationFigures, IngestMetrics, Watched};

/// From the signal to the end of the process, at most, but for the moments that follow.
const STOP: Duration = Duration::from_secs(27);

/// What the daemon runs on.
pub(super) struct Daemon<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
    pub(super) service: &'a Service,
    pub(super) sources: Sources,
    pub(super) logging: Logging,
    pub(super) sockets: Sockets,
}

/// How the running ended.
pub(super) struct Ended {
    pub(super) why: Result<(), AppError>,
    /// When the process must have ended.
    pub(super) until: Instant,
    /// Whether a second signal came.
    pub(super) hurried: bool,
    /// Feeds the watchdog to the very end.
    pub(super) _supervision: Option<AbortOnDrop>,
}

impl Ended {
    /// Before anything was served.
    pub(super) fn early(error: AppError) -> Ended {
        Ended { why: Err(error), until: Instant::now() + STOP, hurried: false, _supervision: None }
    }
}

pub(super) struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Daemon<'_> {
    /// Builds everything, serves until a signal or the poison, and drains.
    pub(super) async fn run(self, settings: Settings, signals: &mut Signals) -> Result<Ended, AppError> {
        let Daemon { store, clock, service, sources, logging, sockets } = self;
        time::resume(store, clock).await.map_err(|error| AppError::System(error.to_string()))?;
        let engine = Engine::new(store.clone(), clock.clone());
        tables::ensure(&engine, &settings.tables).await?;

        let (mut others, mut http) = (Stage::new(), Stage::new());
        let fixed = reload::Fixed::of(&settings);
        let mut upstreams = UpstreamManager::new(store.clone(), clock.clone());
        upstreams.reload(settings.upstreams).await.map_err(|error| AppError::System(error.to_string()))?;
        let (grace, watching) = (settings.clock.grace, others.stopping.clone());
        let watch = TimeWatch { store: store.clone(), engine: engine.clone(), clock: clock.clone(), grace };
        others.tasks.spawn(watch.run(watching));
        let expiry = ExpiryWatch { store: store.clone(), engine: engine.clone() };
        others.tasks.spawn(expiry.run(others.stopping.clone()));
        let ingest = Arc::new(IngestMetrics::default());
        let rules = Arc::new(ArcSwap::from_pointee(settings.rules));
        let accept = Accept::new(engine.clone(), clock.clone(), Arc::clone(&rules), Arc::clone(&ingest));
        let readiness = Arc::new(Readiness::not_yet("the doors are being opened"));
        let configuration = Arc::new(Watched::new(loaded(&sources, clock)));
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
        doors.open(sockets, settings.http, settings.listener, &mut others, &mut http).await?;
        let broker =
            broker.start(settings.broker, &accept, store, clock, &others.stopping, &mut others.tasks);
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
        others.tasks.spawn(reloader.run(asked, others.stopping.clone()));
        readiness.ready();
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
        let supervision = AbortOnDrop(service.ready(store, &shown_upstreams));

        let why = serve_until_asked(store, signals, &reload).await;
        let until = Instant::now() + STOP;
        service.stopping();
        readiness.not("draining");
        let hurried = stages::drain(others, http, signals).await;
        Ok(Ended { why, until, hurried, _supervision: Some(supervision) })
    }
}

/// The configuration that the daemon starts with.
fn loaded(sources: &Sources, clock: &Clock) -> ConfigurationFigures {
    ConfigurationFigures {
        file: sources.file.as_ref().map(|file| file.display().to_string()),
        loaded_at: clock.now_us() / 1_000_000,
        ..ConfigurationFigures::default()
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
