//! Looking at a tree before it is mapped: a page that is not there, or can't be read, is a SIGBUS once it is. Pages are
//! read with `pread` here, so that damage is an error and nothing worse.
//!
//! Every start compares the file's length with its meta pages. A daemon that died three times within a minute of its start, on
//! the same boot of the machine (a power cut is no reason to suspect the tree), has the whole tree walked.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::StoreSettings;
use crate::clock::BootId;

const RUNNING: &str = "running";
/// Deaths soon after the start before the whole tree is walked.
const DEATHS: u32 = 3;

/// Bytes of a page number, and of everything in LMDB's file that is as wide as a pointer.
const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD + 8;
const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const OVERFLOW: u16 = 0x04;
const NODE_BIG: u16 = 0x01;
const NODE_TREE: u16 = 0x02;
/// A named database's record.
const DATABASE: usize = 8 + 5 * WORD;

/// Looks whether the tree may be mapped.
pub(super) fn before_open(settings: &StoreSettings, boot: BootId) -> Result<(), String> {
    // LMDB reads its meta pages before it maps anything: if there is none, or an unknown one, it says so itself.
    let Ok(pages) = Pages::open(&settings.path) else { return Ok(()) };
    if deaths(&settings.path, boot) >= DEATHS {
        tracing::warn!("the daemon died repeatedly soon after its start: the whole tree is checked");
        return pages.walk(true);
    }
    // The last pages may be free ones that were never written: only a file that is too short needs a closer look.
    if pages.are_all_there() { Ok(()) } else { pages.walk(false) }
}

/// Walks the tree of a closed store.
pub(super) fn tree(path: &Path) -> Result<(), String> {
    Pages::open(path)?.walk(true)
}

/// Leaves word that the store is open: it is still there after the daemon died.
pub(super) fn mark_running(path: &Path, boot: BootId) {
    let deaths = if path.join(RUNNING).exists() { deaths(path, boot) + 1 } else { 0 };
    write_mark(path, boot, deaths);
}

/// Takes back that earlier runs died: this one has been up for a while.
pub(super) fn mark_settled(path: &Path, boot: BootId) {
    write_mark(path, boot, 0);
}

/// Takes the word back: the store was closed properly.
pub(super) fn mark_closed(path: &Path) {
    let _ = fs::remove_file(path.join(RUNNING));
}

fn write_mark(path: &Path, boot: BootId, deaths: u32) {
    if let Err(error) =
        fs::write(path.join(RUNNING), format!("{:032x} {deaths}\n", u128::from_be_bytes(boot.0)))
    {
        tracing::debug!(%error, "no word can be left that the store is open");
    }
}

/// How often the daemon has died soon after its start, on this boot.
fn deaths(path: &Path, boot: BootId) -> u32 {
    let Ok(text) = fs::read_to_string(path.join(RUNNING)) else { return 0 };
    let boot = format!("{:032x}", u128::from_be_bytes(boot.0));
    match text.trim().split_once(' ') {
        Some((of, deaths)) if of == boot => deaths.parse().unwrap_or(0),
        _ => 0,
    }
}

/// What a meta page says of one database.
#[derive(Clone, Copy)]
struct Database {
    depth: u16,
    root: u64,
}

/// The data file, page by page.
struct Pages {
    file: File,
    length: u64,
    page: usize,
    last: u64,
    databases: [Database; 2],
}

impl Pages {
    fn open(store: &Path) -> Result<Pages, String> {
        let path = store.join("tree").join("data.mdb");
        let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let mut pages =
            Pages { file, length, page: 0, last: 0, databases: [Database { depth: 0, root: 0 }; 2] };
        let first = pages.meta(0);
        let sizes = first.as_ref().ok().map(|meta| meta.page).into_iter().chain([4096, 16_384, 65_536]);
        let second = sizes.map(|size| pages.meta(size as u64)).find_map(Result::ok);
        let newest = match (first, second) {
            (Ok(first), Some(second)) if second.txn > first.txn => second,
            (Ok(first), _) => first,
            (Err(_), Some(second)) => second,
            (Err(what), None) => return Err(what),
        };
        (pages.page, pages.last, pages.databases) = (newest.page, newest.last, newest.databases);
        Ok(pages)
    }

    fn are_all_there(&self) -> bool {
        (self.last + 1).saturating_mul(self.page as u64) <= self.length
    }

