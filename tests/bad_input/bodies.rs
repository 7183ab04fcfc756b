//! Large and deep bodies, at both HTTP doors.

use serde_json::json;

use crate::support::daemon::{Daemon, dynamodb, request};
use crate::{stream, survives};

/// 100 MB in pieces.
const PIECE: usize = 100_000;
const PIECES: usize = 1_000;
/// Far beyond what any stack holds.
const LEVELS: usize = 200_000;

/// The two doors, and what a body is to each.
const DOORS: [(&str, &str); 3] = [
    ("/", "X-Amz-Target: DynamoDB_20120810.PutItem\r\nContent-Type: application/x-amz-json-1.0\r\n"),
    ("/v1/tables/readings/items", "Content-Type: application/json\r\n"),
    ("/v1/tables/readings/items", "Content-Type: application/cbor\r\n"),
];

fn head(daemon: &Daemon, path: &str, headers: &str, length: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}{length}\r\n", daemon.http)
}

/// The beginning of an item, then padding without end.
fn padding() -> impl Iterator<Item = Vec<u8>> {
    let begin = b"{\"device\": \"a\", \"ts\": 1, \"v\": \"".to_vec();
    std::iter::once(begin).chain((0..PIECES).map(|_| vec![b'x'; PIECE]))
}

fn chunk(piece: Vec<u8>) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", piece.len()).into_bytes();
    out.extend_from_slice(&piece);
    out.extend_from_slice(b"\r\n");
    out
}

/// 413, or for those who go on sending regardless, the end of the connection.
fn assert_too_large(answer: &str) {
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn a_declared_body_of_100_mb() {
    survives(|daemon| {
        for (path, headers) in DOORS {
            let head = head(daemon, path, headers, &format!("Content-Length: {}\r\n", PIECE * PIECES));
            // Refused by the declaration alone.
            assert!(stream(daemon.http, &head, None).starts_with("HTTP/1.1 413"));
            assert_too_large(&stream(daemon.http, &head, padding()));
        }
    });
}

#[test]
fn a_chunked_body_of_100_mb() {
    survives(|daemon| {
        for (path, headers) in DOORS {
            let head = head(daemon, path, headers, "Transfer-Encoding: chunked\r\n");
            assert_too_large(&stream(daemon.http, &head, padding().map(chunk)));
        }
    });
}

#[test]
fn a_line_of_100_mb() {
    survives(|daemon| {
        let headers = "Content-Type: application/x-ndjson\r\n";
        let head = head(daemon, "/v1/tables/readings/items", headers, "Transfer-Encoding: chunked\r\n");
        let answer = stream(daemon.http, &head, padding().map(chunk));
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    });
}

#[test]
fn many_large_bodies_at_once() {
    survives(|daemon| {
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let (path, headers) = DOORS[1];
                    let length = format!("Content-Length: {}\r\n", 15 << 20);
                    let head = head(daemon, path, headers, &length);
                    // Just below the limit, and not an item in the end.
                    let _ = stream(daemon.http, &head, padding().take(140));
                });
            }
        });
    });
}

#[test]
fn deep_nesting() {
    survives(|daemon| {
        let (open, close) = ("[".repeat(LEVELS), "]".repeat(LEVELS));
        let plain = format!(r#"{{"device": "a", "ts": 1, "v": {open}{close}}}"#);
        let headers = [("Content-Type", "application/json")];
        let path = "/v1/tables/readings/items";
        let (status, answer) = request(daemon.http, "POST", path, &headers, plain.as_bytes()).unwrap();
        assert!((400..500).contains(&status), "{status} {}", String::from_utf8_lossy(&answer));

        let (open, close) = (r#"{"L":["#.repeat(LEVELS), "]}".repeat(LEVELS));
        let typed = format!(
            r#"{{"TableName": "readings", "Item": {{"device": {{"S": "a"}}, "ts": {{"N": "1"}}, "v": {open}{{"S": "x"}}{close}}}}}"#
        );
        let headers =
            [("X-Amz-Target", "DynamoDB_20120810.PutItem"), ("Content-Type", "application/x-amz-json-1.0")];
        let (status, answer) = request(daemon.http, "POST", "/", &headers, typed.as_bytes()).unwrap();
        assert_eq!(status, 400, "{}", String::from_utf8_lossy(&answer));

        // One entry that holds one entry that holds …
        let mut cbor = vec![0x81; LEVELS];
        cbor.push(0xf6);
        let headers = [("Content-Type", "application/cbor")];
        let (status, _) = request(daemon.http, "POST", path, &headers, &cbor).unwrap();
        assert!((400..500).contains(&status), "{status}");
    });
}

#[test]
fn text_that_is_not_utf_8() {
    survives(|daemon| {
        let item = b"{\"device\": \"a\xff\", \"ts\": 1}";
        let headers = [("Content-Type", "application/json")];
        let (status, _) = request(daemon.http, "POST", "/v1/tables/readings/items", &headers, item).unwrap();
        assert!((400..500).contains(&status), "{status}");
        let item = b"{\"TableName\": \"readings\", \"Item\": {\"device\": {\"S\": \"a\xff\"}, \"ts\": {\"N\": \"1\"}}}";
        let headers =
            [("X-Amz-Target", "DynamoDB_20120810.PutItem"), ("Content-Type", "application/x-amz-json-1.0")];
        let (status, answer) = request(daemon.http, "POST", "/", &headers, item).unwrap();
        assert_eq!(status, 400, "{}", String::from_utf8_lossy(&answer));
    });
}

#[test]
fn keys_too_long_and_numbers_out_of_range() {
    survives(|daemon| {
        let item = |device: &str, ts: &str| json!({"TableName": "readings", "Item": {"device": {"S": device}, "ts": {"N": ts}}});
        let long = "x".repeat(2_049);
        for body in [item(&long, "1"), item("a", "1e999"), item("a", "1e-999"), item("a", &"1".repeat(39))] {
            let (status, answer) = dynamodb(daemon.http, "PutItem", &body).unwrap();
            assert_eq!(status, 400);
            assert!(answer["__type"].as_str().unwrap().ends_with("ValidationException"), "{answer}");
        }
        let digits = "9".repeat(1 << 20);
        let (status, _) = dynamodb(daemon.http, "PutItem", &item("a", &digits)).unwrap();
        assert_eq!(status, 400);
    });
}
