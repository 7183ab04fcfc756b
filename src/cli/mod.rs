//! The command line: one file per command. Data goes to standard output (a table for people, `--json` for machines),
//! progress and diagnostics to standard error.

mod check;
mod client;
mod completions;
mod dead_letter;
mod demo;
mod man;
mod run;
mod status;
mod table;
mod upstream;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// How a command can fail; the exit codes are part of the outside (`interfaces.md`, "Commands").
#[derive(Debug)]
pub(crate) enum Failure {
    /// It did not work: exit code 1.
    Failed(String),
    /// The daemon can't be reached: 75 (EX_TEMPFAIL).
    Unreachable(String),
    /// The configuration is wrong: 78 (EX_CONFIG), which service managers know.
    Configuration(String),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Failure::Failed(_) => 1,
            Failure::Unreachable(_) => 75,
            Failure::Configuration(_) => 78,
        }
    }

    fn text(&self) -> &str {
        let (Failure::Failed(text) | Failure::Unreachable(text) | Failure::Configuration(text)) = self;
        text
    }
}

/// DynamoDB at the edge: takes sensor items over MQTT and HTTP, keeps them durably, answers DynamoDB's API locally, and
/// sends everything upstream whenever there is a link.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the daemon.
    #[command(after_help = "Example:\n  forebay run\n  forebay run --config /etc/forebay/gateway.toml")]
    Run(RunArguments),
    /// Shows the main job on this machine: gateway, central endpoint, devices, a cut link, a kill -9, and the proof.
    #[command(after_help = "Example:\n  forebay demo\n  forebay demo --keep")]
    Demo {
        /// Stay up when done, and print the addresses; Ctrl-C ends it.
        #[arg(long)]
        keep: bool,
    },
    /// Validates a configuration and every rule in it.
    #[command(after_help = "Example:\n  forebay check /etc/forebay/gateway.toml")]
    Check {
        /// The configuration.
        file: PathBuf,
    },
    /// Shows a running daemon's state: link, backlog, ingest, store, clock.
    #[command(after_help = "Example:\n  forebay status\n  forebay status --json --url http://127.0.0.1:8000")]
    Status {
        /// The daemon's HTTP address.
        #[arg(long, env = "FOREBAY_URL", default_value = "http://127.0.0.1:8000")]
        url: String,
        /// JSON, as GET /v1/status gives it.
        #[arg(long)]
        json: bool,
    },
    /// The way out: lists, pauses, resumes and retries upstreams.
    #[command(subcommand, after_help = "Example:\n  forebay upstream list\n  forebay upstream pause central")]
    Upstream(upstream::UpstreamCommand),
    /// What an upstream refuses: lists, shows, replays and drops dead letters.
    #[command(
        subcommand,
        after_help = "Example:\n  forebay dead-letter list\n  forebay dead-letter replay central --all"
    )]
    DeadLetter(dead_letter::DeadLetterCommand),
    /// Prints a shell's completions.
    #[command(after_help = "Example:\n  forebay completions bash > /etc/bash_completion.d/forebay")]
    Completions {
        /// The shell.
        shell: completions::Shell,
    },
    /// Prints the manual page, or writes one page per command into a folder.
    #[command(after_help = "Example:\n  forebay man | man -l -\n  forebay man /usr/local/share/man/man1")]
    Man {
        /// The folder.
        folder: Option<PathBuf>,
    },
}

/// Which daemon, and who reads what it says.
#[derive(Debug, Args)]
struct Target {
    /// The daemon's HTTP address.
    #[arg(long, env = "FOREBAY_URL", default_value = "http://127.0.0.1:8000")]
    url: String,
    /// JSON, as the daemon gives it.
    #[arg(long)]
    json: bool,
}

impl Target {
    /// The daemon's answer as a value.
    fn read<T: serde::de::DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| {
            Failure::Failed(format!(
                "{} answered something else than was asked for ({error}); is it a forebay daemon of this version?",
                self.url
            ))
        })
    }
}

#[derive(Debug, Args)]
struct RunArguments {
    /// The configuration; without it the built-in defaults serve.
    #[arg(long, env = "FOREBAY_CONFIG")]
    config: Option<PathBuf>,
    /// The store's directory.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where HTTP listens, such as 127.0.0.1:8000.
    #[arg(long)]
    http: Option<String>,
    /// Where the MQTT listener listens, such as 127.0.0.1:1883.
    #[arg(long)]
    mqtt: Option<String>,
}

/// Parses the arguments, runs the command, and says how it went.
pub fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => run::run(arguments),
        Command::Demo { keep } => demo::run(keep),
        Command::Check { file } => check::run(&file),
        Command::Status { url, json } => status::run(&url, json),
        Command::Upstream(command) => upstream::run(command),
        Command::DeadLetter(command) => dead_letter::run(command),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { folder } => man::run(folder.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // An error's priority, where the line ends in the journal (`sd-daemon(3)`).
            let priority = if crate::app::stderr_is_the_journals() { "<3>" } else { "" };
            say(&format!("{priority}forebay: {}", failure.text()));
            ExitCode::from(failure.code())
        }
    }
}

/// A line to standard error; nobody listening is no reason to fail.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Text to standard output.
fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(|error| Failure::Failed(format!("standard output: {error}")))
}

/// A runtime for commands that talk to a daemon.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("the system gives no threads: {error}")))
}
