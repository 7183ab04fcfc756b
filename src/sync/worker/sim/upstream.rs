//! The upstream at the end of a bad line: what becomes of a request, and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::sync::client::{NoReply, Reply};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives, is worked on, and the answer arrives.
    Fine,
    /// It never arrives.
    Dropped,
    /// It can't even be made.
    Unable,
    /// Its answer never arrives.
    AnswerDropped,
    /// It arrives twice.
    Twice,
    /// The upstream processes some of it.
    Partial,
    /// It asks for less.
    Throttled,
    /// It fails.
    Failed,
    /// It fails half-way.
    FailedHalfWay,
    /// Something else answers.
    Portal,
    /// The answer is damaged on its way.
    Damaged,
    /// Credentials have expired.
    Expired,
    /// A signature's time is off.
    Skewed,
}

const TROUBLE: [Fate; 12] = [
    Fate::Dropped,
    Fate::Unable,
    Fate::AnswerDropped,
    Fate::Twice,
    Fate::Partial,
    Fate::Throttled,
    Fate::Failed,
    Fate::FailedHalfWay,
    Fate::Portal,
    Fate::Damaged,
    Fate::Expired,
    Fate::Skewed,
];

impl Fate {
    pub(super) fn draw(random: &mut fastrand::Rng) -> Fate {
        TROUBLE[random.usize(..TROUBLE.len())]
    }

    /// Whether the request gets there at all.
    pub(super) fn arrives(self) -> bool {
        !matches!(self, Fate::Dropped | Fate::Unable | Fate::Portal)
    }
}

/// A request of a batch: upstream table, sort key, the value that is put.
pub(super) type Applied = (String, i64, Option<u64>);

/// The upstream.
#[derive(Default)]
pub(super) struct Upstream {
    pub(super) tables: BTreeMap<String, BTreeMap<i64, u64>>,
    pub(super) missing: BTreeSet<String>,
    /// It takes what it would refuse.
    pub(super) lenient: bool,
}

impl Upstream {
    /// Works on a batch: what was applied, in order, and the answer.
    pub(super) fn batch_write(
        &mut self,
        body: &[u8],
        fate: Fate,
        random: &mut fastrand::Rng,
    ) -> (Vec<Applied>, (u16, String)) {
        let body: Value = serde_json::from_slice(body).unwrap();
        let mut requests = Vec::new();
        for (table, list) in body["RequestItems"].as_object().unwrap() {
            requests.extend(list.as_array().unwrap().iter().map(|request| (table.clone(), request.clone())));
        }
        assert!((1..=25).contains(&requests.len()), "{} requests in a batch", requests.len());
        let mut refuses = false;
        let mut seen = BTreeSet::new();
        for (table, request) in &requests {
            if self.missing.contains(table) {
                return (Vec::new(), error("ResourceNotFoundException", "Requested resource not found"));
            }
            let (sort, _) = read(request);
            assert!(seen.insert((table.clone(), sort)), "an item is twice in a batch");
            refuses |= request["PutRequest"]["Item"].get("refuse").is_some();
        }
        if let Some(trouble) = trouble(fate) {
            return (Vec::new(), trouble);
        }
        if refuses && !self.lenient {
            return (Vec::new(), error("ValidationException", "no"));
        }
        // It works on them in any order, and side by side.
        random.shuffle(&mut requests);
        let most = match fate {
            Fate::Partial | Fate::FailedHalfWay => random.usize(..requests.len()),
            _ => requests.len(),
        };
        let back = requests.split_off(most);
        let applied: Vec<Applied> = requests
            .into_iter()
            .map(|(table, request)| {
                let (sort, value) = read(&request);
                let rows = self.tables.entry(table.clone()).or_default();
                match value {
                    Some(value) => drop(rows.insert(sort, value)),
                    None => drop(rows.remove(&sort)),
                }
                (table, sort, value)
            })
            .collect();
        if fate == Fate::FailedHalfWay {
            return (applied, (500, internal()));
        }
        let mut unprocessed = serde_json::Map::new();
        for (table, request) in back {
            unprocessed.entry(table).or_insert_with(|| json!([])).as_array_mut().unwrap().push(request);
        }
        (applied, (200, json!({"UnprocessedItems": unprocessed}).to_string()))
    }

    /// Says how a table is; without one, that it is there itself.
    pub(super) fn describe(&self, table: Option<&str>, fate: Fate) -> (u16, String) {
        if let Some(trouble) = trouble(fate) {
            return trouble;
        }
        match table {
            Some(name) if self.missing.contains(name) => error("ResourceNotFoundException", "not found"),
            Some(name) => (200, json!({"Table": {"TableName": name}}).to_string()),
            None => (200, json!({"TableNames": []}).to_string()),
        }
    }
}

/// An answer as it comes back over the line.
pub(super) fn reply((status, body): (u16, String), fate: Fate) -> Result<Reply, NoReply> {
    let lost = |what: &str| Err(NoReply::Lost(what.to_owned()));
    match fate {
        Fate::Dropped | Fate::AnswerDropped => lost("no answer in time"),
        Fate::Unable => Err(NoReply::Unable("no credentials".to_owned())),
        Fate::Portal => {
            Ok(Reply { status: 200, error_type: None, crc: None, body: "<html>log in</html>".into() })
        }
        _ => {
            let crc = crc32fast::hash(body.as_bytes()) ^ u32::from(fate == Fate::Damaged);
            Ok(Reply { status, error_type: None, crc: Some(crc), body: Bytes::from(body) })
        }
    }
}

/// A request's sort key, and the value that is put.
pub(super) fn read(request: &Value) -> (i64, Option<u64>) {
    let number = |value: &Value| value["N"].as_str().unwrap().parse::<u64>().unwrap();
    match request.get("PutRequest") {
        Some(put) => (number(&put["Item"]["ts"]) as i64, Some(number(&put["Item"]["v"]))),
        None => (number(&request["DeleteRequest"]["Key"]["ts"]) as i64, None),
    }
}

/// The answer to anything, where it is one of these.
fn trouble(fate: Fate) -> Option<(u16, String)> {
    match fate {
        Fate::Throttled => Some(error("ThrottlingException", "slow")),
        Fate::Failed => Some((500, internal())),
        Fate::Expired => Some(error("ExpiredTokenException", "old")),
        Fate::Skewed => Some(error("InvalidSignatureException", "Signature expired: x")),
        _ => None,
    }
}

fn internal() -> String {
    json!({"__type": "x#InternalServerError", "message": "oh"}).to_string()
}

fn error(kind: &str, message: &str) -> (u16, String) {
    (400, json!({"__type": format!("x#{kind}"), "message": message}).to_string())
}
