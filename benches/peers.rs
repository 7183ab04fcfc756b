//! DynamoDB's API side by side with local peers, in one run on the same machine: operations a second and the server's
//! CPU time an operation, 16 connections, items of about 900 bytes. Forebay answers writes after its fsync.
//!
//! `cargo bench --bench peers`; `--profile quick` builds faster. `tests/setup` installs dynalite and DynamoDB Local;
//! `cargo install dynoxide-rs --version 3.2.0 --locked --no-default-features --features native-sqlite,http-server,cli`
//! dynoxide, found on the PATH or by `DYNOXIDE`. What is missing is left out, and said. `SECONDS` for each measurement (default 5),
//! `ROUNDS` (default 3; the median is printed), `PEERS` (such as `forebay,dynoxide`), `FOLDER` for what is on disk
//! (default: the temporary folder).

// A benchmark ends with the first thing that goes wrong, and talks to standard output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub
)]

mod support;

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::{Connection, cpu_of, free_address, median, number};

const CONNECTIONS: u64 = 16;
/// Items that GetItem and Query read: so many partitions of so many items.
const PARTITIONS: u64 = 50;
const ITEMS: u64 = 100;
/// Writes come round to the same items after so many: what is on disk stays bounded.
const KEPT: u64 = 100_000;
/// Items of a BatchWriteItem.
const BATCH: u64 = 25;

