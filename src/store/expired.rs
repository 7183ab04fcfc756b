//! Expired rows of tables with a stream: they are not freed by the sweep, but removed by the committer, so that the stream has
//! their removal ([`super::Origin::Expiry`]). Here they are found.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::overlay::Version;
use super::shared::Shared;
use super::tree::{expiry_key, read_expiry_key};
use super::{Catalog, Read, ReadError, Seq, View};
use crate::model::limits::TTL_PAST_SECONDS;
use crate::model::{MapRef, RowKey, TableDef, TableId, is_expired};

/// Expiry rows looked at in one go.
const LOOKED_AT: usize = 4_096;

/// How far looking has come.
#[derive(Debug, Default)]
pub struct ExpiryScan {
    /// The last expiry row looked at. What is made before it comes by a fold: then it begins again.
    after: Option<Vec<u8>>,
    folds: u64,
    /// The change up to which the overlay was looked through, and the next second at which something in it expires.
    overlay: Option<(Seq, u64)>,
}

/// Whether a table's expired rows are removed by the committer.
pub(super) fn by_committer(catalog: &Catalog, table: TableId) -> Option<&TableDef> {
    let table = catalog.by_id(table)?;
    (!table.dropped && table.ttl.is_some() && table.options.stream().is_some()).then_some(&**table)
}

/// Some that have expired, as of a view.
pub(super) fn look(
    shared: &Shared,
    view: &View,
    scan: &mut ExpiryScan,
    limit: usize,
) -> Result<Vec<RowKey>, ReadError> {
    let Some(now) = shared.clock.expiry_now() else { return Ok(Vec::new()) };
    let catalog = &view.published.catalog;
    if !catalog.all().any(|table| by_committer(catalog, table.id).is_some()) {
        return Ok(Vec::new());
    }
    let mut candidates = BTreeSet::new();
    in_overlay(view, scan, now, limit, &mut candidates);
    in_tree(shared, view, scan, now, limit, &mut candidates)?;
    let mut found = Vec::new();
    for key in candidates.into_iter().map(RowKey) {
        let Some(row) = view.get(&key)? else { continue };
        let table = by_committer(catalog, key.table());
        // Where the time is still an estimate, it will be put right first.
        if row.mark.is_none()
            && table.is_some_and(|table| table.is_expired(MapRef::new(&row.image), Some(now)))
        {
            found.push(key);
        }
    }
    Ok(found)
}

fn in_overlay(view: &View, scan: &mut ExpiryScan, now: u64, limit: usize, found: &mut BTreeSet<Bytes>) {
    let seq = view.published.seq;
    if scan.overlay.is_some_and(|(looked, due)| looked == seq && due > now) {
        return;
    }
    let mut due = u64::MAX;
    for version in view.generations.each().flat_map(|generation| generation.newest_up_to(seq)) {
        let Version::Put { image, .. } = version.value() else { continue };
        let key = &version.key().key;
        let table = by_committer(&view.published.catalog, RowKey(key.clone()).table());
        let Some(second) = table.and_then(|table| table.expiry_of(MapRef::new(image))) else { continue };
        if second > now {
            due = due.min(second);
        } else if is_expired(second, now) {
            // Removed, it is hidden by its removal: there is more to look for until then.
            due = now;
            found.insert(key.clone());
            if found.len() >= limit {
                break;
            }
        }
    }
    scan.overlay = Some((seq, due));
}

fn in_tree(
    shared: &Shared,
    view: &View,
    scan: &mut ExpiryScan,
    now: u64,
    limit: usize,
    found: &mut BTreeSet<Bytes>,
) -> Result<(), ReadError> {
    let folds = shared.stats.folds.load(Ordering::Relaxed);
    if folds != scan.folds {
        (scan.folds, scan.after) = (folds, None);
    }
    let (mut start, mut end) = (Vec::new(), Vec::new());
    expiry_key(now.saturating_sub(TTL_PAST_SECONDS), &[], &mut start);
    expiry_key(now + 1, &[], &mut end);
    let start = scan.after.take().map_or(Bound::Included(start), Bound::Excluded);
    let bounds = (start.as_ref().map(Vec::as_slice), Bound::Excluded(end.as_slice()));
    let mut last = None;
    for entry in shared.tree.expiry.range(&view.txn, &bounds)?.take(LOOKED_AT) {
        let (key, _) = entry?;
        if let Some((_, row)) = read_expiry_key(key) {
            let row = Bytes::copy_from_slice(row);
            if by_committer(&view.published.catalog, RowKey(row.clone()).table()).is_some() {
                found.insert(row);
            }
        }
        last = Some(key.to_vec());
        if found.len() >= limit {
            break;
        }
    }
    // At the end it stays where it is: what expires later stands behind.
    scan.after = last.or(match start {
        Bound::Excluded(after) => Some(after),
        _ => None,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StreamView;
    use crate::store::testing::*;

    /// Keys of all that is found, a few at a time, without removing anything.
    fn found(bench: &Bench, scan: &mut ExpiryScan) -> usize {
        bench.store().expired_of_streams(scan, 1000).unwrap().len()
    }

    #[tokio::test]
    async fn what_has_expired_is_found_in_overlay_and_tree_and_not_swept() {
        let bench = Bench::empty().open();
        let mut streamed = table();
        streamed.options.enable_stream(StreamView::KeysOnly, |us| us.to_string(), 1, 0);
        bench.define(streamed.clone()).await;
        for ts in 0..10 {
            bench.put(expiring("tree", ts, "x", NOW + 10 + ts as u64)).await.unwrap();
        }
        let bench = bench.close().await.open();
        bench.put(expiring("overlay", 1, "x", NOW + 11)).await.unwrap();
        bench.put(item("tree", 0, "lives on")).await.unwrap();
        let mut scan = ExpiryScan::default();
        assert_eq!(found(&bench, &mut scan), 0);
        bench.clock.set((NOW + 12) * 1_000_000, true);
        assert_eq!(found(&bench, &mut scan), 3);
        bench.clock.set((NOW + 100) * 1_000_000, false);
        assert_eq!(found(&bench, &mut scan), 0, "nothing expires while the clock is not trusted");
        bench.clock.set((NOW + 100) * 1_000_000, true);
        let mut scan = ExpiryScan::default();
        assert_eq!(found(&bench, &mut scan), 10);
        // A sweep leaves them; without the stream it does not.
        let bench = bench.close().await.open();
        bench.store().shared().gate.sweep();
        let bench = bench.close().await.open();
        assert_eq!(bench.store().table_statistics(TABLE).items, 11);
        streamed.options.disable_stream(2, 100);
        bench.define(streamed).await;
        assert_eq!(found(&bench, &mut ExpiryScan::default()), 0);
        while bench.store().table_statistics(TABLE).items != 1 {
            bench.store().shared().gate.sweep();
            tokio::task::yield_now().await;
        }
    }
}
