//! A gateway's HTTP door in this process, and a client that knows nothing of DynamoDB.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use forebay::clock::Clock;
use forebay::engine::Engine;
use forebay::http::{DynamodbSettings, Parts, Readiness, Server, ServerSettings, State, router};
use forebay::ingest::{Accept, RuleSet};
use forebay::operations::Upstreams;
use forebay::store::{Store, StoreSettings};
use forebay::telemetry::{IngestMetrics, MqttStatus, Watched};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Noon of the first of July 2026, in microseconds.
pub const NOW_US: u64 = 1_782_907_200_000_000;

/// A running door; it ends with the value.
pub struct Gateway {
    pub address: SocketAddr,
    pub clock: Clock,
    _store: Store,
    _stop: oneshot::Sender<()>,
    _folder: tempfile::TempDir,
}

impl Gateway {
    /// A door to an empty store.
    pub async fn start() -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(NOW_US);
        let mut settings = StoreSettings::new(folder.path().join("store"));
        settings.max_size = 256 << 20;
        let store = Store::open(&settings, &clock).unwrap();
        let engine = Engine::new(store.clone(), clock.clone());
        let ingest = Arc::new(IngestMetrics::default());
        let rules = Arc::new(ArcSwap::from_pointee(RuleSet::new(&[], Vec::new()).unwrap()));
        let readiness = Arc::new(Readiness::not_yet("starting"));
        let state = State::new(Parts {
            configuration: Default::default(),
            gateway: "gw-test".to_owned(),
            engine: engine.clone(),
            accept: Accept::new(engine, clock.clone(), rules, Arc::clone(&ingest)),
            store: store.clone(),
            clock: clock.clone(),
            dynamodb: DynamodbSettings::default(),
            readiness: Arc::clone(&readiness),
            ingest,
            mqtt: Arc::new(Watched::new(MqttStatus::default())),
            broker: Arc::default(),
            listener: None,
            upstreams: Upstreams::default(),
        });
        let server = Server::bind(ServerSettings::new(([127, 0, 0, 1], 0).into())).await.unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(server.run(router(state), async {
            let _ = stopped.await;
        }));
        readiness.ready();
        Gateway { address, clock, _store: store, _stop: stop, _folder: folder }
    }

    /// A door to a store with the table `readings` (`device` S, `ts` N) and the table `devices` (`id` S).
    pub async fn with_tables() -> Gateway {
        let gateway = Gateway::start().await;
        for (name, keys) in [
            ("readings", vec![("device", "S", "HASH"), ("ts", "N", "RANGE")]),
            ("devices", vec![("id", "S", "HASH")]),
        ] {
            let schema: Vec<_> =
                keys.iter().map(|(name, _, kind)| json!({"AttributeName": name, "KeyType": kind})).collect();
            let definitions: Vec<_> = keys
                .iter()
                .map(|(name, kind, _)| json!({"AttributeName": name, "AttributeType": kind}))
                .collect();
            let table = json!({
                "TableName": name, "KeySchema": schema, "AttributeDefinitions": definitions,
                "BillingMode": "PAY_PER_REQUEST",
            });
            gateway.ok("CreateTable", table).await;
        }
        gateway
    }

    /// One operation.
    pub async fn call(&self, operation: &str, body: Value) -> Answer {
        self.post(operation, &[], body.to_string().as_bytes()).await
    }

    /// One operation that must succeed.
    pub async fn ok(&self, operation: &str, body: Value) -> Value {
        let shown = body.to_string();
        let answer = self.call(operation, body).await;
        assert_eq!(answer.status, 200, "{operation} {shown}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// One operation that must be refused: the error's name and text.
    pub async fn refused(&self, operation: &str, body: Value) -> (String, String) {
        let shown = body.to_string();
        let answer = self.call(operation, body).await;
        assert_eq!(answer.status, 400, "{operation} {shown}: {}", String::from_utf8_lossy(&answer.body));
        answer.error()
    }

    /// One operation that must be a ValidationException: its text.
    pub async fn invalid(&self, operation: &str, body: Value) -> String {
        let (name, text) = self.refused(operation, body).await;
        assert_eq!(name, "ValidationException", "{text}");
        text
    }

    /// One operation on streams.
    pub async fn streams(&self, operation: &str, body: Value) -> Answer {
        let target = format!("DynamoDBStreams_20120810.{operation}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        self.send("POST", "/", &headers, body.to_string().as_bytes()).await
    }

    /// One operation on streams that must succeed.
    pub async fn streams_ok(&self, operation: &str, body: Value) -> Value {
        let shown = body.to_string();
        let answer = self.streams(operation, body).await;
        assert_eq!(answer.status, 200, "{operation} {shown}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// One operation on streams that must be refused: the error's name and text.
    pub async fn streams_refused(&self, operation: &str, body: Value) -> (String, String) {
        let shown = body.to_string();
        let answer = self.streams(operation, body).await;
        assert_eq!(answer.status, 400, "{operation} {shown}: {}", String::from_utf8_lossy(&answer.body));
        answer.error()
    }

    /// A POST with more headers and any body.
    pub async fn post(&self, operation: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let target = format!("DynamoDB_20120810.{operation}");
        let mut all = vec![("x-amz-target", target.as_str())];
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", "application/x-amz-json-1.0"));
        }
        all.extend_from_slice(headers);
        self.send("POST", "/", &all, body).await
    }

    /// Any request.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: gateway:8000\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Answer::parse(&answer)
    }
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_ascii_lowercase(), value.trim().to_owned())
            })
            .collect();
        Answer { status, headers, body: bytes[end + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The error's name, without its prefix, and its text.
    pub fn error(&self) -> (String, String) {
        let body = self.json();
        let name = body["__type"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
        let text = body.get("message").or(body.get("Message")).and_then(Value::as_str).unwrap_or_default();
        (name, text.to_owned())
    }
}
