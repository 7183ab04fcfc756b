//! Who may write what has one writer at a time: whoever came last. Within the process; the store is no other process's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Claims by name.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

/// The right to write something, until somebody else claims it.
#[derive(Clone, Debug)]
pub struct Claim {
    newest: Arc<AtomicU64>,
    mine: u64,
}

impl Claims {
    /// Claims what goes by this name: every earlier claim of it ends.
    pub(super) fn claim(&self, name: &str) -> Claim {
        let newest = {
            let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            claims.entry(name.to_owned()).or_default().clone()
        };
        let mine = newest.fetch_add(1, Ordering::SeqCst) + 1;
        Claim { newest, mine }
    }
}

impl Claim {
    /// Whether it is still the newest. To be asked within a decision ([`super::Store::submit`]): what was decided before
    /// somebody else's claim is published before a decision that was submitted after it.
    pub fn holds(&self) -> bool {
        self.newest.load(Ordering::SeqCst) == self.mine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_claim_of_a_name_holds() {
        let claims = Claims::default();
        let (first, other) = (claims.claim("a"), claims.claim("b"));
        assert!(first.holds() && other.holds());
        let second = claims.claim("a");
        assert!(!first.holds() && !first.clone().holds() && second.holds() && other.holds());
    }
}
