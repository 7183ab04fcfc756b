//! Journal → upstream.

pub mod batch;
pub mod budget;
pub mod retry;
pub mod route;
pub mod wire;
