//! Opening a store: lock, identity, tree, journal, epoch, threads. Damage is set aside, said loudly, and never a reason not
//! to start.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::committer::Committer;
use super::deliveries::Deliveries;
use super::identity::Identity;
use super::journal::disk::{Disk, RealDisk};
use super::journal::{EpochFile, Journal, JournalError, Recovered, StoreId, Survey};
use super::lock::Lock;
use super::queue::Queue;
use super::recover::{self, Replay};
use super::shared::{Shared, Tuning};
use super::space::{Division, Space};
use super::tree::Tree;
use super::upgrade::FORMAT;
use super::{OpenError, Seq, StoreSettings, check, fold, upgrade};
use crate::clock::Clock;
use crate::model::KeyCodec;

/// An open store's parts.
pub(super) struct Opened {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Queue,
    pub(super) threads: Vec<thread::JoinHandle<()>>,
}

pub(super) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { what, path, source }
}

/// Opens, or makes, the store.
pub(super) fn open(settings: &StoreSettings, clock: &Clock) -> Result<Opened, OpenError> {
    let path = &settings.path;
    let disk = || RealDisk::open(&path.join("journal")).map_err(io_error("opening the journal in", path));
    open_on(settings, clock, Tuning::default(), || Ok(Arc::new(disk()?)))
}

/// Opens the store with its journal on this disk.
pub(super) fn open_on(
    settings: &StoreSettings,
    clock: &Clock,
    tuning: Tuning,
    disk: impl FnOnce() -> Result<Arc<dyn Disk>, OpenError>,
) -> Result<Opened, OpenError> {
    let path = &settings.path;
    fs::create_dir_all(path).map_err(io_error("making the directory", path))?;
    let lock = Lock::take(path)?;
    let mut damage = Vec::new();
    let mut division = Division::of(settings.max_size);
    division.journal.segment_size = tuning.segment.unwrap_or(division.journal.segment_size);
    let kept = read_identity(path, &mut damage)?;
    let (tree, fresh) = open_tree(settings, clock, division.map, &mut damage)?;
    let in_tree = recover::identity(&tree).map_err(|error| tree_error(path, error.to_string()))?;
    let known = kept.as_ref().or(in_tree.as_ref()).map(|identity| identity.id);
    let survey = Survey::of(disk()?, division.journal, known);
    let survey = survey.map_err(|error| journal_error(error, path))?;
    let identity = identity(path, &tree, kept, in_tree, survey.store_id())?;
    let keys = KeyCodec::new(identity.hash_key());

    let replay = Replay::begin(&tree, &identity, keys, fresh).map_err(|what| tree_error(path, what))?;
    let (recovered, mut replay) = replay.run(survey).map_err(|error| journal_error(error, path))?;
    let start = recover::decide(&mut replay, &recovered, EpochFile::for_store(path).read(), &mut damage);
    raise_epoch(path, start.epoch)?;
    if start.tree_ahead {
        recover::derive_again(&tree, &replay.published.catalog)
            .map_err(|error| tree_error(path, error.to_string()))?;
    }
    let journal = begin_journal(recovered, identity.id, path)?;
    clock.at_least(replay.published.time_us);
    for what in &damage {
        tracing::error!(store = %path.display(), what, "the store was damaged");
    }
    check::mark_running(path, clock.boot());

    let (figures, readers) = (journal.figures(), journal.readers());
    let space = Space::new(division, path, path.join("tree").join("data.mdb"), figures.clone());
    space.look_at_tree(&tree);
    space.look_at_disk();
    let Replay { state, published, overlay, ring, .. } = replay;
    let ring = recover::earlier_deliveries(&journal, &state, ring);
    let shared = Arc::new(Shared {
        tuning,
        clock: clock.clone(),
        keys,
        tree,
        overlay,
        folded: ArcSwap::from_pointee(state),
        watch: watch::Sender::new(published.seq),
        published: ArcSwap::from_pointee(published),
        deliveries: Deliveries::new(ring),
        readers,
        figures,
        stats: Default::default(),
        space,
        backlogs: Default::default(),
        claims: Default::default(),
        gate: Default::default(),
        pulse: Default::default(),
        poison: watch::Sender::new(None),
        damage,
        counts: Default::default(),
        faults: Default::default(),
        _lock: lock,
    });
    start_threads(shared, journal, identity, settings, start.next)
}

fn start_threads(
    shared: Arc<Shared>,
    journal: Journal,
    identity: Identity,
    settings: &StoreSettings,
    next: Seq,
) -> Result<Opened, OpenError> {
    let (queue, jobs) = Queue::new();
    let committer = Committer::new(shared.clone(), journal, jobs, identity, settings, next);
    let (folding, guards) = (shared.clone(), [PoisonOnPanic(shared.clone()), PoisonOnPanic(shared.clone())]);
    let [fold_guard, commit_guard] = guards;
    let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
        thread.map_err(io_error("starting a thread for", &settings.path))
    };
    let fold = spawn(
        "forebay-fold",
        Box::new(move || {
            let _guard = fold_guard;
            fold::run(&folding);
        }),
    )?;
    let commit = spawn(
        "forebay-commit",
        Box::new(move || {
            let _guard = commit_guard;
            committer.run();
        }),
    )?;
    Ok(Opened { shared, queue, threads: vec![commit, fold] })
}

