//! SIGHUP.

use serde_json::json;

use crate::support::cli::{output, said};
use crate::support::daemon::Daemon;
use crate::support::eventually;
use crate::support::mosquitto::Mosquitto;
use crate::support::publisher::{Plan, Publisher};
use crate::{READINGS, publish, rewrite, rule, signal};

#[test]
fn a_reload_applies_rules_and_tables_and_loses_no_connection() {
    let mut daemon = Daemon::start(&format!("{READINGS}{}", rule("first")));
    let plan = Plan {
        listener: daemon.mqtt,
        client: "hall".to_owned(),
        qos: 1,
        in_flight: 50,
        message: |n| ("hall/a".to_owned(), json!({ "n": n }).to_string().into_bytes()),
        messages: u64::MAX,
    };
    let publisher = Publisher::start(plan);
    eventually("acknowledgements", || (publisher.count() > 200).then_some(()));

    rewrite(
        &daemon.config(),
        &format!(
            "{READINGS}{}\n[[table]]\nname = \"more\"\npartition_key = {{ name = \"id\", type = \"S\" }}\n",
            rule("second")
        ),
    );
    signal("-HUP", daemon.pid());
    eventually("the reload", || (daemon.status()["configuration"]["reloads"] == 1).then_some(()));
    let at = publisher.count();
    eventually("acknowledgements", || (publisher.count() > at + 200).then_some(()));
    assert_eq!(daemon.dynamodb("DescribeTable", &json!({"TableName": "more"})).0, 200);
    let sent = publisher.finish();
    let items = daemon.scan("readings");
    let mut found: Vec<u64> =
        items.iter().map(|item| item["n"]["N"].as_str().unwrap().parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, (0..sent).collect::<Vec<_>>());
    let by = |name: &str| items.iter().filter(|item| item["by"]["S"] == name).count();
    assert!(by("first") > 0 && by("second") > 0 && by("first") + by("second") == items.len());
    let (status, metrics) = daemon.get("/metrics").unwrap();
    assert_eq!(status, 200);
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("\nforebay_mqtt_connections_opened_total 1\n"), "{metrics}");
    assert!(metrics.contains("\nforebay_config_reload_success 1\n"), "{metrics}");
    assert!(daemon.stop().success());
}

#[test]
fn what_is_wrong_leaves_everything_as_it_was() {
    let daemon = Daemon::start(&format!("{READINGS}{}", rule("first")));
    let other_key = READINGS.replace("type = \"N\"", "type = \"S\"");
    let wrong = [
        (format!("{READINGS}{}frobnicate = 1\n", rule("second")), "frobnicate"),
        (format!("{other_key}{}", rule("second")), "a table's key never changes"),
    ];
    for (refused, (configuration, part)) in wrong.into_iter().enumerate() {
        rewrite(&daemon.config(), &configuration);
        signal("-HUP", daemon.pid());
        let shown = eventually("the refusal", || {
            let shown = daemon.status()["configuration"].clone();
            (shown["refused"] == refused as u64 + 1).then_some(shown)
        });
        let error = shown["error"].as_str().unwrap();
        assert!(error.contains(part), "{error}");
        assert!(daemon.log().contains(error), "{}", daemon.log());
        let metrics = String::from_utf8(daemon.get("/metrics").unwrap().1).unwrap();
        assert!(metrics.contains("\nforebay_config_reload_success 0\n"), "{metrics}");
    }
    let line = std::fs::read_to_string(daemon.config()).unwrap();
    assert!(!line.is_empty());
    publish(&daemon, "still/here");
    assert_eq!(daemon.scan("readings")[0]["by"]["S"], "first");
    // What is right again is taken, and the error forgotten.
    rewrite(&daemon.config(), &format!("{READINGS}{}", rule("third")));
    signal("-HUP", daemon.pid());
    let shown = eventually("the reload", || {
        let shown = daemon.status()["configuration"].clone();
        (shown["reloads"] == 1).then_some(shown)
    });
    assert_eq!(shown.get("error"), None);
}

#[test]
fn what_only_a_restart_changes_is_named() {
    let daemon = Daemon::start(&format!("{READINGS}{}", rule("first")));
    let text = std::fs::read_to_string(daemon.config()).unwrap();
    let other = text.replace("max_size = \"256MiB\"", "max_size = \"128MiB\"");
    assert_ne!(text, other);
    std::fs::write(daemon.config(), format!("[gateway]\nid = \"another\"\n{other}")).unwrap();
    signal("-HUP", daemon.pid());
    eventually("the reload", || (daemon.status()["configuration"]["reloads"] == 1).then_some(()));
    let named = json!(["gateway.id", "store.max_size"]);
    assert_eq!(daemon.status()["configuration"]["needs_restart"], named);
    assert!(daemon.log().contains("needs a restart"), "{}", daemon.log());
    let shown = said(&output(&["status", "--url", &daemon.url()])).1;
    assert!(shown.contains("needs a restart for gateway.id, store.max_size"), "{shown}");
}

