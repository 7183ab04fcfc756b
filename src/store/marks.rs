//! Rows whose estimated time waits to be resolved: the tree's by their mark rows, the overlay's by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;

use super::overlay::Version;
use super::shared::Shared;
use super::{ReadError, Row, Space, View, system_key};
use crate::clock::BootId;
use crate::model::RowKey;

const SPACE: usize = 4;
const BOOT: usize = 16;

/// Marked rows of one boot, in the order of their keys.
pub(super) fn of_boot(
    shared: &Shared,
    view: &View,
    boot: BootId,
    limit: usize,
) -> Result<Vec<(RowKey, Row)>, ReadError> {
    let mut found: BTreeMap<Bytes, Row> = BTreeMap::new();
    for (key, row_boot) in in_overlay(view) {
        if row_boot == boot {
            take(view, key, boot, &mut found)?;
        }
    }
    let prefix = system_key(Space::Mark, &boot.0);
    let mut from_tree = 0;
    for entry in shared.tree.rows.prefix_iter(&view.txn, prefix.as_slice())? {
        if from_tree == limit {
            break;
        }
        let (key, _) = entry?;
        if let Some(row) = key.get(SPACE + BOOT..) {
            from_tree += usize::from(take(view, Bytes::copy_from_slice(row), boot, &mut found)?);
        }
    }
    Ok(found.into_iter().take(limit).map(|(key, row)| (RowKey(key), row)).collect())
}

/// Takes the row, if it still has the mark.
fn take(view: &View, key: Bytes, boot: BootId, found: &mut BTreeMap<Bytes, Row>) -> Result<bool, ReadError> {
    let row = view.sources().get(&key)?;
    let row = row.filter(|row| row.mark.as_ref().is_some_and(|mark| mark.boot == boot));
    let is_marked = row.is_some();
    found.extend(row.map(|row| (key, row)));
    Ok(is_marked)
}

/// The boots that have marked rows.
pub(super) fn boots(shared: &Shared, view: &View) -> Result<Vec<BootId>, ReadError> {
    let mut boots = BTreeSet::new();
    for (key, boot) in in_overlay(view) {
        if !boots.contains(&boot) {
            let row = view.sources().get(&key)?;
            boots.extend(row.and_then(|row| row.mark).map(|mark| mark.boot));
        }
    }
    let mut from = Bound::Included(system_key(Space::Mark, &[]).as_slice().to_vec());
    let end = (Space::Mark as u32 + 1).to_be_bytes();
    loop {
        let bounds = (from.as_ref().map(Vec::as_slice), Bound::Excluded(&end[..]));
        let Some(entry) = shared.tree.rows.range(&view.txn, &bounds)?.next() else { break };
        let (key, _) = entry?;
        let boot = key.get(SPACE..SPACE + BOOT).and_then(|boot| <[u8; BOOT]>::try_from(boot).ok());
        let Some(boot) = boot.map(BootId) else { break };
        if !of_boot(shared, view, boot, 1)?.is_empty() {
            boots.insert(boot);
        }
        // Behind every row of this boot: keys of rows begin with a table's number, which is never all ones.
        let mut behind = system_key(Space::Mark, &boot.0).as_slice().to_vec();
        behind.extend_from_slice(&[0xff; SPACE]);
        from = Bound::Excluded(behind);
    }
    Ok(boots.into_iter().collect())
}

/// Keys of the overlay that have, or had, a mark.
fn in_overlay(view: &View) -> Vec<(Bytes, BootId)> {
    let generations = view.generations.each().filter(|generation| generation.has_marks());
    let marked = generations.flat_map(|generation| {
        generation.newest_up_to(view.published.seq).filter_map(|found| match found.value() {
            Version::Put { mark: Some(mark), .. } => Some((found.key().key.clone(), mark.boot)),
            _ => None,
        })
    });
    marked.collect()
}
