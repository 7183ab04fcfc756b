//! `forebay upstream`: how the upstreams are; pause, resume, retry.

use clap::Subcommand;
use hyper::Method;
use serde::Deserialize;

use super::client::{Client, segment};
use super::table::table;
use super::{Failure, Target, print, runtime, say};
use crate::telemetry::UpstreamStatus;

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum UpstreamCommand {
    /// Lists the upstreams: state, backlog, dead letters.
    #[command(after_help = "Example:\n  forebay upstream list\n  forebay upstream list --json")]
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Sends nothing there until it is resumed, restarts included; what comes in waits on the disk.
    #[command(after_help = "Example:\n  forebay upstream pause central")]
    Pause(Named),
    /// Goes on with a paused upstream.
    #[command(after_help = "Example:\n  forebay upstream resume central")]
    Resume(Named),
    /// Tries at once, whatever waits and troubles there are; reads certificates and credentials again.
    #[command(after_help = "Example:\n  forebay upstream retry central")]
    Retry(Named),
}

/// One upstream of a daemon.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// Its name in the configuration.
    name: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct List {
    upstreams: Vec<UpstreamStatus>,
}

/// Runs it.
pub(super) fn run(command: UpstreamCommand) -> Result<(), Failure> {
    match command {
        UpstreamCommand::List { target } => list(&target),
        UpstreamCommand::Pause(named) => order(&named, "pause"),
        UpstreamCommand::Resume(named) => order(&named, "resume"),
        UpstreamCommand::Retry(named) => order(&named, "retry"),
    }
}

fn list(target: &Target) -> Result<(), Failure> {
    let body = runtime()?.block_on(Client::new(&target.url).rest(Method::GET, "/v1/upstreams"))?;
    if target.json {
        return print(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    let list: List = target.read(&body)?;
    if list.upstreams.is_empty() {
        say("the configuration has no [[upstream]]");
        return Ok(());
    }
    show(&list.upstreams)
}

fn order(named: &Named, order: &str) -> Result<(), Failure> {
    let path = format!("/v1/upstreams/{}/{order}", segment(&named.name));
    let body = runtime()?.block_on(Client::new(&named.target.url).rest(Method::POST, &path))?;
    if named.target.json {
        return print(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    show(&[named.target.read(&body)?])
}

fn show(upstreams: &[UpstreamStatus]) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = upstreams
        .iter()
        .map(|upstream| {
            vec![
                upstream.name.clone(),
                format!("{:?}", upstream.state).to_lowercase(),
                upstream.pending.to_string(),
                format!("{} s", upstream.oldest_pending_age_seconds),
                upstream.drained_in_seconds.map_or_else(|| "?".to_owned(), |s| format!("{s} s")),
                upstream.pending_write_units.map_or_else(|| "?".to_owned(), |units| format!("about {units}")),
                upstream.acknowledged.to_string(),
                upstream.dead_letters.to_string(),
                upstream.dropped_unsent.to_string(),
                upstream.since.clone().unwrap_or_default(),
                upstream.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let heading = [
        "NAME",
        "STATE",
        "PENDING",
        "OLDEST",
        "DRAINED IN",
        "WRITE UNITS",
        "ACKNOWLEDGED",
        "DEAD LETTERS",
        "DROPPED",
        "SINCE",
        "REASON",
    ];
    print(&table(&heading, &rows))
}
