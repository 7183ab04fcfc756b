//! A small file system, to be filled.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In a file, on a loop device.
    Ext4,
    /// In memory.
    Tmpfs,
}

/// Mounted below a folder; goes with it.
pub struct Filesystem {
    pub mount: PathBuf,
}

impl Filesystem {
    /// `None` where it can't be mounted, with the reason printed.
    pub fn new(kind: Kind, folder: &Path, mib: u64) -> Option<Filesystem> {
        let (image, mount) = (folder.join("image"), folder.join("mount"));
        std::fs::create_dir(&mount).unwrap();
        let run = |command: &str, arguments: &[&str]| {
            let output = Command::new(command).args(arguments).output();
            let done = output.as_ref().is_ok_and(|output| output.status.success());
            if !done {
                println!(
                    "skipped: {command} does not work here (it needs root and loop devices): {output:?}"
                );
            }
            done
        };
        let path = mount.to_str().unwrap();
        let made = match kind {
            Kind::Ext4 => {
                File::create(&image).unwrap().set_len(mib << 20).unwrap();
                let image = image.to_str().unwrap();
                run("mkfs.ext4", &["-q", "-F", "-m", "0", image])
                    && run("mount", &["-o", "loop", image, path])
            }
            Kind::Tmpfs => run("mount", &["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs", path]),
        };
        made.then_some(Filesystem { mount })
    }

    /// Somebody else's file takes all that is left; its path.
    pub fn fill(&self) -> PathBuf {
        let path = self.mount.join("filler");
        let mut filler = File::options().create(true).append(true).open(&path).unwrap();
        for length in [1 << 20, 4096] {
            while filler.write_all(&vec![0; length]).is_ok() {}
        }
        let _ = filler.sync_all();
        path
    }
}

impl Drop for Filesystem {
    fn drop(&mut self) {
        // The loop device goes with it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.mount).status();
    }
}
