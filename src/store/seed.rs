//! The beginning of a tree: an empty file of 4 KiB pages, whatever the kernel's own pages are.
//!
//! LMDB makes a new file with the kernel's page size, and takes an existing one as it is. A Raspberry Pi 5 has pages of
//! 16 KiB by default, and every change rewrites whole pages on the way to its leaf: four times the wear. So the two meta pages
//! that LMDB would write are written here, in its layout (data version 1; [`super::check`] reads the same).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Bytes of a page in new trees: the block size of the file systems below, so that no kernel writes more than a page.
const PAGE: usize = 4096;

const WORD: usize = size_of::<usize>();
const META: u16 = 0x08;
const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
/// The free list's keys are transaction numbers.
const INTEGER_KEY: u16 = 0x08;

/// Makes the data file if there is none (an empty one is none), durably: wholly or not at all.
pub(super) fn new_file(directory: &Path) -> io::Result<()> {
    new_file_of(directory, PAGE)
}

fn new_file_of(directory: &Path, page: usize) -> io::Result<()> {
    let path = directory.join("data.mdb");
    if fs::metadata(&path).is_ok_and(|data| data.len() > 0) {
        return Ok(());
    }
    let new = directory.join("data.new");
    let mut file = File::create(&new)?;
    file.write_all(&meta_page(0, page))?;
    file.write_all(&meta_page(1, page))?;
    file.sync_all()?;
    fs::rename(&new, &path)?;
    File::open(directory)?.sync_all()
}

/// An empty environment's meta page, as `mdb_env_init_meta` makes it.
fn meta_page(number: usize, page: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(page);
    let word = |out: &mut Vec<u8>, value: usize| out.extend_from_slice(&value.to_ne_bytes());
    // The page's head: number, padding, flags, bounds.
    word(&mut out, number);
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&META.to_ne_bytes());
    out.extend_from_slice(&[0; 4]);
    // Address and size of the map: none, so that whoever opens it decides.
    out.extend_from_slice(&MAGIC.to_ne_bytes());
    out.extend_from_slice(&VERSION.to_ne_bytes());
    word(&mut out, 0);
    word(&mut out, 0);
    // Two empty databases; the first one's padding is where the page size stands.
    for (padding, flags) in [(page as u32, INTEGER_KEY), (0, 0)] {
        out.extend_from_slice(&padding.to_ne_bytes());
        out.extend_from_slice(&flags.to_ne_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&[0; 4 * WORD]);
        word(&mut out, usize::MAX);
    }
    // The last page, and the transaction.
    word(&mut out, 1);
    word(&mut out, 0);
    out.resize(page, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::check;
    use crate::store::tree::Tree;

    fn fill(tree: &Tree) {
        for round in 0..4u32 {
            let mut txn = tree.write().unwrap();
            for n in 0..5_000u32 {
                let value = vec![round as u8; if n % 500 == 0 { 50_000 } else { 100 }];
                tree.rows.put(&mut txn, &(n * 7).to_be_bytes(), &value).unwrap();
            }
            // The longest key that DynamoDB's limits make must fit small pages, too.
            tree.rows.put(&mut txn, &[7; 1_982], b"long").unwrap();
            txn.commit().unwrap();
        }
    }

    fn page_size(tree: &Tree) -> u32 {
        tree.rows.stat(&tree.snapshot().unwrap()).unwrap().page_size
    }

    #[test]
    fn trees_of_any_page_size_are_written_checked_and_read_again_on_this_kernel() {
        for page in [4096, 16_384, 32_768] {
            let store = tempfile::tempdir().unwrap();
            let directory = store.path().join("tree");
            fs::create_dir(&directory).unwrap();
            new_file_of(&directory, page).unwrap();
            check::tree(store.path()).unwrap();
            let tree = Tree::open(&directory, 64 << 20).unwrap();
            assert_eq!(page_size(&tree) as usize, page);
            fill(&tree);
            drop(tree);
            check::tree(store.path()).unwrap();
            let tree = Tree::open(&directory, 64 << 20).unwrap();
            let txn = tree.snapshot().unwrap();
            assert_eq!(tree.rows.len(&txn).unwrap(), 5_001);
            assert_eq!(tree.rows.get(&txn, &[7; 1_982]).unwrap(), Some(&b"long"[..]));
            assert_eq!(tree.rows.get(&txn, &0u32.to_be_bytes()).unwrap(), Some(&[3; 50_000][..]));
        }
    }

    #[test]
    fn new_trees_have_small_pages_and_a_beginning_that_broke_off_is_begun_again() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("data.mdb"), b"").unwrap();
        fs::write(directory.path().join("data.new"), b"half").unwrap();
        let tree = Tree::open(directory.path(), 64 << 20).unwrap();
        assert_eq!(page_size(&tree), 4096);
        assert!(!directory.path().join("data.new").exists());
    }

    /// What this LMDB itself writes on a kernel of 4 KiB pages; it must not go unnoticed if that changes.
    #[test]
    fn the_beginning_is_what_lmdb_writes() {
        let (ours, its) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        new_file(ours.path()).unwrap();
        crate::store::tree::open_as_lmdb_does(its.path(), 1 << 20).unwrap();
        if rustix::param::page_size() != PAGE {
            return;
        }
        let ours = fs::read(ours.path().join("data.mdb")).unwrap();
        let mut its = fs::read(its.path().join("data.mdb")).unwrap();
        its.truncate(ours.len());
        // It notes the size of the map that it was opened with.
        for number in 0..2 {
            let at = number * PAGE + WORD + 8 + 8 + WORD;
            its[at..at + WORD].fill(0);
        }
        assert_eq!(ours, its);
    }
}
