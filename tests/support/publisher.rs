//! A device by hand: MQTT 3.1.1 with a window of messages in flight, which connects again when the connection ends, sends
//! again with DUP what was not acknowledged, and keeps book of what was.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// What a device does.
#[derive(Clone)]
pub struct Plan {
    pub listener: SocketAddr,
    pub client: String,
    pub qos: u8,
    pub in_flight: usize,
    /// The n-th message: topic and payload.
    pub message: fn(u64) -> (String, Vec<u8>),
    /// Messages at most; then it waits to be told to stop.
    pub messages: u64,
}

/// A device at work, on a thread of its own.
pub struct Publisher {
    book: Arc<Book>,
    thread: Option<JoinHandle<u64>>,
}

#[derive(Default)]
struct Book {
    stop: AtomicBool,
    count: AtomicU64,
    /// Connections that have ended.
    ended: AtomicU64,
    acknowledged: Mutex<BTreeSet<u64>>,
}

impl Publisher {
    /// Begins to publish.
    pub fn start(plan: Plan) -> Publisher {
        let book = Arc::new(Book::default());
        let keeping = Arc::clone(&book);
        let thread = std::thread::spawn(move || Device::new(plan, keeping).run());
        Publisher { book, thread: Some(thread) }
    }

    /// How many messages have been acknowledged so far.
    pub fn count(&self) -> u64 {
        self.book.count.load(Ordering::SeqCst)
    }

    /// How many connections have ended: of each, everything that came has been read.
    pub fn ended(&self) -> u64 {
        self.book.ended.load(Ordering::SeqCst)
    }

    /// The messages that have been acknowledged so far.
    pub fn acknowledged(&self) -> BTreeSet<u64> {
        self.book.acknowledged.lock().unwrap().clone()
    }

    /// Publishes nothing new, waits for what is in flight, and disconnects; how many messages there were. All of them
    /// have been acknowledged.
    pub fn finish(mut self) -> u64 {
        self.book.stop.store(true, Ordering::SeqCst);
        let sent = self.thread.take().unwrap().join().expect("the device got through");
        assert_eq!(self.count(), sent);
        sent
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.book.stop.store(true, Ordering::SeqCst);
    }
}

/// What is in flight under a packet identifier.
enum Flight {
    /// The message is to be acknowledged.
    Sent(u64),
    /// QoS 2: it was, and the identifier is to be freed.
    Releasing,
}

struct Device {
    plan: Plan,
    book: Arc<Book>,
    next: u64,
    packet: u16,
    in_flight: BTreeMap<u16, Flight>,
    /// The order in which the messages in flight were first sent; repeated in it.
    order: Vec<u16>,
    progress: Instant,
}

impl Device {
    fn new(plan: Plan, book: Arc<Book>) -> Device {
        Device {
            plan,
            book,
            next: 0,
            packet: 0,
            in_flight: BTreeMap::new(),
            order: Vec::new(),
            progress: Instant::now(),
        }
    }

