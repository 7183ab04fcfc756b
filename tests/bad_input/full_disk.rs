//! A full disk: writes are refused with a clear error, nothing acknowledged is lost, deletes go on, and with room again so do
//! writes.

use serde_json::json;

use crate::support::daemon::{Daemon, request};
use crate::support::eventually;
use crate::support::filesystem::{Filesystem, Kind};

const TABLE: &str = r#"
[[table]]
name = "readings"
partition_key = { name = "device", type = "S" }
sort_key = { name = "ts", type = "N" }
"#;

fn put(daemon: &Daemon, n: usize) -> (u16, String) {
    let item = json!({"device": "d", "ts": n, "v": "x".repeat(200_000)}).to_string();
    let headers = [("Content-Type", "application/json")];
    let answer = request(daemon.http, "POST", "/v1/tables/readings/items", &headers, item.as_bytes());
    let (status, body) = answer.expect("the daemon answers");
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn delete(daemon: &Daemon, n: usize) -> u16 {
    let path = format!("/v1/tables/readings/items/d/{n}");
    request(daemon.http, "DELETE", &path, &[], b"").expect("the daemon answers").0
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(filesystem) = Filesystem::new(Kind::Ext4, folder.path(), 96) else { return };
    let store = filesystem.mount.join("store");
    let mut daemon = Daemon::prepare_at(tempfile::tempdir().unwrap(), &store, TABLE);
    daemon.launch();
    let mut written = 0;
    // A full store gives back what it can, so that the first refusal need not be the last word.
    let refusal = loop {
        match put(&daemon, written) {
            (200, _) => written += 1,
            refusal if daemon.status()["store"]["full"].is_string() => break refusal,
            (status, body) => assert_eq!(status, 507, "{body}"),
        }
        assert!(written < 1_000, "the disk never gets full");
    };
    assert_eq!(refusal.0, 507, "{refusal:?}");
    assert!(refusal.1.contains("full"), "{refusal:?}");
    println!("full after {written} items of 200 KB: {}", refusal.1);
    daemon.assert_alive();
    let item = json!({"device": {"S": "d"}, "ts": {"N": "5000"}, "v": {"S": "x".repeat(200_000)}});
    let (status, answer) = daemon.dynamodb("PutItem", &json!({"TableName": "readings", "Item": item}));
    assert!(status == 200 || answer["message"].is_string(), "{status} {answer}");
    written += usize::from(status == 200);
    assert_eq!(daemon.scan("readings").len(), written);

    // As it is after a power cut on a full disk.
    daemon.kill();
    daemon.launch();
    assert_eq!(daemon.scan("readings").len(), written, "{}", daemon.log());
    assert_eq!(daemon.status()["store"]["damage"], serde_json::Value::Null);

    // Deletes make room.
    for n in (0..written).chain([5_000]) {
        assert_eq!(delete(&daemon, n), 204, "{}", daemon.log());
    }
    eventually("room to write again", || (put(&daemon, 9_000).0 == 200).then_some(()));
    assert_eq!(daemon.scan("readings").len(), 1);
    assert!(daemon.memory("VmHWM") < crate::MEMORY);
    assert!(daemon.stop().success(), "{}", daemon.log());
}

#[test]
fn a_disk_without_any_room_does_not_keep_a_gateway_without_a_trusted_clock_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let Some(filesystem) = Filesystem::new(Kind::Ext4, folder.path(), 96) else { return };
    let store = filesystem.mount.join("store");
    let configuration = format!("[clock]\ntrust = \"ntp\"\n{TABLE}");
    let mut daemon = Daemon::prepare_at(tempfile::tempdir().unwrap(), &store, &configuration);
    daemon.launch();
    assert_eq!(put(&daemon, 1).0, 200);
    assert!(daemon.stop().success(), "{}", daemon.log());

    // Not even the segments that the journal had prepared are left.
    for file in std::fs::read_dir(store.join("journal")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "spare") {
            std::fs::remove_file(path).unwrap();
        }
    }
    filesystem.fill();
    daemon.launch();
    assert_eq!(daemon.scan("readings").len(), 1, "{}", daemon.log());
    assert!(daemon.stop().success(), "{}", daemon.log());
}
