//! Logs: fields in the journal where systemd started the daemon, else lines on standard error, for people or as JSON.
//! `FOREBAY_LOG` filters (`info`, `debug`, `info,forebay::sync=debug`), else `[log] level`.

mod event;
mod journald;
mod json;
mod prefix;

use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, reload};

use crate::config::{LogFormat, LogSettings, log_filter};

type Filter = reload::Handle<Targets, Registry>;

/// The running log, for changes of its filter.
#[derive(Clone)]
pub struct Logging(Option<Filter>);

/// Starts logging for the process.
pub fn start(settings: &LogSettings) -> Logging {
    let (filter, complaint) = filter(settings);
    let (filter, handle) = reload::Layer::new(filter);
    let layer = layer(settings.format);
    // Someone (a test) may have set a subscriber already: theirs serves.
    let started = tracing_subscriber::registry().with(filter).with(layer).try_init().is_ok();
    if let Some(complaint) = complaint {
        tracing::warn!("{complaint}");
    }
    Logging(started.then_some(handle))
}

impl Logging {
    /// Filters by these settings from now on. Whether anything changed.
    pub(super) fn filter_by(&self, settings: &LogSettings) -> bool {
        let (filter, _) = filter(settings);
        let Some(handle) = &self.0 else { return false };
        let same = handle.with_current(|current| *current == filter).unwrap_or(true);
        !same && handle.reload(filter).is_ok()
    }
}

/// The filter, and what is wrong with the environment's. The settings' has been validated.
fn filter(settings: &LogSettings) -> (Targets, Option<String>) {
    let configured =
        || log_filter(&settings.level).unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    match std::env::var("FOREBAY_LOG") {
        Ok(text) if !text.is_empty() => match log_filter(&text) {
            Ok(filter) => (filter, None),
            Err(error) => {
                let complaint = format!("FOREBAY_LOG {text:?} is no filter ({error}); [log] level serves");
                (configured(), Some(complaint))
            }
        },
        _ => (configured(), None),
    }
}

/// The sink.
fn layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let text = || tracing_subscriber::fmt::layer().with_target(false);
    let journald = || match journald::Journal::open() {
        Some(journal) => Box::new(journal) as Box<dyn Layer<S> + Send + Sync>,
        // Standard error goes there too; it takes a priority, if no fields, and stamps the time itself.
        None => {
            let line = text().without_time().with_level(false).with_ansi(false);
            Box::new(line.with_writer(prefix::Stderr))
        }
    };
    match format {
        LogFormat::Json => Box::new(json::Lines),
        LogFormat::Journald => journald(),
        LogFormat::Auto if stderr_is_the_journals() => journald(),
        LogFormat::Auto | LogFormat::Text => {
            let ansi = std::io::stderr().is_terminal();
            Box::new(text().with_writer(std::io::stderr).with_ansi(ansi))
        }
    }
}

/// Whether what is written to standard error arrives in the journal: `JOURNAL_STREAM` names its device and inode
/// (`systemd.exec(5)`).
pub fn stderr_is_the_journals() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = std::io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let metadata = stderr.and_then(|stderr| stderr.metadata());
    metadata.is_ok_and(|metadata| is_stream(&stream, metadata.dev(), metadata.ino()))
}

fn is_stream(stream: &str, device: u64, inode: u64) -> bool {
    let numbers = stream.split_once(':').map(|(device, inode)| (device.parse(), inode.parse()));
    numbers == Some((Ok(device), Ok(inode)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journals_stream_is_known_by_its_numbers() {
        assert!(is_stream("8:1234", 8, 1234));
        for other in ["", "8", "8:", "9:1234", "8:1235", "8:1234:5", "x:y"] {
            assert!(!is_stream(other, 8, 1234), "{other}");
        }
    }
}
