//! The one way in for MQTT and REST: messages become items by rules (pure), items go to the engine.
//!
//! [`RuleSettings`] are compiled into a [`RuleSet`]; [`RuleSet::apply`] makes items of a [`Message`] and knows neither
//! clock nor store: both come with its [`Context`]. [`Accept`] is the thin driver around it: it maps on the caller's
//! task, hands the items to the engine in commits of bounded size, and says what may be acknowledged.

mod accept;
mod cbor;
mod convert;
mod fingerprint;
mod float;
mod mapping;
pub mod payload;
mod pointer;
mod preset;
mod rejected;
mod rule;
mod rule_set;
mod scope;
pub mod settings;
mod template;
#[cfg(test)]
mod tests;
mod time;
mod topic;

use std::sync::Arc;

use bytes::Bytes;

pub use accept::Accept;
pub use cbor::{CborError, cbor_value};
pub use preset::preset_names;
pub use rejected::Rejected;
pub use rule_set::{Context, Outcome, Rejection, RuleSet, Skip, Subscriptions};
pub use settings::{RuleError, RuleSettings, TableSettings, parse_duration};

use crate::engine::EngineError;

/// Where a message came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A device at the listener, by its client identifier.
    Listener {
        /// The MQTT client identifier.
        client: Arc<str>,
    },
    /// A broker that Forebay subscribes at, by its URL.
    Broker {
        /// The broker.
        url: Arc<str>,
        /// The session there, by a number of its own: a repetition belongs to the session that it was first sent in.
        session: u64,
    },
}

/// An MQTT message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its topic.
    pub topic: Box<str>,
    /// Its payload.
    pub payload: Bytes,
    /// QoS 0, 1 or 2.
    pub qos: u8,
    /// From a broker: a retained copy. From a device: it wishes its message to be retained.
    pub retained: bool,
    /// The sender says that it may have sent it before.
    pub dup: bool,
    /// The packet identifier, for QoS 1 and 2.
    pub packet_id: Option<u16>,
    /// Where it came from.
    pub source: Source,
}

/// What became of messages that were offered in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// So many from the front are settled (durable, rejected and counted, or skipped): acknowledge them, in order.
    pub count: usize,
    /// Why the others are not: withhold their acknowledgements. `Full` and `Busy` may be offered again later.
    pub failed: Option<EngineError>,
}
