//! Holds the code against the table of floors in `src/lib.rs`: a room imports only from lower floors, rooms on one floor
//! do not know each other.

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

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room's floor, as the map says.
const FLOORS: [(&str, u8); 16] = [
    ("main", 6),
    ("cli", 6),
    ("app", 6),
    ("config", 6),
    ("http", 5),
    ("mqtt", 5),
    ("sync", 5),
    ("ingest", 4),
    ("operations", 4),
    ("engine", 3),
    ("store", 2),
    ("expression", 1),
    ("security", 1),
    ("model", 0),
    ("telemetry", 0),
    ("clock", 0),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// The room a file is in: the first step of its path below `src`.
fn room(path: &Path) -> String {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file without comments, so that documentation may name any room.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The rooms that a file names with `crate::room` (also in `crate::{a, b}`).
fn imports(code: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split('}').next().unwrap_or_default();
                rooms.extend(list.split(',').map(word));
            }
            None => rooms.push(word(rest)),
        }
    }
    rooms
}

#[test]
fn a_room_imports_only_from_lower_floors() {
    let floors: BTreeMap<_, _> = FLOORS.into_iter().collect();
    let mut faults = Vec::new();
    for path in all_sources() {
        let room = room(&path);
        if room == "lib" {
            continue;
        }
        let floor = *floors.get(room.as_str()).unwrap_or_else(|| panic!("{room} is on no floor of the map"));
        for import in imports(&code(&path)) {
            let Some(other) = floors.get(import.as_str()) else { continue };
            // The top floor is where things are put together: its rooms may know each other.
            let fine = import == room || *other < floor || (floor == 6 && *other == 6);
            if !fine {
                faults.push(format!(
                    "{}: {room} (floor {floor}) imports {import} (floor {other})",
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn only_the_store_names_heed_and_only_the_clock_asks_the_system_for_time() {
    for path in all_sources() {
        let code = code(&path);
        let room = room(&path);
        assert!(room == "store" || !code.contains("heed::"), "{} names heed", path.display());
        assert!(room == "clock" || !code.contains("SystemTime::now"), "{} asks for the time", path.display());
    }
}

#[test]
fn the_engine_knows_no_wire() {
    for path in all_sources() {
        let code = code(&path);
        if room(&path) == "engine" {
            for wire in
                ["hyper", "axum", "jiter", "serde_json", "mqtt_protocol_core", "dynamodb_json", "plain_json"]
            {
                assert!(!code.contains(wire), "{} knows {wire}", path.display());
            }
        }
    }
}

#[test]
fn the_map_in_lib_names_every_room() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for path in all_sources() {
        let room = room(&path);
        assert!(
            room == "lib" || map.contains(&format!("`{room}`")) || map.contains(&format!("[`{room}`]")),
            "{room}"
        );
    }
}
