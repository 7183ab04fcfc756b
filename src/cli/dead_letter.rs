//! `forebay dead-letter`: changes that an upstream refuses: listed, shown, sent again, thrown away.

use std::fmt::Write;

use clap::{Args, Subcommand};
use hyper::Method;
use serde::{Deserialize, Serialize};

use super::client::{Client, segment};
use super::table::{cut, plain, table};
use super::{Failure, Target, print, runtime, say};
use crate::operations::upstreams::{Letter, LetterId};
use crate::telemetry::UpstreamStatus;

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum DeadLetterCommand {
    /// Lists the letters of one upstream, or of all, oldest first.
    #[command(after_help = "Example:\n  forebay dead-letter list\n  forebay dead-letter list central --json")]
    List {
        /// The upstream; without it all of them.
        upstream: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Shows one letter: the item, and what the upstream said.
    #[command(after_help = "Example:\n  forebay dead-letter show central 1-4711")]
    Show {
        /// The upstream.
        upstream: String,
        /// The letter's id, as the list shows it.
        id: LetterId,
        #[command(flatten)]
        target: Target,
    },
    /// Sends letters again, before any later change of the same item; what the upstream takes is gone from here.
    #[command(
        after_help = "Example:\n  forebay dead-letter replay central 1-4711\n  forebay dead-letter replay central --all"
    )]
    Replay(Chosen),
    /// Throws letters away: the upstream never gets these changes.
    #[command(
        after_help = "Example:\n  forebay dead-letter drop central 1-4711\n  forebay dead-letter drop central --all"
    )]
    Drop(Chosen),
}

/// Letters of one upstream.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// The upstream.
    upstream: String,
    /// The letters' ids, as the list shows them.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<LetterId>,
    /// All letters of the upstream.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Deserialize)]
struct Page {
    dead_letters: Vec<Letter>,
    cursor: Option<LetterId>,
}

#[derive(Serialize)]
struct All<'a> {
    dead_letters: &'a [Letter],
}

#[derive(Deserialize)]
struct Upstreams {
    upstreams: Vec<UpstreamStatus>,
}

/// What became of the letters.
#[derive(Serialize)]
struct Done {
    #[serde(skip_serializing_if = "Option::is_none")]
    replaying: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<u64>,
}

/// Runs it.
pub(super) fn run(command: DeadLetterCommand) -> Result<(), Failure> {
    let runtime = runtime()?;
    match command {
        DeadLetterCommand::List { upstream, target } => {
            let letters = runtime.block_on(list(&target, upstream))?;
            show_list(&target, &letters)
        }
        DeadLetterCommand::Show { upstream, id, target } => {
            let path = format!("{}/{id}", letters_of(&upstream));
            let body = runtime.block_on(Client::new(&target.url).rest(Method::GET, &path))?;
            if target.json {
                return print(&format!("{}\n", String::from_utf8_lossy(&body)));
            }
            print(&in_full(&target.read(&body)?))
        }
        DeadLetterCommand::Replay(chosen) => {
            let replaying = Some(runtime.block_on(replay(&chosen))?);
            chosen.tell(&Done { replaying, dropped: None }, "will go again")
        }
        DeadLetterCommand::Drop(chosen) => {
            let dropped = Some(runtime.block_on(discard(&chosen))?);
            chosen.tell(&Done { replaying: None, dropped }, "dropped")
        }
    }
}

fn letters_of(upstream: &str) -> String {
    format!("/v1/upstreams/{}/dead-letters", segment(upstream))
}

