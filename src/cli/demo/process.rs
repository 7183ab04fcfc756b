//! Daemons as processes of this very binary, ended with the demo whatever happens.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::cli::Failure;
use crate::cli::client::Client;

/// How often a starting daemon is asked whether it is ready, and for how long.
const ASK_EVERY: Duration = Duration::from_millis(20);
const GIVE_UP_AFTER: Duration = Duration::from_secs(20);

/// One daemon.
pub(super) struct Daemon {
    name: &'static str,
    config: PathBuf,
    log: PathBuf,
    child: Child,
    pub(super) http: SocketAddr,
}

impl Daemon {
    /// Writes the configuration and starts the daemon on it.
    pub(super) async fn start(
        name: &'static str,
        folder: &Path,
        http: SocketAddr,
        configuration: &str,
    ) -> Result<Daemon, Failure> {
        let config = folder.join(format!("{name}.toml"));
        let log = folder.join(format!("{name}.log"));
        std::fs::write(&config, configuration).map_err(|error| failed(&config, &error))?;
        let child = spawn(&config, &log)?;
        let mut daemon = Daemon { name, config, log, child, http };
        daemon.ready().await?;
        Ok(daemon)
    }

    /// SIGKILL, as a power cut would.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill().await.map_err(|error| Failure::Failed(format!("killing {}: {error}", self.name)))
    }

    /// Starts it again on the same store; returns how long it took to be ready.
    pub(super) async fn restart(&mut self) -> Result<Duration, Failure> {
        let begin = tokio::time::Instant::now();
        self.child = spawn(&self.config, &self.log)?;
        self.ready().await?;
        Ok(begin.elapsed())
    }

    /// A client of its HTTP door.
    pub(super) fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.http))
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        let client = self.client();
        let asking = async {
            loop {
                match client.get("/readyz").await {
                    Ok((status, _)) if status.is_success() => return Ok(()),
                    _ => tokio::time::sleep(ASK_EVERY).await,
                }
            }
        };
        let ended = |how: String| {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(5).collect();
            Err(Failure::Failed(format!("the {} {how}:\n{}", self.name, tail.join("\n"))))
        };
        tokio::select! {
            ready = asking => ready,
            status = self.child.wait() => ended(format!("ended by itself ({status:?})")),
            () = tokio::time::sleep(GIVE_UP_AFTER) => ended("did not get ready".to_owned()),
        }
    }
}

fn spawn(config: &Path, log: &Path) -> Result<Child, Failure> {
    let binary = std::env::current_exe()
        .map_err(|error| Failure::Failed(format!("this program's own file can't be found: {error}")))?;
    let log =
        std::fs::File::options().create(true).append(true).open(log).map_err(|error| failed(log, &error))?;
    Command::new(&binary)
        .arg("run")
        .arg("--config")
        .arg(config)
        // Any key does: the centre of the demo is a Forebay without authentication.
        .env("AWS_ACCESS_KEY_ID", "demo")
        .env("AWS_SECRET_ACCESS_KEY", "demo")
        .env_remove("AWS_SESSION_TOKEN")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&binary, &error))
}

/// A port that was free a moment ago, on loopback.
pub(super) fn free_address() -> Result<SocketAddr, Failure> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| Failure::Failed(format!("no free port on 127.0.0.1: {error}")))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}
