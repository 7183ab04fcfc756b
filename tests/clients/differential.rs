//! The same everyday requests, valid and invalid, to Forebay and to Amazon's DynamoDB Local: status, error name, message and
//! answer are compared. A difference that is known stands beside its request, with the reason; one that has gone must be
//! taken out.

use std::net::SocketAddr;

use serde_json::Value;

use crate::requests::{Differs, LOCAL_WORDINGS, Request, requests};
use crate::support::chance::Chance;
use crate::support::daemon::{Daemon, dynamodb};
use crate::support::peer::{Kind, Peer};
use crate::transactions;

/// An answer in the parts that are compared.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    error: Option<String>,
    message: Option<String>,
    body: Value,
}

fn ask(address: SocketAddr, operation: &str, body: &Value) -> Answer {
    let (status, mut body) = dynamodb(address, operation, body).expect("the endpoint answers");
    if status == 200 {
        settle(&mut body);
        return Answer { status, error: None, message: None, body };
    }
    let name = body["__type"].as_str().map(|name| name.rsplit('#').next().unwrap().to_owned());
    let message = body["message"].as_str().or(body["Message"].as_str()).map(str::to_owned);
    let mut reasons = body["CancellationReasons"].take();
    for reason in reasons.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        reason.remove("Message");
    }
    settle(&mut reasons);
    Answer { status, error: name, message, body: reasons }
}

/// What legitimately differs between two endpoints (time, identifiers, the order of sets) made equal.
fn settle(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !name.ends_with("DateTime") && name != "TableArn" && name != "TableId");
            for (name, value) in members.iter_mut() {
                if matches!(name.as_str(), "SS" | "NS" | "BS")
                    && let Some(set) = value.as_array_mut()
                {
                    set.sort_by_key(ToString::to_string);
                }
                settle(value);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(settle),
        _ => {}
    }
}

impl Answer {
    fn outcome(&self) -> (u16, Option<&str>) {
        (self.status, self.error.as_deref())
    }

    /// The message without the envelope that the service has lately put around all that is wrong with a single write.
    fn words(&self) -> Option<&str> {
        let message = self.message.as_deref()?;
        let envelope = message.strip_prefix("1 validation error detected: ");
        let constraint = |text: &&str| text.contains("failed to satisfy constraint");
        Some(envelope.filter(|text| !constraint(text)).unwrap_or(message))
    }

    /// Whether it says the same as DynamoDB Local, or that has words of its own.
    fn agrees(&self, local: &Answer) -> bool {
        let own = |text: &String| LOCAL_WORDINGS.iter().any(|wording| text.starts_with(wording));
        self.outcome() == local.outcome()
            && self.body == local.body
            && (self.words() == local.message.as_deref() || local.message.as_ref().is_some_and(own))
    }
}

#[test]
fn forebay_answers_as_dynamodb_local_does() {
    compare(requests());
}

#[test]
fn forebay_reads_indexes_as_dynamodb_local_does() {
    compare(crate::indexed::requests());
}

#[test]
fn forebay_takes_expressions_as_dynamodb_local_does() {
    compare(crate::expressions::requests());
}

#[test]
fn forebay_makes_transactions_as_dynamodb_local_does() {
    let pair = Pair::start();
    for address in [pair.daemon.http, pair.local.address] {
        let (status, answer) = dynamodb(address, "CreateTable", &transactions::create()).unwrap();
        assert_eq!(status, 200, "{answer}");
    }
    pair.compare(transactions::requests());
    let mut chance = Chance::seeded(4);
    pair.compare(transactions::random(&mut chance, 400));
}

/// Sends all of them to both, in order.
fn compare(requests: Vec<Request>) {
    Pair::start().compare(requests);
}

/// Both endpoints.
struct Pair {
    daemon: Daemon,
    local: Peer,
}

impl Pair {
    fn start() -> Pair {
        Pair { daemon: Daemon::start(""), local: Peer::start(Kind::DynamodbLocal) }
    }

    fn compare(&self, requests: Vec<Request>) {
        let Pair { daemon, local } = self;
        compare_at(daemon.http, local.address, requests);
    }
}

fn compare_at(forebay: SocketAddr, local: SocketAddr, requests: Vec<Request>) {
    let mut faults = Vec::new();
    for request in requests {
        let ours = ask(forebay, request.operation, &request.body);
        let theirs = ask(local, request.operation, &request.body);
        let (same, reason) = match &request.differs {
            Differs::Nowhere => (ours.agrees(&theirs), ""),
            Differs::InAnswer(why) => (ours.outcome() == theirs.outcome() && ours.body != theirs.body, *why),
            Differs::InText(why) => {
                (ours.outcome() == theirs.outcome() && ours.message != theirs.message, *why)
            }
            Differs::Altogether(why) => (ours.outcome() != theirs.outcome(), *why),
        };
        if !same {
            faults.push(format!(
                "{} {}\n  known: {reason:?}\n  forebay: {ours:?}\n  local:   {theirs:?}",
                request.operation,
                shortened(&request.body),
            ));
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

fn shortened(body: &Value) -> String {
    let text = body.to_string();
    text.chars().take(300).collect()
}
