//! Credentials: missing, readable by everybody, renewed while the daemon runs.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::odd::Picky;
use super::*;

fn write(path: &Path, text: &str, mode: u32) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, Permissions::from_mode(mode)).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn profile(key: &str) -> String {
    format!("[edge]\naws_access_key_id = {key}\naws_secret_access_key = hush-{key}\n")
}

#[test]
fn renewed_credentials_are_used_without_a_restart() {
    let central = Daemon::with_defaults("");
    let picky = Picky::before(central.http, "FIRST");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    write(&file, &profile("FIRST"), 0o600);
    let more = format!("profile = \"edge\"\ncredentials_file = {file:?}");
    let mut gateway = Daemon::with_defaults(&upstream("central", picky.address, &more));
    let sent = |count: u64| {
        let so = |state: &Value| state["pending"] == 0 && state["state"] == "online";
        let state = until(&gateway, "central", "everything to be sent", so);
        assert_eq!(state["acknowledged"], count);
    };
    put(&gateway, "d", 0, 10, &json!({}));
    sent(10);

    // The old key stops working before the new one is there.
    picky.expect("SECOND");
    put(&gateway, "d", 10, 10, &json!({}));
    let blocked = until(&gateway, "central", "the refusal to be seen", |state| state["state"] == "blocked");
    assert!(blocked["reason"].as_str().unwrap().contains("UnrecognizedClientException"), "{blocked}");
    // A file that is replaced badly takes nobody any further, and is no end.
    write(&file, "[edge]\n", 0o600);
    write(&file, &profile("SECOND"), 0o600);
    sent(20);

    // The new key is there before the old one stops working.
    write(&file, &profile("THIRD"), 0o600);
    picky.expect("THIRD");
    put(&gateway, "d", 20, 10, &json!({}));
    sent(30);
    assert_eq!(central.scan("readings").len(), 30);
    let log = gateway.log();
    assert!(log.contains("THIRD") && !log.contains("hush-"), "{log}");
    assert!(gateway.stop().success());
}

#[test]
fn what_is_wrong_with_credentials_shows_at_once_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let (open, gone) = (folder.path().join("open"), folder.path().join("gone"));
    write(&open, "hush", 0o644);
    let nobody = super::support::free_address();
    let files = |secret: &str| format!("access_key_id = \"AKID\"\nsecret_access_key_file = {secret:?}");
    let sections = [
        upstream("open", nobody, &files(open.to_str().unwrap())),
        upstream("gone", nobody, &files(gone.to_str().unwrap())),
        upstream("service", nobody, &files("${CREDENTIALS_DIRECTORY}/secret")),
    ];
    let mut gateway = Daemon::prepare(&sections.concat());
    // The configuration is right, and the gateway starts: what is in the files may change at any time.
    let (code, _, error) = said(&forebay(&["check", gateway.config().to_str().unwrap()]).output().unwrap());
    assert_eq!(code, 0);
    assert!(error.contains("chmod 600") && error.contains("gone does not exist"), "{error}");
    gateway.launch();
    for (name, remedy) in [("open", "chmod 600"), ("gone", "does not exist"), ("service", "LoadCredential=")]
    {
        let state = until(&gateway, name, "the trouble to be seen", |state| state["state"] == "blocked");
        assert!(state["reason"].as_str().unwrap().contains(remedy), "{state}");
    }
    assert!(!gateway.log().contains("hush"));
    // Put right, the next trouble is the link's.
    for (name, file) in [("open", &open), ("gone", &gone)] {
        write(file, "hush", 0o600);
        until(&gateway, name, "the file to be read again", |state| state["state"] == "offline");
    }
}
