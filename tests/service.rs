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

mod support;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use serde_json::{Value, json};
use support::cli::{forebay, output, said};
use support::daemon::Daemon;
use support::publisher::{Plan, Publisher};
use support::{Killed, PATIENCE, eventually, free_address};

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

#[test]
fn the_manager_is_told_of_the_whole_life() {
    let mut manager = Manager::start(&format!("{READINGS}{}", rule("first")));
    let pid = manager.process.0.id();
    let (before, ready) = manager.hear_until("READY=1");
    assert!(ready.contains(&format!("MAINPID={pid}\n")), "{ready}");
    assert!(before.iter().any(|heard| heard.starts_with("EXTEND_TIMEOUT_USEC=")), "{before:?}");
    manager.hear_until("STATUS=0 items");
    for _ in 0..3 {
        manager.hear_until("WATCHDOG=1");
    }
    manager.signal("-HUP");
    let (_, reloading) = manager.hear_until("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.hear_until("READY=1");
    manager.signal("-TERM");
    let (_, stopping) = manager.hear_until("STOPPING=1");
    assert!(stopping.contains("STATUS=draining"), "{stopping}");
    assert_eq!(manager.wait().code(), Some(0), "{}", manager.daemon.log());
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut manager = Manager::start(&format!("{READINGS}{}", rule("first")));
    manager.hear_until("READY=1");
    // A request that never ends keeps the daemon draining.
    let mut open = std::net::TcpStream::connect(manager.daemon.http).unwrap();
    std::io::Write::write_all(
        &mut open,
        b"POST /v1/tables/readings/items HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    )
    .unwrap();
    eventually("the request to arrive", || {
        let metrics = manager.daemon.get("/readyz")?;
        (metrics.0 == 200).then_some(())
    });
    manager.signal("-INT");
    manager.hear_until("STOPPING=1");
    manager.signal("-TERM");
    assert!(manager.wait().success());
    assert!(manager.daemon.log().contains("ending at once"), "{}", manager.daemon.log());
}

#[test]
fn a_reload_applies_rules_and_tables_and_loses_no_connection() {
    let mut daemon = Daemon::start(&format!("{READINGS}{}", rule("first")));
    let plan = Plan {
        listener: daemon.mqtt,
        client: "hall".to_owned(),
        qos: 1,
        in_flight: 50,
        message: |n| ("hall/a".to_owned(), json!({ "n": n }).to_string().into_bytes()),
        messages: u64::MAX,
    };
    let publisher = Publisher::start(plan);
    eventually("acknowledgements", || (publisher.count() > 200).then_some(()));

    rewrite(
        &daemon.config(),
        &format!(
            "{READINGS}{}\n[[table]]\nname = \"more\"\npartition_key = {{ name = \"id\", type = \"S\" }}\n",
            rule("second")
        ),
    );
    signal("-HUP", daemon.pid());
    eventually("the reload", || (daemon.status()["configuration"]["reloads"] == 1).then_some(()));
    let at = publisher.count();
    eventually("acknowledgements", || (publisher.count() > at + 200).then_some(()));
    assert_eq!(daemon.dynamodb("DescribeTable", &json!({"TableName": "more"})).0, 200);
    let sent = publisher.finish();
    let items = daemon.scan("readings");
    let mut found: Vec<u64> =
        items.iter().map(|item| item["n"]["N"].as_str().unwrap().parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, (0..sent).collect::<Vec<_>>());
    let by = |name: &str| items.iter().filter(|item| item["by"]["S"] == name).count();
    assert!(by("first") > 0 && by("second") > 0 && by("first") + by("second") == items.len());
    let (status, metrics) = daemon.get("/metrics").unwrap();
    assert_eq!(status, 200);
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("\nforebay_mqtt_connections_opened_total 1\n"), "{metrics}");
    assert!(metrics.contains("\nforebay_config_reload_success 1\n"), "{metrics}");
    assert!(daemon.stop().success());
}

#[test]
fn what_is_wrong_leaves_everything_as_it_was() {
    let daemon = Daemon::start(&format!("{READINGS}{}", rule("first")));
    let other_key = READINGS.replace("type = \"N\"", "type = \"S\"");
    let wrong = [
        (format!("{READINGS}{}frobnicate = 1\n", rule("second")), "frobnicate"),
        (format!("{other_key}{}", rule("second")), "a table's key never changes"),
    ];
    for (refused, (configuration, part)) in wrong.into_iter().enumerate() {
        rewrite(&daemon.config(), &configuration);
        signal("-HUP", daemon.pid());
        let shown = eventually("the refusal", || {
            let shown = daemon.status()["configuration"].clone();
            (shown["refused"] == refused as u64 + 1).then_some(shown)
        });
        let error = shown["error"].as_str().unwrap();
        assert!(error.contains(part), "{error}");
        assert!(daemon.log().contains(error), "{}", daemon.log());
        let metrics = String::from_utf8(daemon.get("/metrics").unwrap().1).unwrap();
        assert!(metrics.contains("\nforebay_config_reload_success 0\n"), "{metrics}");
    }
    let line = std::fs::read_to_string(daemon.config()).unwrap();
    assert!(!line.is_empty());
    publish(&daemon, "still/here");
    assert_eq!(daemon.scan("readings")[0]["by"]["S"], "first");
    // What is right again is taken, and the error forgotten.
    rewrite(&daemon.config(), &format!("{READINGS}{}", rule("third")));
    signal("-HUP", daemon.pid());
    let shown = eventually("the reload", || {
        let shown = daemon.status()["configuration"].clone();
        (shown["reloads"] == 1).then_some(shown)
    });
    assert_eq!(shown.get("error"), None);
}

#[test]
fn what_only_a_restart_changes_is_named() {
    let daemon = Daemon::start(&format!("{READINGS}{}", rule("first")));
    let text = std::fs::read_to_string(daemon.config()).unwrap();
    let other = text.replace("max_size = \"256MiB\"", "max_size = \"128MiB\"");
    assert_ne!(text, other);
    std::fs::write(daemon.config(), format!("[gateway]\nid = \"another\"\n{other}")).unwrap();
    signal("-HUP", daemon.pid());
    eventually("the reload", || (daemon.status()["configuration"]["reloads"] == 1).then_some(()));
    let named = json!(["gateway.id", "store.max_size"]);
    assert_eq!(daemon.status()["configuration"]["needs_restart"], named);
    assert!(daemon.log().contains("needs a restart"), "{}", daemon.log());
    let shown = said(&output(&["status", "--url", &daemon.url()])).1;
    assert!(shown.contains("needs a restart for gateway.id, store.max_size"), "{shown}");
}

#[test]
fn the_log_is_json_by_choice_and_its_level_follows_a_reload() {
    let daemon = Daemon::start(&format!("[log]\nformat = \"json\"\n{READINGS}"));
    let lines = || -> Vec<Value> {
        daemon.log().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    };
    let said = |message: &str| lines().iter().any(|line| line["message"] == message);
    assert!(said("ready"));
    let store = lines().into_iter().find(|line| line["message"] == "store").unwrap();
    assert_eq!((store["level"].as_str(), store["target"].as_str()), (Some("info"), Some("forebay::app")));
    assert_eq!(store["fields"]["path"], daemon.store().to_str().unwrap());

    let text = std::fs::read_to_string(daemon.config()).unwrap();
    std::fs::write(daemon.config(), text.replace("[log]", "[log]\nlevel = \"off\"")).unwrap();
    signal("-HUP", daemon.pid());
    eventually("the reload", || (daemon.status()["configuration"]["reloads"] == 1).then_some(()));
    assert!(!said("configuration reloaded"), "{}", daemon.log());
}

/// With `JOURNAL_STREAM` naming standard error, and no journal to be had, lines carry their priority.
#[test]
fn the_journals_stream_gets_priorities() {
    if Path::new("/run/systemd/journal/socket").exists() {
        eprintln!("skipped: this machine has a journal");
        return;
    }
    use std::os::unix::fs::MetadataExt;
    let daemon = Daemon::prepare("nonsense = 1");
    let config = daemon.config();
    let file = daemon.folder.path().join("stream");
    let stderr = std::fs::File::create(&file).unwrap();
    let stat = stderr.metadata().unwrap();
    let stream = format!("{}:{}", stat.dev(), stat.ino());
    let mut command = forebay(&["run", "--config", config.to_str().unwrap()]);
    command.env("JOURNAL_STREAM", &stream).stdout(Stdio::null()).stderr(stderr);
    assert_eq!(command.status().unwrap().code(), Some(78));
    let said = std::fs::read_to_string(&file).unwrap();
    assert!(said.starts_with("<3>forebay: ") && said.contains("nonsense"), "{said}");

    let (http, mqtt) = (free_address().to_string(), free_address().to_string());
    let data = daemon.store();
    let stderr = std::fs::File::options().append(true).open(&file).unwrap();
    let mut command = forebay(&["run", "--http", &http, "--mqtt", &mqtt, "--data", data.to_str().unwrap()]);
    command.env("JOURNAL_STREAM", &stream).stdout(Stdio::null()).stderr(stderr);
    let _process = Killed(command.spawn().unwrap());
    let line = eventually("the daemon to get ready", || {
        let said = std::fs::read_to_string(&file).unwrap();
        said.lines().find(|line| line.contains("ready")).map(str::to_owned)
    });
    assert!(line.starts_with("<6>ready version="), "{line}");
}

fn publish(daemon: &Daemon, topic: &str) {
    let port = daemon.mqtt.port().to_string();
    let mut publish = Command::new("mosquitto_pub");
    publish.args(["-p", &port, "-q", "1", "-t", topic, "-m", "{}"]);
    assert!(publish.status().unwrap().success());
}

/// Opens two sockets as descriptors 3 and 4, and becomes the daemon, as systemd would.
const ACTIVATE: &str = r#"
import os, socket, sys
names, http, mqtt, *command = sys.argv[1:]
def listening(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(port)))
    s.listen(64)
    return os.dup(os.dup(os.dup(os.dup(s.fileno()))))
