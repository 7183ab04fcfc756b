//! A gateway whose clock nobody has set: readings are readable at once under an estimated time, wait to be sent, and go out
//! marked once nobody can tell the right time any more. Nothing expires meanwhile.

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

use std::process::Command;

use serde_json::{Value, json};
use support::daemon::Daemon;
use support::eventually;

fn configuration(upstream: &Daemon, grace: &str) -> String {
    format!(
        r#"
[clock]
trust = "ntp"
grace = "{grace}"
[[table]]
name = "readings"
partition_key = {{ name = "device", type = "S" }}
sort_key = {{ name = "ts", type = "N" }}
ttl = {{ attribute = "expires_at" }}
[[rule]]
name = "default"
topic = "{{device..}}"
table = "readings"
payload = "auto"
set = {{ device = "{{device}}", ts = "{{now_us}}" }}
[[upstream]]
name = "central"
endpoint = "{}"
region = "eu-west-1"
"#,
        upstream.url()
    )
}

fn of<'a>(items: &'a [Value], device: &str) -> Vec<&'a Value> {
    items.iter().filter(|item| item["device"]["S"] == device).collect()
}

#[test]
fn estimated_times_wait_and_go_out_marked() {
    let upstream = Daemon::with_defaults("");
    let mut daemon = Daemon::start(&configuration(&upstream, "1h"));
    if daemon.status()["clock"]["trusted"] == true {
        println!("skipped: NTP has set this machine's clock, so it is trusted");
        return;
    }
    let publish = Command::new("mosquitto_pub")
        .args(["-p", &daemon.mqtt.port().to_string(), "-q", "1", "-t", "hall", "-m", r#"{"t": 21.5}"#])
        .status();
    assert!(publish.unwrap().success());
    let near = daemon.scan("readings");
    assert_eq!(near.len(), 1, "readable at once");
    assert_eq!(near[0]["t"]["N"], "21.5");
    assert_eq!(daemon.status()["store"]["marked"], 1);

    // A time that a client has given is not the gateway's to estimate: it goes out, and what expired long ago is still there.
    let item = json!({"device": {"S": "client"}, "ts": {"N": "7"}, "expires_at": {"N": "1700000000"}});
    let (status, answer) = daemon.dynamodb("PutItem", &json!({"TableName": "readings", "Item": item}));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(of(&daemon.scan("readings"), "client"), [&item]);
    let far = eventually("the client's item upstream", || {
        let far = upstream.scan("readings");
        (!of(&far, "client").is_empty()).then_some(far)
    });
    assert_eq!(of(&far, "hall").len(), 0, "it waits for its time");
    assert_eq!(daemon.status()["upstreams"][0]["pending"], 1);

    // Nobody will tell: it goes out with a mark, on both ends, once.
    assert!(daemon.stop().success());
    let text = std::fs::read_to_string(daemon.config()).unwrap();
    std::fs::write(daemon.config(), text.replace(r#"grace = "1h""#, r#"grace = "1s""#)).unwrap();
    daemon.launch();
    eventually("the reading upstream", || (!of(&upstream.scan("readings"), "hall").is_empty()).then_some(()));
    eventually("nothing to be pending", || (daemon.status()["upstreams"][0]["pending"] == 0).then_some(()));
    let (near, far) = (daemon.scan("readings"), upstream.scan("readings"));
    assert_eq!(of(&near, "hall").len(), 1);
    assert_eq!(of(&near, "hall"), of(&far, "hall"));
    assert!(of(&far, "hall")[0].get("forebay_time_estimated").is_some(), "{far:?}");
    assert_eq!(daemon.status()["store"]["marked"], 0);
    assert_eq!(of(&near, "client").len(), 1, "nothing expires while the clock is not trusted");
}
