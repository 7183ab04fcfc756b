//! What tests of the real binary share: daemons, endpoints that nobody here wrote, plain HTTP. Everything finds free ports
//! and folders by itself, and ends its processes.

#![allow(dead_code, unreachable_pub)] // each test file uses its part
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)] // tests

pub mod chance;
pub mod cli;
pub mod daemon;
pub mod filesystem;
pub mod issuer;
pub mod kill;
pub mod kill_broker;
pub mod link;
pub mod load;
pub mod mosquitto;
pub mod peer;
pub mod publisher;
pub mod stream;
pub mod tls_server;
pub mod upstreams;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take on a slow and noisy machine before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A port that was free a moment ago. Below the range that the system gives to outgoing connections, so that none of the
/// many that the tests make takes it before the daemon does, or while the daemon is down.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Other test processes begin elsewhere in the range.
        let step = std::process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + (step % 22_000) as u16;
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().unwrap();
        }
    }
}

/// Looks again and again until there is an answer; for what other processes do, which offer no event to wait for.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < give_up, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until a count has come so far. Gives up only when it has stood still for long: how much there is to do says nothing
/// about how long that takes here. The count then.
pub fn counted(what: &str, goal: u64, mut count: impl FnMut() -> u64) -> u64 {
    let mut seen = count();
    while seen < goal {
        seen = eventually(what, || Some(count()).filter(|count| *count > seen));
    }
    seen
}

/// The same of what is left, until nothing is.
pub fn emptied(what: &str, mut left: impl FnMut() -> u64) {
    let mut seen = left();
    while seen > 0 {
        seen = eventually(what, || Some(left()).filter(|left| *left < seen));
    }
}

/// Where `tests/setup` has installed the peers.
pub fn cache() -> PathBuf {
    let cache = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/.cache");
    assert!(
        cache.join("npm.stamp").exists(),
        "run tests/setup first: it installs what the tests run against"
    );
    cache
}

/// A process that is killed when the test ends, however it ends.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
