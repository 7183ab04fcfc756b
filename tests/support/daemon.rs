//! The real binary as a process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;

use super::{PATIENCE, eventually, free_address};

/// A daemon with its store and configuration in a temporary folder.
pub struct Daemon {
    pub folder: tempfile::TempDir,
    pub http: SocketAddr,
    pub mqtt: SocketAddr,
    store: PathBuf,
    child: Option<Child>,
}

impl Daemon {
    /// A daemon that is ready, on a configuration: the doors and the store's path are added to the text.
    pub fn start(configuration: &str) -> Daemon {
        let mut daemon = Daemon::prepare(configuration);
        daemon.launch();
        daemon
    }

    /// The table and rule of the no-configuration defaults, plus this text.
    pub fn with_defaults(more: &str) -> Daemon {
        Daemon::start(&format!(
            r#"
[[table]]
name = "readings"
partition_key = {{ name = "device", type = "S" }}
sort_key = {{ name = "ts", type = "N" }}
[[rule]]
name = "default"
topic = "{{device..}}"
table = "readings"
payload = "auto"
set = {{ device = "{{device}}", ts = "{{now_us}}" }}
{more}"#
        ))
    }

    /// Writes the configuration, and starts nothing.
    pub fn prepare(configuration: &str) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        Daemon::prepare_at(folder, &store, configuration)
    }

    /// The same with the store elsewhere.
    pub fn prepare_at(folder: tempfile::TempDir, store: &Path, configuration: &str) -> Daemon {
        let (http, mqtt) = (free_address(), free_address());
        // Tests begin with a trusted time, on machines too that have neither NTP nor a clock chip.
        let clock = if configuration.contains("[clock]") { "" } else { "[clock]\ntrust = \"always\"\n" };
        let text = format!(
            "{clock}[http]\nlisten = \"{http}\"\n[mqtt.listener]\nlisten = \"{mqtt}\"\n[store]\npath = {store:?}\nmax_size = \"256MiB\"\n{configuration}"
        );
        std::fs::write(folder.path().join("gateway.toml"), text).unwrap();
        Daemon { folder, store: store.to_owned(), http, mqtt, child: None }
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("gateway.toml")
    }

    pub fn store(&self) -> PathBuf {
        self.store.clone()
    }

    /// The command that starts it, for whoever adds to it.
    pub fn command(&self) -> Command {
        command(&self.config(), self.folder.path())
    }

    /// Starts it, and waits for nothing.
    pub fn spawn(&mut self) {
        self.child = Some(self.command().spawn().unwrap());
    }

    /// Starts it, and waits until it is ready.
    pub fn launch(&mut self) {
        self.launch_with(|command| command);
    }

    /// The same with something added to its command.
    pub fn launch_with(&mut self, add: impl FnOnce(&mut Command) -> &mut Command) {
        self.child = Some(add(&mut self.command()).spawn().unwrap());
        eventually("the daemon to get ready", || {
            let child = self.child.as_mut().unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the daemon ended with {status}:\n{}", log(self.folder.path()));
            }
            (self.get("/readyz")?.0 == 200).then_some(())
        });
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let kill = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// The wait for the end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.take().unwrap().wait().unwrap()
    }

    /// SIGTERM, and the wait for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.wait()
    }

    /// Whether the process is there still; panics with its log if it has ended.
    pub fn assert_alive(&mut self) {
        if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
            panic!("the daemon ended with {status}:\n{}", self.log());
        }
        assert_eq!(self.get("/healthz").expect("the daemon answers").0, 200);
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }

    /// A figure of `/proc/PID/status` in KiB, such as `VmRSS`.
    pub fn memory(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(figure)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        log(self.folder.path())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// GET: status and body; `None` where nobody answers.
    pub fn get(&self, path: &str) -> Option<(u16, Vec<u8>)> {
        request(self.http, "GET", path, &[], b"")
    }

    /// `/v1/status`.
    pub fn status(&self) -> Value {
        let (status, body) = self.get("/v1/status").expect("the daemon answers");
        assert_eq!(status, 200);
        serde_json::from_slice(&body).unwrap()
    }

    /// One operation of the DynamoDB API.
    pub fn dynamodb(&self, operation: &str, body: &Value) -> (u16, Value) {
        dynamodb(self.http, operation, body).expect("the daemon answers")
    }

    /// All items of a table, by Scan.
    pub fn scan(&self, table: &str) -> Vec<Value> {
        scan(self.http, table)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Before it is gone: what it says of itself explains a wait that was in vain.
        if std::thread::panicking()
            && let Some((_, status)) = self.get("/v1/status")
        {
            eprintln!("the daemon's status:\n{}", String::from_utf8_lossy(&status));
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("the daemon's log, newest first:\n{}", tail.join("\n"));
        }
    }
}

fn command(config: &Path, folder: &Path) -> Command {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = super::cli::forebay(&["run", "--config"]);
    command.arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    command
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// A request on a connection of its own: status and body.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = &answer[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { dechunk(body)? } else { body.to_vec() };
    Some((status, body))
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let length =
            usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + length)?);
        rest = rest.get(end + 2 + length + 2..)?;
    }
}

/// One operation of the DynamoDB API at any endpoint; the signature is for endpoints that want to see one.
pub fn dynamodb(address: SocketAddr, operation: &str, body: &Value) -> Option<(u16, Value)> {
    operate(address, &format!("DynamoDB_20120810.{operation}"), body)
}

/// One operation on streams at any endpoint.
pub fn streams(address: SocketAddr, operation: &str, body: &Value) -> Option<(u16, Value)> {
    operate(address, &format!("DynamoDBStreams_20120810.{operation}"), body)
}

fn operate(address: SocketAddr, target: &str, body: &Value) -> Option<(u16, Value)> {
    let authorization = "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date;x-amz-target, Signature=0000000000000000000000000000000000000000000000000000000000000000";
    let headers = [
        ("X-Amz-Target", target),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("X-Amz-Date", "20260101T000000Z"),
        ("Authorization", authorization),
    ];
    let (status, body) = request(address, "POST", "/", &headers, body.to_string().as_bytes())?;
    Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// All items of a table at any endpoint.
pub fn scan(address: SocketAddr, table: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut request = serde_json::json!({ "TableName": table });
    loop {
        let (status, mut page) = dynamodb(address, "Scan", &request).expect("the endpoint answers");
        assert_eq!(status, 200, "{page}");
        items.append(page["Items"].as_array_mut().unwrap());
        match page.get("LastEvaluatedKey") {
            Some(key) if !key.is_null() => request["ExclusiveStartKey"] = key.clone(),
            _ => return items,
        }
    }
}
