//! What the daemon does for itself beside its doors.

pub mod time;
pub mod upstreams;

pub use upstreams::Upstreams;
