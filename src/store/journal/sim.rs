//! A disk for tests. Whatever was not synced it may lose, keep, reorder, and tear at 512 bytes when the power is cut;
//! directory entries too. It can be told to fail, to be full, and to lose its power at any step.

mod file;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::io::Errno;

use super::disk::{Access, BLOCK, Disk, DiskFile};
use file::SimFile;

const SECTOR: usize = 512;
type Sector = [u8; SECTOR];

/// What may be told to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Write,
    Sync,
    Allocate,
    Truncate,
    Rename,
    Remove,
    SyncFolder,
    Read,
}

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing.
    Everything,
    /// All of it.
    Nothing,
    /// Any of it.
    Some,
    /// All but one sector, or one entry.
    One,
}

/// The disk; cheap to clone. What it holds outlives every process on it.
#[derive(Clone, Default)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    entries: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    pending: Vec<Change>,
    /// Handles of an earlier process are no good.
    life: u32,
    off: bool,
    steps: u64,
    cut_at: Option<u64>,
    failures: Vec<(Op, u32, Errno)>,
    capacity: Option<u64>,
    unreadable: Vec<(usize, u64)>,
    log: Vec<String>,
    random: fastrand::Rng,
}

#[derive(Default)]
struct Inode {
    length: u64,
    durable_length: u64,
    sectors: BTreeMap<u64, Versions>,
}

/// One sector: on the device for good, on its way there, and in a cache that a failed sync has left dirty for nobody.
#[derive(Default)]
struct Versions {
    durable: Option<Sector>,
    pending: Vec<Sector>,
    cached: Option<Sector>,
}

/// A directory operation: all of it becomes durable, or nothing.
#[derive(Clone, Debug)]
enum Change {
    Link(String, usize),
    Unlink(String),
    Rename(String, String),
}

impl Versions {
    fn on_device(&self) -> Sector {
        self.pending.last().or(self.durable.as_ref()).copied().unwrap_or([0; SECTOR])
    }

    fn seen(&self) -> Sector {
        self.cached.unwrap_or_else(|| self.on_device())
    }
}

impl Change {
    fn folder(&self) -> &str {
        let (Change::Link(name, _) | Change::Unlink(name) | Change::Rename(name, _)) = self;
        folder_of(name)
    }

    fn apply(&self, entries: &mut BTreeMap<String, usize>) {
        match self {
            Change::Link(name, inode) => {
                entries.insert(name.clone(), *inode);
            }
            Change::Unlink(name) => {
                entries.remove(name);
            }
            Change::Rename(from, to) => {
                if let Some(inode) = entries.remove(from) {
                    entries.insert(to.clone(), inode);
                }
            }
        }
    }
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl SimDisk {
    /// A new process on this disk: earlier handles are dead, what was written stays.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        state.life += 1;
        state.failures.clear();
        state.cut_at = None;
        state.off = false;
    }

    /// A power cut, and a new process.
    pub(crate) fn cut(&self, loss: Loss, seed: u64) {
        let mut state = self.state();
        state.random.seed(seed);
        state.lose(loss);
        drop(state);
        self.kill();
    }

    /// The power goes at the step after so many; what that step does is under way then.
    pub(crate) fn cut_after(&self, steps: u64) {
        let mut state = self.state();
        state.cut_at = Some(state.steps + steps);
    }

    /// Whether the power went.
    pub(crate) fn is_off(&self) -> bool {
        self.state().off
    }

    /// The operation after so many of its kind fails, once.
    pub(crate) fn fail(&self, op: Op, after: u32, errno: Errno) {
        self.state().failures.push((op, after, errno));
    }

    /// How many bytes fit on it.
    pub(crate) fn set_capacity(&self, capacity: Option<u64>) {
        self.state().capacity = capacity;
    }

    /// How many steps were made.
    pub(crate) fn steps(&self) -> u64 {
        self.state().steps
    }

    /// The steps made, by name.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// Bytes that all files take.
    pub(crate) fn used(&self) -> u64 {
        self.state().used()
    }

    /// A file's bytes.
    pub(crate) fn contents(&self, name: &str) -> Vec<u8> {
        let file = self.open(name, Access::Read).unwrap();
        let mut bytes = vec![0; file.length().unwrap() as usize];
        file.read_at(&mut bytes, 0).unwrap();
        bytes
    }

    /// The names of the segments.
    pub(crate) fn list_segments(&self) -> Vec<String> {
        let names = self.list("").unwrap().into_iter();
        names.filter(|name| name.ends_with(".segment")).collect()
    }

    /// The names of a folder's files.
    pub(crate) fn list_folder(&self, folder: &str) -> Vec<String> {
        self.list(folder).unwrap()
    }

    /// Puts bytes where they lie for good, behind everybody's back.
    pub(crate) fn overwrite(&self, name: &str, offset: u64, bytes: &[u8]) {
        let mut state = self.state();
        let inode = state.entries[name];
        state.inodes[inode].write(bytes, offset);
        state.inodes[inode].synced();
    }

    /// Makes a file with these bytes, for good.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.create(name).unwrap();
        self.overwrite(name, 0, bytes);
        self.sync_folder(folder_of(name)).unwrap();
    }

    /// Damages a file where it lies: one byte, for good.
    pub(crate) fn damage(&self, name: &str, offset: u64) {
        let mut state = self.state();
        let inode = state.entries[name];
        let versions = state.inodes[inode].sectors.entry(offset / SECTOR as u64).or_default();
        let mut sector = versions.on_device();
        sector[offset as usize % SECTOR] ^= 0x55;
        *versions = Versions { durable: Some(sector), ..Versions::default() };
    }

    /// The block that this byte is in can't be read any more.
    pub(crate) fn make_unreadable(&self, name: &str, offset: u64) {
        let mut state = self.state();
        let inode = state.entries[name];
        state.unreadable.push((inode, offset / BLOCK));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn handle(&self, inode: usize, life: u32, direct: bool) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { disk: self.clone(), inode, life, direct })
    }
}

