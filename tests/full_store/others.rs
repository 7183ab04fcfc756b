//! Somebody else's file fills the file system; once it is gone everything goes on, with no restart.

use crate::support::daemon::Daemon;
use crate::support::filesystem::{Filesystem, Kind};
use crate::support::publisher::{Plan, Publisher};
use crate::support::{counted, eventually};
use crate::{numbers, put, reading, tables};

fn prepare(filesystem: &Filesystem, when_full: &str) -> Daemon {
    let store = filesystem.mount.join("store");
    Daemon::prepare_at(tempfile::tempdir().unwrap(), &store, &tables(when_full))
}

/// Fills it while it runs, and while devices publish; then makes room.
fn filled_while_it_runs(kind: Kind, when_full: &str) {
    let folder = tempfile::tempdir().unwrap();
    let Some(filesystem) = Filesystem::new(kind, folder.path(), 128) else { return };
    let mut daemon = prepare(&filesystem, when_full);
    daemon.launch();
    let plan = Plan {
        listener: daemon.mqtt,
        client: "readings".to_owned(),
        qos: 1,
        in_flight: 20,
        message: reading,
        messages: u64::MAX,
    };
    let readings = Publisher::start(plan);
    counted("acknowledgements", 300, || readings.count());
    let filler = filesystem.fill();
    let mut written = 0;
    // What was prepared is used up first.
    let why = eventually("a refusal", || {
        filesystem.fill();
        match put(&daemon, "kept", written, 50_000) {
            (200, _) => {
                written += 1;
                None
            }
            (status, answer) => (status == 507).then_some(answer),
        }
    });
    assert!(why.contains("disk") || why.contains("prepared") || why.contains("tree"), "{why}");
    assert!(daemon.status()["store"]["full"].is_string(), "{}", daemon.status());
    daemon.assert_alive();
    std::fs::remove_file(filler).unwrap();
    eventually("the item to be taken", || (put(&daemon, "kept", written, 50_000).0 == 200).then_some(()));
    let before = readings.count();
    counted("acknowledgements again", before + 300, || readings.count());
    let sent = readings.finish();
    let dropped = daemon.status()["store"]["dropped_items"].as_u64().unwrap();
    let there = daemon.scan("readings");
    println!("{sent} readings, {dropped} of them dropped here to make room");
    assert_eq!(there.len() as u64 + dropped, sent);
    assert!(when_full == "drop-oldest" || dropped == 0);
    assert_eq!(numbers(&daemon.scan("kept"), "rest"), (0..=written).collect::<Vec<_>>());
    eventually("it to be well", || daemon.status()["store"]["full"].is_null().then_some(()));
    assert!(daemon.stop().success(), "{}", daemon.log());
}

#[test]
fn a_disk_that_somebody_else_fills_is_waited_for() {
    filled_while_it_runs(Kind::Ext4, "reject");
}

#[test]
fn and_so_it_is_where_the_oldest_may_go() {
    filled_while_it_runs(Kind::Ext4, "drop-oldest");
}

#[test]
fn and_in_memory() {
    filled_while_it_runs(Kind::Tmpfs, "reject");
}

#[test]
fn a_disk_that_is_full_at_the_start_is_waited_for() {
    for kind in [Kind::Ext4, Kind::Tmpfs] {
        let folder = tempfile::tempdir().unwrap();
        let Some(filesystem) = Filesystem::new(kind, folder.path(), 96) else { return };
        let mut daemon = prepare(&filesystem, "reject");
        daemon.launch();
        assert_eq!(put(&daemon, "kept", 0, 100).0, 200);
        daemon.kill();
        for file in std::fs::read_dir(filesystem.mount.join("store/journal")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "spare") {
                std::fs::remove_file(path).unwrap();
            }
        }
        let filler = filesystem.fill();
        daemon.launch();
        let (status, why) = put(&daemon, "kept", 1, 100);
        assert_eq!(status, 507, "{why}");
        assert_eq!(daemon.scan("kept").len(), 1, "what is there can be read");
        std::fs::remove_file(filler).unwrap();
        eventually("the item to be taken", || (put(&daemon, "kept", 1, 100).0 == 200).then_some(()));
        assert_eq!(numbers(&daemon.scan("kept"), "rest"), [0, 1]);
        assert!(daemon.stop().success(), "{}", daemon.log());
    }
}
