//! Several upstreams of the real binary, steered by its commands: one that is in trouble never holds up another; pauses,
//! dead letters and credentials as their owner meets them.

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

mod control;
mod credentials;
mod issued;
mod letters;
mod odd;
mod proxied;
mod reload;
mod several;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;

use serde_json::{Value, json};
use support::cli::{forebay, said};
use support::daemon::{Daemon, request};
use support::eventually;

/// An `[[upstream]]` section.
fn upstream(name: &str, address: SocketAddr, more: &str) -> String {
    format!(
        "[[upstream]]\nname = \"{name}\"\nendpoint = \"http://{address}\"\nregion = \"eu-west-1\"\n{more}\n"
    )
}

/// Puts so many readings of a device, from `first` on, in one commit.
fn put(daemon: &Daemon, device: &str, first: u64, count: u64, more: &Value) {
    let item = |ts: u64| {
        let mut item = json!({"device": device, "ts": ts});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    let items: Vec<Value> = (first..first + count).map(item).collect();
    let body = Value::from(items).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer =
        request(daemon.http, "POST", "/v1/tables/readings/items", &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.0, 200, "{}", String::from_utf8_lossy(&answer.1));
}

/// Runs a command of the binary against a daemon: exit code, output, diagnostics.
fn command(daemon: &Daemon, arguments: &[&str]) -> (i32, String, String) {
    said(&forebay(arguments).env("FOREBAY_URL", daemon.url()).output().unwrap())
}

/// Runs a command that succeeds; its output.
fn done(daemon: &Daemon, arguments: &[&str]) -> String {
    let (code, out, error) = command(daemon, arguments);
    assert_eq!(code, 0, "{arguments:?}: {out}{error}");
    out
}

/// How an upstream is, by `forebay upstream list --json`.
fn state(daemon: &Daemon, name: &str) -> Value {
    let list: Value = serde_json::from_str(&done(daemon, &["upstream", "list", "--json"])).unwrap();
    let mut all = list["upstreams"].as_array().unwrap().iter();
    all.find(|upstream| upstream["name"] == name).expect("it is listed").clone()
}

/// Waits until an upstream is so.
fn until(daemon: &Daemon, name: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    eventually(what, || Some(state(daemon, name)).filter(|state| so(state)))
}
