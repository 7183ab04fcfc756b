//! The door on a real store.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Frame;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::clock::Clock;
use crate::engine::{CreateTable, UpdateTimeToLive};
use crate::ingest::{RuleSet, TableSettings};
use crate::model::{KeyAttribute, KeySchema, KeyType, TableName};
use crate::store::{Store, StoreSettings};

/// 2026-11-23.
const NOW_US: u64 = 1_795_400_000_000_000;

struct Gateway {
    rest: Rest,
    store: Store,
    clock: Clock,
    _folder: TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    #[track_caller]
    fn problem(&self, status: u16, detail: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let json = self.json();
        assert_eq!(json["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{}", self.body);
        }
        assert!(json["detail"].as_str().unwrap().contains(detail), "{}", self.body);
    }
}

fn key(name: &str, key_type: KeyType) -> KeyAttribute {
    KeyAttribute { name: name.into(), key_type }
}

impl Gateway {
    /// With tables `readings` (device S, ts N; a day to live), `files` (path S) and `blobs` (id B, part B).
    async fn new() -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(NOW_US);
        let settings =
            StoreSettings { max_size: 64 << 20, ..StoreSettings::new(folder.path().join("store")) };
        let store = Store::open(&settings, &clock).unwrap();
        let engine = Engine::new(store.clone(), clock.clone());
        for (table, partition, sort) in [
            ("readings", key("device", KeyType::S), Some(key("ts", KeyType::N))),
            ("files", key("path", KeyType::S), None),
            ("blobs", key("id", KeyType::B), Some(key("part", KeyType::B))),
        ] {
            let keys = KeySchema { partition, sort };
            let table = TableName::new(table).unwrap();
            let create = CreateTable {
                table,
                keys,
                provisioned: None,
                deletion_protection: false,
                settings: Default::default(),
            };
            engine.create_table(allowed(create)).await.unwrap();
        }
        let readings = TableName::new("readings").unwrap();
        let update =
            UpdateTimeToLive { table: readings.clone(), attribute: "expires_at".into(), enabled: true };
        engine.update_time_to_live(allowed(update)).await.unwrap();
        let day = TableSettings {
            name: readings,
            keys: KeySchema { partition: key("device", KeyType::S), sort: Some(key("ts", KeyType::N)) },
            ttl_attribute: Some("expires_at".into()),
            ttl_default: Some(Duration::from_secs(86_400)),
        };
        let rules = Arc::new(ArcSwap::from_pointee(RuleSet::new(&[], vec![day]).unwrap()));
        let metrics = Arc::new(IngestMetrics::default());
        let rest = Rest {
            accept: Accept::new(engine.clone(), clock.clone(), rules, Arc::clone(&metrics)),
            engine,
            metrics,
            bodies: Memory::new(96 << 20),
            answers: Memory::new(64 << 20),
            pace: Pace { idle: Duration::from_secs(5), whole: Duration::from_secs(30) },
        };
        Gateway { rest, store, clock, _folder: folder }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let service = TowerToHyperService::new(router(self.rest.clone()));
        let response = service.call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn call(&self, method: Method, path: &str, media: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("content-type", media);
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "", Body::empty()).await
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.call(Method::POST, path, "application/json", body).await
    }

    async fn put(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.call(Method::PUT, path, "application/json", body).await
    }

    /// The sort keys of a list.
    async fn times(&self, query: &str) -> (Vec<i64>, Option<String>) {
        let answer = self.get(&format!("/v1/tables/readings/items/d1{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let json = answer.json();
        let times = json["items"].as_array().unwrap().iter().map(|item| item["ts"].as_i64().unwrap());
        (times.collect(), json["cursor"].as_str().map(str::to_owned))
    }
}

#[tokio::test]
async fn one_item() {
    let gateway = Gateway::new().await;
    let answer = gateway
        .post(
            "/v1/tables/files/items",
            r#"{"path":"a/b","t":23.20,"n":12345678901234567890123456789012345678}"#,
        )
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, r#"{"written":1}"#));
    let answer = gateway.get("/v1/tables/files/items/a%2Fb").await;
    assert_eq!(answer.body, r#"{"n":12345678901234567890123456789012345678,"path":"a/b","t":23.2}"#);
    assert_eq!(answer.headers["content-type"], "application/json");
    gateway.get("/v1/tables/files/items/a").await.problem(404, "no such item");
    assert_eq!(gateway.rest.metrics.accepted.get(), 1);

    // The path gives the key; what the body says of it must agree.
    let put = gateway.put("/v1/tables/files/items/x%20y", r#"{"v":1}"#).await;
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(gateway.put("/v1/tables/files/items/x%20y", r#"{"v":2,"path":"x y"}"#).await.status, 200);
    assert_eq!(gateway.get("/v1/tables/files/items/x%20y").await.body, r#"{"path":"x y","v":2}"#);
    gateway.put("/v1/tables/files/items/x", r#"{"path":"y"}"#).await.problem(422, "not the one of the path");
    gateway.put("/v1/tables/files/items/x", "[{}]").await.problem(422, "must be one object");

    let delete = || gateway.call(Method::DELETE, "/v1/tables/files/items/x%20y", "", Body::empty());
    assert_eq!(delete().await.status, 204);
    gateway.get("/v1/tables/files/items/x%20y").await.problem(404, "no such item");
    assert_eq!(delete().await.status, 204);
}

#[tokio::test]
async fn keys_of_all_types() {
    let gateway = Gateway::new().await;
    assert_eq!(gateway.put("/v1/tables/readings/items/d1/1e3", r#"{"v":1}"#).await.status, 200);
    let item = gateway.get("/v1/tables/readings/items/d1/1000.0").await.json();
    assert_eq!(item["ts"], 1000);
    gateway.get("/v1/tables/readings/items/d1/noon").await.problem(422, "ts is a number");
    gateway
        .put("/v1/tables/readings/items/d1/2", r#"{"ts":3}"#)
        .await
        .problem(422, "not the one of the path");
    gateway.put("/v1/tables/readings/items/d1", "{}").await.problem(422, "sort key");
    gateway.put("/v1/tables/files/items/a/b", "{}").await.problem(422, "no sort key");

    // Binary keys: base64url in paths, base64 in plain JSON.
    assert_eq!(gateway.put("/v1/tables/blobs/items/_-8/AA", r#"{"v":1}"#).await.status, 200);
    let item = gateway.get("/v1/tables/blobs/items/_-8=/AA==").await;
    assert_eq!(item.body, r#"{"id":"/+8=","part":"AA==","v":1}"#);
    let again = item.body.replace("\"v\":1", "\"v\":2");
    assert_eq!(gateway.put("/v1/tables/blobs/items/_-8/AA", again.clone()).await.status, 200);
    assert_eq!(gateway.post("/v1/tables/blobs/items", again.replace('2', "3")).await.status, 200);
    assert_eq!(gateway.get("/v1/tables/blobs/items/_-8/AA").await.json()["v"], 3);
}

#[tokio::test]
async fn an_array_is_all_or_nothing() {
    let gateway = Gateway::new().await;
    let items = r#"[{"device":"d1","ts":1},{"device":"d1","ts":2}]"#;
    assert_eq!(gateway.post("/v1/tables/readings/items", items).await.body, r#"{"written":2}"#);
    let bad = r#"[{"device":"d1","ts":3},{"device":"d1","ts":"4"}]"#;
    gateway.post("/v1/tables/readings/items", bad).await.problem(422, "element 1: ");
    gateway
        .post("/v1/tables/readings/items", r#"[{"device":"d1","ts":3},5]"#)
        .await
        .problem(422, "element 1: ");
    gateway.post("/v1/tables/readings/items", r#"[{"device":"d1","ts":1e999}]"#).await.problem(422, "/ts");
    assert_eq!(gateway.times("").await, (vec![2, 1], None));
    assert_eq!(gateway.post("/v1/tables/readings/items", "[]").await.body, r#"{"written":0}"#);
    assert_eq!(gateway.rest.metrics.rejected.get(), 3);
}

#[tokio::test]
async fn lists() {
    let gateway = Gateway::new().await;
    let items: Vec<String> = (1..=25).map(|ts| format!(r#"{{"device":"d1","ts":{ts}}}"#)).collect();
    gateway.post("/v1/tables/readings/items", format!("[{}]", items.join(","))).await;
    assert_eq!(gateway.times("").await, ((1..=25).rev().collect(), None));
    assert_eq!(gateway.times("?order=asc&from=3&to=5").await, (vec![3, 4, 5], None));
    assert_eq!(gateway.times("?from=23.5").await, (vec![25, 24], None));
    assert_eq!(gateway.times("?to=2").await, (vec![2, 1], None));
    assert_eq!(gateway.times("?limit=25").await.1, None);
    for (order, mut wanted) in [("asc", (2..=24).collect::<Vec<i64>>()), ("desc", (2..=24).rev().collect())] {
        let mut cursor = String::new();
        loop {
            let (times, next) = gateway.times(&format!("?order={order}&from=2&to=24&limit=7{cursor}")).await;
            let rest = wanted.split_off(times.len());
            assert_eq!(times, wanted);
            wanted = rest;
            match next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert!(wanted.is_empty());
    }
    assert_eq!(gateway.get("/v1/tables/readings/items/nobody").await.body, r#"{"items":[]}"#);
    let cursor = gateway.times("?limit=1").await.1.unwrap();
    for query in [
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?order=up",
        "?from=x",
        "?cursor=x",
        "?cursor=",
        "?limit=1&limit=2",
        "?unknown=1",
        "?format=xml",
        &format!("?cursor={cursor}&to=3"),
        &format!("?cursor={}", &cursor[..cursor.len() - 2]),
    ] {
        gateway.get(&format!("/v1/tables/readings/items/d1{query}")).await.problem(400, "");
    }
    gateway.get(&format!("/v1/tables/readings/items/d2?cursor={cursor}")).await.problem(400, "");
    gateway.get(&format!("/v1/tables/blobs/items/AA?cursor={cursor}")).await.problem(400, "cursor");
}

#[tokio::test]
async fn every_type_in_dynamodb_form() {
    let gateway = Gateway::new().await;
    let item = r#"{"b":{"B":"/+8="},"bs":{"BS":["AA=="]},"l":{"L":[{"NULL":true}]},"ns":{"NS":["1","2"]},"path":{"S":"p"},"ss":{"SS":["a","b"]}}"#;
    let path = "/v1/tables/files/items?format=dynamodb";
    assert_eq!(gateway.post(path, item).await.body, r#"{"written":1}"#);
    assert_eq!(gateway.post(path, format!("[{item},{item}]")).await.body, r#"{"written":2}"#);
    let lines = gateway.call(Method::POST, path, "application/x-ndjson", format!("{item}\n{item}")).await;
    assert_eq!(lines.body, r#"{"written":2}"#);
    assert_eq!(gateway.get("/v1/tables/files/items/p?format=dynamodb").await.body, item);
    let plain = gateway.get("/v1/tables/files/items/p").await;
    assert_eq!(plain.body, r#"{"b":"/+8=","bs":["AA=="],"l":[null],"ns":[1,2],"path":"p","ss":["a","b"]}"#);
    gateway.post(path, r#"{"path":{"S":1}}"#).await.problem(422, "NUMBER_VALUE");
    gateway.post(path, r#"[{"path":{"S":"p"}},{"path":{"N":"x"}}]"#).await.problem(422, "element 1: ");
    gateway.post(path, r#"{"path":{"S":"p"}"#).await.problem(422, "");
}

#[tokio::test]
async fn cbor() {
    let gateway = Gateway::new().await;
    let path = "/v1/tables/files/items";
    let send = |bytes: &'static [u8]| gateway.call(Method::POST, path, "application/cbor", bytes);
    assert_eq!(send(b"\xa2\x64path\x61c\x61t\xfa\x3d\xcc\xcc\xcd").await.body, r#"{"written":1}"#);
    assert_eq!(gateway.get("/v1/tables/files/items/c").await.body, r#"{"path":"c","t":0.1}"#);
    assert_eq!(send(b"\x82\xa1\x64path\x61d\xa1\x64path\x61e").await.body, r#"{"written":2}"#);
    send(b"\xa2\x64path\x61c\x61t\xf9\x7e\x00").await.problem(422, "number");
    send(b"\xa2\x64path").await.problem(422, "");
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let gateway = Gateway::new().await;
    let path = "/v1/tables/files/items";
    for body in ["", "{", "5", "\"x\"", "{}", r#"{"path":""}"#, r#"{"path":"a","path":"b"}"#, r#"{"path":1}"#]
    {
        gateway.post(path, body).await.problem(422, "");
    }
    gateway.post(path, vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']).await.problem(422, "line 1");
    gateway
        .post(path, format!(r#"{{"path":"a","a":{}"#, "[".repeat(200_000)))
        .await
        .problem(422, "32 levels");
    gateway.post(path, format!(r#"{{"path":"{}"}}"#, "a".repeat(2049))).await.problem(422, "2048");
    let large = format!(r#"{{"path":"a","v":"{}"}}"#, "a".repeat(400 * 1024));
    gateway.post(path, large).await.problem(422, "409600");
    gateway.post(path, vec![b' '; (16 << 20) + 1]).await.problem(413, "");
    gateway.call(Method::POST, path, "text/plain", "{}").await.problem(415, "application/json");
    gateway
        .call(Method::PUT, "/v1/tables/files/items/a", "application/x-ndjson", "{}")
        .await
        .problem(415, "");
    for (method, path) in
        [(Method::PUT, path), (Method::POST, "/v1/tables/files/items/a"), (Method::DELETE, "/v1/tables")]
    {
        let answer = gateway.call(method, path, "", Body::empty()).await;
        answer.problem(405, "Allow");
        assert!(answer.headers.contains_key("allow"), "{:?}", answer.headers);
    }
    for path in ["/v1/tables/none", "/v1/tables/none/items/a", "/v1/tables/none/items/a/b"] {
        gateway.get(path).await.problem(404, "no table none");
    }
    gateway.post("/v1/tables/none/items", "{}").await.problem(404, "no table none");
    gateway.get("/v1/tables/files/items/%ff").await.problem(400, "UTF-8");

    // Simple clients say nothing of the type, or what forms have; pages of others do as well.
    let untyped = |media: &str, origin: bool| {
        let mut request = Request::builder().method(Method::POST).uri(path);
        if !media.is_empty() {
            request = request.header("content-type", media);
        }
        if origin {
            request = request.header("origin", "https://elsewhere.example");
        }
        request.body(Body::from(r#"{"path":"u"}"#)).unwrap()
    };
    for media in ["", "application/x-www-form-urlencoded"] {
        assert_eq!(gateway.send(untyped(media, false)).await.status, 200);
        gateway.send(untyped(media, true)).await.problem(415, "");
    }
}

#[tokio::test]
async fn tables() {
    let gateway = Gateway::new().await;
    let all = gateway.get("/v1/tables").await.json();
    let names: Vec<_> = all["tables"].as_array().unwrap().iter().map(|table| table["name"].clone()).collect();
    assert_eq!(names, ["blobs", "files", "readings"]);
    let one = gateway.get("/v1/tables/readings").await.json();
    assert_eq!(one, all["tables"][2]);
    assert_eq!(one["partition_key"], serde_json::json!({"name": "device", "type": "S"}));
    assert_eq!(one["sort_key"], serde_json::json!({"name": "ts", "type": "N"}));
    assert_eq!(one["ttl"]["attribute"], "expires_at");
    assert!(one["created"].as_str().unwrap().starts_with("2026-11-"));
}

#[tokio::test]
async fn the_tables_time_to_live_is_added() {
    let gateway = Gateway::new().await;
    gateway.put("/v1/tables/readings/items/d1/1", "{}").await;
    gateway.put("/v1/tables/readings/items/d1/2", r#"{"expires_at":4000000000}"#).await;
    let expires = gateway.get("/v1/tables/readings/items/d1/1").await.json()["expires_at"].as_u64().unwrap();
    assert!((NOW_US / 1_000_000 + 86_400..NOW_US / 1_000_000 + 86_500).contains(&expires));
    let own = gateway.get("/v1/tables/readings/items/d1/2").await.json()["expires_at"].as_u64();
    assert_eq!(own, Some(4_000_000_000));
    gateway.clock.set(NOW_US + 200_000 * 1_000_000, true);
    gateway.get("/v1/tables/readings/items/d1/1").await.problem(404, "no such item");
}

#[tokio::test]
async fn lines() {
    let gateway = Gateway::new().await;
    let path = "/v1/tables/readings/items";
    let send = |body: String| gateway.call(Method::POST, path, "application/x-ndjson", body);
    let many: String = (0..1300).map(|ts| format!("{{\"device\":\"d1\",\"ts\":{ts}}}\r\n\n")).collect();
    assert_eq!(send(many).await.body, r#"{"written":1300}"#);
    let bad = "{\"device\":\"d2\",\"ts\":1}\n{\"device\":\"d2\",\"ts\":2}\n\n{\"device\":\"d2\"}\n{\"device\":\"d2\",\"ts\":5}";
    let answer = send(bad.to_owned()).await;
    answer.problem(422, "ts is missing");
    assert_eq!((answer.json()["line"].as_u64(), answer.json()["written"].as_u64()), (Some(4), Some(2)));
    let listed = gateway.get("/v1/tables/readings/items/d2").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let long = format!("{{\"device\":\"d3\",\"ts\":1,\"v\":\"{}\"}}", "a".repeat(300_000));
    assert_eq!(
        send(format!("{long}\n{}\n{long}", long.replace(":1,", ":2,"))).await.body,
        r#"{"written":3}"#
    );
    let endless = send(format!("{{\"device\":\"d4\",\"ts\":1}}\n\"{}", "a".repeat(4_000_000))).await;
    endless.problem(413, "line");
    assert_eq!((endless.json()["line"].as_u64(), endless.json()["written"].as_u64()), (Some(2), Some(1)));
    assert_eq!(send(String::new()).await.body, r#"{"written":0}"#);
}

/// A body that a test feeds.
struct Fed(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Fed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[tokio::test]
async fn lines_are_written_while_the_stream_goes_on() {
    let gateway = Gateway::new().await;
    let (feed, body) = mpsc::channel(4);
    let rest = gateway.rest.clone();
    let mut published = gateway.store.published();
    published.mark_unchanged();
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/tables/readings/items")
        .header("content-type", "application/x-ndjson");
    let request = request.body(Body::new(Fed(body))).unwrap();
    let answer = tokio::spawn(async move {
        let response = TowerToHyperService::new(router(rest)).call(request).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    });
    feed.send(Bytes::from_static(b"{\"device\":\"d1\",\"ts\":1}\n{\"device\":\"d1\",")).await.unwrap();
    published.changed().await.unwrap();
    assert_eq!(gateway.times("").await.0, vec![1]);
    feed.send(Bytes::from_static(b"\"ts\":2}\n")).await.unwrap();
    published.changed().await.unwrap();
    assert_eq!(gateway.times("").await.0, vec![2, 1]);
    drop(feed);
    assert_eq!(answer.await.unwrap(), r#"{"written":2}"#);
}

#[tokio::test]
async fn compressed_lines() {
    use std::io::Write;
    let gateway = Gateway::new().await;
    let lines: String = (0..2000).map(|ts| format!("{{\"device\":\"d1\",\"ts\":{ts}}}\n")).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).unwrap();
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/tables/readings/items")
        .header("content-type", "application/x-ndjson")
        .header("content-encoding", "gzip");
    let answer = gateway.send(request.body(Body::from(gzip.finish().unwrap())).unwrap()).await;
    assert_eq!(answer.body, r#"{"written":2000}"#);
}

#[tokio::test]
async fn an_array_has_a_bound_of_items() {
    let gateway = Gateway::new().await;
    let item = r#"{"device":"d1","ts":1}"#;
    let array = format!("[{}]", vec![item; 128 * 1024 + 1].join(","));
    gateway.post("/v1/tables/readings/items", array).await.problem(413, "131072 items");
}

/// Who is refused early, and still sending, sees why.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::http::listener::{Server, ServerSettings};

    let gateway = Gateway::new().await;
    let server = Server::bind(ServerSettings::new("127.0.0.1:0".parse().unwrap())).await.unwrap();
    let address = server.local_addr();
    let serving = tokio::spawn(server.run(router(gateway.rest.clone()), std::future::pending()));
    let body = format!("5\n{}", "{\"device\":\"d1\",\"ts\":1}\n".repeat(500_000));
    for (path, media, status) in [
        ("readings", "application/x-ndjson", "422"),
        ("none", "application/x-ndjson", "404"),
        ("readings", "text/plain", "415"),
        ("readings", "application/json", "422"),
    ] {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /v1/tables/{path}/items HTTP/1.1\r\nhost: x\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(body.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    serving.abort();
}
