//! What the daemon does for itself beside its doors.

pub mod expiry;
pub mod notify;
pub mod supervision;
pub mod time;
pub mod upstreams;

pub use upstreams::Upstreams;
