//! Bytes that reach the block device per 200-byte reading of 100 devices, insert only, fold and shutdown included:
//! counted at a loop device with its own ext4, one QoS 1 publisher, default settings.
//!
//! `cargo bench --bench wear` (as root: it makes a loop device); readings per run: `WEAR_READINGS` (default 50,000 for 100
//! in flight, fewer for less).

// A benchmark ends with the first thing that goes wrong, and talks to standard output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    unreachable_pub
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use support::{Daemon, publish, reading};

/// A loop device with ext4, mounted; taken down when dropped.
struct Device {
    image: PathBuf,
    mount: PathBuf,
    name: String,
}

fn run(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output().unwrap_or_else(|e| panic!("{command}: {e}"));
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Device {
    fn new(folder: &Path) -> Device {
        let image = folder.join("image");
        let mount = folder.join("mount");
        std::fs::create_dir(&mount).unwrap();
        std::fs::File::create(&image).unwrap().set_len(3 << 30).unwrap();
        // No lazy initialisation: it would be counted.
        run("mkfs.ext4", &["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image.to_str().unwrap()]);
        let device = run("losetup", &["--find", "--show", image.to_str().unwrap()]);
        run("mount", &[&device, mount.to_str().unwrap()]);
        let name = device.rsplit('/').next().unwrap().to_owned();
        Device { image, mount, name }
    }

    /// Bytes written to the device so far, everything flushed.
    fn written(&self) -> u64 {
        run("sync", &["-f", self.mount.to_str().unwrap()]);
        let stat = std::fs::read_to_string(format!("/sys/block/{}/stat", self.name)).unwrap();
        stat.split_whitespace().nth(6).unwrap().parse::<u64>().unwrap() * 512
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.mount).status();
        let _ = Command::new("losetup").args(["--detach", &format!("/dev/{}", self.name)]).status();
        let _ = std::fs::remove_file(&self.image);
    }
}

fn measure(in_flight: usize, readings: usize, goal: u64) {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::new(folder.path());
    let before = device.written();
    let daemon = Daemon::start(&device.mount.join("store"));
    let begin = Instant::now();
    publish(daemon.mqtt, "wear", readings, in_flight, |n| {
        (format!("device-{:03}", n * 31 % 100), reading(n))
    });
    let rate = readings as f64 / begin.elapsed().as_secs_f64();
    let status = daemon.status();
    let figure = |name: &str| status["store"][name].as_u64().unwrap();
    let each = |name: &str| figure(name) / readings as u64;
    daemon.stop();
    let written = device.written() - before;
    println!(
        "{in_flight:>4} in flight: {:>6} bytes a reading at the device (goal {goal}); {readings} readings, {rate:.0}/s; before shutdown status said {} (journal {}, tree {}), {:.1} changes a commit",
        written / readings as u64,
        each("bytes_written"),
        each("bytes_written_journal"),
        each("bytes_written_tree"),
        figure("changes") as f64 / figure("commits") as f64,
    );
}

fn main() {
    let readings: usize = std::env::var("WEAR_READINGS").ok().and_then(|n| n.parse().ok()).unwrap_or(50_000);
    measure(1, readings / 5, 6_000);
    measure(10, readings / 2, 1_300);
    measure(100, readings, 900);
}
