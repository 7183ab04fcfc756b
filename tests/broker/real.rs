//! The whole daemon at a real broker.

use std::time::Duration;

use crate::support::daemon::Daemon;
use crate::support::eventually;
use crate::support::mosquitto::Mosquitto;

const TABLE: &str = r#"
[[table]]
name = "readings"
partition_key = { name = "device", type = "S" }
sort_key = { name = "ts", type = "N" }
"#;

fn configuration(broker: &Mosquitto, rest: &str) -> String {
    format!("[mqtt.broker]\nurl = \"mqtt://{}\"\n{rest}\n{TABLE}", broker.address)
}

const RULES: &str = r#"
[[rule]]
topic = "s/{device}/log"
drop = true
[[rule]]
topic = "s/{device..}/state"
set = { device = "{device}", ts = "{now_us}" }
[[rule]]
topic = "kept/{device}"
retained = true
set = { device = "{device}", ts = "{now_us}" }
"#;

#[test]
fn what_the_rules_want_is_stored_and_the_rest_is_skipped() {
    let broker = Mosquitto::start("");
    broker.retain("s/d0/state", "\"a copy\"");
    broker.retain("kept/d1", "\"a copy\"");
    let daemon = Daemon::start(&configuration(&broker, RULES));
    eventually("the subscription", || (daemon.status()["mqtt"]["broker"] == "subscribed").then_some(()));
    broker.publish("s/d2/log", &["1"]);
    broker.publish("s/d2/other", &["2"]);
    broker.publish("s/d2/state", &["", "{\"v\":3}"]);
    broker.publish("elsewhere", &["4"]);
    // kept/d1's copy and s/d2/state; skipped: a copy, log, other, the empty one.
    let status = eventually("the messages", || {
        let status = daemon.status();
        (status["ingest"]["accepted"] == 2 && status["ingest"]["skipped"] == 4).then_some(status)
    });
    assert_eq!(status["ingest"]["rejected"], 0);
    assert_eq!(status["mqtt"]["broker_detail"]["filters"], serde_json::json!(["s/#", "kept/+"]));
    let mut devices: Vec<String> =
        daemon.scan("readings").iter().map(|item| item["device"]["S"].as_str().unwrap().to_owned()).collect();
    devices.sort();
    assert_eq!(devices, ["d1", "d2"]);
    let metrics = String::from_utf8(daemon.get("/metrics").unwrap().1).unwrap();
    assert!(
        metrics.contains("forebay_broker_subscribed 1\n")
            && metrics.contains("forebay_broker_messages_total 6\n"),
        "{metrics}"
    );
}

/// Messages that were stored and not acknowledged come again with DUP, and make no second item.
#[test]
fn a_repetition_across_a_restart_makes_no_second_item() {
    let mut broker = Mosquitto::shipped();
    broker.launch();
    let rule = "[[rule]]\ntopic = \"s/{device}\"\nset = { device = \"{device}\", ts = \"{now_us}\" }\n";
    let mut daemon = Daemon::start(&configuration(&broker, rule));
    eventually("the subscription", || (daemon.status()["mqtt"]["broker"] == "subscribed").then_some(()));
    let payloads: Vec<String> = (0..400).map(|n| n.to_string()).collect();
    for part in payloads.chunks(40) {
        broker.publish("s/d", &part.iter().map(String::as_str).collect::<Vec<_>>());
        daemon.kill();
        daemon.launch();
    }
    let items = eventually("all of them", || {
        let items = daemon.scan("readings");
        (items.len() >= 400 && broker_is_idle(&daemon)).then_some(items)
    });
    let mut values: Vec<u32> =
        items.iter().map(|item| item["value"]["N"].as_str().unwrap().parse().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, (0..400).collect::<Vec<u32>>(), "each of them once");
    assert_eq!(daemon.stop().code(), Some(0));
}

/// Subscribed, and everything received is settled.
fn broker_is_idle(daemon: &Daemon) -> bool {
    let metrics = String::from_utf8(daemon.get("/metrics").unwrap().1).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    metrics.contains("forebay_broker_subscribed 1\n")
        && metrics.contains("forebay_broker_queued_messages 0\n")
}

/// A broker that is not there is no reason not to be ready, nor not to end.
#[test]
fn the_daemon_is_ready_without_a_broker() {
    let broker = Mosquitto::prepare("");
    let rule = "[[rule]]\ntopic = \"s/{device}\"\nset = { device = \"{device}\", ts = \"{now_us}\" }\n";
    let mut daemon = Daemon::start(&configuration(&broker, rule));
    let status = eventually("the reason", || {
        let status = daemon.status();
        status["mqtt"]["broker_detail"]["reason"].is_string().then_some(status)
    });
    assert_eq!(status["mqtt"]["broker"], "connecting");
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_forebay"))
        .args(["status", "--url", &daemon.url()])
        .output();
    let out = String::from_utf8(out.unwrap().stdout).unwrap();
    assert!(
        out.contains("broker     connecting at mqtt://127.0.0.1:") && out.contains("can't be reached"),
        "{out}"
    );
    let told = daemon.log().matches("can't be had").count();
    assert_eq!(told, 1, "one line a change, not one a try:\n{}", daemon.log());
    assert_eq!(daemon.stop().code(), Some(0));
}

/// SIGHUP: other rules are subscribed to at once, another client identifier on a connection of its own.
#[test]
fn a_reload_reaches_the_broker() {
    let broker = Mosquitto::start("");
    let rule = |topic: &str| {
        format!(
            "[[rule]]\ntopic = \"{topic}/{{device}}\"\nset = {{ device = \"{{device}}\", ts = \"{{now_us}}\" }}\n"
        )
    };
    let daemon = Daemon::start(&configuration(&broker, &rule("old")));
    let subscribed = |filter: &str| {
        let mqtt = daemon.status()["mqtt"].clone();
        (mqtt["broker"] == "subscribed" && mqtt["broker_detail"]["filters"][0] == filter).then_some(())
    };
    eventually("the subscription", || subscribed("old/+"));
    let reload = |from: &str, to: &str| {
        let text = std::fs::read_to_string(daemon.config()).unwrap();
        std::fs::write(daemon.config(), text.replace(from, to)).unwrap();
        let kill =
            std::process::Command::new("kill").args(["-HUP", &daemon.pid().to_string()]).status().unwrap();
        assert!(kill.success());
    };
    reload("old/", "new/");
    eventually("the other filter", || subscribed("new/+"));
    broker.publish("old/d", &["1"]);
    broker.publish("new/d", &["2"]);
    reload("[mqtt.broker]", "[mqtt.broker]\nclient_id = \"another\"");
    let connections = || {
        let metrics = String::from_utf8(daemon.get("/metrics").unwrap().1).unwrap();
        metrics.contains("forebay_broker_connections_total 2\n").then_some(())
    };
    eventually("the other connection", connections);
    eventually("the subscription", || subscribed("new/+"));
    broker.publish("new/d", &["3"]);
    eventually("the messages", || (daemon.status()["ingest"]["accepted"] == 2).then_some(()));
    assert_eq!(daemon.scan("readings").len(), 2);
}
