//! What became of the configuration: read at the start, and again with every reload.

use serde::{Deserialize, Serialize};

/// The configuration, as `status` and the metrics show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigurationFigures {
    /// The file; nothing where the built-in defaults serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// When what is in force was read, in seconds since 1970, by the gateway's clock.
    pub loaded_at: u64,
    /// Reloads that were applied since the start.
    pub reloads: u64,
    /// Reloads that were refused since the start.
    pub refused: u64,
    /// Why the last reload was refused, the configuration before it being in force; or what of it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Keys that have changed since the start, and are applied by a restart only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs_restart: Vec<String>,
}
