//! A simulated device: publishes readings at QoS 1, reconnects, resends, and keeps book of what was acknowledged. The queue
//! of readings is its own, as a careful device has it: rumqttc forgets what it has not
//! seen acknowledged wherever it is told that there is no session (`docs/mqtt.md`, "Sessions").

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, QoS};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Messages in flight per device.
const IN_FLIGHT: u16 = 20;
/// How long a device waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(50);

/// A device that publishes until it is told to stop.
pub(super) struct Device {
    name: String,
    book: Arc<Book>,
    wanted: mpsc::Sender<u64>,
    poller: JoinHandle<()>,
}

/// What is to be published and what was acknowledged.
#[derive(Default)]
struct Book {
    wanted: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
}

impl Device {
    /// Connects (and keeps connecting) to the listener.
    pub(super) fn start(number: usize, listener: SocketAddr) -> Device {
        let name = format!("device-{number}");
        let mut options = MqttOptions::new(&name, listener.ip().to_string(), listener.port());
        options.set_clean_session(false).set_inflight(IN_FLIGHT).set_keep_alive(Duration::from_secs(5));
        let (client, events) = AsyncClient::new(options, usize::from(IN_FLIGHT));
        let book = Arc::new(Book::default());
        let (wanted, orders) = mpsc::channel(1);
        let outbox = Outbox::new(format!("sensors/{name}"), client, Arc::clone(&book));
        let poller = tokio::spawn(outbox.run(events, orders));
        Device { name, book, wanted, poller }
    }

    /// Publishes so many readings, as fast as acknowledgements allow; does not wait for these.
    pub(super) async fn publish(&mut self, readings: u64) {
        self.book.wanted.fetch_add(readings, Ordering::Relaxed);
        let _ = self.wanted.send(readings).await;
    }

    /// Whether everything published has been acknowledged.
    pub(super) fn settled(&self) -> bool {
        self.acknowledged().len() as u64 == self.book.wanted.load(Ordering::Relaxed)
    }

    /// The readings that were acknowledged, by their `ts`.
    pub(super) fn acknowledged(&self) -> Vec<u64> {
        self.book.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The device's name, its partition key.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

/// The readings that have not been acknowledged, in order: not handed over, handed over, sent under a packet identifier.
struct Outbox {
    topic: String,
    client: AsyncClient,
    book: Arc<Book>,
    next: u64,
    unsent: VecDeque<u64>,
    handed_over: VecDeque<u64>,
    in_flight: BTreeMap<u16, u64>,
    connected: bool,
}

impl Outbox {
    fn new(topic: String, client: AsyncClient, book: Arc<Book>) -> Outbox {
        Outbox {
            topic,
            client,
            book,
            next: 0,
            unsent: VecDeque::new(),
            handed_over: VecDeque::new(),
            in_flight: BTreeMap::new(),
            connected: false,
        }
    }

    /// Drives the connection.
    async fn run(mut self, mut events: EventLoop, mut orders: mpsc::Receiver<u64>) {
        loop {
            self.hand_over();
            tokio::select! {
                event = events.poll() => match event {
                    Ok(event) => self.happened(&event),
                    Err(_) => {
                        // What it had read before the connection ended.
                        while let Some(event) = events.state.events.pop_front() {
                            self.happened(&event);
                        }
                        self.connected = false;
                        tokio::time::sleep(RECONNECT).await;
                    }
                },
                Some(readings) = orders.recv() => {
                    self.unsent.extend(self.next..self.next + readings);
                    self.next += readings;
                }
            }
        }
    }

    /// Gives the client what it may have in flight.
    fn hand_over(&mut self) {
        while self.connected && self.handed_over.len() + self.in_flight.len() < usize::from(IN_FLIGHT) {
            let Some(&ts) = self.unsent.front() else { return };
            if self.client.try_publish(&self.topic, QoS::AtLeastOnce, false, payload(ts)).is_err() {
                return;
            }
            self.unsent.pop_front();
            self.handed_over.push_back(ts);
        }
    }

    fn happened(&mut self, event: &Event) {
        match event {
            Event::Incoming(Packet::ConnAck(answer)) => {
                self.connected = true;
                if !answer.session_present {
                    self.begin_again();
                }
            }
            // The client sends in the order it was given; an identifier that is in flight is a repetition.
            Event::Outgoing(Outgoing::Publish(packet)) if !self.in_flight.contains_key(packet) => {
                if let Some(ts) = self.handed_over.pop_front() {
                    self.in_flight.insert(*packet, ts);
                }
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                if let Some(ts) = self.in_flight.remove(&ack.pkid) {
                    self.book.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(ts);
                }
            }
            _ => {}
        }
    }

    /// The client has forgotten everything: all that was not acknowledged is to be sent again.
    fn begin_again(&mut self) {
        let mut again: Vec<u64> = std::mem::take(&mut self.in_flight).into_values().collect();
        again.sort_unstable();
        again.extend(self.handed_over.drain(..));
        again.extend(self.unsent.drain(..));
        self.unsent = again.into();
    }
}

fn payload(ts: u64) -> String {
    format!(
        r#"{{"ts":{ts},"temperature":{}.{:02},"humidity":{},"unit":"C"}}"#,
        18 + ts % 7,
        (ts * 37) % 100,
        40 + ts % 20
    )
}
