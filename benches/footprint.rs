//! What the daemon takes: memory when idle, memory under full MQTT load with a million items, time until it is ready with
//! them (after a clean stop and after `kill -9`), the binary's size. Goals: 15 MB resident, 40 MB anonymous, 200 ms, 10 MB.
//!
//! `cargo bench --bench footprint`; `--profile quick` builds faster, but makes a larger binary. `ITEMS` (default 1,000,000),
//! `FOLDER` for the store (default: the temporary folder).

// A benchmark ends with the first thing that goes wrong, and talks to standard output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub
)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::broker::{IN_FLIGHT, PUBLISHERS};
use support::{Daemon, publish, reading};

/// Starts of each kind.
const STARTS: usize = 5;

/// A figure of `/proc/PID/status` in KiB.
fn memory(pid: u32, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(figure)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn megabytes(kib: u64) -> String {
    format!("{:.1} MB", kib as f64 * 1024.0 / 1e6)
}

/// Publishes so many readings from several devices; the most anonymous memory that was seen meanwhile, in KiB.
fn load(daemon: &Daemon, readings: usize, round: usize) -> (u64, f64) {
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let begin = Instant::now();
    let mut seconds = 0.0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(memory(daemon.child.id(), "RssAnon"), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| {
                let client = format!("footprint-{round}-{publisher}");
                scope.spawn(move || {
                    publish(daemon.mqtt, &client, readings / PUBLISHERS, IN_FLIGHT, |n| {
                        (format!("device-{publisher}-{:03}", n * 31 % 100), reading(n))
                    });
                })
            })
            .collect();
        publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
        seconds = begin.elapsed().as_secs_f64();
        done.store(true, Ordering::Relaxed);
    });
    (most.into_inner(), readings as f64 / seconds)
}

/// Starts of a store as it is; the time of each until `/readyz` says 200.
fn starts(store: &std::path::Path, what: &str, end: fn(Daemon)) {
    let mut times: Vec<Duration> = (0..STARTS)
        .map(|_| {
            let begin = Instant::now();
            let daemon = Daemon::start(store);
            let ready = begin.elapsed();
            // Something for the next start to replay.
            publish(daemon.mqtt, "replay", 1_000, IN_FLIGHT, |n| ("replay".to_owned(), reading(n)));
            end(daemon);
            ready
        })
        .collect();
    times.sort();
    println!(
        "ready after {what}: {} ms median, {} ms at most (goal 200)",
        times[STARTS / 2].as_millis(),
        times[STARTS - 1].as_millis()
    );
}

fn main() {
    let items: usize = std::env::var("ITEMS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let folder = match std::env::var_os("FOLDER") {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let store = folder.path().join("store");
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_forebay")).unwrap().len();
    println!("binary: {:.1} MB as this profile builds it (goal 10)", size as f64 / 1e6);

    let daemon = Daemon::start(&store);
    std::thread::sleep(Duration::from_secs(2));
    let pid = daemon.child.id();
    println!(
        "idle: {} resident (goal 15), of that anonymous {}",
        megabytes(memory(pid, "VmRSS")),
        megabytes(memory(pid, "RssAnon"))
    );
    let (most, rate) = load(&daemon, items, 0);
    println!("load from empty to {items} items: {} anonymous at most, {rate:.0}/s", megabytes(most));
    let (most, rate) = load(&daemon, items / 4, 1);
    println!("load with {items} items: {} anonymous at most (goal 40), {rate:.0}/s", megabytes(most));
    println!("items: {}", daemon.status()["store"]["items"]);
    std::thread::sleep(Duration::from_secs(5));
    println!("idle with these: {} anonymous", megabytes(memory(pid, "RssAnon")));
    daemon.stop();
    starts(&store, "a clean stop", Daemon::stop);
    starts(&store, "kill -9", drop);
    let daemon = Daemon::start(&store);
    std::thread::sleep(Duration::from_secs(2));
    println!("idle after a start with these: {} resident", megabytes(memory(daemon.child.id(), "VmRSS")));
}
