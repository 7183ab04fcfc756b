//! The loop of `kill -9`, hundreds of rounds: `cargo test --test long_kill -- --ignored --nocapture`.
//! `FOREBAY_SEED` repeats a sequence.

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

#[path = "../support/mod.rs"]
mod support;

use support::kill::{Rounds, alone, with_upstream};
use support::kill_broker::through_mosquitto;
use support::peer::Kind;
use support::upstreams::{Forebay, Foreign};

#[test]
#[ignore = "hundreds of rounds"]
fn nothing_acknowledged_is_lost() {
    alone(101, &Rounds { kills: 300, messages: 100_000, between: 1_500 });
}

#[test]
#[ignore = "hundreds of rounds"]
fn everything_acknowledged_reaches_another_forebay() {
    with_upstream(102, &Rounds { kills: 200, messages: 30_000, between: 600 }, &mut Forebay::start());
}

#[test]
#[ignore = "hundreds of rounds"]
fn everything_acknowledged_reaches_dynamodb_local() {
    let rounds = Rounds { kills: 100, messages: 5_000, between: 300 };
    with_upstream(103, &rounds, &mut Foreign::start(Kind::DynamodbLocal));
}

#[test]
#[ignore = "hundreds of rounds"]
fn everything_acknowledged_reaches_dynalite() {
    let rounds = Rounds { kills: 100, messages: 5_000, between: 300 };
    with_upstream(104, &rounds, &mut Foreign::start(Kind::Dynalite));
}

#[test]
#[ignore = "hundreds of rounds"]
fn everything_acknowledged_reaches_moto() {
    let rounds = Rounds { kills: 100, messages: 5_000, between: 300 };
    with_upstream(105, &rounds, &mut Foreign::start(Kind::Moto));
}

#[test]
#[ignore = "hundreds of rounds"]
fn nothing_that_the_broker_promises_is_lost() {
    let rounds = Rounds { kills: 150, messages: 60_000, between: 500 };
    through_mosquitto(106, "3.1.1", &rounds, &mut Forebay::start());
}

#[test]
#[ignore = "hundreds of rounds"]
fn nothing_that_the_broker_promises_is_lost_in_mqtt_5() {
    // DynamoDB Local takes some fifty durable writes a second.
    let rounds = Rounds { kills: 25, messages: 2_000, between: 60 };
    through_mosquitto(107, "5", &rounds, &mut Foreign::start(Kind::DynamodbLocal));
}
