//! What the daemon does for itself beside its doors.

pub mod expiry;
pub mod time;
pub mod upstreams;

pub use upstreams::Upstreams;
