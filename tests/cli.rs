//! The commands as a person or a service manager meets them: what they print, and their exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test: panicking is how it fails"
)]

mod support;

use std::process::Stdio;

use serde_json::{Value, json};
use support::cli::{forebay, output, said};
use support::daemon::{self, Daemon};
use support::publisher::{Plan, Publisher};
use support::{Killed, cache, eventually, free_address};

fn message(n: u64) -> (String, Vec<u8>) {
    (format!("hall/{}", n % 7), json!({ "n": n }).to_string().into_bytes())
}

#[test]
fn run_needs_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (http, mqtt) = (free_address(), free_address());
    let mut command = forebay(&["run", "--http", &http.to_string(), "--mqtt", &mqtt.to_string()]);
    command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let _daemon = Killed(command.spawn().unwrap());
    eventually("the daemon to get ready", || {
        (daemon::request(http, "GET", "/readyz", &[], b"")?.0 == 200).then_some(())
    });
    cache(); // mosquitto's clients come with the same command
    let publish = std::process::Command::new("mosquitto_pub")
        .args(["-p", &mqtt.port().to_string(), "-q", "1", "-t", "greenhouse/north"])
        .args(["-m", r#"{"temperature": 23.20, "humidity": 61}"#])
        .status();
    assert!(publish.unwrap().success());
    let (status, body) =
        daemon::request(http, "GET", "/v1/tables/readings/items/greenhouse%2Fnorth", &[], b"").unwrap();
    assert_eq!(status, 200);
    let page: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(page["items"][0]["humidity"], 61, "{page}");
    assert!(page["items"][0]["ts"].as_u64().unwrap() > 1_700_000_000_000_000, "{page}");
    assert!(folder.path().join("forebay-data").is_dir());
}

#[test]
fn check_tells_right_from_wrong() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/gateway.toml");
    let (code, out, _) = said(&output(&["check", shipped]));
    assert_eq!(code, 0);
    assert!(out.contains("valid") && out.contains("1 table, 1 rule"), "{out}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, "[http]\nlisten = \"127.0.0.1:8000\"\nlisen = 1\n").unwrap();
    let (code, out, error) = said(&output(&["check", file.to_str().unwrap()]));
    assert_eq!((code, out.as_str()), (78, ""));
    assert!(error.contains(&format!("{}:3:", file.display())) && error.contains("lisen"), "{error}");
}

#[test]
fn run_refuses_a_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, "\n[store]\nmax_size = \"plenty\"\n").unwrap();
    let (code, _, error) = said(&output(&["run", "--config", file.to_str().unwrap()]));
    assert_eq!(code, 78);
    assert!(error.contains(&format!("{}:3:", file.display())) && error.contains("64MiB"), "{error}");
}

