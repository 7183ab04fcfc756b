//! CPU time of the way in, without sockets: batches of readings through the rules into a store, folds included.
//!
//! `cargo bench --bench ingest`; `--profile quick` builds faster. `MESSAGES` (default 400,000), `BATCH` (default 100),
//! `FOLDER` for the store (default: the temporary folder). Under `valgrind --tool=callgrind` it counts instructions, which a
//! busy machine does not change.

// A benchmark ends with the first thing that goes wrong, and talks to standard output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub
)]

mod support;

use std::sync::Arc;

use arc_swap::ArcSwap;
use forebay::clock::Clock;
use forebay::config::{self, Flags};
use forebay::engine::{CreateTable, Engine};
use forebay::ingest::{Accept, Message, Source};
use forebay::security::{Principal, authorize};
use forebay::store::{Store, StoreSettings};
use support::{cpu_of, number, reading};

fn messages(batch: usize, size: usize, source: &Source) -> Vec<Message> {
    (batch * size..(batch + 1) * size)
        .map(|n| Message {
            topic: format!("devices/{:03}", n * 31 % 100).into(),
            payload: reading(n).into(),
            qos: 1,
            retained: false,
            dup: false,
            packet_id: Some((n % 65_535 + 1) as u16),
            source: source.clone(),
        })
        .collect()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (count, size) = (number("MESSAGES", 400_000), number("BATCH", 100));
    let folder = std::env::var("FOLDER").map_or_else(|_| std::env::temp_dir(), Into::into);
    let work = tempfile::tempdir_in(folder).unwrap();
    let clock = Clock::system(forebay::clock::Trust::Always, 0);
    let store = Store::open(&StoreSettings::new(work.path().join("store")), &clock).unwrap();
    let engine = Engine::new(store.clone(), clock.clone());
    let settings = config::load(None, Flags::default(), std::iter::empty()).unwrap().settings;
    for table in settings.tables {
        let request = CreateTable {
            table: table.name,
            keys: table.keys,
            provisioned: None,
            deletion_protection: false,
            settings: Default::default(),
        };
        engine.create_table(authorize(Principal::Daemon, request)).await.unwrap();
    }
    let rules = Arc::new(ArcSwap::from_pointee(settings.rules));
    let accept = Accept::new(engine, clock, rules, Arc::default());
    let source = Source::Listener { client: "publisher".into() };
    let before = cpu_of(std::process::id());
    for batch in 0..count / size {
        let settled = accept.accept(messages(batch, size, &source)).await;
        assert_eq!((settled.count, settled.failed), (size, None));
    }
    store.close().await;
    let cpu = cpu_of(std::process::id()) - before;
    println!("{:.2} us CPU a message", cpu.as_secs_f64() * 1e6 / count as f64);
}
