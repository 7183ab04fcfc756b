//! Credentials for a certificate: issued, refused, renewed, while the issuer comes and goes.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::odd::Picky;
use super::support::issuer::{Answer, Issuer};
use super::support::tls_server::fixture;
use super::*;

/// An `iot` key, and the folder that its private key is in.
fn iot(issuer: &Issuer) -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let key: PathBuf = folder.path().join("client.key");
    std::fs::copy(fixture("client.key"), &key).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let (cert, ca) = (fixture("client.pem"), fixture("ca.pem"));
    let port = issuer.address.port();
    let text = format!(
        "iot = {{ endpoint = \"localhost:{port}\", role_alias = \"gateway-dynamodb\", thing_name = \"gw-014\", \
         cert_file = {cert:?}, key_file = {key:?}, ca_file = {ca:?} }}"
    );
    (text, folder)
}

#[test]
fn a_gateway_lives_on_issued_credentials_through_an_outage_of_their_issuer() {
    let central = Daemon::with_defaults("");
    let picky = Picky::before(central.http, "FIRST");
    let issuer = Issuer::start(Answer::Other(200, "<html>Welcome to our hotel</html>".to_owned()));
    let (more, _folder) = iot(&issuer);
    let mut gateway = Daemon::with_defaults(&upstream("central", picky.address, &more));
    put(&gateway, "d", 0, 10, &json!({}));
    let reason = |what: &str, state: &str, word: &str| {
        until(&gateway, "central", what, |now| {
            now["state"] == state && now["reason"].as_str().is_some_and(|reason| reason.contains(word))
        });
    };
    reason("the portal to be seen", "offline", "captive portal");
    issuer.answers(Answer::Other(403, r#"{"message":"Access Denied"}"#.to_owned()));
    reason("the refusal to be seen", "blocked", "iot:AssumeRoleWithCertificate");
    let sent = |count: u64| {
        let so = |state: &Value| state["pending"] == 0 && state["state"] == "online";
        assert_eq!(until(&gateway, "central", "everything to be sent", so)["acknowledged"], count);
    };
    issuer.answers(Answer::Key("FIRST".to_owned()));
    sent(10);
    let request = issuer.seen().pop().unwrap();
    assert!(request.starts_with("GET /role-aliases/gateway-dynamodb/credentials "), "{request}");
    assert!(request.contains("x-amzn-iot-thingname: gw-014"), "{request}");

    // Without its issuer it goes on, until the upstream has had enough.
    issuer.answers(Answer::Nothing);
    put(&gateway, "d", 10, 10, &json!({}));
    sent(20);
    picky.expect("SECOND");
    put(&gateway, "d", 20, 10, &json!({}));
    reason("the loss of the issuer to be seen", "offline", "no credentials");
    issuer.answers(Answer::Key("SECOND".to_owned()));
    sent(30);
    assert_eq!(central.scan("readings").len(), 30);
    let log = gateway.log();
    assert!(log.contains("SECOND") && !log.contains("hush") && !log.contains("token-"), "{log}");
    assert!(!log.contains("PRIVATE KEY"));
    assert!(gateway.stop().success());
}

#[test]
fn the_files_of_a_certificate_are_looked_at_by_check() {
    let issuer = Issuer::start(Answer::Nothing);
    let (more, folder) = iot(&issuer);
    let gateway = Daemon::prepare(&upstream("central", issuer.address, &more));
    let check = || said(&forebay(&["check", gateway.config().to_str().unwrap()]).output().unwrap());
    let (code, _, error) = check();
    assert!(code == 0 && !error.contains("blocked"), "{error}");
    std::fs::remove_file(folder.path().join("client.key")).unwrap();
    let (code, _, error) = check();
    assert!(code == 0 && error.contains("blocked") && error.contains("client.key"), "{error}");
}