/// Reloads a configuration, and waits until it is in force.
fn reload(daemon: &Daemon, configuration: &str) {
    let before = daemon.status()["configuration"]["reloads"].as_u64().unwrap();
    rewrite(&daemon.config(), configuration);
    signal("-HUP", daemon.pid());
    eventually("the reload", || {
        (daemon.status()["configuration"]["reloads"].as_u64() > Some(before)).then_some(())
    });
}

fn upstream(name: &str, to: &Daemon) -> String {
    format!("[[upstream]]\nname = \"{name}\"\nendpoint = \"http://{}\"\nregion = \"eu-west-1\"\n", to.http)
}

#[test]
fn upstreams_come_and_go_with_a_reload() {
    let (first, second) = (Daemon::with_defaults(""), Daemon::with_defaults(""));
    let base = format!("{READINGS}{}", rule("r"));
    let daemon = Daemon::start(&format!("{base}{}", upstream("first", &first)));
    publish(&daemon, "hall/a");
    eventually("the first upstream", || (first.scan("readings").len() == 1).then_some(()));

    reload(&daemon, &format!("{base}{}", upstream("second", &second)));
    let names = |daemon: &Daemon| -> Vec<String> {
        let status = daemon.status();
        let upstreams = status["upstreams"].as_array().unwrap();
        upstreams.iter().map(|upstream| upstream["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&daemon), ["second"]);
    publish(&daemon, "hall/b");
    eventually("the second upstream", || (!second.scan("readings").is_empty()).then_some(()));
    assert_eq!(first.scan("readings").len(), 1);

    reload(&daemon, &format!("{base}{}{}", upstream("first", &first), upstream("second", &second)));
    assert_eq!(names(&daemon), ["first", "second"]);
    publish(&daemon, "hall/c");
    eventually("both upstreams", || {
        let has =
            |upstream: &Daemon| upstream.scan("readings").iter().any(|it| it["device"]["S"] == "hall/c");
        (has(&first) && has(&second)).then_some(())
    });
}

/// Certificates are renewed under the names that they have.
#[test]
fn renewed_certificates_are_taken() {
    let ca = |name: &str| format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::copy(ca("other-ca.pem"), &file).unwrap();
    let base = format!("{READINGS}{}", rule("r"));
    let configuration = format!(
        "{base}[[upstream]]\nname = \"u\"\nendpoint = \"https://127.0.0.1:9\"\nregion = \"eu-west-1\"\nca_file = {file:?}\n"
    );
    let daemon = Daemon::start(&configuration);
    let starts = || daemon.log().matches("upstream=\"u\" endpoint").count();
    assert_eq!(starts(), 1, "{}", daemon.log());
    reload(&daemon, &configuration);
    assert_eq!(starts(), 1, "nothing has changed");
    std::fs::copy(ca("ca.pem"), &file).unwrap();
    reload(&daemon, &configuration);
    assert_eq!(starts(), 2);
    // One that can't be read is refused, with its line.
    std::fs::write(&file, "rubbish").unwrap();
    signal("-HUP", daemon.pid());
    let error =
        eventually("the refusal", || daemon.status()["configuration"]["error"].as_str().map(str::to_owned));
    assert!(error.contains("gateway.toml:") && error.contains("ca_file"), "{error}");
    assert_eq!(starts(), 2);
}

#[test]
fn a_broker_comes_with_a_reload_and_follows_the_rules() {
    let broker = Mosquitto::start("");
    let at = |topic: &str| rule("r").replace("{device..}", topic).replace("\"{device}\"", "\"{x}\"");
    let section = format!("[mqtt.broker]\nurl = \"mqtt://{}\"\n", broker.address);
    let daemon = Daemon::start(&format!("{READINGS}{}", at("one/{x}")));
    let subscribed = |filter: &str| {
        eventually("the subscription", || {
            let mqtt = daemon.status()["mqtt"].clone();
            let filters = mqtt["broker_detail"]["filters"].as_array()?.clone();
            (mqtt["broker"] == "subscribed" && filters == [json!(filter)]).then_some(())
        });
    };
    reload(&daemon, &format!("{READINGS}{}{section}", at("one/{x}")));
    subscribed("one/+");
    reload(&daemon, &format!("{READINGS}{}{section}", at("two/{x}")));
    subscribed("two/+");
    let port = broker.address.port().to_string();
    let mut publish = std::process::Command::new("mosquitto_pub");
    publish.args(["-p", &port, "-q", "1", "-t", "two/a", "-m", "{}"]);
    assert!(publish.status().unwrap().success());
    eventually("the message", || (daemon.scan("readings").len() == 1).then_some(()));
    reload(&daemon, &format!("{READINGS}{}", at("two/{x}")));
    eventually("the end of it", || daemon.status()["mqtt"].get("broker").is_none().then_some(()));
}
