//! SIGHUP: reads the configuration again and applies what can be applied to a running daemon: rules, tables, times to live,
//! the broker, upstreams, the log's level. No connection is lost by it. What is wrong anywhere leaves everything as it was.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use super::logging::Logging;
use super::service::Service;
use super::tables;
use super::upstreams::UpstreamManager;
use crate::clock::Clock;
use crate::config::{Loaded, Settings, Sources};
use crate::engine::Engine;
use crate::ingest::{Accept, RuleSet};
use crate::mqtt::broker::BrokerHandle;
use crate::telemetry::{ConfigurationFigures, Watched};

/// Keys that a running daemon can't change, with what they were at the start.
pub(super) struct Fixed(Vec<(&'static str, String)>);

impl Fixed {
    /// What these settings say of them.
    pub(super) fn of(settings: &Settings) -> Fixed {
        let Settings {
            gateway_id,
            log,
            clock,
            store_path,
            max_size,
            commit_wait,
            http,
            listener,
            dynamodb,
            ..
        } = settings;
        Fixed(vec![
            ("gateway.id", gateway_id.clone()),
            ("log.format", format!("{:?}", log.format)),
            ("clock", format!("{clock:?}")),
            ("store.path", store_path.display().to_string()),
            ("store.max_size", max_size.to_string()),
            ("store.commit_wait", format!("{commit_wait:?}")),
            ("http", format!("{http:?}")),
            ("mqtt.listener", format!("{listener:?}")),
            ("dynamodb", format!("{dynamodb:?}")),
        ])
    }

    /// The keys in which others differ.
    fn changed(&self, other: &Fixed) -> Vec<String> {
        let pairs = self.0.iter().zip(&other.0);
        pairs.filter(|(before, after)| before != after).map(|((key, _), _)| (*key).to_owned()).collect()
    }
}

/// Reloads one after another; whoever asks meanwhile is served by one more.
pub(super) struct Reloader {
    pub(super) sources: Sources,
    pub(super) fixed: Fixed,
    pub(super) logging: Logging,
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    pub(super) rules: Arc<ArcSwap<RuleSet>>,
    pub(super) accept: Accept,
    pub(super) broker: BrokerHandle,
    pub(super) upstreams: UpstreamManager,
    pub(super) service: Service,
    pub(super) shown: Arc<Watched<ConfigurationFigures>>,
}

impl Reloader {
    /// Reloads when asked, until shutdown; then lets the upstreams end.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<()>, mut stopping: watch::Receiver<bool>) {
        loop {
            let asked = tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => break,
                asked = asked.recv() => asked,
            };
            match asked {
                Some(()) => self.reload().await,
                None => break,
            }
        }
        self.upstreams.stop().await;
    }

    async fn reload(&mut self) {
        self.service.reloading();
        match self.apply().await {
            Ok(amiss) => {
                if let Some(amiss) = &amiss {
                    tracing::error!(amiss, "the configuration was reloaded, but not all of it works");
                }
                self.shown.update(|shown| {
                    shown.reloads += 1;
                    shown.loaded_at = self.clock.now_us() / 1_000_000;
                    shown.error = amiss;
                });
            }
            Err(error) => {
                tracing::error!(error, "the configuration was not reloaded; the one before stays in force");
                self.shown.update(|shown| {
                    shown.refused += 1;
                    shown.error = Some(error);
                });
            }
        }
        self.service.reloaded();
    }

    /// Everything that can fail for the configuration's sake comes before anything is changed. The answer is what else is amiss.
    async fn apply(&mut self) -> Result<Option<String>, String> {
        let sources = self.sources.clone();
        let loaded = tokio::task::spawn_blocking(move || sources.load()).await;
        let Loaded { settings, warnings } =
            loaded.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        tables::check(&self.engine, &settings.tables).map_err(|error| error.to_string())?;
        tables::ensure(&self.engine, &settings.tables).await.map_err(|error| error.to_string())?;

        let needs_restart = self.fixed.changed(&Fixed::of(&settings));
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        for key in &needs_restart {
            tracing::warn!(key, "changed, but needs a restart");
        }
        self.shown.update(|shown| shown.needs_restart = needs_restart);
        self.logging.filter_by(&settings.log);
        let (rules, tables) = (settings.rules.len(), settings.tables.len());
        let upstreams = settings.upstreams.len();
        self.rules.store(Arc::new(settings.rules));
        self.broker.reload(settings.broker, self.accept.subscriptions());
        let started = self.upstreams.reload(settings.upstreams).await;
        tracing::info!(rules, tables, upstreams, "configuration reloaded");
        Ok(started.err().map(|error| error.to_string()))
    }
}
