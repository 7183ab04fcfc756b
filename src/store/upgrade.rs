//! The store's format, and the way from each older one to the next. There is no way back.

use heed::RwTxn;

use super::tree::Tree;
use super::{ReadError, meta};

/// The format this binary writes.
pub(super) const FORMAT: u32 = 1;

/// One step: from the format to the next. Each runs in a transaction of its own, with the new number.
type Step = fn(&Tree, &mut RwTxn<'_>) -> Result<(), ReadError>;

/// The steps in order; the first leads from format 1 to 2.
const STEPS: &[Step] = &[];

/// Upgrading failed.
#[derive(Debug)]
pub(super) enum UpgradeError {
    /// The store is of this newer format.
    TooNew(u32),
    /// LMDB or a record said no.
    Tree(ReadError),
}

impl<E: Into<ReadError>> From<E> for UpgradeError {
    fn from(error: E) -> UpgradeError {
        UpgradeError::Tree(error.into())
    }
}

/// Brings the tree to [`FORMAT`].
pub(super) fn run(tree: &Tree) -> Result<(), UpgradeError> {
    run_steps(tree, STEPS, FORMAT)
}

fn run_steps(tree: &Tree, steps: &[Step], newest: u32) -> Result<(), UpgradeError> {
    let found = meta::format(tree.meta, &*tree.snapshot()?)?;
    let Some(found) = found else {
        let mut txn = tree.write()?;
        meta::set_format(tree.meta, &mut txn, newest)?;
        txn.commit()?;
        return Ok(());
    };
    if found > newest {
        return Err(UpgradeError::TooNew(found));
    }
    for (from, step) in (1..).zip(steps).filter(|(from, _)| *from >= found) {
        let mut txn = tree.write()?;
        step(tree, &mut txn)?;
        meta::set_format(tree.meta, &mut txn, from + 1)?;
        txn.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_once_in_order_and_newer_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let tree = Tree::open(directory.path(), 16 << 20).unwrap();
        fn one(tree: &Tree, txn: &mut RwTxn<'_>) -> Result<(), ReadError> {
            Ok(tree.meta.put(txn, b"x-one", b"1")?)
        }
        fn two(tree: &Tree, txn: &mut RwTxn<'_>) -> Result<(), ReadError> {
            assert!(tree.meta.get(txn, b"x-one")?.is_some());
            assert!(tree.meta.get(txn, b"x-two")?.is_none());
            Ok(tree.meta.put(txn, b"x-two", b"1")?)
        }
        run_steps(&tree, &[], 1).unwrap();
        run_steps(&tree, &[one, two], 3).unwrap();
        run_steps(&tree, &[one, two], 3).unwrap();
        assert_eq!(meta::format(tree.meta, &tree.snapshot().unwrap()).unwrap(), Some(3));
        assert!(matches!(run_steps(&tree, &[one], 2), Err(UpgradeError::TooNew(3))));
    }
}