/// All letters, page by page.
async fn list(target: &Target, upstream: Option<String>) -> Result<Vec<Letter>, Failure> {
    let client = Client::new(&target.url);
    let names = match upstream {
        Some(name) => vec![name],
        None => {
            let body = client.rest(Method::GET, "/v1/upstreams").await?;
            let all: Upstreams = target.read(&body)?;
            all.upstreams.into_iter().map(|upstream| upstream.name).collect()
        }
    };
    let mut letters = Vec::new();
    for name in names {
        let mut cursor = None;
        loop {
            let after = cursor.map(|id: LetterId| format!("&cursor={id}")).unwrap_or_default();
            let path = format!("{}?limit=1000{after}", letters_of(&name));
            let page: Page = target.read(&client.rest(Method::GET, &path).await?)?;
            letters.extend(page.dead_letters);
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(letters)
}

fn show_list(target: &Target, letters: &[Letter]) -> Result<(), Failure> {
    if target.json {
        let text = serde_json::to_string(&All { dead_letters: letters })
            .map_err(|error| Failure::Failed(error.to_string()))?;
        return print(&format!("{text}\n"));
    }
    if letters.is_empty() {
        say("there are no dead letters");
        return Ok(());
    }
    let row = |letter: &Letter| {
        vec![
            letter.upstream.clone(),
            letter.id.to_string(),
            letter.table.clone().unwrap_or_else(|| "(deleted)".to_owned()),
            letter.operation.clone(),
            cut(letter.key.get()),
            letter.refused.clone(),
            letter.attempts.to_string(),
            format!("{}{}", if letter.replaying { "(goes again) " } else { "" }, cut(&letter.reason)),
        ]
    };
    let rows: Vec<Vec<String>> = letters.iter().map(row).collect();
    print(&table(&["UPSTREAM", "ID", "TABLE", "CHANGE", "KEY", "REFUSED", "ATTEMPTS", "REASON"], &rows))
}

/// One letter, a line for each thing.
fn in_full(letter: &Letter) -> String {
    let table = letter.table.as_deref().unwrap_or("(deleted)");
    let lines = [
        ("id", letter.id.to_string()),
        ("upstream", letter.upstream.clone()),
        ("table", format!("{table} -> {}", letter.upstream_table)),
        ("change", format!("{} at {}", letter.operation, letter.time)),
        ("key", letter.key.get().to_owned()),
        ("item", letter.item.as_ref().map(|item| item.get().to_owned()).unwrap_or_default()),
        ("code", letter.code.clone().unwrap_or_default()),
        ("reason", letter.reason.clone()),
        ("refused", format!("{} (attempt {})", letter.refused, letter.attempts)),
        ("replay", if letter.replaying { "it will go again".to_owned() } else { String::new() }),
    ];
    let mut out = String::new();
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(out, "{name:<9} {}", plain(value));
    }
    out
}

async fn replay(chosen: &Chosen) -> Result<u64, Failure> {
    let client = Client::new(&chosen.target.url);
    let letters = letters_of(&chosen.upstream);
    if chosen.all {
        return counted(&client.rest(Method::POST, &format!("{letters}/replay")).await?, "replaying");
    }
    let mut count = 0;
    for id in &chosen.ids {
        count += counted(&client.rest(Method::POST, &format!("{letters}/{id}/replay")).await?, "replaying")?;
    }
    Ok(count)
}

async fn discard(chosen: &Chosen) -> Result<u64, Failure> {
    let client = Client::new(&chosen.target.url);
    let letters = letters_of(&chosen.upstream);
    if chosen.all {
        return counted(&client.rest(Method::DELETE, &letters).await?, "dropped");
    }
    for id in &chosen.ids {
        client.rest(Method::DELETE, &format!("{letters}/{id}")).await?;
    }
    Ok(chosen.ids.len() as u64)
}

/// A count in an answer.
fn counted(body: &[u8], name: &str) -> Result<u64, Failure> {
    let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    value
        .and_then(|value| value.get(name)?.as_u64())
        .ok_or_else(|| Failure::Failed(format!("the daemon's answer does not say {name}")))
}

impl Chosen {
    fn tell(&self, done: &Done, word: &str) -> Result<(), Failure> {
        if self.target.json {
            let text = serde_json::to_string(done).map_err(|error| Failure::Failed(error.to_string()))?;
            return print(&format!("{text}\n"));
        }
        let count = done.replaying.or(done.dropped).unwrap_or_default();
        print(&format!("{count} dead letter{} {word}\n", if count == 1 { "" } else { "s" }))
    }
}