for at, descriptor in enumerate([listening(http), listening(mqtt)]):
    os.dup2(descriptor, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
if names:
    os.environ["LISTEN_FDNAMES"] = names
os.execvp(command[0], command)
"#;

#[test]
fn sockets_that_were_passed_serve() {
    for names in ["", "http:mqtt", "forebay.socket:forebay.socket"] {
        let daemon = Daemon::prepare(&format!("{READINGS}{}", rule("first")));
        let plain = daemon.command();
        let mut command = Command::new("python3");
        let (http, mqtt) = (daemon.http.port().to_string(), daemon.mqtt.port().to_string());
        command.args(["-c", ACTIVATE, names, &http, &mqtt]).arg(plain.get_program()).args(plain.get_args());
        let log = std::fs::File::create(daemon.folder.path().join("log")).unwrap();
        command.env("FOREBAY_LOG", "debug").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let _process = Killed(command.spawn().unwrap());
        // Whoever comes before the daemon is ready waits; nobody is refused once the sockets are there.
        eventually("the sockets", || std::net::TcpStream::connect(daemon.http).ok());
        publish(&daemon, "hall/a");
        assert_eq!(daemon.scan("readings").len(), 1);
        let log = daemon.log();
        assert_eq!(log.matches("the service manager's socket serves").count(), 2, "{names}: {log}");
    }
}

/// A card that can be made to stall: a file system in a file, frozen and thawed.
struct Card {
    mount: std::path::PathBuf,
}

impl Card {
    /// `None` where it can't be had, with the reason printed.
    fn new(folder: &Path) -> Option<Card> {
        let (image, mount) = (folder.join("image"), folder.join("mount"));
        std::fs::create_dir(&mount).unwrap();
        std::fs::File::create(&image).unwrap().set_len(256 << 20).unwrap();
        let (file, at) = (image.to_str().unwrap(), mount.to_str().unwrap());
        for command in [&["mkfs.ext4", "-q", "-F", file][..], &["mount", "-o", "loop", file, at]] {
            let output = Command::new(command[0]).args(&command[1..]).output();
            if !output.as_ref().is_ok_and(|output| output.status.success()) {
                println!("skipped: {} does not work here (as root it does): {output:?}", command[0]);
                return None;
            }
        }
        Some(Card { mount })
    }

    fn freeze(&self, option: &str) -> bool {
        Command::new("fsfreeze").arg(option).arg(&self.mount).status().unwrap().success()
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("--unfreeze").arg(&self.mount).stderr(Stdio::null()).status();
        // The loop device goes with it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.mount).status();
    }
}

/// Whether the committer's thread is in the kernel, waiting for the disk.
fn waits_for_the_disk(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.flatten().any(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.contains("(forebay-commit) D")
    })
}

