//! Journal → upstream.

pub mod batch;
pub mod route;
