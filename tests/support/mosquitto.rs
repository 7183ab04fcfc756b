//! A mosquitto that can be killed and started again on the same data, and messages published there by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::publisher::packet;
use super::{Killed, PATIENCE, eventually, free_address};

/// The broker.
pub struct Mosquitto {
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    process: Option<Killed>,
}

impl Mosquitto {
    /// One with these lines beside a listener that lets everybody in; not started.
    pub fn prepare(lines: &str) -> Mosquitto {
        let address = free_address();
        Mosquitto::written(
            address,
            &format!("listener {} 127.0.0.1\nallow_anonymous true\n{lines}\n", address.port()),
        )
    }

    /// The same, started.
    pub fn start(lines: &str) -> Mosquitto {
        let mut broker = Mosquitto::prepare(lines);
        broker.launch();
        broker
    }

    /// One that keeps everything across a restart, as the shipped configuration has it; not started.
    pub fn shipped() -> Mosquitto {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/mosquitto.conf");
        let (text, address) = (std::fs::read_to_string(shipped).unwrap(), free_address());
        let (listener, location) =
            ("listener 1883 127.0.0.1\n", "persistence_location /var/lib/mosquitto/\n");
        assert!(text.contains(listener) && text.contains(location), "the file has changed");
        let text = text.replace(listener, &format!("listener {} 127.0.0.1\n", address.port()));
        Mosquitto::written(address, &text.replace(location, "persistence_location {folder}/\n"))
    }

    /// One with exactly this configuration; `{folder}` in it stands for a temporary folder.
    pub fn written(address: SocketAddr, text: &str) -> Mosquitto {
        let folder = tempfile::tempdir().unwrap();
        let text = text.replace("{folder}", folder.path().to_str().unwrap());
        // Started as root it would give up its rights, and the folder with them.
        let user = if rustix::process::geteuid().is_root() { "user root\n" } else { "" };
        std::fs::write(folder.path().join("mosquitto.conf"), format!("{text}\n{user}")).unwrap();
        Mosquitto { address, folder, process: None }
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, and waits until it takes connections.
    pub fn launch(&mut self) {
        // Debian keeps it where only root's PATH leads.
        let paths = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].map(PathBuf::from);
        let program = paths.into_iter().find(|path| path.exists()).unwrap_or_else(|| "mosquitto".into());
        let log =
            std::fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(self.folder.path().join("mosquitto.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(Killed(command.spawn().expect("mosquitto is installed")));
        eventually("mosquitto to take connections", || TcpStream::connect(self.address).ok());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// SIGTERM, and the wait for the end: it saves what it has.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let kill = Command::new("kill").args(["-TERM", &process.0.id().to_string()]).status().unwrap();
        assert!(kill.success());
        process.0.wait().unwrap();
    }

    /// Waits until what the broker knows now is in its file: that is written anew twice, so that the second time began after
    /// now. Retained messages of a topic of their own give it something to write.
    pub fn save(&self) {
        let file = || {
            let file = std::fs::metadata(self.folder.path().join("mosquitto.db")).ok()?;
            Some((file.ino(), file.modified().ok()?))
        };
        for _ in 0..2 {
            let before = file();
            eventually("the broker to save", || {
                self.retain("saved", "x");
                (file().is_some() && file() != before).then_some(())
            });
        }
    }

    /// Starts it if it does not run.
    pub fn launch_again(&mut self) {
        if self.process.is_none() {
            self.launch();
        }
    }

    /// Publishes at QoS 1, and waits for the acknowledgements.
    pub fn publish(&self, topic: &str, payloads: &[&str]) {
        let messages: Vec<_> =
            payloads.iter().map(|payload| (topic.to_owned(), payload.as_bytes().to_vec())).collect();
        publish(self.address, 0x32, &messages);
    }

    /// The same, to be retained.
    pub fn retain(&self, topic: &str, payload: &str) {
        publish(self.address, 0x33, &[(topic.to_owned(), payload.as_bytes().to_vec())]);
    }
}

/// Publishes with this first byte (QoS and RETAIN), one connection for all, and waits for every PUBACK.
pub fn publish(address: SocketAddr, first: u8, messages: &[(String, Vec<u8>)]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut out = b"\x10\x0C\0\x04MQTT\x04\x02\0\0\0\0".to_vec();
    for (n, (topic, payload)) in messages.iter().enumerate() {
        let mut body = (topic.len() as u16).to_be_bytes().to_vec();
        body.extend_from_slice(topic.as_bytes());
        if first & 6 != 0 {
            body.extend_from_slice(&(n as u16 + 1).to_be_bytes());
        }
        body.extend_from_slice(payload);
        out.extend(packet(first, &body));
    }
    let mut reader = stream.try_clone().unwrap();
    let acknowledgements = if first & 6 == 0 { 0 } else { messages.len() };
    let reading = std::thread::spawn(move || {
        let mut answers = vec![0; 4 * (1 + acknowledgements)];
        reader.read_exact(&mut answers).unwrap();
        answers
    });
    stream.write_all(&out).unwrap();
    let answers = reading.join().unwrap();
    assert_eq!(answers[..4], [0x20, 2, 0, 0], "the broker refused the publisher");
    stream.write_all(&[0xE0, 0]).unwrap();
    // The broker closes when it has taken everything.
    let _ = stream.read(&mut [0; 16]);
}
