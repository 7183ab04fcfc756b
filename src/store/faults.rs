//! Named points between the steps of a commit and of a fold, where a test may hold the store, or let it die. Nothing in a
//! build that is not a test.

/// Where a thread of the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::enum_variant_names)]
pub(super) enum Point {
    /// A group has been decided, nothing of it is written.
    GroupDecided,
    /// Its frame is durable, nothing of it is visible.
    GroupAppended,
    /// It is visible, nobody has been answered.
    GroupPublished,
    /// The active generation has been frozen.
    GenerationFrozen,
    /// A slice is about to be committed.
    SliceApplied,
    /// A slice that is not a fold's last one has been committed.
    SliceCommitted,
    /// A fold's last slice has been committed; its generation still stands.
    FoldCommitted,
    /// The generation has been dropped.
    GenerationDropped,
    /// The sweep has committed a slice.
    SweepCommitted,
}

pub(super) use hook::Faults;

/// A test said that the machine dies here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Died;

#[cfg(not(test))]
mod hook {
    /// No hooks.
    #[derive(Default)]
    pub(in crate::store) struct Faults;

    impl Faults {
        /// Goes on.
        #[inline]
        pub(in crate::store) fn reach(&self, _point: super::Point) -> Result<(), super::Died> {
            Ok(())
        }

        /// Never.
        #[inline]
        pub(in crate::store) fn slice_fails(&self) -> bool {
            false
        }

        /// Never.
        #[inline]
        pub(in crate::store) fn tree_breaks(&self) -> bool {
            false
        }
    }
}

#[cfg(test)]
mod hook {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};

    use super::{Died, Point};

    pub(in crate::store) type Hook = Arc<dyn Fn(Point) -> Result<(), Died> + Send + Sync>;

    /// The hook of one store.
    #[derive(Default)]
    pub(in crate::store) struct Faults(Mutex<Option<Hook>>, AtomicU32, AtomicBool);

    impl Faults {
        /// Calls the hook.
        pub(in crate::store) fn reach(&self, point: Point) -> Result<(), Died> {
            let hook = self.0.lock().unwrap().clone();
            hook.map_or(Ok(()), |hook| hook(point))
        }

        /// Lets the next slices fail as if the map were full.
        pub(in crate::store) fn fail_slices(&self, count: u32) {
            self.1.store(count, Ordering::SeqCst);
        }

        /// Whether this slice fails.
        pub(in crate::store) fn slice_fails(&self) -> bool {
            self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        }

        /// Lets LMDB give up with the next slice.
        pub(in crate::store) fn break_tree(&self) {
            self.2.store(true, Ordering::SeqCst);
        }

        /// Whether it gives up.
        pub(in crate::store) fn tree_breaks(&self) -> bool {
            self.2.load(Ordering::SeqCst)
        }

        /// Sets the hook.
        pub(in crate::store) fn set(&self, hook: impl Fn(Point) -> Result<(), Died> + Send + Sync + 'static) {
            *self.0.lock().unwrap() = Some(Arc::new(hook));
        }
    }
}
