//! AWS's own clients and tools that others have built on them against the real binary, the everyday operations as a user
//! would do them; and the same requests to Forebay and to Amazon's DynamoDB Local, with their answers compared.

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

mod differential;
mod expressions;
mod indexed;
mod requests;
mod stream_records;
#[path = "../support/mod.rs"]
mod support;
mod transactions;

use std::process::Command;

use support::cache;
use support::daemon::Daemon;

/// Runs a script against a daemon of its own; its assertions are the test's.
fn run(program: &str, script: &str) {
    let mut command = Command::new(program);
    command.arg(format!("{}/tests/clients/{script}", env!("CARGO_MANIFEST_DIR")));
    use_daemon(command);
}

/// Gives a command the URL of a daemon, and what clients take from their environment.
fn use_daemon(mut command: Command) {
    let daemon = Daemon::with_defaults("");
    let path = format!("{}:{}", cache().join("venv/bin").display(), std::env::var("PATH").unwrap());
    let output = command
        .arg(daemon.url())
        .env("PATH", path)
        .env("HOME", daemon.folder.path())
        .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
        .envs([("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_REGION", "eu-west-1")])
        .envs([("AWS_MAX_ATTEMPTS", "2"), ("AWS_PAGER", "")])
        .env("NODE_PATH", cache().join("npm/node_modules"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
}

#[test]
fn boto3_client() {
    run("python3", "client.py");
}

#[test]
fn boto3_resource() {
    run("python3", "resource.py");
}

#[test]
fn boto3_indexes() {
    run("python3", "indexes.py");
}

#[test]
fn boto3_streams() {
    run("python3", "streams.py");
}

#[test]
fn boto3_transactions() {
    run("python3", "transactions.py");
}

#[test]
fn aws_cli() {
    run("bash", "aws.sh");
}

#[test]
fn pynamodb() {
    run("python3", "mapped.py");
}

#[test]
fn javascript_sdk() {
    run("node", "sdk.mjs");
}

#[test]
fn javascript_sdk_streams() {
    run("node", "sdk_streams.mjs");
}

#[test]
fn dynamodb_admin() {
    run("node", "admin.mjs");
}

/// The crate is its own, as the SDK compiles for minutes.
#[test]
#[ignore = "compiles AWS's SDK for Rust; run by tests/long/rust_sdk.sh"]
fn rust_sdk() {
    let root = env!("CARGO_MANIFEST_DIR");
    let target = format!("{root}/target/rust_sdk");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--manifest-path", &format!("{root}/tests/rust_sdk/Cargo.toml")])
        .args(["--target-dir", &target])
        .status()
        .unwrap();
    assert!(built.success());
    use_daemon(Command::new(format!("{target}/debug/forebay-rust-sdk")));
}
