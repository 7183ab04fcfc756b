//! Figures of the store. Items are counted, not kept count of: the tree's counters (exact with every slice) plus what the
//! overlay changes, so that nothing can drift.

use std::collections::HashSet;
use std::ops::Bound;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::overlay::Version;
use super::shared::Shared;
use super::tree::{expiry_key, read_expiry_key};
use super::{ReadError, Seq, View, meta};
use crate::model::limits::TTL_PAST_SECONDS;
use crate::model::schema::is_expired;
use crate::model::{MapRef, RowKey, TableId};
use crate::telemetry::status::StoreFigures;

/// Expired rows that are looked at, at most; more than these are counted as items until they are freed.
const EXPIRED_ROWS: usize = 200_000;

/// What was counted last.
#[derive(Debug, Default)]
pub(super) struct CountCache(Mutex<Option<(Key, Count)>>);

/// What a count was made of.
type Key = (Seq, u64, u64, u64, Option<u64>);

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    items: u64,
    marked: u64,
    /// Items dropped before their time.
    dropped: u64,
}

/// The figures now.
pub(super) fn status(shared: &std::sync::Arc<Shared>, path: &Path) -> StoreFigures {
    let count = count(shared).unwrap_or_else(|error| {
        tracing::warn!(%error, "the items can't be counted");
        Count::default()
    });
    let (stats, figures) = (&shared.stats, &shared.figures);
    let overlay = shared.overlay.load();
    let journal = figures.bytes_written.load(Ordering::Relaxed);
    let tree = stats.tree_written.load(Ordering::Relaxed);
    let data = std::fs::metadata(path.join("tree").join("data.mdb"));
    let tree_on_disk = data.map(|data| data.blocks() * 512).unwrap_or_default();
    StoreFigures {
        items: count.items,
        bytes_on_disk: tree_on_disk + figures.bytes_on_disk.load(Ordering::Relaxed),
        bytes_written: journal + tree,
        bytes_written_journal: journal,
        bytes_written_tree: tree,
        commits: stats.commits.load(Ordering::Relaxed),
        changes: stats.changes.load(Ordering::Relaxed),
        folds: stats.folds.load(Ordering::Relaxed),
        segments: figures.segments.load(Ordering::Relaxed),
        overlay_bytes: overlay.bytes() as u64,
        published: shared.published.load().seq.0,
        folded_to: shared.folded.load().folded_to.0,
        expired: stats.expired.load(Ordering::Relaxed),
        dropped_items: count.dropped,
        marked: count.marked,
        full: shared.full(overlay.bytes()),
        damage: shared.damage.clone(),
    }
}

fn count(shared: &std::sync::Arc<Shared>) -> Result<Count, ReadError> {
    let view = View::take(shared.clone())?;
    let now = shared.clock.expiry_now();
    let (folds, expired) = (&shared.stats.folds, &shared.stats.expired);
    let dropped = meta::dropped_items(shared.tree.meta, &view.txn)?;
    let (folds, expired) = (folds.load(Ordering::Relaxed), expired.load(Ordering::Relaxed));
    let key = (view.published.seq, folds, expired, dropped, now);
    let cache = || shared.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, count)) = *cache()
        && of == key
    {
        return Ok(count);
    }
    let count = Count { dropped, ..count_view(shared, &view, now)? };
    *cache() = Some((key, count));
    Ok(count)
}

/// Counts what a view shows.
fn count_view(shared: &Shared, view: &View, now: Option<u64>) -> Result<Count, ReadError> {
    let catalog = &view.published.catalog;
    let mut items = 0i64;
    for table in catalog.tables() {
        items += meta::counted(shared.tree.meta, &view.txn, table.id)?.items as i64;
    }
    let mut marked = shared.tree.state(&view.txn)?.marked as i64;
    let sources = view.sources();
    let mut newest = HashSet::new();
    for generation in view.generations.each() {
        for found in generation.newest_up_to(view.published.seq) {
            let key = &found.key().key;
            let table = RowKey(key.clone()).table();
            let Some(def) = catalog.by_id(table).filter(|def| !def.dropped) else { continue };
            if !newest.insert(key.clone()) {
                continue;
            }
            let old = sources.in_tree(key)?;
            items -= i64::from(old.is_some());
            marked -= i64::from(old.is_some_and(|old| old.mark.is_some()));
            if let Version::Put { image, mark, .. } = found.value() {
                let expiry = def.expiry_of(MapRef::new(image));
                let visible = !now.zip(expiry).is_some_and(|(now, second)| is_expired(second, now));
                items += i64::from(visible);
                marked += i64::from(mark.is_some());
            }
        }
    }
    if let Some(now) = now {
        items -= expired_in_tree(shared, view, now, &newest)?;
    }
    let positive = |count: i64| u64::try_from(count).unwrap_or_default();
    Ok(Count { items: positive(items), marked: positive(marked), dropped: 0 })
}

/// Rows of the tree that have expired and have not been freed, and that the overlay does not hide.
fn expired_in_tree(
    shared: &Shared,
    view: &View,
    now: u64,
    hidden: &HashSet<Bytes>,
) -> Result<i64, ReadError> {
    let catalog = &view.published.catalog;
    let (mut start, mut end) = (Vec::new(), Vec::new());
    expiry_key(now.saturating_sub(TTL_PAST_SECONDS), &[], &mut start);
    expiry_key(now + 1, &[], &mut end);
    let mut expired = 0;
    let bounds = (Bound::Included(&start[..]), Bound::Excluded(&end[..]));
    for entry in shared.tree.expiry.range(&view.txn, &bounds)?.take(EXPIRED_ROWS) {
        let (key, _) = entry?;
        let Some((second, row)) = read_expiry_key(key) else { continue };
        if hidden.contains(row) {
            continue;
        }
        let table = RowKey(Bytes::copy_from_slice(row)).table();
        let Some(def) = catalog.by_id(table).filter(|def| !def.dropped) else { continue };
        let Some(row) = view.sources().in_tree(row)? else { continue };
        expired += i64::from(def.expiry_of(MapRef::new(row.image)) == Some(second));
    }
    Ok(expired)
}

/// What DescribeTable says: as of the last fold.
pub(super) fn table(shared: &Shared, table: TableId) -> Result<super::TableStatistics, ReadError> {
    let txn = shared.tree.snapshot()?;
    let meta::Counted { items, bytes } = meta::counted(shared.tree.meta, &txn, table)?;
    Ok(super::TableStatistics { items, bytes })
}
