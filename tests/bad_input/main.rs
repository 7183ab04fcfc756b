//! What nobody should send, and what happens to disks, at the real binary: a clear error, no panic, no growth of memory,
//! nothing lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test: panicking is how it fails"
)]

mod bodies;
mod damage;
mod full_disk;
mod mqtt;
mod rest;
#[path = "../support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::json;
use support::daemon::Daemon;

/// What the daemon may ever have had resident, in KiB: generous for a debug build, and far below what is thrown at it.
const MEMORY: u64 = 128 * 1024;

/// Does something bad to a daemon. Afterwards it is well, has not grown, and has what it had acknowledged before.
fn survives(bad: impl FnOnce(&Daemon)) {
    let mut daemon = Daemon::with_defaults("");
    let witness = json!({"device": {"S": "witness"}, "ts": {"N": "1"}});
    let (status, answer) = daemon.dynamodb("PutItem", &json!({"TableName": "readings", "Item": witness}));
    assert_eq!(status, 200, "{answer}");
    bad(&daemon);
    daemon.assert_alive();
    assert_eq!(daemon.scan("readings"), [witness], "what was acknowledged is there, and nothing else");
    let peak = daemon.memory("VmHWM");
    assert!(peak < MEMORY, "{peak} KiB were resident at the peak");
}

/// Sends a head and then pieces of body until the other side has had enough; what it answers (empty: it only closed).
fn stream(address: SocketAddr, head: &str, pieces: impl IntoIterator<Item = Vec<u8>>) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let answer = std::thread::spawn(move || {
        let mut answer = Vec::new();
        let _ = reading.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    if stream.write_all(head.as_bytes()).is_ok() {
        for piece in pieces {
            if stream.write_all(&piece).is_err() {
                break;
            }
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    answer.join().unwrap()
}
