//! The daemon as a service manager meets it: words on the notification socket, signals, reloads, logs.

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

#[path = "../support/mod.rs"]
mod support;

mod card;
mod life;
mod logs;
mod reload;
mod sockets;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, ExitStatus};

use support::daemon::Daemon;
use support::{Killed, PATIENCE};

/// A service manager: the socket, and the process it has started.
struct Manager {
    socket: UnixDatagram,
    process: Killed,
    daemon: Daemon,
}

impl Manager {
    /// Starts a daemon on this configuration, the watchdog's interval being 40 ms.
    fn start(configuration: &str) -> Manager {
        Manager::start_prepared(Daemon::prepare(configuration))
    }

    fn start_prepared(daemon: Daemon) -> Manager {
        let path = daemon.folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = daemon.command();
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "40000");
        let process = Killed(command.spawn().unwrap());
        Manager { socket, process, daemon }
    }

    /// The next datagram.
    fn hear(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("the daemon says something");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// Hears until a datagram holds this line, or one that begins so; what came before it, the feeding left out.
    fn hear_until(&self, line: &str) -> (Vec<String>, String) {
        let mut before = Vec::new();
        loop {
            let heard = self.hear();
            if heard.lines().any(|it| it.starts_with(line)) {
                return (before, heard);
            }
            if heard != "WATCHDOG=1\n" {
                before.push(heard);
            }
        }
    }

    fn signal(&self, name: &str) {
        signal(name, self.process.0.id());
    }

    fn wait(&mut self) -> ExitStatus {
        self.process.0.wait().unwrap()
    }
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

const READINGS: &str = r#"
[[table]]
name = "readings"
partition_key = { name = "device", type = "S" }
sort_key = { name = "ts", type = "N" }
"#;

/// A rule that puts its name into every item.
fn rule(name: &str) -> String {
    format!(
        r#"
[[rule]]
name = "{name}"
topic = "{{device..}}"
table = "readings"
payload = "json"
set = {{ device = "{{device}}", ts = "{{now_us}}", by = "{name}" }}
"#
    )
}

/// Replaces the configuration, but for the doors and the store at its head.
fn rewrite(config: &Path, configuration: &str) {
    let text = std::fs::read_to_string(config).unwrap();
    let head: Vec<&str> = text.lines().take_while(|line| !line.starts_with("[[")).collect();
    std::fs::write(config, format!("{}\n{configuration}", head.join("\n"))).unwrap();
}

fn publish(daemon: &Daemon, topic: &str) {
    let port = daemon.mqtt.port().to_string();
    let mut publish = Command::new("mosquitto_pub");
    publish.args(["-p", &port, "-q", "1", "-t", topic, "-m", "{}"]);
    assert!(publish.status().unwrap().success());
}
