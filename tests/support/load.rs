//! Load from every door at once, with a book of what was acknowledged, and the proof afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PATIENCE;
use super::daemon::{dynamodb, request};
use super::publisher::{Plan, Publisher};

/// Keys that each HTTP client writes again and again.
const KEYS: u64 = 40;

/// Two devices and two HTTP clients.
pub struct Load {
    devices: Vec<(String, Publisher)>,
    clients: Vec<(String, Client)>,
}

impl Load {
    /// Starts all of them; `messages` is the most that each sends.
    pub fn start(http: SocketAddr, mqtt: SocketAddr, messages: u64) -> Load {
        let device = |client: &str, qos: u8, in_flight: usize| {
            let message = if qos == 1 { first } else { second };
            let client = client.to_owned();
            let plan = Plan { listener: mqtt, client: client.clone(), qos, in_flight, message, messages };
            (client, Publisher::start(plan))
        };
        let client = |name: &str, write: Write| (name.to_owned(), Client::start(name, http, messages, write));
        Load {
            devices: vec![device("qos-1", 1, 40), device("qos-2", 2, 20)],
            clients: vec![client("rest", rest), client("put-item", put_item)],
        }
    }

    /// Everything acknowledged so far.
    pub fn count(&self) -> u64 {
        let devices = self.devices.iter().map(|(_, device)| device.count());
        let clients = self.clients.iter().map(|(_, client)| client.count());
        devices.chain(clients).sum()
    }

    /// Waits for what is in flight. Afterwards everything sent has been acknowledged.
    pub fn finish(self) -> Expected {
        let devices: Vec<_> =
            self.devices.into_iter().map(|(name, device)| (name, device.finish())).collect();
        let clients: Vec<_> =
            self.clients.into_iter().map(|(name, client)| (name, client.finish())).collect();
        Expected { devices, clients }
    }
}

/// A message under a key of the gateway's making (its time): what makes a second item of a message that is sent twice.
fn message(client: &str, n: u64) -> (String, Vec<u8>) {
    let padding = "x".repeat((n * 37 % 1_500) as usize);
    let payload = json!({ "client": client, "n": n, "padding": padding });
    (format!("{client}/{}", n % 10), payload.to_string().into_bytes())
}

fn first(n: u64) -> (String, Vec<u8>) {
    message("qos-1", n)
}

fn second(n: u64) -> (String, Vec<u8>) {
    message("qos-2", n)
}

/// What must be in the table: each device's messages, each client's last version of each key.
#[derive(Debug)]
pub struct Expected {
    devices: Vec<(String, u64)>,
    clients: Vec<(String, u64)>,
}

impl Expected {
    /// How many items these are.
    pub fn items(&self) -> usize {
        let devices = self.devices.iter().map(|(_, sent)| *sent as usize).sum::<usize>();
        devices + self.clients.iter().map(|(_, sent)| (*sent).min(KEYS) as usize).sum::<usize>()
    }

    /// Every message is there once; every key is there in the version that was acknowledged last.
    pub fn check(&self, items: &[Value]) {
        for (name, sent) in &self.devices {
            let mut found = BTreeSet::new();
            for item in items.iter().filter(|item| item["client"]["S"] == name.as_str()) {
                let n = number(item, "n");
                assert!(found.insert(n), "{name}: message {n} is there twice");
            }
            let missing: Vec<u64> = (0..*sent).filter(|n| !found.contains(n)).collect();
            assert!(
                missing.is_empty(),
                "{name}: of {sent} acknowledged messages these are missing: {missing:?}"
            );
            assert_eq!(found.len() as u64, *sent, "{name}: there are messages that were never sent");
        }
        for (name, sent) in &self.clients {
            let found: BTreeMap<u64, u64> = items
                .iter()
                .filter(|item| item["device"]["S"] == name.as_str())
                .map(|item| (number(item, "ts"), number(item, "version")))
                .collect();
            let wanted: BTreeMap<u64, u64> = (0..*sent).map(|version| (version % KEYS, version)).collect();
            assert_eq!(found, wanted, "{name}: keys and their last versions");
        }
        assert_eq!(items.len(), self.items(), "there are items that nobody wrote");
    }
}

fn number(item: &Value, attribute: &str) -> u64 {
    item[attribute]["N"]
        .as_str()
        .unwrap_or_else(|| panic!("{attribute} is missing in {item}"))
        .parse()
        .unwrap()
}

/// Writes the n-th version; whether it was acknowledged.
type Write = fn(SocketAddr, &str, u64) -> bool;

fn rest(address: SocketAddr, name: &str, version: u64) -> bool {
    let item = json!({"device": name, "ts": version % KEYS, "version": version, "padding": "y".repeat(200)});
    let headers = [("Content-Type", "application/json")];
    let answer = request(address, "POST", "/v1/tables/readings/items", &headers, item.to_string().as_bytes());
    judged(name, answer.map(|(status, body)| (status, String::from_utf8_lossy(&body).into_owned())))
}

fn put_item(address: SocketAddr, name: &str, version: u64) -> bool {
    let item = json!({
        "device": {"S": name},
        "ts": {"N": (version % KEYS).to_string()},
        "version": {"N": version.to_string()},
        "list": {"L": [{"BOOL": true}, {"B": "AAEC"}, {"M": {"deep": {"NS": ["1", "2.50"]}}}]},
    });
    let answer = dynamodb(address, "PutItem", &json!({"TableName": "readings", "Item": item}));
    judged(name, answer.map(|(status, body)| (status, body.to_string())))
}

/// No answer, or one that says that the outcome is not known, is no acknowledgement; a refusal is a defect.
fn judged(name: &str, answer: Option<(u16, String)>) -> bool {
    match answer {
        Some((200, _)) => true,
        None | Some((500..=599, _)) => false,
        Some((status, body)) => panic!("{name}: {status} {body}"),
    }
}

/// An HTTP client at work, on a thread of its own: writes a version until it is acknowledged, then the next.
struct Client {
    shared: Arc<(AtomicBool, AtomicU64)>,
    thread: Option<JoinHandle<u64>>,
}

impl Client {
    fn start(name: &str, address: SocketAddr, messages: u64, write: Write) -> Client {
        let shared = Arc::new((AtomicBool::new(false), AtomicU64::new(0)));
        let (name, book) = (name.to_owned(), Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            let mut version = 0;
            while !book.0.load(Ordering::SeqCst) && version < messages {
                let give_up = Instant::now() + PATIENCE;
                while !write(address, &name, version) {
                    assert!(Instant::now() < give_up, "{name}: no acknowledgement comes");
                    // The daemon is down; it will be back.
                    std::thread::sleep(Duration::from_millis(5));
                }
                book.1.fetch_add(1, Ordering::SeqCst);
                version += 1;
            }
            version
        });
        Client { shared, thread: Some(thread) }
    }

    fn count(&self) -> u64 {
        self.shared.1.load(Ordering::SeqCst)
    }

    fn finish(mut self) -> u64 {
        self.shared.0.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().expect("the client got through")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.0.store(true, Ordering::SeqCst);
    }
}
