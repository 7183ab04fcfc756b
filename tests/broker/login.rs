//! User and password, TLS, and brokers that do not let the client in.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use forebay::mqtt::broker::{BrokerSettings, BrokerUrl, Protocol};

use crate::client::{Client, filters, settings};
use crate::fake::{Fake, Mode};
use crate::support::free_address;
use crate::support::mosquitto::Mosquitto;

fn tls(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A file that only its owner may read.
fn secret(folder: &Path, name: &str, text: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_and_password() {
    let folder = tempfile::tempdir().unwrap();
    let (address, passwords) = (free_address(), folder.path().join("passwords"));
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["me", "sesame"]).status();
    assert!(made.unwrap().success());
    let mut broker = Mosquitto::written(
        address,
        &format!(
            "listener {} 127.0.0.1\nallow_anonymous false\npassword_file {}",
            address.port(),
            passwords.display()
        ),
    );
    broker.launch();
    for protocol in [Protocol::V3, Protocol::V5] {
        let password = secret(folder.path(), "password", b"wrong\n");
        let settings = BrokerSettings {
            protocol,
            username: Some("me".to_owned()),
            password_file: Some(password.clone()),
            ..settings(address)
        };
        let client = Client::start(settings, Mode::Open);
        client.not_subscribed("password_file").await;
        // The file is read anew for each try.
        secret(folder.path(), "password", b"sesame\n");
        client.subscribed().await;
        client.stop().await;
        std::fs::set_permissions(&password, PermissionsExt::from_mode(0o644)).unwrap();
    }
    let client = Client::start(settings(address), Mode::Open);
    client.not_subscribed("refuses the login").await;
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_an_authority_and_a_certificate_of_the_clients_own() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut broker = Mosquitto::written(
        address,
        &format!(
            "listener {} 127.0.0.1\nallow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true",
            address.port(),
            tls("client-ca.pem").display(),
            tls("server.pem").display(),
            tls("server.key").display()
        ),
    );
    broker.launch();
    let key = secret(folder.path(), "client.key", &std::fs::read(tls("client.key")).unwrap());
    let url = |host: &str| BrokerUrl::parse(&format!("mqtts://{host}:{}", address.port())).unwrap();
    let good = BrokerSettings {
        brokers: vec![url("127.0.0.1")],
        ca_file: Some(tls("ca.pem")),
        identity: Some((tls("client.pem"), key)),
        ..settings(address)
    };
    for protocol in [Protocol::V3, Protocol::V5] {
        let client = Client::start(BrokerSettings { protocol, ..good.clone() }, Mode::Open);
        client.subscribed().await;
        // Larger than TLS records and buffers.
        publish_with_tls(&good, "s/a", &"x".repeat(100_000)).await;
        client.store.stored(1).await;
        client.stop().await;
    }
    for (settings, part) in [
        (BrokerSettings { ca_file: Some(tls("other-ca.pem")), ..good.clone() }, "UnknownIssuer"),
        (BrokerSettings { identity: None, ..good.clone() }, "CertificateRequired"),
        (BrokerSettings { ca_file: Some("/nowhere".into()), ..good.clone() }, "ca_file /nowhere"),
    ] {
        let client = Client::start(settings, Mode::Open);
        client.not_subscribed(part).await;
        client.stop().await;
    }
}

/// mosquitto's own client publishes through TLS.
async fn publish_with_tls(settings: &BrokerSettings, topic: &str, payload: &str) {
    let (chain, key) = settings.identity.clone().unwrap();
    let mut publish = tokio::process::Command::new("mosquitto_pub");
    publish.args(["-h", "localhost", "-q", "1", "-t", topic, "-m", payload]);
    publish.args(["-p", &settings.brokers[0].port.to_string(), "--cafile"]).arg(tls("ca.pem"));
    publish.arg("--cert").arg(chain).arg("--key").arg(key);
    assert!(publish.status().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_lead_nowhere_are_told() {
    let mut settings = settings(free_address());
    settings.brokers = vec![BrokerUrl::parse("mqtt://no-such-host.invalid").unwrap()];
    let client = Client::start(settings, Mode::Open);
    client.not_subscribed("can't be resolved").await;
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ipv6_is_spoken() {
    if std::net::TcpListener::bind(("::1", 0)).is_err() {
        return println!("skipped: this machine has no IPv6");
    }
    let address = free_address();
    let mut broker = Mosquitto::written(
        address,
        &format!("listener {0} ::1\nlistener {0} 127.0.0.1\nallow_anonymous true", address.port()),
    );
    broker.launch();
    let mut settings = settings(address);
    settings.brokers = vec![BrokerUrl::parse(&format!("mqtt://[::1]:{}", address.port())).unwrap()];
    let client = Client::with(settings, filters(&["s/#"]), Fake::new(Mode::Open));
    client.subscribed().await;
    assert!(client.detail().url.starts_with("mqtt://[::1]:"));
    client.stop().await;
}
