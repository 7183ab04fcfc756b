//! Opening the doors: bound before the daemon says that it is ready.

use std::sync::Arc;

use super::AppError;
use super::sockets::Sockets;
use super::stages::Stage;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::http::{self, DynamodbSettings, Parts, Readiness, Server, ServerSettings, State};
use crate::ingest::Accept;
use crate::mqtt::{Ledger, Listener, ListenerSettings};
use crate::operations::Upstreams;
use crate::store::Store;
use crate::telemetry::{
    BrokerMetrics, ConfigurationFigures, IngestMetrics, ListenerMetrics, MqttStatus, Watched,
};

/// What the doors are given.
pub(super) struct Doors {
    pub(super) gateway: String,
    pub(super) configuration: Arc<Watched<ConfigurationFigures>>,
    pub(super) engine: Engine,
    pub(super) accept: Accept,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) dynamodb: DynamodbSettings,
    pub(super) ingest: Arc<IngestMetrics>,
    pub(super) upstreams: Upstreams,
    pub(super) readiness: Arc<Readiness>,
    pub(super) mqtt: Arc<Watched<MqttStatus>>,
    pub(super) broker: Arc<BrokerMetrics>,
}

impl Doors {
    /// Binds every configured door, then serves each in a task of its own stage.
    pub(super) async fn open(
        self,
        mut sockets: Sockets,
        http: Option<ServerSettings>,
        listener: Option<ListenerSettings>,
        others: &mut Stage,
        http_stage: &mut Stage,
    ) -> Result<(), AppError> {
        let server = match http {
            Some(settings) => Some(bind_http(settings, &mut sockets).await?),
            None => None,
        };
        let listener = match listener {
            Some(settings) => {
                let bound = match sockets.take("mqtt", settings.listen) {
                    Some(socket) => Listener::on(socket, settings),
                    None => Listener::bind(settings).await,
                };
                Some(bound.map_err(|error| AppError::Door(error.to_string()))?)
            }
            None => None,
        };
        sockets.complain();
        let listening = listener.as_ref().map(|_| "listening".to_owned());
        self.mqtt.update(|status| status.listener = listening);
        let metrics = listener.as_ref().map(|_| Arc::new(ListenerMetrics::default()));
        if let (Some(listener), Some(metrics)) = (listener, metrics.clone()) {
            let listener = listener.with_ledger(Ledger::new(self.store.clone(), self.clock.clone()));
            others.tasks.spawn(listener.run(self.accept.clone(), others.stopping.clone(), metrics));
        }
        let Some(server) = server else { return Ok(()) };
        let state = State::new(Parts {
            gateway: self.gateway,
            configuration: self.configuration,
            engine: self.engine,
            accept: self.accept,
            store: self.store,
            clock: self.clock,
            dynamodb: self.dynamodb,
            readiness: self.readiness,
            ingest: self.ingest,
            mqtt: self.mqtt,
            broker: self.broker,
            listener: metrics,
            upstreams: self.upstreams,
        });
        let mut stopping = http_stage.stopping.clone();
        tracing::info!(address = %server.local_addr(), "HTTP listener");
        http_stage.tasks.spawn(async move {
            let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
            server.run(http::router(state), stopped).await;
        });
        Ok(())
    }
}

async fn bind_http(settings: ServerSettings, sockets: &mut Sockets) -> Result<Server, AppError> {
    let address = settings.listen;
    let bound = match sockets.take("http", address) {
        Some(socket) => {
            let server = Server::on(socket, settings);
            // The configuration's address was looked at; this one may be another.
            if let Ok(server) = &server
                && address.ip().is_loopback()
                && !server.local_addr().ip().is_loopback()
            {
                let passed = server.local_addr();
                return Err(AppError::Door(format!(
                    "the service manager's socket for HTTP is at {passed}, [http] listen is {address}; without authentication only loopback is served: correct ListenStream= in the socket unit"
                )));
            }
            server
        }
        None => Server::bind(settings).await,
    };
    bound.map_err(|error| {
        AppError::Door(format!(
            "HTTP can't listen on {address}: {error}; --http or [http] listen names another address"
        ))
    })
}