#[test]
fn a_card_that_stalls_is_no_reason_to_starve_the_watchdog() {
    let folder = tempfile::tempdir().unwrap();
    let Some(card) = Card::new(folder.path()) else { return };
    let store = card.mount.join("store");
    let configuration = format!("{READINGS}{}", rule("first"));
    let daemon = Daemon::prepare_at(tempfile::tempdir().unwrap(), &store, &configuration);
    let manager = Manager::start_prepared(daemon);
    manager.hear_until("READY=1");
    assert!(card.freeze("--freeze"));
    let port = manager.daemon.mqtt.port().to_string();
    let mut publish = Command::new("mosquitto_pub");
    publish.args(["-p", &port, "-q", "1", "-t", "hall/a", "-m", "{}"]);
    let mut publish = Killed(publish.spawn().unwrap());
    let pid = manager.process.0.id();
    eventually("the stall", || waits_for_the_disk(pid).then_some(()));
    // What was said before the stall is heard first: a status in it, or a feeding, is not what is meant.
    manager.socket.set_nonblocking(true).unwrap();
    while manager.socket.recv(&mut [0; 4096]).is_ok() {}
    manager.socket.set_nonblocking(false).unwrap();
    for _ in 0..10 {
        manager.hear_until("WATCHDOG=1");
    }
    assert!(waits_for_the_disk(pid));
    assert!(publish.0.try_wait().unwrap().is_none(), "acknowledged before it was durable");
    assert!(card.freeze("--unfreeze"));
    assert!(publish.0.wait().unwrap().success());
    assert_eq!(manager.daemon.scan("readings").len(), 1);
}
