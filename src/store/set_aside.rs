//! Copies of what was damaged, kept beside the store. They are nobody's but the owner's to remove; where the disk is full it
//! is said that they are there.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::room::mib;

/// Which there are, and how large, for people; `None` where there are none.
pub(super) fn copies(store: &Path) -> Option<String> {
    let mut names = Vec::new();
    let mut bytes = 0;
    let trees = fs::read_dir(store).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let trees =
        trees.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with("tree-damaged"));
    for name in trees.chain(["journal/damaged".to_owned()]) {
        let files = fs::read_dir(store.join(&name)).into_iter().flatten().flatten();
        let size: u64 = files.filter_map(|file| file.metadata().ok()).map(|file| file.blocks() * 512).sum();
        if size > 0 {
            bytes += size;
            names.push(name);
        }
    }
    names.sort();
    (!names.is_empty()).then(|| {
        format!(
            "copies of what was damaged take {} ({}): remove them once nobody needs them",
            mib(bytes),
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_found_and_named() {
        let store = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        assert_eq!(copies(store.path()), None);
        for folder in ["tree-damaged-1", "journal/damaged", "tree"] {
            fs::create_dir_all(store.path().join(folder)).unwrap();
            fs::write(store.path().join(folder).join("x"), vec![1; 1 << 20]).unwrap();
        }
        let said = copies(store.path()).unwrap();
        assert!(said.contains("(journal/damaged, tree-damaged-1)"), "{said}");
    }
}
