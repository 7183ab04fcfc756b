//! The MQTT broker client: subscribes at a broker to what the rules imply, hands messages to [`crate::ingest`], and
//! acknowledges them when they are durable. A broker that is absent, dies, or loses its session is ordinary.
//!
//! - `client` is the one task: it connects (`backoff`, pure, decides where and when), serves a connection until it ends, and
//!   follows changed settings; `report` says what is going on.
//! - `connection` is one connection: bytes, packets, pings; `stream` is what lies below MQTT, `packets` the wire.
//! - `subscription` (pure) and `filters` (pure) decide what to ask the broker for; `copies` (pure) knows a message that comes
//!   for several filters; `record` keeps in the store what the
//!   session has.
//! - `intake` offers batches to the store, one at a time, with or without a connection; `queue` (pure) keeps the order, and
//!   acknowledgements from ending up on another connection than the one that brought the message.
//!
//! The queue is bounded: beyond it the socket is not read, and the broker keeps what it has.

mod backoff;
mod client;
mod connection;
mod copies;
mod filters;
mod intake;
mod packets;
mod queue;
mod record;
mod report;
mod settings;
mod stream;
mod subscription;

pub use client::{Broker, BrokerHandle};
pub use record::Record as SubscriptionRecord;
pub use settings::{BrokerSettings, BrokerUrl, BrokerUrlError, Protocol};

use super::Version;

fn version(protocol: Protocol) -> Version {
    match protocol {
        Protocol::V3 => Version::V4,
        Protocol::V5 => Version::V5,
    }
}
