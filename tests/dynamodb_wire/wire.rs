//! What is around the operations: headers, encodings, errors, other paths.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use serde_json::json;

use crate::client::Gateway;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_the_services_headers() {
    let gateway = Gateway::start().await;
    let kinds = ["application/x-amz-json-1.0", "application/json"];
    let operations = [("ListTables", 200), ("DescribeTable", 400), ("Nonsense", 400)];
    for (kind, (operation, status)) in
        kinds.into_iter().flat_map(|kind| operations.into_iter().map(move |case| (kind, case)))
    {
        let answer = gateway.post(operation, &[("content-type", kind)], b"{}").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), Some(kind));
        let checksum = crc32fast::hash(&answer.body).to_string();
        assert_eq!(answer.header("x-amz-crc32"), Some(checksum.as_str()));
        let id = answer.header("x-amzn-requestid").unwrap();
        assert!(id.len() == 52 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{id}");
        assert!(answer.header("date").is_some() && answer.header("server").is_some());
        assert!(answer.header("access-control-allow-origin").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn error_types_have_the_services_prefixes() {
    let gateway = Gateway::start().await;
    let cases = [
        ("DescribeTable", "{", r#"{"__type":"com.amazon.coral.service#SerializationException"}"#),
        // Types are looked at in a body that is JSON to its end.
        (
            "DescribeTable",
            r#"{"TableName":1,"#,
            r#"{"__type":"com.amazon.coral.service#SerializationException"}"#,
        ),
        (
            "DescribeTable",
            r#"{"TableName":1}"#,
            r#"{"__type":"com.amazon.coral.service#SerializationException","Message":"NUMBER_VALUE cannot be converted to String"}"#,
        ),
        ("Nonsense", "nonsense", r#"{"__type":"com.amazon.coral.service#SerializationException"}"#),
        ("DescribeTable", "{}", r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"#),
        (
            "DescribeTable",
            r#"{"TableName":"absent"}"#,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"#,
        ),
        ("Nonsense", "{}", r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#),
        (
            "ExecuteStatement",
            "{}",
            r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"The operation ExecuteStatement is not supported by this version of Forebay"}"#,
        ),
    ];
    for (operation, body, expected) in cases {
        let answer = gateway.post(operation, &[], body.as_bytes()).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().starts_with(expected), "{}", answer.text());
    }
    let streams =
        [("x-amz-target", "DynamoDBStreams_20120810.ListTables"), ("content-type", "application/json")];
    let answer = gateway.send("POST", "/", &streams, b"{}").await;
    assert_eq!(answer.error().0, "UnknownOperationException");
    let none = gateway.send("POST", "/", &[("content-type", "application/json")], b"{}").await;
    assert_eq!((none.status, none.error().0.as_str()), (400, "UnknownOperationException"));
}

/// A request with an empty body and no content type is JSON that is not well-formed.
#[tokio::test(flavor = "multi_thread")]
async fn a_content_type_is_asked_of_a_body() {
    let gateway = Gateway::start().await;
    let list = ("x-amz-target", "DynamoDB_20120810.ListTables");
    for (headers, body, status, text) in [
        (&[][..], "", 400, r#"{"__type":"com.amazon.coral.service#SerializationException"}"#),
        (&[list][..], "", 400, r#"{"__type":"com.amazon.coral.service#SerializationException"}"#),
        (&[list][..], "{}", 404, "<UnknownOperationException/>\n"),
        (&[list, ("content-type", "text/plain")][..], "", 404, "<UnknownOperationException/>\n"),
    ] {
        let answer = gateway.send("POST", "/", headers, body.as_bytes()).await;
        assert_eq!((answer.status, answer.text()), (status, text), "{headers:?} {body:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_may_be_gzip_of_several_members() {
    let gateway = Gateway::with_tables().await;
    let body = br#"{"TableName":"devices","Item":{"id":{"S":"a"}}}"#;
    let members = [gzip(&body[..20]), gzip(&body[20..])].concat();
    assert_eq!(gateway.post("PutItem", &[("content-encoding", "gzip")], &members).await.status, 200);
    assert_eq!(gateway.ok("Scan", json!({"TableName": "devices"})).await["Count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_a_wrong_encoding_write_nothing() {
    let gateway = Gateway::with_tables().await;
    let body = br#"{"TableName":"devices","Item":{"id":{"S":"a"}}}"#;
    let mut corrupt = gzip(body);
    corrupt.truncate(corrupt.len() - 4);
    for (encoding, body) in
        [("gzip", &corrupt[..]), ("gzip", body), ("gzip", b""), ("br", body), ("gzip, gzip", &gzip(body))]
    {
        let answer = gateway.post("PutItem", &[("content-encoding", encoding)], body).await;
        assert_eq!(answer.status, 500, "{encoding}");
        assert_eq!(answer.error().0, "InternalServerError");
    }
    let bomb = gzip(&vec![b' '; 17 << 20]);
    let answer = gateway.post("PutItem", &[("content-encoding", "gzip")], &bomb).await;
    assert_eq!(answer.status, 413);
    assert_eq!(gateway.ok("Scan", json!({"TableName": "devices"})).await["Count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_16_mb_get_413() {
    let gateway = Gateway::start().await;
    let answer = gateway.post("PutItem", &[], &vec![b' '; (16 << 20) + 1]).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_from_4096_bytes_are_compressed_where_the_client_takes_it() {
    let gateway = Gateway::with_tables().await;
    let around = json!({"Item": {"id": {"S": "a"}, "v": {"S": ""}}}).to_string().len();
    let body = json!({"TableName": "devices", "Key": {"id": {"S": "a"}}}).to_string();
    for (size, accepted, encoding) in [
        (4095, "gzip", None),
        (4096, "gzip", Some("gzip")),
        (4096, "identity", None),
        (100_000, "gzip", Some("gzip")),
        (100_000, "deflate, gzip", Some("deflate")),
    ] {
        let item = json!({"id": {"S": "a"}, "v": {"S": "x".repeat(size - around)}});
        gateway.ok("PutItem", json!({"TableName": "devices", "Item": item})).await;
        let answer = gateway.post("GetItem", &[("accept-encoding", accepted)], body.as_bytes()).await;
        assert_eq!(answer.header("content-encoding"), encoding, "{size} {accepted}");
        assert_eq!(answer.header("x-amz-crc32"), Some(crc32fast::hash(&answer.body).to_string().as_str()));
        let mut plain = Vec::new();
        match encoding {
            Some("gzip") => GzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain).unwrap(),
            Some(_) => ZlibDecoder::new(answer.body.as_slice()).read_to_end(&mut plain).unwrap(),
            None => answer.body.as_slice().read_to_end(&mut plain).unwrap(),
        };
        assert_eq!(plain.len(), size);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&plain).unwrap(), json!({"Item": item}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_answers_only_to_an_origin() {
    let gateway = Gateway::start().await;
    let headers = [
        ("origin", "http://page.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-amz-target,content-type"),
    ];
    let answer = gateway.send("OPTIONS", "/", &headers, b"").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-amz-target,content-type"));
    assert_eq!(answer.header("access-control-max-age"), Some("172800"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-amzn-requestid,x-amz-crc32,date"));
    let answer = gateway.post("ListTables", &[("origin", "http://page.example")], b"{}").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_status_and_metrics_answer() {
    let gateway = Gateway::with_tables().await;
    let root = gateway.send("GET", "/", &[], b"").await;
    assert_eq!((root.status, root.text()), (200, "healthy: gateway:8000"));
    assert_eq!(gateway.send("GET", "/healthz", &[], b"").await.status, 200);
    assert_eq!(gateway.send("GET", "/readyz", &[], b"").await.status, 200);
    assert_eq!(gateway.send("GET", "/nothing", &[], b"").await.status, 404);
    let status = gateway.send("GET", "/v1/status", &[], b"").await.json();
    assert_eq!(status["gateway"], "gw-test");
    assert_eq!(status["clock"]["trusted"], true);
    assert_eq!(status["ingest"], json!({"accepted": 0, "rejected": 0, "skipped": 0}));
    assert_eq!(status["mqtt"], json!({}));
    assert_eq!(status["upstreams"], json!([]));
    for figure in ["items", "bytes_on_disk", "bytes_written"] {
        assert!(status["store"][figure].is_u64(), "{status}");
    }
    let metrics = gateway.send("GET", "/metrics", &[], b"").await;
    assert!(metrics.text().contains("forebay_ready 1\n"));
    let other = gateway.send("POST", "/", &[("content-type", "text/plain")], b"{}").await;
    assert_eq!((other.status, other.text()), (404, "<UnknownOperationException/>\n"));
    let endpoints = gateway.ok("DescribeEndpoints", json!({})).await;
    assert_eq!(endpoints, json!({"Endpoints": [{"Address": "gateway:8000", "CachePeriodInMinutes": 1440}]}));
}

/// `docs/dynamodb.md` says of every operation what becomes of it, and that is what becomes of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_operations_is_true() {
    let gateway = Gateway::start().await;
    let text = include_str!("../../docs/dynamodb.md");
    let rows = text.split_once("## All operations").unwrap().1.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?, cells.next()?))
    });
    let mut seen = 0;
    for (operations, what) in rows.filter(|(operations, _)| *operations != "Operation") {
        for operation in operations.split(", ") {
            seen += 1;
            let of_streams = operation.ends_with("Stream") || operation.ends_with("Streams");
            let answer = match of_streams || matches!(operation, "GetRecords" | "GetShardIterator") {
                true => gateway.streams(operation, json!({})).await,
                false => gateway.call(operation, json!({})).await,
            };
            let text = answer.text();
            let refused = text.contains("is not supported by this version");
            assert_eq!(refused, what.starts_with("refused"), "{operation}: {what}; {text}");
            assert!(!text.contains("UnknownOperationException"), "{operation}: {text}");
        }
    }
    assert_eq!(seen, 66);
}
