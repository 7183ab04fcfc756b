#!/usr/bin/env bash
# AWS's SDK for Rust against the daemon: tests/rust_sdk, a crate of its own. Its first build takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec cargo test --locked --test clients rust_sdk -- --ignored --nocapture
