//! A broker by hand, for what a real one does not do.

use std::time::Duration;

use forebay::mqtt::broker::{BrokerSettings, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::client::{Client, settings, until};
use crate::fake::{GUARD, Mode};

/// The broker's side of a connection.
struct Side(TcpStream);

impl Side {
    /// Accepts the client, with this CONNACK.
    async fn accept(listener: &TcpListener, connack: &[u8]) -> Side {
        let (stream, _) = timeout(GUARD, listener.accept()).await.expect("a connection").unwrap();
        let mut side = Side(stream);
        assert_eq!(side.packet().await[0], 0x10, "CONNECT comes first");
        side.0.write_all(connack).await.unwrap();
        side
    }

    /// Confirms the subscription.
    async fn confirm(&mut self) {
        let subscribe = self.packet().await;
        assert_eq!(subscribe[0], 0x82);
        self.send(&[0x90, 3, subscribe[2], subscribe[3], 1]).await;
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// A publish on `s`, with an identifier for its payload.
    async fn publish(&mut self, first: u8, id: u8) {
        self.send(&[first, 6, 0, 1, b's', 0, id, b'0' + id]).await;
    }

    /// The next packet (shorter than 128 bytes).
    async fn packet(&mut self) -> Vec<u8> {
        let read = async {
            let mut packet = vec![0; 2];
            self.0.read_exact(&mut packet).await?;
            packet.resize(2 + usize::from(packet[1]), 0);
            self.0.read_exact(&mut packet[2..]).await?;
            std::io::Result::Ok(packet)
        };
        timeout(GUARD, read).await.expect("a packet").unwrap()
    }

    /// Waits for the end.
    async fn ended(mut self) {
        let read = async { while matches!(self.0.read(&mut [0; 64]).await, Ok(1..)) {} };
        timeout(GUARD, read).await.expect("the end");
    }
}

const NEW: &[u8] = b"\x20\x02\x00\x00";
const PRESENT: &[u8] = b"\x20\x02\x01\x00";

async fn listen() -> (TcpListener, BrokerSettings) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = settings(listener.local_addr().unwrap());
    (listener, settings)
}

/// The reader stands still because the store does; the broker is told that the client lives, and is not judged silent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_go_on_while_nothing_is_read() {
    let (listener, mut settings) = listen().await;
    (settings.max_queued_messages, settings.keep_alive) = (1, Duration::from_secs(1));
    let client = Client::start(settings, Mode::Held);
    let mut side = Side::accept(&listener, NEW).await;
    side.confirm().await;
    for id in 1..=3 {
        side.publish(0x32, id).await;
    }
    for _ in 0..3 {
        assert_eq!(side.packet().await, [0xC0, 0]);
    }
    assert!(client.is_subscribed());
    client.store.set(Mode::Open);
    for id in 1..=3 {
        assert_eq!(side.packet().await, [0x40, 2, 0, id]);
    }
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_broker_is_left() {
    let (listener, mut settings) = listen().await;
    settings.keep_alive = Duration::from_secs(1);
    let client = Client::start(settings, Mode::Open);
    let mut side = Side::accept(&listener, NEW).await;
    side.confirm().await;
    client.subscribed().await;
    side.ended().await;
    client.not_subscribed("does not answer a ping").await;
    Side::accept(&listener, NEW).await.confirm().await;
    client.stop().await;
}

/// A batch under way when its connection is lost is acknowledged to nobody: on the next connection its identifiers are
/// other messages'.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_never_cross_connections() {
    let (listener, settings) = listen().await;
    let client = Client::start(settings, Mode::Held);
    let mut side = Side::accept(&listener, NEW).await;
    side.confirm().await;
    side.publish(0x32, 1).await;
    client.store.offered(1).await;
    drop(side);
    let mut side = Side::accept(&listener, PRESENT).await;
    // Before it has confirmed anything, as a broker with a session may.
    side.publish(0x3A, 1).await;
    side.publish(0x32, 2).await;
    until("the messages", || client.metrics.messages.get() == 3).await;
    client.store.set(Mode::Open);
    let mut answers = [side.packet().await, side.packet().await, side.packet().await];
    answers.sort();
    assert_eq!(answers[..2], [[0x40, 2, 0, 1], [0x40, 2, 0, 2]]);
    assert_eq!(answers[2][0], 0x82);
    assert_eq!(client.store.payloads(), ["1", "1", "2"]);
    assert!(client.store.messages()[1].dup);
    client.stop().await;
}

/// What is not granted is told; where nothing is, the connection is of no use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_subscription_is_told() {
    let (listener, settings) = listen().await;
    let client = Client::start(settings, Mode::Open);
    let mut side = Side::accept(&listener, NEW).await;
    let subscribe = side.packet().await;
    side.send(&[0x90, 3, subscribe[2], subscribe[3], 0x80]).await;
    client.not_subscribed("refuses the subscription to s/#").await;
    let mut side = Side::accept(&listener, NEW).await;
    let subscribe = side.packet().await;
    side.send(&[0x90, 3, subscribe[2], subscribe[3], 0]).await;
    client.subscribed().await;
    assert!(client.reason().contains("QoS 0 only"));
    client.stop().await;
}

/// MQTT 5: a broker may say why it ends the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_brokers_last_word_is_told() {
    let (listener, settings) = listen().await;
    let client = Client::start(BrokerSettings { protocol: Protocol::V5, ..settings }, Mode::Open);
    let mut side = Side::accept(&listener, b"\x20\x03\x00\x00\x00").await;
    side.send(b"\xE0\x01\x8E").await;
    client.not_subscribed("the same client_id").await;
    Side::accept(&listener, b"\x20\x03\x00\x89\x00").await.ended().await;
    client.not_subscribed("ServerBusy").await;
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_ends_the_connection_and_nothing_else() {
    let (listener, settings) = listen().await;
    let client = Client::start(settings, Mode::Open);
    for garbage in
        [&b"\x00\x00"[..], b"\x30\xFF\xFF\xFF\xFF\x01", b"\x90\x01\x00", b"\x48TTP/1.1 400 Bad Request: this is no MQTT, and there are more bytes of it than the second one says", NEW]
    {
        let mut side = Side::accept(&listener, NEW).await;
        side.confirm().await;
        side.send(garbage).await;
        side.ended().await;
    }
    let mut side = Side::accept(&listener, NEW).await;
    side.confirm().await;
    side.publish(0x32, 1).await;
    assert_eq!(side.packet().await, [0x40, 2, 0, 1]);
    client.stop().await;
}

/// QoS 2 comes only from a session that another program left; it is received as it should be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn qos_2_is_received_all_the_same() {
    let (listener, settings) = listen().await;
    let client = Client::start(settings, Mode::Open);
    let mut side = Side::accept(&listener, PRESENT).await;
    side.confirm().await;
    side.publish(0x34, 5).await;
    assert_eq!(side.packet().await, [0x50, 2, 0, 5]);
    side.send(&[0x62, 2, 0, 5]).await;
    assert_eq!(side.packet().await, [0x70, 2, 0, 5]);
    // Of an earlier connection.
    side.send(&[0x62, 2, 0, 9]).await;
    assert_eq!(side.packet().await, [0x70, 2, 0, 9]);
    client.stop().await;
}
