//! What the benchmarks with a mosquitto share: the broker, four publishers at it, and what a side took.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{free_address, publish, reading};

pub const PUBLISHERS: usize = 4;
pub const IN_FLIGHT: usize = 100;

/// What one side took.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub rate: f64,
    pub cpu_us: f64,
}

impl Run {
    /// So many messages of each publisher.
    pub fn of(messages: usize, elapsed: Duration, cpu: Duration) -> Run {
        let count = (messages * PUBLISHERS) as f64;
        Run { rate: count / elapsed.as_secs_f64(), cpu_us: cpu.as_secs_f64() * 1e6 / count }
    }
}

/// A child that is killed when dropped.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker that drops nothing and stores nothing; without a window of its own a subscriber would be the limit.
pub fn mosquitto(folder: &Path, window: usize) -> (Killed, SocketAddr) {
    let (address, file) = (free_address(), folder.join("mosquitto.conf"));
    let text = format!(
        "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages {window}\n\
         max_queued_messages 0\nset_tcp_nodelay true\nlog_dest none\n",
        address.port()
    );
    std::fs::write(&file, text).unwrap();
    let broker = Command::new("mosquitto").arg("-c").arg(&file).stderr(Stdio::null()).spawn();
    let broker = Killed(broker.expect("mosquitto is installed"));
    while TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    (broker, address)
}

/// This program once more as a subscriber, which says a byte when it is subscribed and another when all have come.
pub fn subscriber(with: &str, address: SocketAddr, messages: usize) -> Killed {
    let child = Command::new(std::env::current_exe().unwrap())
        .env("SUBSCRIBE_WITH", with)
        .env("SUBSCRIBE_AT", address.to_string())
        .env("SUBSCRIBE_COUNT", (messages * PUBLISHERS).to_string())
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn();
    Killed(child.unwrap())
}

/// Publishes from all publishers at once.
pub fn load(address: SocketAddr, messages: usize) {
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
