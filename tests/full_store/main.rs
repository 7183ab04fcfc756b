//! A store that is full, at the real binary, on file systems that really are: what each `when_full` means under load from
//! MQTT and REST while an upstream is away, and that everything goes on by itself once there is room.

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

mod away;
mod others;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;

use serde_json::{Value, json};
use support::daemon::{Daemon, request};

/// Two tables, and rules for both: `r/…` is a reading, `k/…` is kept.
fn tables(when_full: &str) -> String {
    format!(
        r#"
[[table]]
name = "readings"
partition_key = {{ name = "device", type = "S" }}
sort_key = {{ name = "ts", type = "N" }}
ttl = {{ attribute = "expires_at", default = "30d" }}
when_full = "{when_full}"
[[table]]
name = "kept"
partition_key = {{ name = "device", type = "S" }}
sort_key = {{ name = "ts", type = "N" }}
[[rule]]
topic = "r/{{device}}"
table = "readings"
payload = "json"
set = {{ device = "{{device}}", ts = "{{now_us}}" }}
[[rule]]
topic = "k/{{device}}"
table = "kept"
payload = "json"
set = {{ device = "{{device}}", ts = "{{now_us}}" }}
"#
    )
}

fn upstream(address: SocketAddr, more: &str) -> String {
    format!(
        "[[upstream]]\nname = \"central\"\nendpoint = \"http://{address}\"\nregion = \"eu-west-1\"\n{more}\n"
    )
}

const FILL: usize = 10_000;

/// A device's n-th message.
fn reading(n: u64) -> (String, Vec<u8>) {
    let payload = json!({ "n": n, "fill": "x".repeat(FILL) });
    (format!("r/{}", n % 5), payload.to_string().into_bytes())
}

fn kept(n: u64) -> (String, Vec<u8>) {
    (format!("k/{}", n % 5), json!({ "n": n, "fill": "y".repeat(500) }).to_string().into_bytes())
}

/// Writes an item over REST: status and answer.
fn put(daemon: &Daemon, table: &str, n: u64, fill: usize) -> (u16, String) {
    let item = json!({ "device": "rest", "ts": n, "n": n, "fill": "z".repeat(fill) }).to_string();
    let headers = [("Content-Type", "application/json")];
    let path = format!("/v1/tables/{table}/items");
    let answer = request(daemon.http, "POST", &path, &headers, item.as_bytes());
    let (status, body) = answer.expect("the daemon answers");
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// The numbers of those items that this came from.
fn numbers<'a>(items: &'a [Value], device: &'a str) -> Vec<u64> {
    let mine = items.iter().filter(move |item| (item["device"]["S"] == "rest") == (device == "rest"));
    let mut numbers: Vec<u64> = mine.map(|item| item["n"]["N"].as_str().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}
