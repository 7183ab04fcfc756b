//! Where the log goes, and how it looks.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::cli::forebay;
use crate::support::daemon::Daemon;
use crate::support::{Killed, eventually, free_address};
use crate::{READINGS, signal};

#[test]
fn the_log_is_json_by_choice_and_its_level_follows_a_reload() {
    let daemon = Daemon::start(&format!("[log]\nformat = \"json\"\n{READINGS}"));
    let lines = || -> Vec<Value> {
        daemon.log().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    };
    let said = |message: &str| lines().iter().any(|line| line["message"] == message);
    assert!(said("ready"));
    let store = lines().into_iter().find(|line| line["message"] == "store").unwrap();
    assert_eq!((store["level"].as_str(), store["target"].as_str()), (Some("info"), Some("forebay::app")));
    assert_eq!(store["fields"]["path"], daemon.store().to_str().unwrap());

    let text = std::fs::read_to_string(daemon.config()).unwrap();
    std::fs::write(daemon.config(), text.replace("[log]", "[log]\nlevel = \"off\"")).unwrap();
    signal("-HUP", daemon.pid());
    eventually("the reload", || (daemon.status()["configuration"]["reloads"] == 1).then_some(()));
    assert!(!said("configuration reloaded"), "{}", daemon.log());
}

/// With `JOURNAL_STREAM` naming standard error, and no journal to be had, lines carry their priority.
#[test]
fn the_journals_stream_gets_priorities() {
    if Path::new("/run/systemd/journal/socket").exists() {
        eprintln!("skipped: this machine has a journal");
        return;
    }
    use std::os::unix::fs::MetadataExt;
    let daemon = Daemon::prepare("nonsense = 1");
    let config = daemon.config();
    let file = daemon.folder.path().join("stream");
    let stderr = std::fs::File::create(&file).unwrap();
    let stat = stderr.metadata().unwrap();
    let stream = format!("{}:{}", stat.dev(), stat.ino());
    let mut command = forebay(&["run", "--config", config.to_str().unwrap()]);
    command.env("JOURNAL_STREAM", &stream).stdout(Stdio::null()).stderr(stderr);
    assert_eq!(command.status().unwrap().code(), Some(78));
    let said = std::fs::read_to_string(&file).unwrap();
    assert!(said.starts_with("<3>forebay: ") && said.contains("nonsense"), "{said}");

    let (http, mqtt) = (free_address().to_string(), free_address().to_string());
    let data = daemon.store();
    let stderr = std::fs::File::options().append(true).open(&file).unwrap();
    let mut command = forebay(&["run", "--http", &http, "--mqtt", &mqtt, "--data", data.to_str().unwrap()]);
    command.env("JOURNAL_STREAM", &stream).stdout(Stdio::null()).stderr(stderr);
    let _process = Killed(command.spawn().unwrap());
    let line = eventually("the daemon to get ready", || {
        let said = std::fs::read_to_string(&file).unwrap();
        said.lines().find(|line| line.contains("ready")).map(str::to_owned)
    });
    assert!(line.starts_with("<6>ready version="), "{line}");
}
