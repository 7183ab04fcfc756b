//! The seeds of the fuzz targets, findings of earlier runs among them, hold what the targets ask for.

#[path = "fuzz/checks.rs"]
mod checks;

use std::path::Path;

#[test]
fn every_seed_holds() {
    for (name, check) in checks::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(name);
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{} has no seeds", folder.display());
        for file in files {
            println!("{}", file.display());
            check(&std::fs::read(&file).unwrap());
        }
    }
}