/// A thread of the store that ends in a panic leaves nothing that works: the process must end, and start again.
struct PoisonOnPanic(Arc<Shared>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            let name = thread::current().name().unwrap_or("a thread of the store").to_owned();
            self.0.poison.send_replace(Some(format!("{name} ended in a panic, a bug of forebay's")));
        }
    }
}

fn read_identity(path: &Path, damage: &mut Vec<String>) -> Result<Option<Identity>, OpenError> {
    match Identity::read(path) {
        Ok(Some(identity)) if identity.format > FORMAT => {
            Err(OpenError::TooNew { path: path.to_owned(), found: identity.format, known: FORMAT })
        }
        Ok(identity) => Ok(identity),
        Err(what) => {
            damage.push(format!("store.cbor can't be read ({what}); it is made again from the tree"));
            Ok(None)
        }
    }
}

/// Opens the tree, or sets it aside and makes a new one; whether it is new.
fn open_tree(
    settings: &StoreSettings,
    clock: &Clock,
    map_size: u64,
    damage: &mut Vec<String>,
) -> Result<(Tree, bool), OpenError> {
    let path = &settings.path;
    let directory = path.join("tree");
    let there = fs::metadata(directory.join("data.mdb")).is_ok_and(|data| data.len() > 0);
    if there {
        match check::before_open(settings, clock.boot()).and_then(|()| try_tree(&directory, map_size)) {
            Ok(Ok(tree)) => return Ok((tree, false)),
            Ok(Err(found)) => {
                return Err(OpenError::TooNew { path: path.clone(), found, known: FORMAT });
            }
            Err(what) => damage.push(set_aside(path, &directory, &what)?),
        }
    }
    fs::create_dir_all(&directory).map_err(io_error("making the directory", &directory))?;
    match try_tree(&directory, map_size) {
        Ok(Ok(tree)) => Ok((tree, true)),
        Ok(Err(found)) => Err(OpenError::TooNew { path: path.clone(), found, known: FORMAT }),
        Err(what) => Err(tree_error(path, what)),
    }
}

/// Opens a tree and reads what must be readable; the inner error is a newer format.
fn try_tree(directory: &Path, map_size: u64) -> Result<Result<Tree, u32>, String> {
    let tree = Tree::open(directory, map_size).map_err(|error| error.to_string())?;
    match upgrade::run(&tree) {
        Ok(()) => {}
        Err(upgrade::UpgradeError::TooNew(found)) => return Ok(Err(found)),
        Err(upgrade::UpgradeError::Tree(error)) => return Err(error.to_string()),
    }
    recover::readable(&tree).map_err(|error| error.to_string())?;
    Ok(Ok(tree))
}

/// Renames the damaged tree; what happened, for people.
fn set_aside(path: &Path, directory: &Path, what: &str) -> Result<String, OpenError> {
    let aside = (1..).map(|n| path.join(format!("tree-damaged-{n}"))).find(|aside| !aside.exists());
    let aside = aside.unwrap_or_else(|| path.join("tree-damaged"));
    fs::rename(directory, &aside).map_err(io_error("setting aside", directory))?;
    Ok(format!(
        "the tree is damaged ({what}); it was set aside as {}, and a new one begun from what the journal still has",
        aside.display()
    ))
}

/// Who the store is: by its file, by its tree, by its journal, or new; written down where it is missing.
fn identity(
    path: &Path,
    tree: &Tree,
    kept: Option<Identity>,
    in_tree: Option<Identity>,
    journal: Option<StoreId>,
) -> Result<Identity, OpenError> {
    let written = kept.is_some();
    let identity = match kept.or(in_tree.clone()) {
        Some(identity) => identity,
        None => Identity::new(FORMAT, journal).map_err(io_error("asking for random numbers for", path))?,
    };
    if in_tree.as_ref().is_none_or(|known| known.id != identity.id) {
        recover::set_identity(tree, &identity).map_err(|error| tree_error(path, error.to_string()))?;
    }
    if !written {
        identity.write(path).map_err(io_error("writing the identity of", path))?;
    }
    Ok(identity)
}

fn raise_epoch(path: &Path, epoch: u16) -> Result<(), OpenError> {
    let file = EpochFile::for_store(path);
    if file.read() >= epoch {
        return Ok(());
    }
    file.raise(epoch).map_err(io_error("writing the epoch of", path))
}

fn begin_journal(recovered: Recovered, id: StoreId, path: &Path) -> Result<Journal, OpenError> {
    recovered.start(id).map_err(|error| journal_error(error, path))
}

fn tree_error(path: &Path, what: String) -> OpenError {
    OpenError::Tree { path: path.to_owned(), what }
}

fn journal_error(error: JournalError, path: &Path) -> OpenError {
    match error {
        JournalError::Newer { found, known } => OpenError::TooNew { path: path.to_owned(), found, known },
        JournalError::Io { source, .. } => {
            OpenError::Io { what: "reading the journal in", path: path.to_owned(), source }
        }
        other => OpenError::Io {
            what: "reading the journal in",
            path: path.to_owned(),
            source: io::Error::other(other.to_string()),
        },
    }
}
