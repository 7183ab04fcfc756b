//! An upstream is away until the store is full.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::daemon::{Daemon, scan};
use crate::support::filesystem::{Filesystem, Kind};
use crate::support::kill::drained;
use crate::support::link::Link;
use crate::support::publisher::{Plan, Publisher};
use crate::support::{counted, eventually};
use crate::{kept, numbers, put, reading, tables, upstream};

/// What is written in a run: far more than the file system holds.
const READINGS: u64 = 12_000;
const KEPT: u64 = 600;
const REST: u64 = 200;

fn device(daemon: &Daemon, client: &str, message: fn(u64) -> (String, Vec<u8>), messages: u64) -> Publisher {
    let (listener, client) = (daemon.mqtt, client.to_owned());
    Publisher::start(Plan { listener, client, qos: 1, in_flight: 20, message, messages })
}

fn central(daemon: &Daemon) -> Value {
    daemon.status()["upstreams"][0].clone()
}

/// Everything acknowledged is upstream in the end, or counted; nothing of the table that refuses is missing.
fn accounts(daemon: &mut Daemon, far: &Daemon, link: &Link, rest: u64) {
    link.set_up(true);
    drained(daemon);
    eventually("the backlog to be gone and the upstream to answer", || {
        let central = central(daemon);
        (central["pending"] == 0 && central["state"] == "online").then_some(())
    });
    let (status, dropped) = (central(daemon), central(daemon)["dropped_unsent"].as_u64().unwrap());
    let arrived = numbers(&scan(far.http, "readings"), "mqtt");
    assert_eq!(arrived.iter().collect::<BTreeSet<_>>().len(), arrived.len(), "a reading is there twice");
    println!("{} readings arrived, {dropped} were dropped unsent", arrived.len());
    assert_eq!(arrived.len() as u64 + dropped, READINGS, "{status}");
    assert_eq!(status["dead_letters"], 0);
    assert_eq!(arrived.last(), Some(&(READINGS - 1)), "it is the oldest that are dropped");
    for items in [scan(far.http, "kept"), daemon.scan("kept")] {
        assert_eq!(numbers(&items, "mqtt"), (0..KEPT).collect::<Vec<_>>(), "nothing that refuses is lost");
        assert_eq!(numbers(&items, "rest"), (0..rest).collect::<Vec<_>>());
    }
    assert_eq!(daemon.status()["store"]["damage"], Value::Null);
    assert!(daemon.log().contains("the oldest unsent changes were given up"), "{}", daemon.log());
    daemon.assert_alive();
}

/// Writes it all while the upstream is away; `kills` times the daemon is killed, and started again, on the way.
fn drop_oldest(kind: Kind, more: &str, kills: u64) {
    let folder = tempfile::tempdir().unwrap();
    let Some(filesystem) = Filesystem::new(kind, folder.path(), 96) else { return };
    let far = Daemon::start(&tables("reject"));
    let link = Link::to(far.http);
    link.set_up(false);
    let configuration = tables("drop-oldest") + &upstream(link.address, more);
    let store = filesystem.mount.join("store");
    let mut daemon = Daemon::prepare_at(tempfile::tempdir().unwrap(), &store, &configuration);
    daemon.launch();
    let readings = device(&daemon, "readings", reading, READINGS);
    let events = device(&daemon, "events", kept, KEPT);
    for round in 0..kills {
        let goal = READINGS / 2 + round * READINGS / (3 * kills);
        counted("acknowledgements", goal, || readings.count());
        println!("kill after {goal} readings: {}", central(&daemon));
        daemon.kill();
        daemon.launch();
    }
    for n in 0..REST {
        eventually("the item to be taken", || (put(&daemon, "kept", n, 100).0 == 200).then_some(()));
    }
    assert_eq!(counted("all readings to be acknowledged", READINGS, || readings.count()), READINGS);
    assert_eq!(counted("all events to be acknowledged", KEPT, || events.count()), KEPT);
    readings.finish();
    events.finish();
    let status = daemon.status();
    println!("{} / {}", status["store"], status["upstreams"]);
    assert!(status["upstreams"][0]["dropped_unsent"].as_u64().unwrap() > READINGS / 8, "{status}");
    accounts(&mut daemon, &far, &link, REST);
    assert!(daemon.stop().success(), "{}", daemon.log());
}

#[test]
fn the_oldest_unsent_go_on_a_full_disk_and_are_counted() {
    drop_oldest(Kind::Ext4, "", 0);
}

#[test]
fn and_so_they_do_in_memory() {
    drop_oldest(Kind::Tmpfs, "", 0);
}

#[test]
fn a_daemon_that_is_killed_while_it_is_full_still_accounts_for_everything() {
    drop_oldest(Kind::Ext4, "", 4);
}

#[test]
fn a_backlog_of_its_own_ends_sooner() {
    drop_oldest(Kind::Ext4, "max_backlog = \"16MiB\"", 0);
}

/// Writes until the table is refused, which it is because of `cause`; then the upstream comes back.
fn reject(mib: u64, more: &str, cause: &str, messages: u64) {
    let folder = tempfile::tempdir().unwrap();
    let Some(filesystem) = Filesystem::new(Kind::Ext4, folder.path(), mib) else { return };
    let far = Daemon::start(&tables("reject"));
    let link = Link::to(far.http);
    link.set_up(false);
    let configuration = tables("reject") + &upstream(link.address, more);
    let store = filesystem.mount.join("store");
    let mut daemon = Daemon::prepare_at(tempfile::tempdir().unwrap(), &store, &configuration);
    daemon.launch();
    let readings = device(&daemon, "readings", reading, messages);
    eventually("the table to be refused for good", || {
        let (status, answer) = put(&daemon, "kept", 0, 100);
        (status == 507 && answer.contains(cause)).then_some(())
    });
    let withholding = || String::from_utf8(daemon.get("/metrics")?.1).ok();
    eventually("acknowledgements to be withheld", || {
        withholding()?.contains("forebay_mqtt_withholding_connections 1\n").then_some(())
    });
    println!("refused after {} readings: {}", readings.count(), daemon.status()["store"]["full"]);
    assert_eq!(central(&daemon)["dropped_unsent"], 0);
    daemon.kill();
    daemon.launch();
    // The upstream is back: everything goes on by itself.
    link.set_up(true);
    assert_eq!(counted("all readings to be acknowledged", messages, || readings.count()), messages);
    readings.finish();
    drained(&daemon);
    assert_eq!(numbers(&scan(far.http, "readings"), "mqtt"), (0..messages).collect::<Vec<_>>());
    assert_eq!(numbers(&daemon.scan("readings"), "mqtt"), (0..messages).collect::<Vec<_>>());
    let status = daemon.status();
    assert_eq!(
        (&status["upstreams"][0]["dropped_unsent"], &status["store"]["dropped_items"]),
        (&0.into(), &0.into())
    );
    assert!(daemon.stop().success(), "{}", daemon.log());
}

#[test]
fn tables_that_refuse_lose_nothing_on_a_full_disk() {
    reject(96, "", "disk", 3_000);
}

#[test]
fn tables_that_refuse_lose_nothing_when_a_backlog_is_used_up() {
    reject(320, "max_backlog = \"32MiB\"", "upstream central holds back", 6_000);
}