    fn run(mut self) -> u64 {
        while !self.done() {
            if let Ok(mut stream) = self.connect() {
                let _ = self.talk(&mut stream);
                self.book.ended.fetch_add(1, Ordering::SeqCst);
            } else {
                // The daemon is down; it will be back.
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(
                self.progress.elapsed() < PATIENCE,
                "{}: waited in vain for acknowledgements",
                self.plan.client
            );
        }
        self.next
    }

    fn stopping(&self) -> bool {
        self.book.stop.load(Ordering::SeqCst)
    }

    fn done(&self) -> bool {
        self.stopping() && self.in_flight.is_empty()
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.plan.listener)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut connect = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0, 0, 0];
        connect.extend_from_slice(&(self.plan.client.len() as u16).to_be_bytes());
        connect.extend_from_slice(self.plan.client.as_bytes());
        stream.write_all(&packet(0x10, &connect))?;
        let mut connack = [0; 4];
        stream.read_exact(&mut connack)?;
        assert_eq!((connack[0], connack[3]), (0x20, 0), "the connection was refused");
        Ok(stream)
    }

    /// Until the connection ends or everything is done.
    fn talk(&mut self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut out = self.repetitions();
        let mut incoming = Vec::new();
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        loop {
            self.new_messages(&mut out);
            stream.write_all(&out)?;
            out.clear();
            if self.done() {
                return stream.write_all(&[0xe0, 0]);
            }
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => incoming.extend_from_slice(&buffer[..length]),
                // Time to see whether it is to stop.
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
            let whole = incoming.len() / 4 * 4;
            for ack in incoming.drain(..whole).collect::<Vec<u8>>().chunks(4) {
                self.answered(ack, &mut out);
            }
            assert!(self.progress.elapsed() < PATIENCE, "{}: no acknowledgement comes", self.plan.client);
        }
    }

    /// Everything in flight again, in order (section 4.4).
    fn repetitions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for id in &self.order {
            match self.in_flight.get(id) {
                Some(Flight::Sent(n)) => self.push_publish(&mut out, *id, *n, true),
                Some(Flight::Releasing) => push_release(&mut out, *id),
                None => {}
            }
        }
        out
    }

    fn new_messages(&mut self, out: &mut Vec<u8>) {
        if self.in_flight.is_empty() {
            // Nothing is owed, so there is nothing to wait for.
            self.progress = Instant::now();
        }
        while !self.stopping() && self.in_flight.len() < self.plan.in_flight && self.next < self.plan.messages
        {
            loop {
                self.packet = self.packet.wrapping_add(1).max(1);
                if !self.in_flight.contains_key(&self.packet) {
                    break;
                }
            }
            let (id, n) = (self.packet, self.next);
            self.next += 1;
            self.push_publish(out, id, n, false);
            self.in_flight.insert(id, Flight::Sent(n));
            self.order.push(id);
        }
    }

    fn push_publish(&self, out: &mut Vec<u8>, id: u16, n: u64, again: bool) {
        let (topic, payload) = (self.plan.message)(n);
        let mut body = Vec::with_capacity(4 + topic.len() + payload.len());
        body.extend_from_slice(&(topic.len() as u16).to_be_bytes());
        body.extend_from_slice(topic.as_bytes());
        body.extend_from_slice(&id.to_be_bytes());
        body.extend_from_slice(&payload);
        out.extend_from_slice(&packet(0x30 | self.plan.qos << 1 | u8::from(again) << 3, &body));
    }

    fn answered(&mut self, ack: &[u8], out: &mut Vec<u8>) {
        let id = u16::from_be_bytes([ack[2], ack[3]]);
        self.progress = Instant::now();
        match (ack[0], self.in_flight.get(&id)) {
            (0x40, Some(Flight::Sent(n))) if self.plan.qos == 1 => {
                self.acknowledged(*n);
                self.settled(id);
            }
            (0x50, Some(Flight::Sent(n))) if self.plan.qos == 2 => {
                self.acknowledged(*n);
                self.in_flight.insert(id, Flight::Releasing);
                push_release(out, id);
            }
            (0x50, _) => push_release(out, id),
            (0x70, Some(Flight::Releasing)) => self.settled(id),
            // A second answer to something that was sent twice.
            (0x40 | 0x70, None) => {}
            _ => panic!("{}: an answer that does not belong: {ack:02x?}", self.plan.client),
        }
    }

    fn acknowledged(&self, n: u64) {
        assert!(self.book.acknowledged.lock().unwrap().insert(n), "{n} was acknowledged twice");
        self.book.count.fetch_add(1, Ordering::SeqCst);
    }

    fn settled(&mut self, id: u16) {
        self.in_flight.remove(&id);
        self.order.retain(|other| *other != id);
    }
}

fn push_release(out: &mut Vec<u8>, id: u16) {
    out.extend_from_slice(&[0x62, 2]);
    out.extend_from_slice(&id.to_be_bytes());
}

/// A packet: its first byte, its length, its body.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut length = body.len();
    loop {
        let more = length >= 128;
        out.push((length % 128) as u8 | if more { 0x80 } else { 0 });
        length /= 128;
        if !more {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}
