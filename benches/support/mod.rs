//! What the benchmarks share: a daemon as a process, and an MQTT publisher that costs next to nothing itself.

#![allow(dead_code)] // each benchmark uses its part

pub mod broker;

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A daemon under test; killed when dropped.
pub struct Daemon {
    pub child: Child,
    pub http: SocketAddr,
    pub mqtt: SocketAddr,
}

/// A number from the environment.
pub fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The middle one of several figures.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A byte to whoever started this process.
pub fn say() {
    std::io::stdout().write_all(b".").unwrap();
    std::io::stdout().flush().unwrap();
}

/// A port that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

impl Daemon {
    /// `forebay run` with defaults, its store in this folder.
    pub fn start(data: &Path) -> Daemon {
        let (http, mqtt) = (free_address(), free_address());
        let child = Command::new(env!("CARGO_BIN_EXE_forebay"))
            .args(["run", "--http", &http.to_string(), "--mqtt", &mqtt.to_string(), "--data"])
            .arg(data)
            .env("FOREBAY_LOG", "warn")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Daemon { child, http, mqtt };
        let give_up = Instant::now() + Duration::from_secs(30);
        while !daemon.ready() {
            assert!(Instant::now() < give_up, "the daemon did not get ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        daemon
    }

    fn ready(&self) -> bool {
        self.get("/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// A whole HTTP answer, head and body.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// `/v1/status` as JSON.
    pub fn status(&self) -> serde_json::Value {
        let answer = self.get("/v1/status").unwrap();
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    }

    /// SIGTERM, and the wait for the end.
    pub fn stop(mut self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the daemon ended with {status}");
    }

    /// User and system CPU time of a process so far.
    pub fn cpu(&self) -> Duration {
        cpu_of(self.child.id())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system CPU time of a process so far, from /proc (in ticks of 10 ms).
pub fn cpu_of(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Publishes at QoS 1 with a window of messages in flight, MQTT 3.1.1 by hand.
pub fn publish(
    address: SocketAddr,
    client: &str,
    messages: usize,
    in_flight: usize,
    mut message: impl FnMut(usize) -> (String, Vec<u8>),
) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut connect = vec![
        0x10,
        (12 + client.len()) as u8,
        0,
        4,
        b'M',
        b'Q',
        b'T',
        b'T',
        4,
        2,
        0,
        60,
        0,
        client.len() as u8,
    ];
    connect.extend_from_slice(client.as_bytes());
    stream.write_all(&connect).unwrap();
    let mut acks = BufReader::with_capacity(64 * 1024, stream.try_clone().unwrap());
    let mut connack = [0; 4];
    acks.read_exact(&mut connack).unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0], "the connection was refused");

    let mut sent = 0;
    let mut acknowledged = 0;
    let mut buffer = Vec::new();
    while acknowledged < messages {
        buffer.clear();
        while sent < messages && sent - acknowledged < in_flight {
            let (topic, payload) = message(sent);
            push_publish(&mut buffer, &topic, &payload, (sent % 65_535) as u16 + 1);
            sent += 1;
        }
        stream.write_all(&buffer).unwrap();
        // One answer at least, then whatever has come with it.
        loop {
            let mut ack = [0; 4];
            acks.read_exact(&mut ack).unwrap();
            assert_eq!(&ack[..2], [0x40, 2], "not a PUBACK");
            acknowledged += 1;
            if acks.buffer().len() < 4 || acknowledged == messages {
                break;
            }
        }
    }
    stream.write_all(&[0xe0, 0]).unwrap();
}

fn push_publish(out: &mut Vec<u8>, topic: &str, payload: &[u8], id: u16) {
    out.push(0x32);
    let mut length = 2 + topic.len() + 2 + payload.len();
    while length >= 128 {
        out.push((length % 128) as u8 | 0x80);
        length /= 128;
    }
    out.push(length as u8);
    out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
    out.extend_from_slice(topic.as_bytes());
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(payload);
}

/// A reading of 200 bytes as JSON, different each time.
pub fn reading(n: usize) -> Vec<u8> {
    let mut text = format!(
        r#"{{"temperature":{}.{:02},"humidity":{}.{},"pressure":{},"battery":{},"rssi":-{},"seq":{n},"status":"ok","firmware":"1.4.2""#,
        15 + n % 15,
        n * 7 % 100,
        40 + n % 30,
        n % 10,
        98_000 + n * 13 % 4_000,
        3_000 + n * 3 % 600,
        40 + n % 50,
    );
    let missing = 200 - text.len() - r#","note":""}"#.len();
    text.push_str(r#","note":""#);
    text.extend(std::iter::repeat_n('x', missing));
    text.push_str("\"}");
    assert_eq!(text.len(), 200);
    text.into_bytes()
}

/// A connection that is kept, for DynamoDB's calls. It costs little itself: what it takes of the processors, the server lacks.
pub struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    body: Vec<u8>,
}

impl Connection {
    pub fn to(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection {
            stream: BufReader::with_capacity(256 << 10, stream),
            request: Vec::new(),
            body: Vec::new(),
        }
    }

    /// One call; its answer, which must be 200. The signature is of the form that peers ask for, and signs nothing.
    pub fn dynamodb(&mut self, operation: &str, body: &str) -> &str {
        self.request.clear();
        for part in [
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: \
             DynamoDB_20120810.",
            operation,
            "\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature=0000000000000000000000000000000000000000000000000000000000000000\r\nContent-Length: ",
            &body.len().to_string(),
            "\r\n\r\n",
            body,
        ] {
            self.request.extend_from_slice(part.as_bytes());
        }
        self.stream.get_mut().write_all(&self.request).unwrap();
        let (status, length) = self.head();
        self.read_body(length);
        let answer = std::str::from_utf8(&self.body).unwrap();
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Status and length (none: chunked) of an answer.
    fn head(&mut self) -> (u16, Option<usize>) {
        let first = self.line();
        let status = first.split(|byte| *byte == b' ').nth(1).and_then(digits).expect("a status line");
        let mut length = None;
        loop {
            let line = self.line();
            if line.is_empty() {
                return (status as u16, length);
            }
            const NAME: &[u8] = b"content-length:";
            if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
                length = digits(line[NAME.len()..].trim_ascii());
            }
        }
    }

    /// The next line without its end.
    fn line(&mut self) -> &[u8] {
        self.body.clear();
        self.stream.read_until(b'\n', &mut self.body).unwrap();
        self.body.trim_ascii_end()
    }

    fn read_body(&mut self, length: Option<usize>) {
        self.body.clear();
        let mut take = |connection: &mut BufReader<TcpStream>, length: usize| {
            let at = self.body.len();
            self.body.resize(at + length, 0);
            connection.read_exact(&mut self.body[at..]).unwrap();
        };
        if let Some(length) = length {
            return take(&mut self.stream, length);
        }
        loop {
            let mut size = String::new();
            self.stream.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            take(&mut self.stream, size);
            let mut end = String::new();
            self.stream.read_line(&mut end).unwrap();
            if size == 0 {
                return;
            }
        }
    }
}

fn digits(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