    fn meta(&self, at: u64) -> Result<Meta, String> {
        let mut bytes = [0; 8 + 8 + HEADER + 2 * WORD + 2 * DATABASE + 2 * WORD];
        self.file
            .read_exact_at(&mut bytes, at)
            .map_err(|error| format!("a meta page can't be read: {error}"))?;
        Meta::read(&bytes).ok_or_else(|| "there is no whole meta page".to_owned())
    }

    fn read(&self, number: u64, page: &mut [u8]) -> Result<(), String> {
        let at = number.checked_mul(self.page as u64).filter(|_| number <= self.last);
        let at = at.ok_or_else(|| format!("page {number} is beyond the last one, {}", self.last))?;
        self.file.read_exact_at(page, at).map_err(|error| format!("page {number} can't be read: {error}"))?;
        if word(page, 0) != Some(number) {
            return Err(format!("page {number} says that it is another one"));
        }
        Ok(())
    }

    /// Walks both trees of the environment and the databases in them; without `leaves` only as far as to see that every
    /// page lies within the file.
    fn walk(&self, leaves: bool) -> Result<(), String> {
        let [free, main] = self.databases;
        let mut page = vec![0; self.page];
        let mut seen = 0;
        let mut todo: Vec<(u64, u16, bool)> = Vec::new();
        for (database, is_main) in [(free, false), (main, true)] {
            todo.extend(database.entry(is_main));
        }
        while let Some((number, depth, is_main)) = todo.pop() {
            seen += 1;
            if seen > self.last + 1 {
                return Err("the pages make a circle".to_owned());
            }
            self.within(number, 1)?;
            // The last level's pages are leaves, and in the main one the databases' records are.
            if depth == 0 && !leaves && !is_main {
                continue;
            }
            self.read(number, &mut page)?;
            let flags = half(&page, WORD + 2).unwrap_or(0);
            match (flags & (BRANCH | LEAF | OVERFLOW), depth) {
                (BRANCH, 1..) => {
                    for node in nodes(&page)? {
                        todo.push((node.child(), depth - 1, is_main));
                    }
                }
                (LEAF, 0) => {
                    for node in nodes(&page)? {
                        self.node(&node, is_main, &mut todo)?;
                    }
                }
                _ => return Err(format!("page {number} is of the wrong kind ({flags:#x})")),
            }
        }
        Ok(())
    }

    fn node(&self, node: &Node<'_>, is_main: bool, todo: &mut Vec<(u64, u16, bool)>) -> Result<(), String> {
        if node.flags & NODE_TREE != 0 && is_main {
            let database = Database::read(node.data()).ok_or("a database's record is cut off")?;
            todo.extend(database.entry(false));
        } else if node.flags & NODE_BIG != 0 {
            let first = word(node.data(), 0).ok_or("a long value's place is cut off")?;
            let pages = (node.low() as usize + HEADER).div_ceil(self.page);
            self.within(first, pages as u64)?;
        }
        Ok(())
    }

    /// Whether so many pages from there on lie within the file.
    fn within(&self, first: u64, pages: u64) -> Result<(), String> {
        let end = first.saturating_add(pages);
        if end > self.last + 1 || end.saturating_mul(self.page as u64) > self.length {
            return Err(format!("page {first} is missing: the file was cut off at {} bytes", self.length));
        }
        Ok(())
    }
}

/// A meta page.
struct Meta {
    page: usize,
    databases: [Database; 2],
    last: u64,
    txn: u64,
}

impl Meta {
    fn read(bytes: &[u8]) -> Option<Meta> {
        let meta = bytes.get(HEADER..)?;
        if meta.first_chunk() != Some(&MAGIC.to_ne_bytes()) || meta.get(4..8)? != VERSION.to_ne_bytes() {
            return None;
        }
        let rest = meta.get(8 + 2 * WORD..)?;
        let page = u32::from_ne_bytes(*rest.first_chunk()?) as usize;
        let databases = [Database::read(rest)?, Database::read(rest.get(DATABASE..)?)?];
        let tail = rest.get(2 * DATABASE..)?;
        let sound = page.is_power_of_two() && (512..=65_536).contains(&page);
        sound.then_some(Meta { page, databases, last: word(tail, 0)?, txn: word(tail, WORD)? })
    }
}

impl Database {
    fn read(bytes: &[u8]) -> Option<Database> {
        Some(Database { depth: half(bytes, 6)?, root: word(bytes, 8 + 4 * WORD)? })
    }

    /// Its root, where it has one, and the levels below it.
    fn entry(self, is_main: bool) -> Option<(u64, u16, bool)> {
        let levels = self.depth.checked_sub(1)?;
        (self.root != usize::MAX as u64).then_some((self.root, levels, is_main))
    }
}

