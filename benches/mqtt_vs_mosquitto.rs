//! Four publishers at QoS 1 with 100 in flight each: Forebay, every message durable before its PUBACK, against mosquitto and
//! one subscriber that stores nothing, in one run on the same machine. Goal: at least 0.9 of the rate, less than half of
//! the CPU time per message of that pair.
//!
//! `cargo bench --bench mqtt_vs_mosquitto` (needs mosquitto); `--profile quick` builds faster. `MESSAGES` per publisher
//! (default 100,000), `ROUNDS` (default 3), `FOLDER` for the store (default: the temporary folder).

// A benchmark ends with the first thing that goes wrong, and talks to standard output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub
)]

mod support;

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use support::broker::{PUBLISHERS, Run, load, mosquitto, subscriber};
use support::{Daemon, cpu_of, median, number, say};

fn forebay(folder: &Path, messages: usize) -> Run {
    let store = tempfile::tempdir_in(folder).unwrap();
    let daemon = Daemon::start(&store.path().join("store"));
    let (cpu, begin) = (daemon.cpu(), Instant::now());
    load(daemon.mqtt, messages);
    let (elapsed, cpu) = (begin.elapsed(), daemon.cpu() - cpu);
    let accepted = daemon.status()["ingest"]["accepted"].as_u64().unwrap();
    assert_eq!(accepted, (messages * PUBLISHERS) as u64, "items stored");
    daemon.stop();
    Run::of(messages, elapsed, cpu)
}

fn mosquitto_and_subscriber(folder: &Path, messages: usize) -> Run {
    let (broker, address) = mosquitto(folder, 1000);
    let mut subscriber = subscriber("as little as possible", address, messages);
    let mut said = subscriber.0.stdout.take().unwrap();
    // One byte when it is subscribed, another when all have come.
    said.read_exact(&mut [0]).unwrap();
    let both = || cpu_of(broker.0.id()) + cpu_of(subscriber.0.id());
    let (cpu, begin) = (both(), Instant::now());
    load(address, messages);
    said.read_exact(&mut [0]).unwrap();
    Run::of(messages, begin.elapsed(), both() - cpu)
}

/// A subscriber that does as little as one can: reads, acknowledges what it has read in one write, counts.
fn subscribe(address: &str, count: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(b"\x10\x0D\0\x04MQTT\x04\x02\0\0\0\x01s").unwrap();
    stream.write_all(b"\x82\x06\0\x01\0\x01#\x01").unwrap();
    let mut input = BufReader::with_capacity(256 * 1024, stream.try_clone().unwrap());
    let (mut acks, mut body, mut received) = (Vec::new(), Vec::new(), 0);
    while received < count {
        let mut first = [0];
        input.read_exact(&mut first).unwrap();
        let (mut length, mut shift, mut byte) = (0, 0, [0x80]);
        while byte[0] & 0x80 != 0 {
            input.read_exact(&mut byte).unwrap();
            length |= usize::from(byte[0] & 0x7F) << shift;
            shift += 7;
        }
        body.resize(length, 0);
        input.read_exact(&mut body).unwrap();
        match first[0] >> 4 {
            3 => {
                let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                acks.extend_from_slice(&[0x40, 2, body[2 + topic], body[3 + topic]]);
                received += 1;
            }
            9 => say(),
            _ => {}
        }
        if input.buffer().is_empty() || acks.len() > 64 * 1024 {
            stream.write_all(&acks).unwrap();
            acks.clear();
        }
    }
    say();
    // Its CPU time is read before it goes.
    let _ = std::io::stdin().read(&mut [0]);
}

fn main() {
    if let Ok(address) = std::env::var("SUBSCRIBE_AT") {
        return subscribe(&address, number("SUBSCRIBE_COUNT", 0));
    }
    let (messages, rounds) = (number("MESSAGES", 100_000), number("ROUNDS", 3));
    let folder = std::env::var("FOLDER").map_or_else(|_| std::env::temp_dir(), Into::into);
    let work = tempfile::tempdir_in(folder).unwrap();
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let theirs = mosquitto_and_subscriber(work.path(), messages);
        let ours = forebay(work.path(), messages);
        let (rate, cpu) = (ours.rate / theirs.rate, ours.cpu_us / theirs.cpu_us);
        println!(
            "round {round}: forebay {:.0}/s, {:.1} us CPU a message; mosquitto and a subscriber {:.0}/s, {:.1} us: \
             rate {rate:.2}, CPU {cpu:.2}",
            ours.rate, ours.cpu_us, theirs.rate, theirs.cpu_us
        );
        ratios.push((rate, cpu));
    }
    println!(
        "median: rate {:.2} (goal: 0.90 at least), CPU per message {:.2} (goal: below 0.50)",
        median(ratios.iter().map(|r| r.0)),
        median(ratios.iter().map(|r| r.1))
    );
}