#[test]
fn wrong_usage_is_2() {
    for wrong in [&[][..], &["frobnicate"], &["check"], &["status", "--yaml"]] {
        assert_eq!(output(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["run", "check", "status", "demo", "completions", "man"] {
        let (code, out, _) = said(&output(&[command, "--help"]));
        assert_eq!(code, 0);
        assert!(out.contains(&format!("forebay {command}")) && out.contains("Example"), "{out}");
    }
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let (_, help, _) = said(&output(&["--help"]));
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().filter(|name| *name != "help"))
        .collect();
    assert!(commands.contains(&"run") && commands.contains(&"man"), "{commands:?}");

    for shell in ["bash", "zsh", "fish"] {
        let (code, script, error) = said(&output(&["completions", shell]));
        assert_eq!((code, error.as_str()), (0, ""));
        for command in &commands {
            assert!(script.contains(command), "{shell} does not complete {command}");
        }
    }
    assert_eq!(output(&["completions", "csh"]).status.code(), Some(2));

    let folder = tempfile::tempdir().unwrap();
    let (code, out, error) = said(&output(&["man", folder.path().to_str().unwrap()]));
    assert_eq!((code, out.as_str(), error.as_str()), (0, "", ""));
    for command in &commands {
        let page = std::fs::read_to_string(folder.path().join(format!("forebay-{command}.1"))).unwrap();
        assert!(page.contains(".SH EXTRA") && page.contains("Example"), "{command}:\n{page}");
    }
    let (code, page, _) = said(&output(&["man"]));
    assert_eq!(code, 0);
    assert_eq!(page, std::fs::read_to_string(folder.path().join("forebay.1")).unwrap());
    let nowhere = folder.path().join("nowhere");
    let (code, _, error) = said(&output(&["man", nowhere.to_str().unwrap()]));
    assert_eq!(code, 1);
    assert!(error.contains(nowhere.to_str().unwrap()), "{error}");
}

#[test]
fn status_speaks_to_people_and_to_machines() {
    let daemon = Daemon::with_defaults("");
    let (status, answer) = daemon.dynamodb(
        "PutItem",
        &json!({"TableName": "readings", "Item": {"device": {"S": "a"}, "ts": {"N": "1"}}}),
    );
    assert_eq!(status, 200, "{answer}");

    let (code, table, error) = said(&output(&["status", "--url", &daemon.url()]));
    assert_eq!((code, error.as_str()), (0, ""));
    for word in ["gateway", "clock", "listener", "listening", "1 items", "ingest"] {
        assert!(table.contains(word), "{word} is missing in:\n{table}");
    }
    let (code, json, _) = said(&output(&["status", "--json", "--url", &daemon.url()]));
    assert_eq!(code, 0);
    let status: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(status["store"]["items"], 1);
    assert_eq!(status["mqtt"]["listener"], "listening");
    for path in
        ["/version", "/gateway", "/clock/trusted", "/ingest/accepted", "/store/bytes_written", "/upstreams"]
    {
        assert!(status.pointer(path).is_some(), "{path} is missing in {status}");
    }
    // The environment names the daemon as well.
    let by_environment = forebay(&["status", "--json"]).env("FOREBAY_URL", daemon.url()).output().unwrap();
    assert!(by_environment.status.success());
}

#[test]
fn a_daemon_that_is_not_there_is_75() {
    let url = format!("http://{}", free_address());
    let (code, out, error) = said(&output(&["status", "--url", &url]));
    assert_eq!((code, out.as_str()), (75, ""));
    assert!(error.contains(&url) && error.contains("--url"), "{error}");
}

#[test]
fn names_in_the_environment_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/gateway.toml");
    let text = std::ffi::OsStr::from_bytes(b"\xff");
    let checked = forebay(&["check", shipped]).env("SOMETHING", text).env("FOREBAY_CONFIG", "x").output();
    assert_eq!(said(&checked.unwrap()).2, "");
}

#[test]
fn status_spells_names_and_reasons_as_they_are() {
    let upstream = format!(
        "[[upstream]]\nname = \"Central\"\nendpoint = \"http://{}\"\nregion = \"eu-west-1\"\n",
        free_address()
    );
    let daemon = Daemon::with_defaults(&upstream);
    let table = eventually("the upstream to be looked for", || {
        let table = said(&output(&["status", "--url", &daemon.url()])).1;
        table.contains("refused").then_some(table)
    });
    assert!(table.contains("Central: offline (") && table.contains("Connection refused"), "{table}");
}

/// A hangup is what a terminal sends when it closes, and a service manager to reload.
#[test]
fn a_hangup_does_not_end_the_daemon() {
    let mut daemon = Daemon::with_defaults("");
    let kill = std::process::Command::new("kill").args(["-HUP", &daemon.pid().to_string()]).status();
    assert!(kill.unwrap().success());
    eventually("the hangup to be heard", || daemon.log().contains("reloaded").then_some(()));
    daemon.assert_alive();
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_second_process_on_the_same_store_is_refused() {
    let mut first = Daemon::with_defaults("");
    let (http, mqtt) = (free_address().to_string(), free_address().to_string());
    let config = first.config();
    let second = output(&["run", "--config", config.to_str().unwrap(), "--http", &http, "--mqtt", &mqtt]);
    let (code, _, error) = said(&second);
    assert_eq!(code, 1);
    assert!(
        error.contains("in use by another forebay") && error.contains(first.store().to_str().unwrap()),
        "{error}"
    );
    first.assert_alive();
}

#[test]
fn a_taken_port_is_named() {
    let first = Daemon::with_defaults("");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let (http, mqtt) = (first.http.to_string(), first.mqtt.to_string());
    let free = free_address().to_string();
    for (arguments, taken, remedy) in [([&http, &free], &http, "--http"), ([&free, &mqtt], &mqtt, "--mqtt")] {
        let run = output(&["run", "--data", data, "--http", arguments[0], "--mqtt", arguments[1]]);
        let (code, _, error) = said(&run);
        assert_eq!(code, 1);
        assert!(error.contains(taken.as_str()) && error.contains(remedy), "{error}");
    }
}

#[test]
fn a_configured_table_with_another_key_refuses_the_start() {
    let mut daemon = Daemon::with_defaults("");
    assert!(daemon.stop().success());
    let text = std::fs::read_to_string(daemon.config()).unwrap();
    let other = text.replace(r#"{ name = "ts", type = "N" }"#, r#"{ name = "ts", type = "S" }"#);
    assert_ne!(text, other);
    std::fs::write(daemon.config(), other).unwrap();
    let (code, _, error) = said(&output(&["run", "--config", daemon.config().to_str().unwrap()]));
    assert_eq!(code, 78);
    assert!(error.contains("readings") && error.contains("ts (N)") && error.contains("ts (S)"), "{error}");
}

#[test]
fn sigterm_drains_and_loses_nothing() {
    let mut daemon = Daemon::with_defaults("");
    let plan = Plan {
        listener: daemon.mqtt,
        client: "hall".to_owned(),
        qos: 1,
        in_flight: 50,
        message,
        messages: u64::MAX,
    };
    let publisher = Publisher::start(plan);
    eventually("acknowledgements", || (publisher.count() > 500).then_some(()));
    daemon.terminate();
    assert_eq!(daemon.wait().code(), Some(0), "{}", daemon.log());
    daemon.launch();
    let sent = publisher.finish();
    let mut found: Vec<u64> = daemon
        .scan("readings")
        .iter()
        .map(|item| item["n"]["N"].as_str().unwrap().parse().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, (0..sent).collect::<Vec<_>>());
}

#[test]
fn the_demo_proves_itself() {
    let (code, out, error) = said(&output(&["demo"]));
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("lost 0") && out.contains("differing 0"), "{out}");
    assert!(error.contains("kill -9") && error.contains("Proof"), "{error}");
}
