//! SIGTERM and SIGINT: the first drains, the second ends at once. SIGHUP must not end the daemon, which it would do unheard.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::AppError;

/// The signals that end the daemon.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(super) fn listen() -> Result<Signals, AppError> {
        let listen = |kind| {
            signal(kind).map_err(|error| AppError::System(format!("signals can't be listened to: {error}")))
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// The next signal's name.
    pub(super) async fn again_named(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => {
                    tracing::warn!("SIGHUP: this version does not reload; restart to apply a changed configuration");
                }
            }
        }
    }

    /// The next signal.
    pub(super) async fn again(&mut self) {
        self.again_named().await;
    }
}
