//! `kill -9` of the real binary under load: every acknowledged write is there, once per key, and reaches the upstream. The
//! short version of `tests/long/kill.rs`; `FOREBAY_SEED` repeats a sequence.

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

mod support;

use support::kill::{Rounds, alone, with_upstream};
use support::kill_broker::through_mosquitto;
use support::peer::Kind;
use support::upstreams::{Forebay, Foreign};

#[test]
fn nothing_acknowledged_is_lost() {
    alone(1, &Rounds { kills: 8, messages: 4_000, between: 800 });
}

#[test]
fn everything_acknowledged_reaches_another_forebay() {
    with_upstream(2, &Rounds { kills: 6, messages: 1_500, between: 600 }, &mut Forebay::start());
}

#[test]
fn everything_acknowledged_reaches_dynamodb_local() {
    let rounds = Rounds { kills: 4, messages: 300, between: 250 };
    with_upstream(3, &rounds, &mut Foreign::start(Kind::DynamodbLocal));
}

#[test]
fn everything_acknowledged_reaches_dynalite() {
    with_upstream(4, &Rounds { kills: 4, messages: 300, between: 250 }, &mut Foreign::start(Kind::Dynalite));
}

#[test]
fn everything_acknowledged_reaches_moto() {
    with_upstream(5, &Rounds { kills: 4, messages: 300, between: 250 }, &mut Foreign::start(Kind::Moto));
}

#[test]
fn nothing_that_the_broker_promises_is_lost() {
    let rounds = Rounds { kills: 8, messages: 4_000, between: 500 };
    through_mosquitto(6, "3.1.1", &rounds, &mut Forebay::start());
}

#[test]
fn nothing_that_the_broker_promises_is_lost_in_mqtt_5() {
    let rounds = Rounds { kills: 4, messages: 2_000, between: 500 };
    through_mosquitto(7, "5", &rounds, &mut Forebay::start());
}
