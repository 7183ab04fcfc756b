//! Watches the clock: remembers trusted time across power cuts, and resolves estimated times once their boot's offset is
//! known or has been waited for long enough (`design.md`, "Time").

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::{BootId, Checkpoint, Clock};
use crate::engine::{Engine, EngineError, Resolution, ResolveTime};
use crate::security::{Principal, authorize};
use crate::store::{Batch, Read, Space, Store, Urgency, system_key};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(2);
/// The clock's state is written down again when trusted time has moved this far.
const CHECKPOINT_EVERY_US: u64 = 3_600_000_000;
/// Rows resolved in one commit.
const ROWS: usize = 500;
/// The setting's key.
const CHECKPOINT: &[u8] = b"clock";

/// What the watch needs.
pub struct TimeWatch {
    /// The store.
    pub store: Store,
    /// The engine.
    pub engine: Engine,
    /// The clock.
    pub clock: Clock,
    /// How long estimated times wait for the right one.
    pub grace: Duration,
}

/// Lets the clock go on from what an earlier process wrote down. While the clock is not trusted its state is made durable
/// again at once: a restart within this boot must know the offset of times estimated before it.
pub async fn resume(store: &Store, clock: &Clock) -> Result<(), EngineError> {
    let reading = store.clone();
    let kept = blocking(move || {
        let Some(row) = reading.view()?.get(&system_key(Space::Setting, CHECKPOINT))? else {
            return Ok(None);
        };
        Ok(ciborium::from_reader::<Checkpoint, _>(row.image.as_ref()).ok())
    })
    .await?;
    if let Some(kept) = kept {
        clock.resume(&kept);
    }
    if clock.trusted() {
        return Ok(());
    }
    match keep_checkpoint(store, clock).await {
        // No reason not to start: what is there can be read, and the watch tries again before long.
        Err(error @ (EngineError::Full(_) | EngineError::Busy)) => {
            tracing::warn!(%error, "the time could not be written down");
            Ok(())
        }
        kept => kept,
    }
}

/// Writes the clock's state down.
pub async fn keep_checkpoint(store: &Store, clock: &Clock) -> Result<(), EngineError> {
    let mut value = Vec::new();
    ciborium::into_writer(&clock.checkpoint(), &mut value)
        .map_err(|error| EngineError::Internal(format!("the clock's state: {error}")))?;
    let stamp = clock.stamp();
    let stage = move |_: &dyn Read, batch: &mut Batch| {
        batch.set_system(Space::Setting, CHECKPOINT, Some(value), stamp);
    };
    Ok(store.submit(Urgency::Gather, 128, stage).await?)
}

impl TimeWatch {
    /// Watches until shutdown. A failed step is logged and tried again at the next look.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // While the clock is not trusted, its state must be durable: what was written at the start may have found no room.
        let trusted = self.clock.trusted();
        let mut kept = (trusted, if trusted { self.clock.now_us() } else { 0 });
        let mut waiting_since = None;
        loop {
            tokio::select! {
                _ = look.tick() => {}
                _ = shutdown.wait_for(|stop| *stop) => return,
            }
            if let Err(error) = self.remember(&mut kept).await {
                tracing::warn!(%error, "the time could not be written down; trying again");
            }
            if let Err(error) = self.resolve(&mut waiting_since).await {
                tracing::warn!(%error, "estimated times could not be resolved; trying again");
            }
        }
    }

    /// Writes the clock's state down when it becomes trusted, then once an hour.
    async fn remember(&self, kept: &mut (bool, u64)) -> Result<(), EngineError> {
        let (trusted, now) = (self.clock.trusted(), self.clock.now_us());
        if trusted == kept.0 && now < kept.1.saturating_add(CHECKPOINT_EVERY_US) {
            return Ok(());
        }
        keep_checkpoint(&self.store, &self.clock).await?;
        *kept = (trusted, now);
        Ok(())
    }

    /// Resolves what can be resolved now.
    async fn resolve(&self, waiting_since: &mut Option<Instant>) -> Result<(), EngineError> {
        let store = self.store.clone();
        let boots = blocking(move || Ok(store.marked_boots()?)).await?;
        if boots.is_empty() {
            *waiting_since = None;
        }
        for boot in boots {
            let resolution = match self.decided(boot).await? {
                Some(resolution) => resolution,
                None => match self.decide(boot, waiting_since) {
                    Some(resolution) => self.write_down(boot, resolution).await?,
                    None => continue,
                },
            };
            self.resolve_boot(boot, resolution).await?;
        }
        Ok(())
    }

    /// What is known of a boot now: its offset; given up, for another boot than this one or after `grace`; or nothing.
    fn decide(&self, boot: BootId, waiting_since: &mut Option<Instant>) -> Option<Resolution> {
        if boot != self.clock.boot() {
            return Some(Resolution::GivenUp);
        }
        if let Some(offset) = self.clock.offset_of_this_boot() {
            return Some(Resolution::Offset(offset));
        }
        let since = *waiting_since.get_or_insert_with(Instant::now);
        (since.elapsed() >= self.grace).then_some(Resolution::GivenUp)
    }

    /// What was decided before, and survives a power cut.
    async fn decided(&self, boot: BootId) -> Result<Option<Resolution>, EngineError> {
        let store = self.store.clone();
        blocking(move || {
            let Some(row) = store.view()?.get(&system_key(Space::Boot, &boot.0))? else { return Ok(None) };
            let read = ciborium::from_reader(row.image.as_ref());
            read.map(Some).map_err(|error| EngineError::Internal(format!("a boot's resolution: {error}")))
        })
        .await
    }

    async fn write_down(&self, boot: BootId, resolution: Resolution) -> Result<Resolution, EngineError> {
        let mut value = Vec::new();
        ciborium::into_writer(&resolution, &mut value)
            .map_err(|error| EngineError::Internal(format!("a boot's resolution: {error}")))?;
        let stamp = self.clock.stamp();
        self.store
            .submit(Urgency::Gather, 64, move |_, batch| {
                batch.set_system(Space::Boot, &boot.0, Some(value), stamp)
            })
            .await?;
        tracing::info!(?resolution, "estimated times of a boot are being resolved");
        Ok(resolution)
    }

    async fn resolve_boot(&self, boot: BootId, resolution: Resolution) -> Result<(), EngineError> {
        loop {
            let store = self.store.clone();
            let rows = blocking(move || Ok(store.marked(boot, ROWS)?)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let request = ResolveTime { rows, resolution };
            let resolved = self.engine.resolve_time(authorize(Principal::Daemon, request)).await?;
            if resolved == 0 {
                return Ok(());
            }
        }
    }
}

/// Reads on a thread that may block.
async fn blocking<R: Send + 'static>(
    read: impl FnOnce() -> Result<R, EngineError> + Send + 'static,
) -> Result<R, EngineError> {
    let task = tokio::task::spawn_blocking(read);
    task.await.unwrap_or_else(|error| Err(EngineError::Internal(format!("a read ended early: {error}"))))
}
