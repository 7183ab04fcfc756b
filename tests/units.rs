//! The units in `systemd/`: the template is the service for another name, and what matters of them is there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "a test: panicking is how it fails"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

/// A unit's settings, without comments.
fn settings(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(unit(name)).unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn the_template_differs_in_the_name_alone() {
    let named = |line: &String| {
        line.replace("forebay-%i", "forebay")
            .replace("/etc/forebay/%i.toml --data /var/lib/forebay", "/etc/forebay/gateway.toml")
            .replace("/etc/forebay/%i.toml", "/etc/forebay/gateway.toml")
            .replace(" (%i)", "")
    };
    let template: Vec<String> = settings("forebay@.service").iter().map(named).collect();
    assert_eq!(template, settings("forebay.service"));
}

#[test]
fn nothing_is_waited_for_and_nothing_is_given_up() {
    let settings = settings("forebay.service");
    for line in &settings {
        for waited in ["network", "time-s", "mosquitto"] {
            assert!(!line.contains(waited), "{line}");
        }
    }
    for line in ["StartLimitIntervalSec=0", "Restart=always", "RestartPreventExitStatus=78", "Type=notify"] {
        assert!(settings.iter().any(|it| it == line), "{line} is missing");
    }
}

/// The socket's addresses are those of the shipped configuration: else no door would take them.
#[test]
fn the_sockets_are_the_configurations() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/gateway.toml");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let listen: Vec<&str> = shipped.lines().filter_map(|line| line.strip_prefix("listen = ")).collect();
    let listen: Vec<&str> = listen.iter().map(|line| line.split('"').nth(1).unwrap()).collect();
    let settings = settings("forebay.socket");
    let streams: Vec<&str> = settings.iter().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
    assert_eq!(streams, listen);
}

#[test]
fn the_sandbox_is_closed_as_far_as_it_can_be() {
    for name in ["forebay.service", "forebay@.service"] {
        let judged = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", "--threshold=15"])
            .arg(unit(name))
            .output();
        match judged {
            Ok(judged) => {
                let said = String::from_utf8_lossy(&judged.stdout);
                assert!(judged.status.success(), "{name}: {said}{}", String::from_utf8_lossy(&judged.stderr));
                assert!(said.contains("Overall exposure level"), "{said}");
            }
            Err(error) => println!("skipped: systemd-analyze is not here ({error})"),
        }
    }
}
