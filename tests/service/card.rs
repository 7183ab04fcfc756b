//! A card that stalls.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::daemon::Daemon;
use crate::support::{Killed, eventually};
use crate::{Manager, READINGS, rule};

/// A card that can be made to stall: a file system in a file, frozen and thawed.
struct Card {
    mount: std::path::PathBuf,
}

impl Card {
    /// `None` where it can't be had, with the reason printed.
    fn new(folder: &Path) -> Option<Card> {
        let (image, mount) = (folder.join("image"), folder.join("mount"));
        std::fs::create_dir(&mount).unwrap();
        std::fs::File::create(&image).unwrap().set_len(256 << 20).unwrap();
        let (file, at) = (image.to_str().unwrap(), mount.to_str().unwrap());
        for command in [&["mkfs.ext4", "-q", "-F", file][..], &["mount", "-o", "loop", file, at]] {
            let output = Command::new(command[0]).args(&command[1..]).output();
            if !output.as_ref().is_ok_and(|output| output.status.success()) {
                println!("skipped: {} does not work here (as root it does): {output:?}", command[0]);
                return None;
            }
        }
        Some(Card { mount })
    }

    fn freeze(&self, option: &str) -> bool {
        Command::new("fsfreeze").arg(option).arg(&self.mount).status().unwrap().success()
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("--unfreeze").arg(&self.mount).stderr(Stdio::null()).status();
        // The loop device goes with it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.mount).status();
    }
}

/// Whether the committer's thread is in the kernel, waiting for the disk.
fn waits_for_the_disk(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.flatten().any(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.contains("(forebay-commit) D")
    })
}

#[test]
fn a_card_that_stalls_is_no_reason_to_starve_the_watchdog() {
    let folder = tempfile::tempdir().unwrap();
    let Some(card) = Card::new(folder.path()) else { return };
    let store = card.mount.join("store");
    let configuration = format!("{READINGS}{}", rule("first"));
    let daemon = Daemon::prepare_at(tempfile::tempdir().unwrap(), &store, &configuration);
    let manager = Manager::start_prepared(daemon);
    manager.hear_until("READY=1");
    assert!(card.freeze("--freeze"));
    let port = manager.daemon.mqtt.port().to_string();
    let mut publish = Command::new("mosquitto_pub");
    publish.args(["-p", &port, "-q", "1", "-t", "hall/a", "-m", "{}"]);
    let mut publish = Killed(publish.spawn().unwrap());
    let pid = manager.process.0.id();
    eventually("the stall", || waits_for_the_disk(pid).then_some(()));
    // What was said before the stall is heard first: a status in it, or a feeding, is not what is meant.
    manager.socket.set_nonblocking(true).unwrap();
    while manager.socket.recv(&mut [0; 4096]).is_ok() {}
    manager.socket.set_nonblocking(false).unwrap();
    for _ in 0..10 {
        manager.hear_until("WATCHDOG=1");
    }
    assert!(waits_for_the_disk(pid));
    assert!(publish.0.try_wait().unwrap().is_none(), "acknowledged before it was durable");
    assert!(card.freeze("--unfreeze"));
    assert!(publish.0.wait().unwrap().success());
    assert_eq!(manager.daemon.scan("readings").len(), 1);
}
