//! The one task: connects, serves, loses, connects again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, sleep_until};

use super::backoff::Rotation;
use super::connection::{Connection, Io, closed};
use super::filters;
use super::intake::Intake;
use super::record::{Known, Record};
use super::report::Report;
use super::settings::{BrokerSettings, BrokerUrl};
use crate::clock::Clock;
use crate::ingest::{Source, Subscriptions};
use crate::mqtt::Offer;
use crate::telemetry::{BrokerMetrics, MqttStatus, Watched};

/// How long settling may take before a connection is given up for changed settings.
const SETTLE: Duration = Duration::from_secs(5);

/// What is to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    settings: Option<BrokerSettings>,
    subscriptions: Subscriptions,
}

/// The client, before it runs.
pub struct Broker {
    wanted: watch::Receiver<Wanted>,
    clock: Clock,
    record: Option<Record>,
}

/// Steers a running client.
#[derive(Clone, Debug)]
pub struct BrokerHandle(Arc<watch::Sender<Wanted>>);

impl BrokerHandle {
    /// Applies changed settings and rules. Other filters are subscribed to on the connection that is there; other settings
    /// take a new one, after what has been received is stored and acknowledged. `None` ends the connection; the broker
    /// keeps the session.
    pub fn reload(&self, settings: Option<BrokerSettings>, subscriptions: Subscriptions) {
        let wanted = Wanted { settings, subscriptions };
        self.0.send_if_modified(|current| {
            let changed = *current != wanted;
            if changed {
                *current = wanted;
            }
            changed
        });
    }
}

/// Why a connection is over.
enum End {
    /// The daemon ends.
    Stopping,
    /// Something else is wanted.
    Changed,
    /// The broker's doing, or the network's.
    Lost(String),
}

impl Broker {
    /// A client with these settings (`None`: not yet any), and its handle. TLS judges certificates by the clock.
    pub fn new(
        settings: Option<BrokerSettings>,
        subscriptions: Subscriptions,
        clock: Clock,
    ) -> (Broker, BrokerHandle) {
        let (sender, wanted) = watch::channel(Wanted { settings, subscriptions });
        (Broker { wanted, clock, record: None }, BrokerHandle(Arc::new(sender)))
    }

    /// Keeps on record in the store what the session is subscribed to.
    pub fn with_record(self, record: Record) -> Broker {
        Broker { record: Some(record), ..self }
    }

    /// Serves until `stopping` becomes true (or its sender is gone); then stores and acknowledges what has been received,
    /// within the drain time, says DISCONNECT, and returns.
    pub async fn run<O: Offer>(
        self,
        offer: O,
        stopping: watch::Receiver<bool>,
        metrics: Arc<BrokerMetrics>,
        status: Arc<Watched<MqttStatus>>,
    ) {
        let Broker { wanted, clock, record } = self;
        let mut client = Client {
            signals: Signals { wanted, stopping },
            clock,
            record,
            intake: Intake::new(offer, &metrics),
            report: Report::new(status, &metrics),
            metrics: &metrics,
        };
        client.run().await;
    }
}

/// What interrupts whatever the client does.
struct Signals {
    wanted: watch::Receiver<Wanted>,
    stopping: watch::Receiver<bool>,
}

impl Signals {
    /// Waits for either; for changes only where they can be applied.
    async fn next(&mut self, changes: bool) -> End {
        let Signals { wanted, stopping } = self;
        let change = async {
            if wanted.changed().await.is_err() {
                // The handle is gone: nothing will change.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => End::Stopping,
            () = change, if changes => End::Changed,
        }
    }

    fn is_stopping(&self) -> bool {
        *self.stopping.borrow() || self.stopping.has_changed().is_err()
    }
}

/// The running client.
struct Client<'a, O> {
    signals: Signals,
    clock: Clock,
    record: Option<Record>,
    intake: Intake<'a, O>,
    report: Report<'a>,
    metrics: &'a BrokerMetrics,
}

