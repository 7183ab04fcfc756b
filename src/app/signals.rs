//! SIGTERM and SIGINT: the first drains, the second ends at once. SIGHUP reloads.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::AppError;

/// The signals that the daemon hears.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end; the signal's name.
    End(&'static str),
    /// To reload.
    Reload,
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

    /// The next signal. Several hangups that nobody has asked for yet are one.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::End("SIGTERM"),
            _ = self.interrupt.recv() => Asked::End("SIGINT"),
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// The next signal to end.
    pub(super) async fn end(&mut self) -> &'static str {
        loop {
            if let Asked::End(name) = self.next().await {
                return name;
            }
        }
    }
}
