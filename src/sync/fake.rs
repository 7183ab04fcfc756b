//! An upstream in this process, for tests: keeps tables, does what it is told, remembers what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What it does with a request.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// This answer, nothing else.
    Answer(u16, &'static str),
    /// Closes the connection.
    Cut,
    /// Does the work, then closes the connection.
    CutAfter,
    /// Processes so many of a batch.
    Partial(usize),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) operation: String,
    pub(super) uri: hyper::Uri,
    pub(super) headers: HeaderMap,
}

#[derive(Default)]
pub(super) struct State {
    /// Items by table and key (`device` and `ts`), as JSON.
    pub(super) tables: BTreeMap<String, BTreeMap<String, Value>>,
    /// Done one after another before all else.
    pub(super) script: VecDeque<Act>,
    /// Done whenever the script is empty.
    pub(super) always: Option<Act>,
    /// It takes what it would refuse.
    pub(super) lenient: bool,
    pub(super) seen: Vec<Seen>,
    pub(super) connections: usize,
    /// Puts and deletes in the order they were applied: table, key, value of `v`.
    pub(super) applied: Vec<(String, String, Option<Value>)>,
}

/// The upstream; stops when dropped.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    pub(super) state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    _tasks: JoinSet<()>,
}

impl Fake {
    pub(super) async fn start(tables: &[&str]) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State {
            tables: tables.iter().map(|name| (name.to_string(), BTreeMap::new())).collect(),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let (tell, changed) = watch::channel(0);
        let mut tasks = JoinSet::new();
        let shared = state.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                shared.lock().unwrap().connections += 1;
                let (shared, tell) = (shared.clone(), tell.clone());
                connections.spawn(async move {
                    let service = service_fn(|request| serve(request, shared.clone(), tell.clone()));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Fake { address, state, changed, _tasks: tasks }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits until the state is so.
    pub(super) async fn until(&self, mut so: impl FnMut(&State) -> bool) {
        let mut changed = self.changed.clone();
        let wait = async {
            loop {
                changed.borrow_and_update();
                if so(&self.lock()) {
                    return;
                }
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), wait).await.expect("it never became so");
    }
}

async fn serve(
    request: Request<hyper::body::Incoming>,
    state: Arc<Mutex<State>>,
    tell: watch::Sender<u64>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let target = head.headers["x-amz-target"].to_str().unwrap().to_owned();
    let operation = target.strip_prefix("DynamoDB_20120810.").unwrap().to_owned();
    let answer = {
        let mut state = state.lock().unwrap();
        let seen = Seen { operation: operation.clone(), uri: head.uri, headers: head.headers };
        state.seen.push(seen);
        let act = if operation == "BatchWriteItem" {
            state.script.pop_front().or_else(|| state.always.clone())
        } else {
            None
        };
        state.act(act, &operation, &body)
    };
    tell.send_modify(|n| *n += 1);
    let (status, body) = answer.ok_or_else(|| std::io::Error::other("cut"))?;
    let response = Response::builder()
        .status(status)
        .header("date", "Mon, 23 Nov 2026 06:03:55 GMT")
        .header("x-amz-crc32", crc32fast::hash(body.as_bytes()))
        .body(Full::new(Bytes::from(body)));
    Ok::<_, Infallible>(response.unwrap()).map_err(std::io::Error::other)
}

impl State {
    fn act(&mut self, act: Option<Act>, operation: &str, body: &Value) -> Option<(u16, String)> {
        match act {
            Some(Act::Answer(status, text)) => Some((status, text.to_owned())),
            Some(Act::Cut) => None,
            Some(Act::CutAfter) => {
                self.operation(operation, body, usize::MAX);
                None
            }
            Some(Act::Partial(most)) => Some(self.operation(operation, body, most)),
            None => Some(self.operation(operation, body, usize::MAX)),
        }
    }

    fn operation(&mut self, operation: &str, body: &Value, most: usize) -> (u16, String) {
        match operation {
            "BatchWriteItem" => self.batch_write(body, most),
            "DescribeTable" if self.tables.contains_key(body["TableName"].as_str().unwrap()) => {
                (200, json!({"Table": {"TableName": body["TableName"]}}).to_string())
            }
            "DescribeTable" => error("ResourceNotFoundException", "Requested resource not found"),
            _ => error("UnknownOperationException", operation),
        }
    }

    fn batch_write(&mut self, body: &Value, most: usize) -> (u16, String) {
        let request_items = body["RequestItems"].as_object().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        let mut requests = 0;
        for (table, list) in request_items {
            if !self.tables.contains_key(table) {
                return error("ResourceNotFoundException", "Requested resource not found");
            }
            for request in list.as_array().unwrap() {
                requests += 1;
                if !seen.insert((table.clone(), key_of(request))) {
                    return error("ValidationException", "Provided list of item keys contains duplicates");
                }
                if request["PutRequest"]["Item"].get("fail").is_some() {
                    return (500, json!({"__type": "x#InternalServerError", "message": "oh"}).to_string());
                }
                if !self.lenient && request["PutRequest"]["Item"].get("refuse").is_some() {
                    return error("ValidationException", "One or more parameter values were invalid");
                }
            }
        }
        assert!((1..=25).contains(&requests), "{requests} requests in a batch");
        let mut unprocessed = serde_json::Map::new();
        let mut done = 0;
        for (table, list) in request_items {
            for request in list.as_array().unwrap() {
                if done < most {
                    done += 1;
                    self.apply(table, request);
                } else {
                    let back = unprocessed.entry(table.clone()).or_insert_with(|| json!([]));
                    back.as_array_mut().unwrap().push(request.clone());
                }
            }
        }
        (200, json!({"UnprocessedItems": unprocessed}).to_string())
    }

    fn apply(&mut self, table: &str, request: &Value) {
        let key = key_of(request);
        let put = request.get("PutRequest").map(|put| put["Item"].clone());
        let v = put.as_ref().map(|item| item["v"].clone());
        self.applied.push((table.to_owned(), key.clone(), v));
        let rows = self.tables.get_mut(table).unwrap();
        match put {
            Some(item) => rows.insert(key, item),
            None => rows.remove(&key),
        };
    }
}

fn key_of(request: &Value) -> String {
    let attributes = match request.get("PutRequest") {
        Some(put) => &put["Item"],
        None => &request["DeleteRequest"]["Key"],
    };
    format!("{}|{}", attributes["device"], attributes["ts"])
}

fn error(kind: &str, message: &str) -> (u16, String) {
    (
        400,
        json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message}).to_string(),
    )
}