impl<O: Offer> Client<'_, O> {
    async fn run(&mut self) {
        let mut drain = SETTLE;
        while !self.signals.is_stopping() {
            let wanted = self.signals.wanted.borrow_and_update().clone();
            match wanted.settings {
                Some(settings) => {
                    drain = settings.drain;
                    self.serve(&settings, wanted.subscriptions).await;
                }
                None => {
                    self.report.off();
                    self.intake.beside(self.signals.next(true)).await;
                }
            }
        }
        // What an earlier connection had brought.
        self.intake.drain(Instant::now() + drain.mul_f64(0.8), &mut bytes::BytesMut::new()).await;
    }

    /// Connects and serves until something else is wanted, or the daemon ends.
    async fn serve(&mut self, settings: &BrokerSettings, mut subscriptions: Subscriptions) {
        let mut rotation =
            Rotation::new(settings.brokers.len(), settings.first_pause, settings.longest_pause);
        while let Some(url) = settings.brokers.get(rotation.current()) {
            self.report.waiting(url, &subscriptions.filters);
            let attempt = async {
                tokio::select! {
                    biased;
                    _ = self.signals.next(true) => None,
                    opened = Connection::open(url, settings, &self.clock) => Some(opened),
                }
            };
            let Some(opened) = self.intake.beside(attempt).await else { return };
            let pause = match opened {
                Err(reason) => {
                    self.report.failed(url, &reason);
                    rotation.failed(fastrand::f64())
                }
                Ok((connection, session_present)) => {
                    let begun = Instant::now();
                    self.report.connected(url, session_present);
                    let end =
                        self.session(connection, session_present, url, settings, &mut subscriptions).await;
                    let End::Lost(reason) = end else { return };
                    self.report.lost(url, &reason);
                    rotation.lost(begun.elapsed(), fastrand::f64())
                }
            };
            let interrupted = async {
                tokio::select! {
                    _ = self.signals.next(true) => true,
                    () = sleep(pause) => false,
                }
            };
            if self.intake.beside(interrupted).await {
                return;
            }
        }
    }

    /// Serves a connection from CONNACK to its end.
    async fn session(
        &mut self,
        mut connection: Connection,
        session_present: bool,
        url: &BrokerUrl,
        settings: &BrokerSettings,
        subscriptions: &mut Subscriptions,
    ) -> End {
        let known = self.known(session_present, url, settings).await;
        let source = Source::Broker { url: url.to_string().into(), session: known.session };
        let max = (settings.max_queued_messages, settings.max_queued_bytes);
        self.intake.connected(source, max, settings.gather);
        let mut session =
            Session { connection: &mut connection, url, settings, subscriptions, number: known.session };
        session.ask(&known.filters);
        let end = session.run(self).await;
        let patience = match end {
            End::Stopping => Some(settings.drain.mul_f64(0.8)),
            End::Changed => Some(SETTLE),
            End::Lost(_) => None,
        };
        if let Some(patience) = patience {
            self.intake.drain(Instant::now() + patience, &mut connection.out).await;
            connection.goodbye().await;
        }
        self.intake.disconnected();
        end
    }

    /// What is known of the session: of a new one nothing but its number, which is on record before its first message is.
    async fn known(&mut self, session_present: bool, url: &BrokerUrl, settings: &BrokerSettings) -> Known {
        let url = url.to_string();
        if session_present
            && let Some(record) = &self.record
            && let Some(known) = record.load(&url, &settings.client_id).await
        {
            return known;
        }
        let known = Known { session: fastrand::u64(..), filters: Vec::new() };
        if let Some(record) = &self.record {
            record.save(&url, &settings.client_id, &known).await;
        }
        known
    }
}

/// A connection being served.
struct Session<'a> {
    connection: &'a mut Connection,
    url: &'a BrokerUrl,
    settings: &'a BrokerSettings,
    subscriptions: &'a mut Subscriptions,
    /// The session's.
    number: u64,
}

impl Session<'_> {
    /// Asks for what is wanted, given what the session has.
    fn ask(&mut self, known: &[String]) {
        let plan = filters::plan(&self.subscriptions.filters, known);
        let Connection { subscription, out, version, .. } = &mut *self.connection;
        subscription.ask(plan, self.subscriptions.retained, *version, Instant::now(), out);
    }

    /// Serves until the connection ends.
    async fn run<O: Offer>(&mut self, client: &mut Client<'_, O>) -> End {
        loop {
            match self.turn(client).await {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(reason) => return End::Lost(reason),
            }
        }
    }

    /// Does what can be done at once, then waits for one thing to happen.
    async fn turn<O: Offer>(&mut self, client: &mut Client<'_, O>) -> Result<Option<End>, String> {
        let now = Instant::now();
        self.connection.take_packets(&mut client.intake, client.metrics, now)?;
        if self.connection.subscription.just_confirmed() {
            self.confirmed(client);
        }
        let Client { signals, intake, metrics, .. } = &mut *client;
        let connection = &mut *self.connection;
        let again = intake.offer_if_ready(now, &mut connection.out);
        let may_read = intake.has_room();
        let wake = [again, connection.check_time(may_read, now)?].into_iter().flatten().min();
        if may_read {
            connection.make_room();
        }
        let wake = async {
            match wake {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        // A change that cannot be applied yet waits until the broker has confirmed what was asked before.
        let settled = !connection.subscription.is_open();
        tokio::select! {
            biased;
            end = signals.next(settled) => return Ok(match end {
                End::Changed => self.changed(client),
                end => Some(end),
            }),
            settled = intake.ended() => intake
                .settled(settled, &mut connection.out)
                .map_err(|_| "storing failed; nothing is acknowledged any more".to_owned())?,
            io = connection.io(may_read) => match io {
                Ok(Io::Read(0)) => return Err(closed()),
                Ok(Io::Read(read)) => metrics.bytes.add(read as u64),
                Ok(Io::Sent) => {}
                Err(error) => return Err(error.to_string()),
            },
            () = wake => {}
        }
        Ok(None)
    }

    /// The broker has confirmed everything.
    fn confirmed<O: Offer>(&self, client: &mut Client<'_, O>) {
        let subscription = &self.connection.subscription;
        client.report.subscribed(self.url, subscription.filters(), subscription.amiss());
        if let Some(record) = client.record.clone() {
            let (url, client_id) = (self.url.to_string(), self.settings.client_id.clone());
            let known = Known { session: self.number, filters: subscription.filters().to_vec() };
            tokio::spawn(async move { record.save(&url, &client_id, &known).await });
        }
    }

    /// Something else is wanted: other filters at once, anything else on another connection.
    fn changed<O: Offer>(&mut self, client: &mut Client<'_, O>) -> Option<End> {
        let wanted = client.signals.wanted.borrow_and_update().clone();
        let same = wanted.settings.as_ref() == Some(self.settings);
        if !same {
            return Some(End::Changed);
        }
        let known = self.connection.subscription.filters().to_vec();
        *self.subscriptions = wanted.subscriptions;
        self.ask(&known);
        None
    }
}
