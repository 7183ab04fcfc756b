//! Why the daemon ended.

use crate::store::OpenError;

/// Why the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The store can't be opened.
    #[error("{}{}", .0, elsewhere(.0))]
    Open(#[from] OpenError),
    /// A configured table is there with another key.
    #[error("{0}")]
    Table(String),
    /// A door can't be opened.
    #[error("{0}")]
    Door(String),
    /// The system gives no threads, no signals, or the store no answer.
    #[error("{0}")]
    System(String),
    /// A write or a sync failed: the process ends, and a restart recovers.
    #[error(
        "the store can't go on: {0}; what was acknowledged is safe; start forebay again when the disk is well"
    )]
    Poisoned(String),
}

/// The remedy where the file system refuses the directory.
fn elsewhere(error: &OpenError) -> &'static str {
    match error {
        OpenError::Io { .. } => "; --data, or path in [store], names another directory",
        _ => "",
    }
}
