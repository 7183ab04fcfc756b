//! The loop of `kill -9`: load from every door, the process killed at random moments and started again, the upstream gone
//! and back, and at the end the proof that nothing acknowledged was lost, on either end.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::chance::Chance;
use super::daemon::{Daemon, scan};
use super::link::Link;
use super::load::Load;
use super::{counted, emptied};

/// An upstream under test: what makes it go away, and what brings it back.
pub trait Upstream {
    fn address(&self) -> SocketAddr;
    fn go_away(&mut self);
    fn come_back(&mut self);
}

/// How long a loop is.
pub struct Rounds {
    /// Times that the daemon is killed.
    pub kills: u64,
    /// Writes that each of the four sources makes, at most.
    pub messages: u64,
    /// Writes that are acknowledged between two kills, at most.
    pub between: u64,
}

/// Kills and restarts under load, without an upstream.
pub fn alone(seed: u64, rounds: &Rounds) {
    let mut daemon = Daemon::with_defaults("");
    let load = Load::start(daemon.http, daemon.mqtt, rounds.messages);
    let mut chance = Chance::seeded(seed);
    for round in 0..rounds.kills {
        strike(&mut daemon, &load, &mut chance, rounds, round);
    }
    let expected = load.finish();
    expected.check(&daemon.scan("readings"));
    assert_eq!(daemon.status()["store"]["items"], expected.items());
    // And once more, from what is on the disk alone.
    daemon.kill();
    daemon.launch();
    expected.check(&daemon.scan("readings"));
    assert_eq!(daemon.status()["store"]["damage"], Value::Null, "{}", daemon.log());
}

/// The same with an upstream that goes away and comes back; at the end both hold the same.
pub fn with_upstream(seed: u64, rounds: &Rounds, upstream: &mut dyn Upstream) {
    let link = Link::to(upstream.address());
    let mut daemon = Daemon::with_defaults(&format!(
        r#"
[[upstream]]
name = "central"
endpoint = "http://{}"
region = "eu-west-1"
"#,
        link.address
    ));
    let load = Load::start(daemon.http, daemon.mqtt, rounds.messages);
    let mut chance = Chance::seeded(seed);
    for round in 0..rounds.kills {
        match chance.below(4) {
            0 => link.set_up(false),
            1 => upstream.go_away(),
            _ => {}
        }
        strike(&mut daemon, &load, &mut chance, rounds, round);
        if chance.below(2) == 0 {
            link.set_up(true);
            upstream.come_back();
        }
    }
    let expected = load.finish();
    link.set_up(true);
    upstream.come_back();
    drained(&daemon);

    let near = daemon.scan("readings");
    expected.check(&near);
    let far = scan(upstream.address(), "readings");
    expected.check(&far);
    assert_eq!(sorted(near), sorted(far), "both ends hold the same");
    assert_eq!(daemon.status()["upstreams"][0]["dead_letters"], 0);
    // What is settled stays settled.
    daemon.kill();
    daemon.launch();
    drained(&daemon);
}

/// Kills the daemon at a random moment, starts it again, and now and then kills it while it starts.
fn strike(daemon: &mut Daemon, load: &Load, chance: &mut Chance, rounds: &Rounds, round: u64) {
    let goal = load.count() + chance.below(rounds.between);
    let limit = 4 * rounds.messages;
    counted("acknowledgements", goal.min(limit), || load.count());
    // Somewhere between two acknowledgements.
    std::thread::sleep(Duration::from_micros(chance.below(20_000)));
    println!("round {round}: kill after {} acknowledgements", load.count());
    daemon.kill();
    if chance.below(4) == 0 {
        daemon.spawn();
        std::thread::sleep(Duration::from_micros(chance.below(400_000)));
        daemon.kill();
    }
    daemon.launch();
}

/// What waits for the upstream; as much as can be while the daemon says nothing of it.
pub fn pending(daemon: &Daemon) -> u64 {
    daemon.status()["upstreams"][0]["pending"].as_u64().unwrap_or(u64::MAX)
}

/// Waits until nothing is pending.
pub fn drained(daemon: &Daemon) {
    emptied("the backlog to drain", || pending(daemon));
}

/// Items in one order, numbers in one spelling.
pub fn sorted(mut items: Vec<Value>) -> Vec<String> {
    for item in &mut items {
        if let Some(set) = item.pointer_mut("/list/L/2/M/deep/NS").and_then(Value::as_array_mut) {
            set.sort_by_key(ToString::to_string);
        }
    }
    let mut items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.sort();
    items
}
