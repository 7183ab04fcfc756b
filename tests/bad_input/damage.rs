//! Damaged stores: the daemon starts, sets the damage aside, says so loudly, and holds what is still there.

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::daemon::Daemon;

fn put(daemon: &Daemon, n: u64) {
    let item = json!({"device": {"S": "d"}, "ts": {"N": n.to_string()}, "v": {"S": "x".repeat(300)}});
    let (status, answer) = daemon.dynamodb("PutItem", &json!({"TableName": "readings", "Item": item}));
    assert_eq!(status, 200, "{answer}");
}

fn held(daemon: &Daemon) -> BTreeSet<u64> {
    daemon.scan("readings").iter().map(|item| item["ts"]["N"].as_str().unwrap().parse().unwrap()).collect()
}

fn assert_said(daemon: &Daemon, word: &str) {
    let status = daemon.status();
    let said =
        status["store"]["damage"].as_array().unwrap_or_else(|| panic!("no damage in {status}")).clone();
    assert!(said.iter().any(|text| text.as_str().unwrap().contains(word)), "{said:?}");
    let log = daemon.log();
    assert!(log.lines().any(|line| line.contains("ERROR") && line.contains(word)), "{log}");
}

/// Two generations of items: 0 to 199 folded into the tree by a stop, 200 to 399 in the journal alone.
fn prepared() -> Daemon {
    let mut daemon = Daemon::with_defaults("");
    (0..200).for_each(|n| put(&daemon, n));
    assert!(daemon.stop().success());
    daemon.launch();
    (200..400).for_each(|n| put(&daemon, n));
    daemon
}

fn truncate_tree(daemon: &Daemon) {
    let tree = std::fs::File::options().write(true).open(daemon.store().join("tree/data.mdb")).unwrap();
    let length = tree.metadata().unwrap().len();
    tree.set_len(length / 4096 / 2 * 4096 + 100).unwrap();
}

#[test]
fn a_truncated_tree_is_set_aside_after_a_crash() {
    let mut daemon = prepared();
    daemon.kill();
    truncate_tree(&daemon);
    daemon.launch();
    assert_said(&daemon, "tree");
    assert!(daemon.store().join("tree-damaged-1").is_dir());
    // The journal keeps what two folds do not cover: everything.
    assert_eq!(held(&daemon), (0..400).collect());
    put(&daemon, 400);
    daemon.kill();
    daemon.launch();
    assert_eq!(held(&daemon), (0..401).collect());
}

#[test]
fn a_truncated_tree_is_set_aside_after_a_clean_stop() {
    let mut daemon = prepared();
    assert!(daemon.stop().success());
    truncate_tree(&daemon);
    daemon.launch();
    assert_said(&daemon, "tree");
    let held = held(&daemon);
    assert!(held.is_superset(&(200..400).collect()), "{held:?}");
    put(&daemon, 400);
    daemon.assert_alive();
}

#[test]
fn a_tree_of_rubbish_is_set_aside() {
    let mut daemon = prepared();
    daemon.kill();
    std::fs::write(daemon.store().join("tree/data.mdb"), vec![0xa5; 100_000]).unwrap();
    daemon.launch();
    assert_said(&daemon, "tree");
    assert_eq!(held(&daemon), (0..400).collect());
}

/// The newest segment with frames in it, and where what was written to it ends.
fn newest_segment(daemon: &Daemon) -> (PathBuf, usize) {
    let mut segments: Vec<PathBuf> = std::fs::read_dir(daemon.store().join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
        .collect();
    segments.sort();
    let segment = segments.pop().unwrap();
    let end = std::fs::read(&segment).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    (segment, end)
}

fn overwrite(segment: &PathBuf, at: usize, bytes: &[u8]) {
    let file = std::fs::File::options().write(true).open(segment).unwrap();
    file.write_all_at(bytes, at as u64).unwrap();
}

#[test]
fn a_torn_tail_is_cut() {
    let mut daemon = prepared();
    put(&daemon, 1_000);
    daemon.kill();
    let (segment, end) = newest_segment(&daemon);
    // The last write tore: it was not acknowledged, as far as this store knows.
    overwrite(&segment, end - 20, &[0x5a; 60]);
    daemon.launch();
    assert_eq!(held(&daemon), (0..400).collect());
    assert_eq!(daemon.status()["store"]["damage"], Value::Null, "a torn tail is everyday");
    put(&daemon, 1_000);
    daemon.kill();
    daemon.launch();
    assert_eq!(held(&daemon).len(), 401);
}

#[test]
fn damage_in_the_middle_of_a_segment_is_said_aloud() {
    let mut daemon = prepared();
    daemon.kill();
    let (segment, end) = newest_segment(&daemon);
    overwrite(&segment, end / 2, &[0x5a; 8]);
    daemon.launch();
    assert_said(&daemon, "segment");
    let held = held(&daemon);
    assert!(held.is_superset(&(0..200).collect()), "what was in the tree is there: {held:?}");
    assert!(held.len() > 250, "and what came before the damage: {held:?}");
    put(&daemon, 400);
    daemon.kill();
    daemon.launch();
    assert!(daemon.scan("readings").len() > held.len());
}
