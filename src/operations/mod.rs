//! What the daemon does for itself beside its doors.

pub mod time;
