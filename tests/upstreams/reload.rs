//! SIGHUP: upstreams come and go, and change, while the daemon runs.

use super::support::daemon::scan;
use super::support::free_address;
use super::support::link::Link;
use super::*;

const COPIES: &str = "[[table]]\nname = \"copies\"\npartition_key = { name = \"device\", type = \"S\" }\nsort_key = { name = \"ts\", type = \"N\" }\n";

/// Writes a configuration with these upstreams, and waits until it is in force.
fn reload(gateway: &Daemon, before: &str, sections: &str) {
    let text = std::fs::read_to_string(gateway.config()).unwrap();
    let done = |status: &Value| status["configuration"]["reloads"].as_u64().unwrap_or(0);
    let reloads = done(&gateway.status());
    assert!(text.contains(before));
    std::fs::write(gateway.config(), text.replace(before, sections)).unwrap();
    let pid = gateway.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    eventually("the reload", || (done(&gateway.status()) > reloads).then_some(()));
}

fn names(gateway: &Daemon) -> Vec<String> {
    let status = gateway.status();
    let upstreams = status["upstreams"].as_array().unwrap().iter();
    upstreams.map(|upstream| upstream["name"].as_str().unwrap().to_owned()).collect()
}

fn drained(gateway: &Daemon, name: &str) -> Value {
    until(gateway, name, "everything to be sent", |state| state["pending"] == 0 && state["state"] == "online")
}

#[test]
fn upstreams_come_go_and_change_while_the_daemon_runs() {
    let central = Daemon::with_defaults(COPIES);
    let stays = upstream("stays", central.http, "tables = { readings = \"readings\" }");
    let moves = |address| upstream("moves", address, "tables = { readings = \"copies\" }");
    let before = [stays.clone(), moves(free_address()), upstream("leaves", free_address(), "")].concat();
    let mut gateway = Daemon::with_defaults(&before);
    put(&gateway, "d", 0, 100, &json!({}));
    assert_eq!(drained(&gateway, "stays")["acknowledged"], 100);
    assert_eq!(names(&gateway), ["stays", "moves", "leaves"]);

    let after = [upstream("comes", free_address(), ""), moves(central.http), stays].concat();
    reload(&gateway, &before, &after);
    assert_eq!(names(&gateway), ["comes", "moves", "stays"]);
    assert_eq!(drained(&gateway, "moves")["acknowledged"], 100);
    assert_eq!(state(&gateway, "stays")["acknowledged"], 100, "what is the same is left alone");
    assert_eq!(state(&gateway, "comes")["pending"], 100);
    put(&gateway, "d", 100, 100, &json!({}));
    for (name, table) in [("stays", "readings"), ("moves", "copies")] {
        assert_eq!(drained(&gateway, name)["acknowledged"], 200);
        assert_eq!(scan(central.http, table).len(), 200);
    }
    let metrics = String::from_utf8(gateway.get("/metrics").unwrap().1).unwrap();
    assert!(metrics.contains("upstream=\"comes\"") && !metrics.contains("upstream=\"leaves\""), "{metrics}");
    assert!(gateway.stop().success());
}

#[test]
fn one_that_was_taken_out_and_put_back_misses_nothing() {
    let central = Daemon::with_defaults("");
    let section = upstream("central", central.http, "");
    let gateway = Daemon::with_defaults(&section);
    put(&gateway, "d", 0, 100, &json!({}));
    drained(&gateway, "central");
    reload(&gateway, &section, "# none\n");
    assert!(names(&gateway).is_empty());
    put(&gateway, "d", 100, 50, &json!({}));
    for ts in 0..10 {
        let path = format!("/v1/tables/readings/items/d/{ts}");
        assert_eq!(request(gateway.http, "DELETE", &path, &[], b"").unwrap().0, 204);
    }
    reload(&gateway, "# none\n", &section);
    assert_eq!(drained(&gateway, "central")["acknowledged"], 60, "what it had is not sent again");
    assert_eq!(central.scan("readings").len(), 140);
}

#[test]
fn a_change_in_the_middle_of_a_transfer_loses_nothing() {
    let central = Daemon::with_defaults(COPIES);
    let link = Link::to(central.http);
    let section = |more: &str| upstream("central", link.address, more);
    let (narrow, wide) = (section("tables = { copies = \"copies\" }"), section(""));
    let gateway = Daemon::with_defaults(&format!("{COPIES}{narrow}"));
    put(&gateway, "d", 0, 3000, &json!({}));
    reload(&gateway, &narrow, &wide);
    let slow = section("max_in_flight = 1");
    reload(&gateway, &wide, &slow);
    link.set_up(false);
    put(&gateway, "d", 3000, 3000, &json!({}));
    reload(&gateway, &slow, &wide);
    link.set_up(true);
    drained(&gateway, "central");
    assert_eq!(central.scan("readings").len(), 6000);
}
