//! Endpoints and brokers that nobody here wrote, as `tests/setup` installs them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::daemon::dynamodb;
use super::{Killed, cache, eventually, free_address};

/// A DynamoDB endpoint that can be killed and started again on the same data.
pub struct Peer {
    pub kind: Kind,
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    process: Option<Killed>,
}

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Amazon's DynamoDB Local; keeps its data in files.
    DynamodbLocal,
    /// dynalite; keeps its data in files.
    Dynalite,
    /// moto; in memory only.
    Moto,
}

impl Peer {
    /// Starts one and waits until it answers.
    pub fn start(kind: Kind) -> Peer {
        let folder = tempfile::tempdir().unwrap();
        let mut peer = Peer { kind, address: free_address(), folder, process: None };
        peer.launch();
        peer
    }

    /// Starts it again, on the same port and data.
    pub fn launch(&mut self) {
        let mut command = command(self.kind, self.address, self.folder.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir(self.folder.path());
        self.process = Some(Killed(command.spawn().unwrap()));
        eventually("the peer to answer", || {
            (dynamodb(self.address, "ListTables", &json!({}))?.0 == 200).then_some(())
        });
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Creates a table with the key `device` (S) and `ts` (N), and waits until it is active.
    pub fn create_readings(&self, name: &str) {
        let request = json!({
            "TableName": name,
            "AttributeDefinitions": [
                {"AttributeName": "device", "AttributeType": "S"},
                {"AttributeName": "ts", "AttributeType": "N"},
            ],
            "KeySchema": [
                {"AttributeName": "device", "KeyType": "HASH"},
                {"AttributeName": "ts", "KeyType": "RANGE"},
            ],
            "BillingMode": "PAY_PER_REQUEST",
        });
        let (status, answer) = dynamodb(self.address, "CreateTable", &request).unwrap();
        assert_eq!(status, 200, "{answer}");
        eventually("the table to be active", || {
            let (_, answer) = dynamodb(self.address, "DescribeTable", &json!({ "TableName": name }))?;
            (answer["Table"]["TableStatus"] == "ACTIVE").then_some(())
        });
    }
}

fn command(kind: Kind, address: SocketAddr, data: &Path) -> Command {
    let port = address.port().to_string();
    match kind {
        Kind::DynamodbLocal => {
            let emulator = cache().join("npm/node_modules/amplify-dynamodb-simulator/emulator");
            let mut command = Command::new("java");
            command
                .arg(format!("-Djava.library.path={}", emulator.join("DynamoDBLocal_lib").display()))
                .arg("-jar")
                .arg(emulator.join("DynamoDBLocal.jar"))
                .arg("-dbPath")
                .arg(data)
                .args(["-sharedDb", "-disableTelemetry", "-port", &port])
                .env("DDB_LOCAL_TELEMETRY", "0");
            command
        }
        Kind::Dynalite => {
            let mut command = Command::new("node");
            command
                .arg(cache().join("npm/node_modules/dynalite/cli.js"))
                .args(["--host", "127.0.0.1", "--port", &port, "--createTableMs", "50", "--path"])
                .arg(data);
            command
        }
        Kind::Moto => {
            let mut command = Command::new(cache().join("venv/bin/moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port]);
            command
        }
    }
}
