//! How a worker writes what is durable of its upstream: only as long as no later worker of it has begun. What an earlier one
//! had under way when it ended (it was reloaded, or failed) would take the cursor back behind what the store has let go of
//! since.

use crate::store::{Batch, Claim, CommitError, Store, Urgency};

/// A worker's.
#[derive(Clone)]
pub(super) struct Pen {
    store: Store,
    claim: Claim,
}

impl Pen {
    /// Takes it from whoever has it: nothing that is not decided yet is written with an earlier one.
    pub(super) fn take(store: &Store, upstream: &str) -> Pen {
        Pen { store: store.clone(), claim: store.claim(upstream) }
    }

    /// Resolves once everything that was written with earlier ones can be read.
    pub(super) async fn settle(&self) -> Result<(), CommitError> {
        self.store.submit(Urgency::Now, 0, |_, _| ()).await
    }

    /// Writes; `size` is about how many bytes.
    pub(super) async fn write(
        &self,
        urgency: Urgency,
        size: usize,
        stage: impl FnOnce(&mut Batch) + Send + 'static,
    ) -> Result<(), CommitError> {
        let claim = self.claim.clone();
        let staged = self.store.submit(urgency, size, move |_, batch| {
            let holds = claim.holds();
            if holds {
                stage(batch);
            }
            holds
        });
        match staged.await? {
            true => Ok(()),
            false => Err(CommitError::OutcomeUnknown("another worker of this upstream has begun".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Trust};
    use crate::store::{Read, Space, StoreSettings, system_key};

    #[tokio::test]
    async fn only_the_last_one_writes() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::system(Trust::Always, 0);
        let store = Store::open(
            &StoreSettings { max_size: 64 << 20, ..StoreSettings::new(directory.path().join("store")) },
            &clock,
        )
        .unwrap();
        let write = |pen: &Pen, value: u8| {
            let (pen, stamp) = (pen.clone(), clock.stamp());
            async move {
                let stage = move |batch: &mut Batch| {
                    batch.set_system(Space::Cursor, b"central", Some(vec![value; 9]), stamp);
                };
                pen.write(Urgency::Now, 9, stage).await
            }
        };
        let read = || {
            let row = store.view().unwrap().get(&system_key(Space::Cursor, b"central")).unwrap();
            row.map(|row| row.image[0])
        };
        let earlier = Pen::take(&store, "central");
        write(&earlier, 1).await.unwrap();
        // What was decided with the earlier one is there once the later one has settled.
        let (late, later) = tokio::join!(write(&earlier, 2), async {
            let later = Pen::take(&store, "central");
            later.settle().await.unwrap();
            (later, read())
        });
        let (later, seen) = later;
        assert_eq!(seen, Some(if late.is_ok() { 2 } else { 1 }));
        assert!(write(&earlier, 3).await.is_err());
        assert_eq!(read(), seen);
        let _other = Pen::take(&store, "other");
        write(&later, 4).await.unwrap();
        assert_eq!(read(), Some(4));
        store.close().await;
    }
}
