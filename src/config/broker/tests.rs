//! `[mqtt.broker]` as an owner meets it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::config::Settings;
use crate::config::tests::{fault, load_text};

const REST: &str = r#"
[[table]]
name = "readings"
partition_key = { name = "device", type = "S" }
[[rule]]
topic = "s/{device}"
set = { device = "{device}" }
"#;

fn with(broker: &str) -> Settings {
    load_text(&format!("[gateway]\nid = \"gw-1\"\n[mqtt.broker]\n{broker}\n{REST}")).unwrap()
}

fn tls(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

#[test]
fn a_url_is_enough() {
    let settings = with("url = \"mqtt://broker\"");
    let broker = settings.broker.unwrap();
    assert_eq!(broker, BrokerSettings::new(vec![BrokerUrl::parse("mqtt://broker").unwrap()], "forebay-gw-1"));
    let subscriptions = settings.rules.subscriptions();
    assert_eq!((&subscriptions.filters[..], subscriptions.retained), (&["s/+".to_owned()][..], false));
}

#[test]
fn everything_can_be_set() {
    let settings = with(
        r#"urls = ["mqtt://a", "mqtt://b:1"]
protocol = "5"
client_id = "me"
username = "u"
topics = ["x/#", "x/y"]
retained = true
keep_alive = "10s"
max_packet_size = "1MiB"
max_queued_messages = 10
max_queued_bytes = "1MiB""#,
    );
    let subscriptions = settings.rules.subscriptions();
    assert_eq!((&subscriptions.filters[..], subscriptions.retained), (&["x/#".to_owned()][..], true));
    let broker = settings.broker.unwrap();
    assert_eq!(broker.brokers.len(), 2);
    assert_eq!(
        (broker.protocol, &*broker.client_id, broker.username.as_deref()),
        (Protocol::V5, "me", Some("u"))
    );
    assert_eq!((broker.keep_alive.as_secs(), broker.max_packet_size), (10, 1 << 20));
    assert_eq!((broker.max_queued_messages, broker.max_queued_bytes), (10, 1 << 20));
}

#[test]
fn mistakes_name_key_and_remedy() {
    for (broker, wanted) in [
        ("", "needs url"),
        ("urls = []", "needs url"),
        ("url = \"mqtt://a\"\nurls = [\"mqtt://b\"]", "give one or the other"),
        ("url = \"http://a\"", "mqtt.broker.url = \"http://a\" is neither"),
        ("urls = [\"mqtt://a\", \"b\"]", "mqtt.broker.urls = \"b\" is no URL"),
        ("url = \"mqtt://a\"\nprotocol = \"4\"", "write \"3.1.1\" or \"5\""),
        ("url = \"mqtt://a\"\nclient_id = \"\"", "1 to 256 bytes"),
        ("url = \"mqtt://a\"\ntopics = []", "leave it out"),
        ("url = \"mqtt://a\"\ntopics = [\"a/#/b\"]", "mqtt.broker.topics: \"a/#/b\" is no topic filter"),
        ("url = \"mqtt://a\"\npassword_file = \"/x\"", "needs username"),
        ("url = \"mqtt://a\"\nusername = \"u\"\npassword_file = \"/nowhere\"", "/nowhere does not exist"),
        ("url = \"mqtt://a\"\nca_file = \"/x\"", "write mqtts://"),
        ("url = \"mqtts://a\"\nca_file = \"/nowhere\"", "ca_file /nowhere"),
        ("url = \"mqtts://a\"\nkey_file = \"/x\"", "needs cert_file"),
        ("url = \"mqtt://a\"\nkeep_alive = \"0s\"", "\"1s\" to \"65535s\""),
        ("url = \"mqtt://a\"\nmax_packet_size = \"1B\"", "\"1KiB\" to \"16MiB\""),
        ("url = \"mqtt://a\"\nmax_queued_messages = 0", "at least 1"),
        ("url = \"mqtt://a\"\nmax_queued_bytes = \"1KiB\"", "\"64KiB\" to"),
        ("url = \"mqtt://a\"\nurll = 1", "unknown field"),
    ] {
        let text = fault(&format!("[mqtt.broker]\n{broker}\n{REST}"));
        assert!(text.contains(wanted), "{broker}: {text}");
    }
    let text = fault("\n[mqtt.broker]\nurl = \"mqtt://a\"\nprotocol = \"4\"\n");
    assert!(text.contains(":4: mqtt.broker.protocol"), "{text}");
}

#[test]
fn secrets_that_everybody_may_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, mode: u32, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    };
    let key = std::fs::read(tls("server.key")).unwrap();
    let (open, shut) = (file("open", 0o644, &key), file("shut", 0o640, &key));
    let (chain, authority) = (tls("server.pem"), tls("ca.pem"));
    let text = |key: &Path| {
        format!(
            "[mqtt.broker]\nurl = \"mqtts://a\"\nca_file = {authority:?}\ncert_file = {chain:?}\nkey_file = {key:?}\n{REST}"
        )
    };
    assert!(load_text(&text(&shut)).is_ok());
    assert!(fault(&text(&open)).contains("chmod 600"));
    let password = |file: &Path| {
        format!("[mqtt.broker]\nurl = \"mqtt://a\"\nusername = \"u\"\npassword_file = {file:?}\n{REST}")
    };
    assert!(load_text(&password(&shut)).is_ok());
    assert!(fault(&password(&open)).contains("chmod 600"));
    let none = file("none", 0o600, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert!(fault(&text(&none)).contains("mqtt.broker.key_file"));
}

#[test]
fn the_service_managers_files_are_looked_at_by_the_service() {
    // `cargo test` runs without the variable.
    let settings =
        with("url = \"mqtt://a\"\nusername = \"u\"\npassword_file = \"${CREDENTIALS_DIRECTORY}/mqtt\"");
    assert!(settings.broker.unwrap().password_file.is_some());
}
