//! Dead letters that endpoints make which nobody here wrote.

use super::support::daemon::{dynamodb, scan};
use super::support::peer::{Kind, Peer};
use super::*;

/// A table whose sort key is another attribute than the gateway's.
fn create_by_kind(peer: &Peer) {
    let request = json!({
        "TableName": "readings",
        "AttributeDefinitions": [
            {"AttributeName": "device", "AttributeType": "S"}, {"AttributeName": "kind", "AttributeType": "S"}
        ],
        "KeySchema": [
            {"AttributeName": "device", "KeyType": "HASH"}, {"AttributeName": "kind", "KeyType": "RANGE"}
        ],
        "BillingMode": "PAY_PER_REQUEST",
    });
    assert_eq!(dynamodb(peer.address, "CreateTable", &request).unwrap().0, 200);
    active(peer);
}

fn active(peer: &Peer) {
    eventually("the table to be active", || {
        let (_, answer) = dynamodb(peer.address, "DescribeTable", &json!({"TableName": "readings"}))?;
        (answer["Table"]["TableStatus"] == "ACTIVE").then_some(())
    });
}

/// Replaces the table by one of the right key.
fn correct(peer: &Peer) {
    assert_eq!(dynamodb(peer.address, "DeleteTable", &json!({"TableName": "readings"})).unwrap().0, 200);
    eventually("the table to be gone", || {
        let (status, _) = dynamodb(peer.address, "DescribeTable", &json!({"TableName": "readings"}))?;
        (status == 400).then_some(())
    });
    peer.create_readings("readings");
}

fn letters(gateway: &Daemon) -> Vec<Value> {
    let list: Value = serde_json::from_str(&done(gateway, &["dead-letter", "list", "--json"])).unwrap();
    list["dead_letters"].as_array().unwrap().clone()
}

fn refused_shown_replayed_dropped(kind: Kind) {
    let peer = Peer::start(kind);
    create_by_kind(&peer);
    let mut gateway = Daemon::with_defaults(&upstream("central", peer.address, ""));
    put(&gateway, "d", 0, 40, &json!({"n": 12_345_678_901_234_567_890_u64}));
    until(&gateway, "central", "everything to be refused", |state| {
        state["pending"] == 0 && state["dead_letters"] == 40
    });
    let table = done(&gateway, &["dead-letter", "list", "central"]);
    assert!(table.contains("ValidationException") && table.contains(r#"{"device":"d","ts":7}"#), "{table}");
    let all = letters(&gateway);
    assert_eq!((all.len(), &all[0]["code"]), (40, &json!("ValidationException")));
    let id = all[7]["id"].as_str().unwrap();
    let shown = done(&gateway, &["dead-letter", "show", "central", id, "--json"]);
    assert!(shown.contains(r#""item":{"device":"d","n":12345678901234567890,"ts":7}"#), "{shown}");
    assert!(done(&gateway, &["dead-letter", "show", "central", id]).contains("ValidationException"));

    // Two are given up, one gets a later state, the others go again, beyond a kill.
    let ids: Vec<&str> = all[..2].iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    let dropped = done(&gateway, &[&["dead-letter", "drop", "central"][..], &ids].concat());
    assert_eq!(dropped, "2 dead letters dropped\n");
    done(&gateway, &["upstream", "pause", "central"]);
    let replaying = done(&gateway, &["dead-letter", "replay", "central", "--all", "--json"]);
    assert_eq!(replaying, "{\"replaying\":38}\n");
    assert!(letters(&gateway).iter().all(|letter| letter["replaying"] == true));
    put(&gateway, "d", 7, 1, &json!({"later": true}));
    correct(&peer);
    gateway.kill();
    gateway.launch();
    done(&gateway, &["upstream", "resume", "central"]);
    until(&gateway, "central", "everything to arrive", |state| {
        state["pending"] == 0 && state["dead_letters"] == 0
    });
    assert!(letters(&gateway).is_empty());
    let items = scan(peer.address, "readings");
    assert_eq!(items.len(), 38);
    let seven = items.iter().find(|item| item["ts"]["N"] == "7").unwrap();
    assert_eq!(seven["later"], json!({"BOOL": true}), "an earlier state took the place of a later one");
    assert!(gateway.stop().success());
}

#[test]
fn dynamodb_locals_letters() {
    refused_shown_replayed_dropped(Kind::DynamodbLocal);
}

#[test]
fn dynalites_letters() {
    refused_shown_replayed_dropped(Kind::Dynalite);
}

#[test]
fn a_mass_refusal_is_a_few_lines_of_log() {
    let peer = Peer::start(Kind::Dynalite);
    create_by_kind(&peer);
    let gateway = Daemon::with_defaults(&upstream("central", peer.address, ""));
    put(&gateway, "d", 0, 300, &json!({}));
    until(&gateway, "central", "everything to be refused", |state| state["dead_letters"] == 300);
    let log = gateway.log();
    let lines = log.lines().filter(|line| line.contains("dead letter")).count();
    assert!((1..10).contains(&lines), "{log}");
}
