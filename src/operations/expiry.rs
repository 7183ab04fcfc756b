//! Expiry of tables with a stream: what has expired is removed by way of the committer, a few rows at a time, so that the
//! stream has it. Other tables' rows are freed by the store itself.

use std::time::Duration;

use tokio::sync::watch;

use crate::engine::{Engine, EngineError, Expire};
use crate::security::{Principal, authorize};
use crate::store::{ExpiryScan, Store};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(2);
/// What it leaves to others between two commits.
const BETWEEN: Duration = Duration::from_millis(50);
/// Rows removed in one commit, at most.
const ROWS: usize = 256;

/// Removes what has expired, until told to stop.
pub struct ExpiryWatch {
    /// Where the rows are.
    pub store: Store,
    /// Removes them.
    pub engine: Engine,
}

impl ExpiryWatch {
    /// Runs until `stopping`.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut scan = ExpiryScan::default();
        loop {
            let (looked, more) = self.some(scan).await;
            scan = looked;
            let wait = if more { BETWEEN } else { EVERY };
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Removes some; whether there may be more.
    async fn some(&self, mut scan: ExpiryScan) -> (ExpiryScan, bool) {
        let store = self.store.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let found = store.expired_of_streams(&mut scan, ROWS);
            (scan, found)
        });
        let Ok((scan, found)) = looked.await else { return (ExpiryScan::default(), false) };
        let rows = match found {
            Ok(rows) if rows.is_empty() => return (scan, false),
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "expired rows can't be looked for now");
                return (scan, false);
            }
        };
        match self.engine.expire(authorize(Principal::Daemon, Expire { rows })).await {
            Ok(removed) => (scan, removed > 0),
            // What was passed over is looked at again.
            Err(error) => {
                if !matches!(error, EngineError::Busy) {
                    tracing::warn!(%error, "expired rows can't be removed now");
                }
                (ExpiryScan::default(), false)
            }
        }
    }
}
