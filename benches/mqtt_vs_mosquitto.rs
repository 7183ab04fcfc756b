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
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Daemon, cpu_of, free_address, publish, reading};

const PUBLISHERS: usize = 4;
const IN_FLIGHT: usize = 100;

/// What one side took.
#[derive(Clone, Copy, Debug)]
struct Run {
    rate: f64,
    cpu_us: f64,
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Publishes from all publishers at once.
fn load(address: SocketAddr, messages: usize) {
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            scope.spawn(move || {
                publish(address, &format!("publisher-{publisher}"), messages, IN_FLIGHT, |n| {
                    (format!("devices/{:03}", (n * 31 + publisher * 25) % 100), reading(n))
                });
            });
        }
    });
}

fn forebay(folder: &Path, messages: usize) -> Run {
    let store = tempfile::tempdir_in(folder).unwrap();
    let daemon = Daemon::start(&store.path().join("store"));
    let (cpu, begin) = (daemon.cpu(), Instant::now());
    load(daemon.mqtt, messages);
    let (elapsed, cpu) = (begin.elapsed(), daemon.cpu() - cpu);
    let accepted = daemon.status()["ingest"]["accepted"].as_u64().unwrap();
    assert_eq!(accepted, (messages * PUBLISHERS) as u64, "items stored");
    daemon.stop();
    run(messages, elapsed, cpu)
}

fn run(messages: usize, elapsed: Duration, cpu: Duration) -> Run {
    let count = (messages * PUBLISHERS) as f64;
    Run { rate: count / elapsed.as_secs_f64(), cpu_us: cpu.as_secs_f64() * 1e6 / count }
}

/// A child that is killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mosquitto(folder: &Path, messages: usize) -> Run {
    let address = free_address();
    let configuration = folder.join("mosquitto.conf");
    // Nothing is dropped and nothing is stored; without a window of its own the subscriber would be the limit.
    std::fs::write(
        &configuration,
        format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 1000\n\
             max_queued_messages 0\nset_tcp_nodelay true\nlog_dest none\n",
            address.port()
        ),
    )
    .unwrap();
    let broker = Command::new("mosquitto").arg("-c").arg(&configuration).stderr(Stdio::null()).spawn();
    let broker = Killed(broker.expect("mosquitto is installed"));
    while TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut subscriber = Command::new(std::env::current_exe().unwrap())
        .env("SUBSCRIBE_AT", address.to_string())
        .env("SUBSCRIBE_COUNT", (messages * PUBLISHERS).to_string())
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()
        .map(Killed)
        .unwrap();
    let mut said = subscriber.0.stdout.take().unwrap();
    // One byte when it is subscribed, another when all have come.
    said.read_exact(&mut [0]).unwrap();
    let both = || cpu_of(broker.0.id()) + cpu_of(subscriber.0.id());
    let (cpu, begin) = (both(), Instant::now());
    load(address, messages);
    said.read_exact(&mut [0]).unwrap();
    run(messages, begin.elapsed(), both() - cpu)
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
            9 => {
                std::io::stdout().write_all(b".").unwrap();
                std::io::stdout().flush().unwrap();
            }
            _ => {}
        }
        if input.buffer().is_empty() || acks.len() > 64 * 1024 {
            stream.write_all(&acks).unwrap();
            acks.clear();
        }
    }
    std::io::stdout().write_all(b".").unwrap();
    std::io::stdout().flush().unwrap();
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
        let theirs = mosquitto(work.path(), messages);
        let ours = forebay(work.path(), messages);
        let (rate, cpu) = (ours.rate / theirs.rate, ours.cpu_us / theirs.cpu_us);
        println!(
            "round {round}: forebay {:.0}/s, {:.1} us CPU a message; mosquitto and a subscriber {:.0}/s, {:.1} us: \
             rate {rate:.2}, CPU {cpu:.2}",
            ours.rate, ours.cpu_us, theirs.rate, theirs.cpu_us
        );
        ratios.push((rate, cpu));
    }
    let median = |pick: fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = ratios.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "median: rate {:.2} (goal: 0.90 at least), CPU per message {:.2} (goal: below 0.50)",
        median(|r| r.0),
        median(|r| r.1)
    );
}
