//! The MQTT listener, from outside: raw bytes, rumqttc, and mosquitto's clients against a store that does as it is told.

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

mod clients;
mod fake;
mod fuzz;
mod limits;
mod qos;
mod real;
mod session;
mod wire;
mod withholding;
