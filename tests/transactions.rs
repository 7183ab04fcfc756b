//! Transactions across `kill -9`: each is made once, wholly or not at all, however often its client tries again.

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

#[path = "support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use support::chance::Chance;
use support::daemon::{Daemon, dynamodb};
use support::eventually;

const ACCOUNTS: u64 = 6;
const HANDS: u64 = 4;
const ROUNDS: u64 = 5;

fn create(daemon: &Daemon, table: &str) {
    let body = json!({
        "TableName": table, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    });
    assert_eq!(daemon.dynamodb("CreateTable", &body).0, 200);
}

fn add(id: u64, by: i64) -> Value {
    json!({"Update": {
        "TableName": "accounts", "Key": {"id": {"S": id.to_string()}}, "UpdateExpression": "ADD amount :by",
        "ExpressionAttributeValues": {":by": {"N": by.to_string()}},
    }})
}

/// A transfer that leaves a receipt with its token.
fn transfer(token: &str, from: u64, to: u64) -> Value {
    let receipt = json!({"Put": {
        "TableName": "receipts", "ConditionExpression": "attribute_not_exists(id)",
        "Item": {"id": {"S": token}, "from": {"N": from.to_string()}, "to": {"N": to.to_string()}},
    }});
    json!({"ClientRequestToken": token, "TransactItems": [add(from, -1), receipt, add(to, 1)]})
}

/// Makes transfers, one after another, each tried until it is answered: how many.
fn hand(address: SocketAddr, hand: u64, seed: u64, wanted: u64, done: &AtomicU64) -> u64 {
    let mut chance = Chance::new(seed + hand);
    let mut made = 0;
    while done.load(Ordering::SeqCst) < wanted {
        let from = chance.below(ACCOUNTS);
        let to = (from + 1 + chance.below(ACCOUNTS - 1)) % ACCOUNTS;
        let request = transfer(&format!("{seed}-{hand}-{made}"), from, to);
        eventually("the transfer to be answered", || {
            let (status, answer) = dynamodb(address, "TransactWriteItems", &request)?;
            // A receipt that is there already would cancel it: the token was lost.
            assert!(status == 200 || status >= 500, "{answer}");
            (status == 200).then_some(())
        });
        made += 1;
        done.fetch_add(1, Ordering::SeqCst);
    }
    made
}

fn amounts(items: &[Value], member: &str) -> Vec<i64> {
    items.iter().map(|item| item[member]["N"].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_transfer_is_made_once_however_often_the_daemon_is_killed() {
    let mut daemon = Daemon::start("");
    create(&daemon, "accounts");
    create(&daemon, "receipts");
    let start: Vec<_> = (0..ACCOUNTS).map(|id| add(id, 1000)).collect();
    assert_eq!(daemon.dynamodb("TransactWriteItems", &json!({"TransactItems": start})).0, 200);
    let mut made = 0;
    for round in 0..ROUNDS {
        let (address, done) = (daemon.http, AtomicU64::new(0));
        made += std::thread::scope(|scope| {
            let hands: Vec<_> = (0..HANDS)
                .map(|at| {
                    scope.spawn({
                        let done = &done;
                        move || hand(address, at, round, 120, done)
                    })
                })
                .collect();
            for strike in 1..=2 {
                eventually("some transfers", || (done.load(Ordering::SeqCst) >= strike * 40).then_some(()));
                daemon.kill();
                daemon.launch();
            }
            hands.into_iter().map(|hand| hand.join().unwrap()).sum::<u64>()
        });
        let accounts = amounts(&daemon.scan("accounts"), "amount");
        assert_eq!(accounts.iter().sum::<i64>(), 1000 * ACCOUNTS as i64, "{accounts:?}");
    }
    let receipts = daemon.scan("receipts");
    assert_eq!(receipts.len() as u64, made);
    let mut expected = vec![1000; ACCOUNTS as usize];
    for (from, to) in amounts(&receipts, "from").into_iter().zip(amounts(&receipts, "to")) {
        expected[from as usize] -= 1;
        expected[to as usize] += 1;
    }
    let mut accounts = daemon.scan("accounts");
    accounts.sort_by_key(|item| item["id"]["S"].as_str().unwrap().to_owned());
    assert_eq!(amounts(&accounts, "amount"), expected);
}
