//! What the store's threads and its handle have in common.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::watch;

use super::backlog::Backlogs;
use super::claim::Claims;
use super::deliveries::Deliveries;
use super::faults::Faults;
use super::fold::FoldGate;
use super::journal::{Figures, Readers};
use super::meta::State;
use super::overlay::Overlay;
use super::pulse::Pulse;
use super::space::Space;
use super::tree::Tree;
use super::{Catalog, Seq};
use crate::clock::Clock;
use crate::model::{KeyCodec, TableId};
use crate::telemetry::Histogram;

/// What the last group left: replaced as a whole, after its sync.
#[derive(Clone, Debug, Default)]
pub(super) struct Published {
    /// The newest published change.
    pub(super) seq: Seq,
    /// The tables.
    pub(super) catalog: Arc<Catalog>,
    /// Changes to be sent, by table, since the store was made.
    pub(super) counts: Arc<BTreeMap<TableId, u64>>,
    /// How far each upstream has come, by the key of its cursor row.
    pub(super) cursors: Arc<BTreeMap<Bytes, Seq>>,
    /// The newest record's time, in microseconds since 1970.
    pub(super) time_us: u64,
}

/// Figures that only grow.
#[derive(Debug)]
pub(super) struct Stats {
    pub(super) commits: AtomicU64,
    pub(super) changes: AtomicU64,
    pub(super) folds: AtomicU64,
    pub(super) expired: AtomicU64,
    /// Bytes that LMDB has written.
    pub(super) tree_written: AtomicU64,
    /// Microseconds of each group's write and sync.
    pub(super) commit_us: Histogram,
    /// Changes of each group.
    pub(super) commit_changes: Histogram,
}

impl Default for Stats {
    fn default() -> Stats {
        Stats {
            commits: AtomicU64::default(),
            changes: AtomicU64::default(),
            folds: AtomicU64::default(),
            expired: AtomicU64::default(),
            tree_written: AtomicU64::default(),
            commit_us: Histogram::new(Histogram::LATENCY),
            commit_changes: Histogram::new(Histogram::COUNT),
        }
    }
}

/// Sizes that tests make small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    /// What a generation of the overlay holds before it is frozen, in bytes.
    pub(super) generation: usize,
    /// Dirty pages of a fold's slice: they are memory until the commit.
    pub(super) slice_pages: usize,
    /// Journal that is not folded yet, in bytes, at which a fold begins.
    pub(super) unfolded: u64,
    /// The journal's segments; by `max_size` if it is `None`.
    pub(super) segment: Option<u64>,
    /// Rows that are brought into an index in one go; by [`super::index_build`] if it is `None`.
    pub(super) index_rows: Option<usize>,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning { generation: 4 << 20, slice_pages: 512, unfolded: 16 << 20, segment: None, index_rows: None }
    }
}

/// What the store's threads and its handle have in common.
pub(super) struct Shared {
    pub(super) tuning: Tuning,
    pub(super) clock: Clock,
    pub(super) keys: KeyCodec,
    pub(super) tree: Tree,
    pub(super) overlay: Overlay,
    /// How far the last fold has come.
    pub(super) folded: ArcSwap<State>,
    pub(super) published: ArcSwap<Published>,
    pub(super) watch: watch::Sender<Seq>,
    pub(super) deliveries: Deliveries,
    pub(super) readers: Readers,
    pub(super) figures: Arc<Figures>,
    pub(super) stats: Stats,
    pub(super) space: Space,
    pub(super) backlogs: Backlogs,
    pub(super) claims: Claims,
    pub(super) gate: FoldGate,
    /// The committer's.
    pub(super) pulse: Pulse,
    /// Why the committer has given up.
    pub(super) poison: watch::Sender<Option<String>>,
    /// What was damaged at the start.
    pub(super) damage: Vec<String>,
    pub(super) counts: super::status::CountCache,
    pub(super) faults: Faults,
    /// Keeps other processes out; the last thing to go.
    pub(super) _lock: super::lock::Lock,
}

impl Shared {
    /// Why new items are refused, of all tables or of some; `overlay` is what waits to be folded.
    pub(super) fn full(&self, overlay: usize) -> Option<String> {
        let catalog = || self.published.load().catalog.clone();
        self.space.full(overlay).or_else(|| self.backlogs.refuses_any(&catalog()))
    }
}
