//! The loop of `kill -9` with a broker in between: devices publish at a mosquitto with the shipped configuration, Forebay
//! subscribes there and syncs upstream; broker and daemon are killed in turn under load. At the end the proof that nothing
//! is lost of what the broker's configuration promises: what it had acknowledged and saved.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::chance::Chance;
use super::daemon::{Daemon, scan};
use super::kill::{Rounds, Upstream, drained, sorted};
use super::mosquitto::Mosquitto;
use super::publisher::{Plan, Publisher};
use super::{counted, eventually};

/// Makes the n-th message: topic and payload.
type Make = fn(u64) -> (String, Vec<u8>);

/// Both devices publish under keys of their own making: a device that has not seen its acknowledgement sends again, and the
/// broker can't know.
const DEVICES: [(&str, usize, Make); 2] = [("one", 1, one), ("many", 50, many)];

fn one(n: u64) -> (String, Vec<u8>) {
    message("one", n)
}

fn many(n: u64) -> (String, Vec<u8>) {
    message("many", n)
}

fn message(device: &str, n: u64) -> (String, Vec<u8>) {
    let padding = "x".repeat((n * 37 % 700) as usize);
    (format!("devices/{device}"), json!({ "n": n, "padding": padding }).to_string().into_bytes())
}

fn configuration(broker: &Mosquitto, upstream: &dyn Upstream, protocol: &str) -> String {
    format!(
        r#"
[mqtt.broker]
url = "mqtt://{}"
protocol = "{protocol}"
[[table]]
name = "readings"
partition_key = {{ name = "device", type = "S" }}
sort_key = {{ name = "ts", type = "N" }}
[[rule]]
topic = "devices/{{device}}"
set = {{ device = "{{device}}", ts = "{{payload:/n}}" }}
[[upstream]]
name = "central"
endpoint = "http://{}"
region = "eu-west-1"
"#,
        broker.address,
        upstream.address()
    )
}

/// Messages that devices saw acknowledged; by device and message.
type Book = BTreeSet<(&'static str, u64)>;

/// The loop.
pub fn through_mosquitto(seed: u64, protocol: &str, rounds: &Rounds, upstream: &mut dyn Upstream) {
    let mut broker = Mosquitto::shipped();
    broker.launch();
    let mut daemon = Daemon::start(&configuration(&broker, upstream, protocol));
    // Before there is a session, a broker keeps nothing for it.
    subscribed(&daemon);
    broker.save();
    let devices = DEVICES.map(|(client, in_flight, message)| {
        let (client, messages) = (client.to_owned(), rounds.messages);
        Publisher::start(Plan { listener: broker.address, client, qos: 1, in_flight, message, messages })
    });
    let count = || devices.iter().map(Publisher::count).sum::<u64>();
    let book = || -> Book {
        let names = DEVICES.iter().map(|(name, ..)| *name);
        names
            .zip(&devices)
            .flat_map(|(name, device)| device.acknowledged().into_iter().map(move |n| (name, n)))
            .collect()
    };
    // Acknowledged by the broker, and perhaps not saved when it was killed.
    let (mut doubtful, mut chance) = (Book::new(), Chance::seeded(seed));
    for round in 0..rounds.kills {
        let goal = (count() + chance.below(rounds.between)).min(rounds.messages * DEVICES.len() as u64);
        counted("acknowledgements", goal, &count);
        let all = count() >= rounds.messages * DEVICES.len() as u64;
        let what = if all { 1 } else { chance.below(4) };
        println!(
            "round {round}: {} acknowledged, kill {}",
            count(),
            ["both", "the daemon", "the broker", "the broker"][what as usize]
        );
        if what != 1 {
            let saved = book();
            broker.save();
            let ended = devices.each_ref().map(Publisher::ended);
            broker.kill();
            eventually("the devices to notice", || {
                devices.iter().zip(ended).all(|(device, before)| device.ended() > before).then_some(())
            });
            doubtful.extend(book().difference(&saved));
        }
        if what < 2 {
            daemon.kill();
            daemon.launch();
        }
        if chance.below(2) == 0 {
            upstream.go_away();
        }
        broker.launch_again();
        upstream.come_back();
    }
    let sent = devices.map(Publisher::finish);
    subscribed(&daemon);
    // The broker delivers in order: when this has come, everything has.
    broker.publish("devices/end", &["{\"n\":0}"]);
    let end = || daemon.scan("readings").iter().any(|item| item["device"]["S"] == "end");
    eventually("everything to be stored", || end().then_some(()));
    check(&mut daemon, upstream, &doubtful, sent);
}

fn subscribed(daemon: &Daemon) {
    eventually("the subscription", || (daemon.status()["mqtt"]["broker"] == "subscribed").then_some(()));
}

/// Everything promised is there, nothing else is, and both ends are the same.
fn check(daemon: &mut Daemon, upstream: &dyn Upstream, doubtful: &Book, sent: [u64; 2]) {
    let near = daemon.scan("readings");
    let of = |item: &Value| {
        let device = item["device"]["S"].as_str().unwrap().to_owned();
        (device, item["ts"]["N"].as_str().unwrap().parse::<u64>().unwrap())
    };
    let found: BTreeSet<(String, u64)> = near.iter().map(of).filter(|(device, _)| device != "end").collect();
    let all: Book =
        DEVICES.iter().zip(sent).flat_map(|((name, ..), sent)| (0..sent).map(move |n| (*name, n))).collect();
    let lost: Book =
        all.into_iter().filter(|(device, n)| !found.contains(&((*device).to_owned(), *n))).collect();
    let broken: Vec<_> = lost.difference(doubtful).collect();
    assert!(broken.is_empty(), "promised by the broker, and not stored: {broken:?}");
    for (device, n) in &found {
        let at = DEVICES.iter().position(|(name, ..)| name == device).expect("a device of ours");
        assert!(*n < sent[at], "{device}: message {n} was never sent");
    }
    println!(
        "{} acknowledged, {} of them perhaps not saved when the broker was killed, {} of these lost",
        sent.iter().sum::<u64>(),
        doubtful.len(),
        lost.len()
    );
    drained(daemon);
    assert_eq!(sorted(near), sorted(scan(upstream.address(), "readings")), "both ends hold the same");
    assert_eq!(daemon.status()["mqtt"]["broker"], "subscribed");
    assert_eq!(daemon.stop().code(), Some(0));
}