/// A server under test; killed when dropped.
struct Peer {
    name: &'static str,
    durable: &'static str,
    address: SocketAddr,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The n-th request: its operation and its body.
type Make = fn(u64) -> (&'static str, String);

/// What is measured.
const OPERATIONS: [(&str, Make); 4] =
    [("GetItem", get), ("Query of 100", query), ("PutItem", put), ("BatchWriteItem of 25", batch)];

/// One measurement of one server.
#[derive(Clone, Copy)]
struct Figure {
    rate: f64,
    cpu_us: f64,
    /// Of this process, which makes the requests.
    own_us: f64,
}

fn item(partition: &str, sort: u64) -> String {
    format!(
        r#"{{"device":{{"S":"{partition}"}},"at":{{"N":"{sort}"}},"temperature":{{"N":"{}.{:02}"}},"humidity":{{"N":"{}"}},"ok":{{"BOOL":true}},"tags":{{"SS":["roof","north"]}},"where":{{"M":{{"floor":{{"N":"3"}},"room":{{"S":"3.14"}}}}}},"note":{{"S":"{sort}{NOTE}"}}}}"#,
        15 + sort % 15,
        sort * 7 % 100,
        40 + sort % 30,
    )
}

/// What makes an item as long as it is.
const NOTE: &str = const {
    const BYTES: [u8; 775] = [b'x'; 775];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

/// Spreads a count over what there is.
fn scattered(n: u64, over: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31) % over
}

fn get(n: u64) -> (&'static str, String) {
    let (partition, sort) = (scattered(n, PARTITIONS), scattered(n ^ 77, ITEMS));
    let key = format!(r#"{{"device":{{"S":"read-{partition}"}},"at":{{"N":"{sort}"}}}}"#);
    ("GetItem", format!(r#"{{"TableName":"bench","Key":{key}}}"#))
}

fn query(n: u64) -> (&'static str, String) {
    let values = format!(r#"{{":d":{{"S":"read-{}"}}}}"#, scattered(n, PARTITIONS));
    let body = format!(
        r#"{{"TableName":"bench","KeyConditionExpression":"device = :d","ExpressionAttributeValues":{values}}}"#
    );
    ("Query", body)
}

fn put(n: u64) -> (&'static str, String) {
    ("PutItem", format!(r#"{{"TableName":"bench","Item":{}}}"#, item(&format!("put-{}", n % 100), n % KEPT)))
}

fn puts(partition: &str, sorts: impl Iterator<Item = u64>) -> (&'static str, String) {
    let requests: Vec<String> =
        sorts.map(|sort| format!(r#"{{"PutRequest":{{"Item":{}}}}}"#, item(partition, sort))).collect();
    ("BatchWriteItem", format!(r#"{{"RequestItems":{{"bench":[{}]}}}}"#, requests.join(",")))
}

fn batch(n: u64) -> (&'static str, String) {
    let first = n * BATCH % KEPT;
    puts(&format!("batch-{}", n % 100), first..first + BATCH)
}

/// The table, and what is read of it.
fn prepare(peer: &Peer) {
    let mut connection = Connection::to(peer.address);
    let table = r#"{"TableName":"bench","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{"AttributeName":"device","AttributeType":"S"},{"AttributeName":"at","AttributeType":"N"}],"KeySchema":[{"AttributeName":"device","KeyType":"HASH"},{"AttributeName":"at","KeyType":"RANGE"}]}"#;
    connection.dynamodb("CreateTable", table);
    let give_up = Instant::now() + Duration::from_secs(30);
    while !connection.dynamodb("DescribeTable", r#"{"TableName":"bench"}"#).contains("\"ACTIVE\"") {
        assert!(Instant::now() < give_up, "{}'s table does not become active", peer.name);
        std::thread::sleep(Duration::from_millis(50));
    }
    for partition in 0..PARTITIONS {
        for begin in (0..ITEMS).step_by(BATCH as usize) {
            let (operation, body) = puts(&format!("read-{partition}"), begin..begin + BATCH);
            assert!(
                connection.dynamodb(operation, &body).contains("\"UnprocessedItems\":{}"),
                "{}",
                peer.name
            );
        }
    }
}

/// Sixteen connections, each as fast as its answers come.
fn measure(peer: &Peer, make: Make, from: u64, time: Duration) -> (Figure, u64) {
    let next = AtomicU64::new(from);
    let (begin, cpu, own) = (Instant::now(), cpu_of(peer.child.id()), cpu_of(std::process::id()));
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut connection = Connection::to(peer.address);
                while begin.elapsed() < time {
                    let (operation, body) = make(next.fetch_add(1, Ordering::Relaxed));
                    connection.dynamodb(operation, &body);
                }
            });
        }
    });
    let end = next.into_inner();
    let done = (end - from) as f64;
    let per_operation = |spent: Duration| spent.as_secs_f64() * 1e6 / done;
    let figure = Figure {
        rate: done / begin.elapsed().as_secs_f64(),
        cpu_us: per_operation(cpu_of(peer.child.id()) - cpu),
        own_us: per_operation(cpu_of(std::process::id()) - own),
    };
    (figure, end)
}

/// A peer's command, or how to get it.
fn command(name: &str, address: SocketAddr, folder: &Path) -> Result<(Command, &'static str), String> {
    let npm = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.cache/npm/node_modules");
    let port = address.port().to_string();
    let installed = |path: PathBuf| match path.exists() {
        true => Ok(path),
        false => Err("run tests/setup".to_owned()),
    };
    let mut command;
    let durable = match name {
        "forebay" => {
            command = Command::new(env!("CARGO_BIN_EXE_forebay"));
            command.args([
                "run",
                "--http",
                &address.to_string(),
                "--mqtt",
                &free_address().to_string(),
                "--data",
            ]);
            command.arg(folder).env("FOREBAY_LOG", "warn");
            "fsync"
        }
        "dynoxide" => {
            let program = std::env::var("DYNOXIDE").unwrap_or_else(|_| "dynoxide".to_owned());
            if Command::new(&program).arg("--version").stdout(Stdio::null()).status().is_err() {
                return Err("cargo install dynoxide-rs (see the head of benches/peers.rs)".to_owned());
            }
            command = Command::new(program);
            command
                .args(["--host", "127.0.0.1", "--port", &port, "--db-path"])
                .arg(folder.join("dynoxide.db"));
            "fsync"
        }
        "dynamodb-local" => {
            let jar = installed(npm.join("amplify-dynamodb-simulator/emulator/DynamoDBLocal.jar"))?;
            let libraries = jar.with_file_name("DynamoDBLocal_lib");
            command = Command::new("java");
            command.arg(format!("-Djava.library.path={}", libraries.display())).arg("-jar").arg(jar);
            command.args(["-inMemory", "-disableTelemetry", "-port", &port]);
            "memory"
        }
        "dynalite" => {
            let script = installed(npm.join("dynalite/cli.js"))?;
            command = Command::new("node");
            command.arg(script).args([
                "--host",
                "127.0.0.1",
                "--port",
                &port,
                "--createTableMs",
                "0",
                "--path",
            ]);
            command.arg(folder);
            "no fsync"
        }
        other => return Err(format!("{other:?} is no peer that this benchmark knows")),
    };
    Ok((command, durable))
}

fn start(name: &'static str) -> Result<Peer, String> {
    let mut builder = tempfile::Builder::new();
    let folder = match std::env::var_os("FOLDER") {
        Some(path) => builder.prefix("peers").tempdir_in(path).unwrap(),
        None => builder.prefix("peers").tempdir().unwrap(),
    };
    let address = free_address();
    let (mut command, durable) = command(name, address, folder.path())?;
    let child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
    let peer = Peer { name, durable, address, child, _folder: folder };
    let give_up = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < give_up, "{name} does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    prepare(&peer);
    Ok(peer)
}

fn main() {
    let time = Duration::from_secs(number("SECONDS", 5) as u64);
    let rounds = number("ROUNDS", 3);
    let wanted =
        std::env::var("PEERS").unwrap_or_else(|_| "forebay,dynoxide,dynamodb-local,dynalite".to_owned());
    let mut peers = Vec::new();
    for name in ["forebay", "dynoxide", "dynamodb-local", "dynalite"] {
        if !wanted.split(',').any(|one| one == name) {
            continue;
        }
        match start(name) {
            Ok(peer) => peers.push(peer),
            Err(reason) => println!("{name} is left out: {reason}"),
        }
    }
    let mut figures = vec![vec![Vec::new(); OPERATIONS.len()]; peers.len()];
    let mut next = 1_000_000;
    for round in 0..=rounds {
        for (what, (name, make)) in OPERATIONS.iter().enumerate() {
            for (who, peer) in peers.iter().enumerate() {
                let (figure, end) = measure(peer, *make, next, time);
                next = end;
                // The first round warms up what compiles while it runs.
                if round > 0 {
                    println!(
                        "round {round}: {name}, {}: {:.0}/s, {:.0} us CPU (and {:.0} us to ask)",
                        peer.name, figure.rate, figure.cpu_us, figure.own_us
                    );
                    figures[who][what].push(figure);
                }
            }
        }
    }
    print_table(&peers, &figures);
}

fn print_table(peers: &[Peer], figures: &[Vec<Vec<Figure>>]) {
    let names: Vec<String> = peers.iter().map(|peer| format!("{} ({})", peer.name, peer.durable)).collect();
    println!("\n| operations a second / us of CPU an operation | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(peers.len()));
    for (what, (name, _)) in OPERATIONS.iter().enumerate() {
        let cells: Vec<String> = figures
            .iter()
            .map(|of_peer| {
                let of = |figure: fn(&Figure) -> f64| median(of_peer[what].iter().map(figure));
                format!("{:.0} / {:.0}", of(|figure| figure.rate), of(|figure| figure.cpu_us))
            })
            .collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
}
