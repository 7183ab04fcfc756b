//! A bound on the bytes that bodies and answers may hold at once.
//!
//! A share is taken in one step, before any of it is held, and many large requests wait in line instead of growing
//! memory. What arrives and what is worked on have bounds of their own, taken in this order: no two requests can wait for
//! each other, and one that arrives slowly does not hold up the work on others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit of shares: a KiB.
const UNIT: usize = 1024;
/// How long a request waits for its share.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bound; cheap to clone.
#[derive(Clone, Debug)]
pub struct Memory {
    arriving: Arc<Semaphore>,
    working: Arc<Semaphore>,
    /// Units of each.
    total: usize,
}

/// Too many bytes are in use, and stayed so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many large requests at once; try again")]
pub struct Crowded;

/// Bytes somebody may use.
#[derive(Debug)]
pub struct Share(OwnedSemaphorePermit);

impl Memory {
    /// A bound of so many bytes: half for what arrives, half for what is worked on.
    pub fn new(total: usize) -> Memory {
        let half = (total / UNIT / 2).max(1);
        Memory {
            arriving: Arc::new(Semaphore::new(half)),
            working: Arc::new(Semaphore::new(half)),
            total: half,
        }
    }

    /// A share for bytes that arrive or leave. What is larger than the whole takes the whole, and so goes alone.
    pub async fn take(&self, bytes: usize) -> Result<Share, Crowded> {
        self.from(&self.arriving, bytes).await
    }

    /// A share for what is made of a body that has arrived. Whoever holds one takes no other.
    pub async fn take_to_work(&self, bytes: usize) -> Result<Share, Crowded> {
        self.from(&self.working, bytes).await
    }

    async fn from(&self, shares: &Arc<Semaphore>, bytes: usize) -> Result<Share, Crowded> {
        let units = bytes.div_ceil(UNIT).clamp(1, self.total);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(shares).acquire_many_owned(units)).await;
        match permit {
            Ok(Ok(permit)) => Ok(Share(permit)),
            _ => Err(Crowded),
        }
    }
}

impl Share {
    /// Gives back what goes beyond so many bytes.
    pub fn shrink(&mut self, bytes: usize) {
        let keep = bytes.div_ceil(UNIT).max(1);
        if let Some(spare) = self.0.num_permits().checked_sub(keep) {
            drop(self.0.split(spare));
        }
    }

    /// Ties the share to an answer: it is given back when the last of the bytes is.
    pub fn cover(mut self, answer: Vec<u8>) -> Bytes {
        self.shrink(answer.capacity());
        Bytes::from_owner(Covered { answer, _share: self })
    }
}

struct Covered {
    answer: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Covered {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_covered_stays_taken_until_the_answer_is_gone() {
        let memory = Memory::new(16 * UNIT);
        let share = memory.take(8 * UNIT).await.unwrap();
        let answer = share.cover(vec![1; 4 * UNIT]);
        let held = memory.take(4 * UNIT).await.unwrap();
        assert!(memory.take(1).await.is_err());
        assert!(memory.take_to_work(8 * UNIT).await.is_ok(), "what is worked on has a bound of its own");
        drop(held);
        drop(answer);
        assert!(memory.take(100 * UNIT).await.is_ok(), "more than all of it means all of it");
    }
}