/// A node of a page.
struct Node<'a> {
    bytes: &'a [u8],
    flags: u16,
    key: usize,
}

impl<'a> Node<'a> {
    fn low(&self) -> u64 {
        let (low, high) = (half(self.bytes, 0).unwrap_or(0), half(self.bytes, 2).unwrap_or(0));
        if cfg!(target_endian = "little") {
            u64::from(low) | u64::from(high) << 16
        } else {
            u64::from(high) | u64::from(low) << 16
        }
    }

    /// The page below a branch's node.
    fn child(&self) -> u64 {
        let top = if WORD == 8 { u64::from(self.flags) << 32 } else { 0 };
        self.low() | top
    }

    fn data(&self) -> &'a [u8] {
        self.bytes.get(8 + self.key..).unwrap_or_default()
    }
}

fn nodes(page: &[u8]) -> Result<Vec<Node<'_>>, String> {
    let odd = || "a page's directory is damaged".to_owned();
    let lower = usize::from(half(page, WORD + 4).ok_or_else(odd)?);
    let pointers = page.get(HEADER..lower).ok_or_else(odd)?;
    let node = |at: &[u8; 2]| {
        let bytes = page.get(usize::from(u16::from_ne_bytes(*at))..)?;
        Some(Node { bytes, flags: half(bytes, 4)?, key: usize::from(half(bytes, 6)?) })
    };
    pointers.as_chunks::<2>().0.iter().map(|at| node(at).ok_or_else(odd)).collect()
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<WORD>().map(|bytes| usize::from_ne_bytes(*bytes) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tree::Tree;

    /// A store's directory with a tree of some depth and long values in it.
    fn store() -> tempfile::TempDir {
        let store = tempfile::tempdir().unwrap();
        fs::create_dir(store.path().join("tree")).unwrap();
        let tree = Tree::open(&store.path().join("tree"), 64 << 20).unwrap();
        for round in 0..3u32 {
            let mut txn = tree.write().unwrap();
            for n in 0..20_000u32 {
                let value = vec![n as u8; if n % 1000 == 0 { 10_000 } else { 100 }];
                tree.rows.put(&mut txn, &(n * (round + 1)).to_be_bytes(), &value).unwrap();
            }
            txn.commit().unwrap();
        }
        store
    }

    #[test]
    fn a_whole_tree_passes_and_a_shorter_one_does_not() {
        let store = store();
        assert_eq!(tree(store.path()), Ok(()));
        assert_eq!(Pages::open(store.path()).unwrap().walk(false), Ok(()));
        let settings = StoreSettings::new(store.path());
        assert_eq!(before_open(&settings, BootId([1; 16])), Ok(()));
        let data = File::options().write(true).open(store.path().join("tree/data.mdb")).unwrap();
        let length = data.metadata().unwrap().len();
        data.set_len(length / 2).unwrap();
        assert!(before_open(&settings, BootId([1; 16])).is_err());
        data.set_len(100).unwrap();
        assert!(tree(store.path()).is_err());
        // LMDB refuses this one by itself.
        assert!(Tree::open(&store.path().join("tree"), 64 << 20).is_err());
    }

    #[test]
    fn pages_of_zeros_and_of_rubbish_are_found_by_the_walk() {
        let store = store();
        let data = File::options().write(true).open(store.path().join("tree/data.mdb")).unwrap();
        let pages = data.metadata().unwrap().len() / 4096;
        data.write_all_at(&vec![0; (pages as usize - 20) * 4096], 10 * 4096).unwrap();
        assert!(tree(store.path()).is_err());
        let mut random = fastrand::Rng::with_seed(1);
        let rubbish: Vec<u8> = (0..(pages as usize - 20) * 4096).map(|_| random.u8(..)).collect();
        data.write_all_at(&rubbish, 10 * 4096).unwrap();
        assert!(tree(store.path()).is_err());
    }

    #[test]
    fn deaths_are_counted_within_one_boot() {
        let store = tempfile::tempdir().unwrap();
        let (one, other) = (BootId([1; 16]), BootId([2; 16]));
        mark_running(store.path(), one);
        assert_eq!(deaths(store.path(), one), 0);
        mark_running(store.path(), one);
        mark_running(store.path(), one);
        assert_eq!(deaths(store.path(), one), 2);
        assert_eq!(deaths(store.path(), other), 0);
        mark_settled(store.path(), one);
        assert_eq!(deaths(store.path(), one), 0);
        mark_closed(store.path());
        assert!(!store.path().join(RUNNING).exists());
    }
}
