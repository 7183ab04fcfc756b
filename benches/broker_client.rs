//! One QoS 1 subscription at mosquitto, four publishers with 100 in flight each: Forebay, every message durable before its
//! PUBACK, against the same client when it acknowledges without storing, in one run on the same machine. Goal: at least
//! 0.85 of its rate. Beside it rumqttc's own client with manual acknowledgements, which stores nothing either.
//!
//! `cargo bench --bench broker_client` (needs mosquitto); `--profile quick` builds faster. `MESSAGES` per publisher
//! (default 50,000), `ROUNDS` (default 3), `PROTOCOL` (3.1.1 or 5), `FOLDER` for the store (default: the temporary folder).

// A benchmark ends with the first thing that goes wrong, and talks to standard output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub
)]

mod support;

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use forebay::clock::Clock;
use forebay::ingest::{Message, Settled, Subscriptions};
use forebay::mqtt::Offer;
use forebay::mqtt::broker::{Broker, BrokerSettings, BrokerUrl, Protocol};
use forebay::telemetry::{BrokerMetrics, MqttStatus, Watched};
use support::broker::{PUBLISHERS, Run, load, mosquitto, subscriber};
use support::{cpu_of, free_address, median, number, say};
use tokio::sync::watch;

fn protocol() -> String {
    std::env::var("PROTOCOL").unwrap_or_else(|_| "3.1.1".to_owned())
}

/// The daemon.
fn forebay(folder: &Path, messages: usize) -> Run {
    let (_broker, address) = mosquitto(folder, 4000);
    let store = tempfile::tempdir_in(folder).unwrap();
    let (http, file) = (free_address(), store.path().join("gateway.toml"));
    let text = format!(
        "[store]\npath = {:?}\n[http]\nlisten = \"{http}\"\n[mqtt.broker]\nurl = \"mqtt://{address}\"\nprotocol = {:?}\n\
         [[table]]\nname = \"readings\"\npartition_key = {{ name = \"device\", type = \"S\" }}\n\
         sort_key = {{ name = \"ts\", type = \"N\" }}\n\
         [[rule]]\ntopic = \"{{device..}}\"\nset = {{ device = \"{{device}}\", ts = \"{{now_us}}\" }}\n",
        store.path().join("store"),
        protocol()
    );
    std::fs::write(&file, text).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(["run", "--config"])
        .arg(&file)
        .env("FOREBAY_LOG", "warn")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let daemon = support::Daemon { child, http, mqtt: address };
    while daemon.get("/readyz").is_none() || daemon.status()["mqtt"]["broker"] != "subscribed" {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (cpu, begin) = (daemon.cpu(), Instant::now());
    load(address, messages);
    while daemon.status()["ingest"]["accepted"] != messages * PUBLISHERS {
        std::thread::sleep(Duration::from_millis(5));
    }
    let taken = Run::of(messages, begin.elapsed(), daemon.cpu() - cpu);
    daemon.stop();
    taken
}

/// A client that stores nothing, in a process of its own.
fn without_storing(folder: &Path, messages: usize, client: &str) -> Run {
    let (_broker, address) = mosquitto(folder, 4000);
    let mut subscriber = subscriber(client, address, messages);
    let mut said = subscriber.0.stdout.take().unwrap();
    // One byte when it is subscribed, another when all have come.
    said.read_exact(&mut [0]).unwrap();
    let (cpu, begin) = (cpu_of(subscriber.0.id()), Instant::now());
    load(address, messages);
    said.read_exact(&mut [0]).unwrap();
    Run::of(messages, begin.elapsed(), cpu_of(subscriber.0.id()) - cpu)
}

/// Takes everything and keeps nothing.
#[derive(Clone, Default)]
struct Nothing(Arc<AtomicUsize>);

impl Offer for Nothing {
    async fn offer(&self, messages: Vec<Message>) -> Settled {
        self.0.fetch_add(messages.len(), Ordering::Relaxed);
        Settled { count: messages.len(), failed: None }
    }
}

/// Forebay's client without Forebay's store.
async fn ours(address: SocketAddr, count: usize) {
    let url = BrokerUrl::parse(&format!("mqtt://{address}")).unwrap();
    let protocol = if protocol() == "5" { Protocol::V5 } else { Protocol::V3 };
    let settings = BrokerSettings { protocol, ..BrokerSettings::new(vec![url], "without-storing") };
    let subscriptions = Subscriptions { filters: vec!["#".to_owned()], retained: false };
    let (broker, _handle) = Broker::new(Some(settings), subscriptions, Clock::manual(1));
    let (metrics, status) = (Arc::new(BrokerMetrics::default()), Arc::new(Watched::<MqttStatus>::default()));
    let (_stop, stopping) = watch::channel(false);
    tokio::spawn(broker.run(Nothing::default(), stopping, Arc::clone(&metrics), Arc::clone(&status)));
    while status.get().broker.as_deref() != Some("subscribed") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    say();
    while metrics.acknowledged.get() < count as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// rumqttc's client, acknowledging each message by hand.
async fn theirs(address: SocketAddr, count: usize) {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    let mut options = MqttOptions::new("rumqttc", address.ip().to_string(), address.port());
    options.set_clean_session(false).set_manual_acks(true).set_max_packet_size(1 << 20, 1 << 20);
    let (client, mut events) = AsyncClient::new(options, 10_000);
    client.subscribe("#", QoS::AtLeastOnce).await.unwrap();
    let mut acknowledged = 0;
    while acknowledged < count {
        match events.poll().await.unwrap() {
            Event::Incoming(Packet::SubAck(_)) => say(),
            Event::Incoming(Packet::Publish(publish)) => client.ack(&publish).await.unwrap(),
            Event::Outgoing(rumqttc::Outgoing::PubAck(_)) => acknowledged += 1,
            _ => {}
        }
    }
}

fn subscribe(client: &str) {
    let address = std::env::var("SUBSCRIBE_AT").unwrap().parse().unwrap();
    let count = number("SUBSCRIBE_COUNT", 0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        if client == "ours" { ours(address, count).await } else { theirs(address, count).await }
    });
    say();
    // Its CPU time is read before it goes.
    let _ = std::io::stdin().read(&mut [0]);
}

fn main() {
    if let Ok(client) = std::env::var("SUBSCRIBE_WITH") {
        return subscribe(&client);
    }
    let (messages, rounds) = (number("MESSAGES", 50_000), number("ROUNDS", 3));
    let folder = std::env::var("FOLDER").map_or_else(|_| std::env::temp_dir(), Into::into);
    let work = tempfile::tempdir_in(folder).unwrap();
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let bare = without_storing(work.path(), messages, "ours");
        let stored = forebay(work.path(), messages);
        let plain = without_storing(work.path(), messages, "rumqttc");
        println!(
            "round {round}: stored {:.0}/s ({:.1} us CPU a message); without storing {:.0}/s ({:.1} us); \
             rumqttc without storing {:.0}/s ({:.1} us): {:.2} of the same client, {:.2} of rumqttc's",
            stored.rate,
            stored.cpu_us,
            bare.rate,
            bare.cpu_us,
            plain.rate,
            plain.cpu_us,
            stored.rate / bare.rate,
            stored.rate / plain.rate
        );
        ratios.push((stored.rate / bare.rate, stored.rate / plain.rate));
    }
    println!(
        "median: {:.2} of the same client without storing (goal: 0.85 at least), {:.2} of rumqttc's",
        median(ratios.iter().map(|r| r.0)),
        median(ratios.iter().map(|r| r.1))
    );
}
