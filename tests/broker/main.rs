//! The MQTT broker client against the real mosquitto, and against a broker by hand where that one does not misbehave enough;
//! most tests with a store that does as it is told.

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

mod absence;
mod by_hand;
mod client;
#[path = "../mqtt_listener/fake.rs"]
#[allow(dead_code)] // its listener
mod fake;
mod login;
mod messages;
mod real;
mod reload;
#[path = "../support/mod.rs"]
mod support;
mod withholding;
