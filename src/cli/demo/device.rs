//! A simulated device: publishes readings at QoS 1, reconnects, resends, and keeps book of what was acknowledged.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Outgoing, Packet, QoS};
use tokio::task::JoinHandle;

/// Messages in flight per device.
const IN_FLIGHT: u16 = 20;
/// How long a device waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(50);

/// A device that publishes until it is told to stop.
pub(super) struct Device {
    name: String,
    client: AsyncClient,
    book: Arc<Book>,
    next: u64,
    poller: JoinHandle<()>,
}

/// What was published and what was acknowledged.
#[derive(Default)]
struct Book {
    published: AtomicU64,
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
        let poller = tokio::spawn(poll(events, Arc::clone(&book)));
        Device { name, client, book, next: 0, poller }
    }

    /// Publishes so many readings, as fast as acknowledgements allow.
    pub(super) async fn publish(&mut self, readings: u64) {
        for _ in 0..readings {
            let ts = self.next;
            self.next += 1;
            let payload = format!(
                r#"{{"ts":{ts},"temperature":{}.{:02},"humidity":{},"unit":"C"}}"#,
                18 + ts % 7,
                (ts * 37) % 100,
                40 + ts % 20
            );
            let topic = format!("sensors/{}", self.name);
            if self.client.publish(topic, QoS::AtLeastOnce, false, payload).await.is_err() {
                return;
            }
            self.book.published.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether everything published has been acknowledged.
    pub(super) fn settled(&self) -> bool {
        self.acknowledged().len() as u64 == self.book.published.load(Ordering::Relaxed)
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

/// Drives the connection. Readings go out in the order they were published, so the n-th packet identifier that was not
/// in flight yet is the n-th reading.
async fn poll(mut events: rumqttc::EventLoop, book: Arc<Book>) {
    let mut in_flight: HashMap<u16, u64> = HashMap::new();
    let mut unsent: VecDeque<u64> = VecDeque::new();
    let mut next = 0;
    loop {
        match events.poll().await {
            Ok(Event::Outgoing(Outgoing::Publish(packet))) => {
                if let std::collections::hash_map::Entry::Vacant(entry) = in_flight.entry(packet) {
                    let reading = unsent.pop_front().unwrap_or_else(|| {
                        next += 1;
                        next - 1
                    });
                    entry.insert(reading);
                }
            }
            Ok(Event::Incoming(Packet::PubAck(ack))) => {
                if let Some(reading) = in_flight.remove(&ack.pkid) {
                    book.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
                }
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(RECONNECT).await,
        }
    }
}
