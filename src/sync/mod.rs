//! Journal → upstream: follows the journal from a durable cursor, and carries the last state of every key to an endpoint
//! that speaks DynamoDB's API, in batches.
//!
//! Pure: [`batch`] (what goes next, what is settled), [`wire`] (requests and answers), [`retry`] (what an answer means),
//! [`budget`] (how fast it can), [`allowance`] (how much it may), [`forecast`] (how long it will, and what that costs), [`link`] (what is known of the upstream), [`positions`] (tables left behind), [`joining`] (where an
//! upstream begins), [`letters`] (what is known of dead letters), [`hush`] (what is said seldom), and `worker`, which holds them together and says what is to be
//! done (`worker::sim` proves it in thousands of simulated lives). Around them: [`reader`] (a thread: the journal),
//! [`client`] (requests), `dial` and `connection` (the bytes below them), [`proxy`], [`issuer`] (temporary credentials), `driver` (a task: moves bytes and waits), [`cursor`], [`dead_letter`] and [`aside`] (what is durable), `give_up` (what goes
//! where the store is short of room), `control` (what the owner says), `pen` (one worker writes at a time).
//!
//! # Invariants
//! - The cursor moves only over what the upstream has taken, what is durably a dead letter or set aside, and what the owner
//!   chose to lose, counted with the same commit.
//! - Nothing here holds up new readings: the journal is read behind the committer, and all memory is bounded.
//! - Whatever is not plainly DynamoDB's answer is no answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::operations::upstreams::Handle;
use crate::store::{CommitError, ReadError, Store};
use crate::telemetry::UpstreamState;

pub mod allowance;
pub mod aside;
pub mod batch;
mod board;
pub mod budget;
pub mod client;
mod connection;
mod control;
pub mod cursor;
pub mod dead_letter;
mod dial;
mod driver;
#[cfg(test)]
mod fake;
pub mod forecast;
mod give_up;
pub mod hush;
pub mod issuer;
pub mod joining;
pub mod letters;
pub mod link;
mod pen;
pub mod positions;
pub mod proxy;
pub mod reader;
pub mod retry;
pub mod route;
pub mod settings;
mod status;
pub mod wire;
mod worker;

pub use settings::{Endpoint, SettingsError, UpstreamSettings};

use control::Reins;
use driver::Driver;
use pen::Pen;
use status::Shared;

/// Wait before a worker that could not go on starts over, from its durable cursor.
const START_OVER: Duration = Duration::from_secs(5);

/// Starts carrying changes to an upstream, until `shutdown` becomes true: then requests that are under way may end (within
/// [`UpstreamSettings::drain_timeout`]), the cursor is written, and the task ends. The store must outlive it.
pub fn start(
    settings: UpstreamSettings,
    store: Store,
    clock: Clock,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(JoinHandle<()>, Handle), ReadError> {
    let shared = Arc::new(Shared::new(&settings, store, clock));
    // What can't be read is known at once, and so is where it stands.
    Driver::load(settings.clone(), shared.clone(), Pen::take(&shared.store, &settings.name))?;
    let handle: Handle = Arc::new(Reins(shared.clone()));
    let task = tokio::spawn(async move {
        loop {
            let begun = tokio::select! {
                begun = begin(&settings, &shared) => begun,
                _ = shutdown.wait_for(|stop| *stop) => return,
            };
            match begun {
                Ok(driver) => {
                    let Err(error) = driver.run(&mut shutdown).await else { return };
                    tracing::error!(upstream = settings.name, %error, "the worker failed and starts over");
                }
                Err(error) => shared.live.update(|live| {
                    live.state = UpstreamState::Blocked;
                    live.reason = Some(error.to_string());
                }),
            }
            let wait = tokio::time::timeout(START_OVER, shutdown.wait_for(|stop| *stop));
            if wait.await.is_ok() {
                return;
            }
        }
    });
    Ok((task, handle))
}

/// Begins where the upstream stands, whatever an earlier worker of it had under way.
async fn begin(settings: &UpstreamSettings, shared: &Arc<Shared>) -> Result<Driver, BeginError> {
    let pen = Pen::take(&shared.store, &settings.name);
    pen.settle().await?;
    Ok(Driver::load(settings.clone(), shared.clone(), pen)?)
}

/// A worker can't begin now.
#[derive(Debug, thiserror::Error)]
enum BeginError {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Read(#[from] ReadError),
}