impl State {
    /// One step that changes something. The second half of the answer: the power goes during it.
    fn step(&mut self, op: Op, what: String) -> io::Result<bool> {
        if self.off {
            return Err(io::Error::other("the power is off"));
        }
        self.steps += 1;
        self.log.push(what);
        if self.cut_at == Some(self.steps) {
            self.off = true;
            return Ok(true);
        }
        self.check(op)?;
        Ok(false)
    }

    fn check(&mut self, op: Op) -> io::Result<()> {
        let Some(at) = self.failures.iter().position(|(failing, ..)| *failing == op) else { return Ok(()) };
        if self.failures[at].1 > 0 {
            self.failures[at].1 -= 1;
            return Ok(());
        }
        Err(self.failures.remove(at).2.into())
    }

    fn used(&self) -> u64 {
        self.entries.values().map(|inode| self.inodes[*inode].length).sum()
    }

    fn entry(&mut self, change: Change, under_way: bool) -> io::Result<()> {
        change.apply(&mut self.entries);
        self.pending.push(change);
        finish(under_way)
    }

    fn keeps(&mut self, loss: Loss) -> bool {
        match loss {
            Loss::Everything => false,
            Loss::Nothing | Loss::One => true,
            Loss::Some => self.random.bool(),
        }
    }

    fn lose(&mut self, loss: Loss) {
        let pending = std::mem::take(&mut self.pending);
        let dirty: usize = self.inodes.iter().map(Inode::dirty).sum();
        let mut unlucky = (loss == Loss::One).then(|| self.random.usize(0..(dirty + pending.len()).max(1)));
        let mut lucky = |state: &mut State| {
            let this_one = unlucky == Some(0);
            unlucky = unlucky.and_then(|left| left.checked_sub(1));
            state.keeps(loss) && !this_one
        };
        for change in &pending {
            if lucky(self) {
                change.apply(&mut self.durable);
            }
        }
        for index in 0..self.inodes.len() {
            let mut inode = std::mem::take(&mut self.inodes[index]);
            for versions in inode.sectors.values_mut() {
                versions.cached = None;
                let pending = std::mem::take(&mut versions.pending);
                if !pending.is_empty() && lucky(self) {
                    let kept = if loss == Loss::Some {
                        self.random.usize(0..pending.len())
                    } else {
                        pending.len() - 1
                    };
                    versions.durable = Some(pending[kept]);
                }
            }
            let length = if self.keeps(loss) { inode.length } else { inode.durable_length };
            (inode.length, inode.durable_length) = (length, length);
            self.inodes[index] = inode;
        }
        self.entries = self.durable.clone();
    }
}

fn finish(under_way: bool) -> io::Result<()> {
    if under_way { Err(io::Error::other("the power went")) } else { Ok(()) }
}

impl Inode {
    fn dirty(&self) -> usize {
        self.sectors.values().filter(|versions| !versions.pending.is_empty()).count()
    }

    fn write(&mut self, bytes: &[u8], offset: u64) {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let within = at as usize % SECTOR;
            let (part, more) = rest.split_at(rest.len().min(SECTOR - within));
            let versions = self.sectors.entry(at / SECTOR as u64).or_default();
            let mut sector = versions.seen();
            sector[within..within + part.len()].copy_from_slice(part);
            versions.cached = None;
            versions.pending.push(sector);
            at += part.len() as u64;
            rest = more;
        }
        self.length = self.length.max(at);
    }

    fn synced(&mut self) {
        for versions in self.sectors.values_mut() {
            if let Some(last) = versions.pending.pop() {
                versions.durable = Some(last);
                versions.pending.clear();
            }
        }
        self.durable_length = self.length;
    }
}

impl Disk for SimDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        let inside = state.entries.keys().filter(|name| folder_of(name) == folder);
        Ok(inside.map(|name| name.rsplit('/').next().unwrap().to_owned()).collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        if state.entries.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let under_way = state.step(Op::Create, format!("create {name}"))?;
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.entry(Change::Link(name.to_owned(), inode), under_way)?;
        Ok(self.handle(inode, state.life, false))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.state();
        if state.off {
            return Err(io::Error::other("the power is off"));
        }
        let inode = *state.entries.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(inode, state.life, access == Access::Direct))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.entries.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let under_way = state.step(Op::Rename, format!("rename {from} to {to}"))?;
        state.entry(Change::Rename(from.to_owned(), to.to_owned()), under_way)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.entries.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let under_way = state.step(Op::Remove, format!("remove {name}"))?;
        state.entry(Change::Unlink(name.to_owned()), under_way)
    }

    fn make_folder(&self, _folder: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.state();
        let under_way = state.step(Op::SyncFolder, format!("sync folder {folder:?}"))?;
        finish(under_way)?;
        let pending = std::mem::take(&mut state.pending);
        // A rename into another folder is durable with either.
        let (now, later): (Vec<_>, Vec<_>) = pending.into_iter().partition(|change| {
            change.folder() == folder || matches!(change, Change::Rename(_, to) if folder_of(to) == folder)
        });
        now.iter().for_each(|change| change.apply(&mut state.durable));
        state.pending = later;
        Ok(())
    }
}
