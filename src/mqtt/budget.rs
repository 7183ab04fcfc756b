//! Memory of waiting messages, over all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all connections hold together.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicUsize,
    limit: usize,
}

impl Budget {
    /// A budget of so many bytes.
    pub(super) fn new(limit: usize) -> Budget {
        Budget { used: AtomicUsize::new(0), limit }
    }

    /// Nothing is left.
    pub(super) fn is_used_up(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.limit
    }

    /// What is used.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// What one connection holds of it; given back at the end.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    held: usize,
}

impl Share {
    /// A share of nothing yet.
    pub(super) fn of(budget: &Arc<Budget>) -> Share {
        Share { budget: Arc::clone(budget), held: 0 }
    }

    /// Holds so much now.
    pub(super) fn hold(&mut self, bytes: usize) {
        if bytes > self.held {
            self.budget.used.fetch_add(bytes - self.held, Ordering::Relaxed);
        } else if bytes < self.held {
            self.budget.used.fetch_sub(self.held - bytes, Ordering::Relaxed);
        }
        self.held = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_held() {
        let budget = Arc::new(Budget::new(100));
        let mut one = Share::of(&budget);
        let mut other = Share::of(&budget);
        one.hold(60);
        other.hold(40);
        assert!(budget.is_used_up());
        one.hold(10);
        assert_eq!(budget.used(), 50);
        drop(one);
        drop(other);
        assert_eq!(budget.used(), 0);
    }
}
