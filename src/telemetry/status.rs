//! The state of a daemon as `GET /v1/status` shows it: `http` writes it, `cli` and others read it.

use serde::{Deserialize, Serialize};

use super::{ConfigurationFigures, MqttStatus, UpstreamStatus};

/// Everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Forebay's version.
    pub version: String,
    /// The gateway's identity.
    pub gateway: String,
    /// What became of the configuration.
    #[serde(default)]
    pub configuration: ConfigurationFigures,
    /// Time.
    pub clock: ClockFigures,
    /// The MQTT doors.
    pub mqtt: MqttStatus,
    /// Items from MQTT and REST.
    pub ingest: IngestFigures,
    /// The store.
    pub store: StoreFigures,
    /// The upstreams.
    pub upstreams: Vec<UpstreamStatus>,
}

/// Time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClockFigures {
    /// Whether the system's time is believed.
    pub trusted: bool,
    /// Why not, or why the time goes on from when it last was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// A forward jump of more than a day waits to have held for an hour: nothing expires meanwhile.
    pub jump_doubted: bool,
    /// How often the time was set back.
    pub corrections: u64,
}

/// What came in over MQTT and REST since the start.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct IngestFigures {
    /// Items stored.
    pub accepted: u64,
    /// Messages that no rule could map, or that can't be an item.
    pub rejected: u64,
    /// Empty payloads, retained copies, dropped by rule, delivered twice.
    pub skipped: u64,
}

/// The store's figures; the store fills them in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreFigures {
    /// Items in all tables, expired ones that have not been freed yet left out.
    pub items: u64,
    /// Blocks allocated to the store's files, in bytes.
    pub bytes_on_disk: u64,
    /// Estimate of what has reached the device since the start, in bytes.
    pub bytes_written: u64,
    /// Of these: the journal, in whole blocks.
    pub bytes_written_journal: u64,
    /// Of these: the tree.
    pub bytes_written_tree: u64,
    /// Groups committed (fsyncs that acknowledged something).
    pub commits: u64,
    /// Changes committed.
    pub changes: u64,
    /// Folds finished.
    pub folds: u64,
    /// Journal segments kept.
    pub segments: u64,
    /// Bytes in the overlay.
    pub overlay_bytes: u64,
    /// The newest published change.
    pub published: u64,
    /// The newest change in the tree.
    pub folded_to: u64,
    /// Rows that expiry has freed since the start.
    pub expired: u64,
    /// Items dropped before their time since the tree was made, because space was short and the owner chose that.
    pub dropped_items: u64,
    /// Rows whose estimated time waits to be resolved.
    pub marked: u64,
    /// The store is full: what is, and what helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<String>,
    /// Damage found at the last start: what was set aside, where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<String>,
}
