//! The one way in for MQTT and REST: messages become items by rules (pure), items go to the engine.

use std::sync::Arc;

use bytes::Bytes;

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
    /// The broker sent it as a retained copy.
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

/// The one way in; cheap to clone.
#[derive(Clone)]
pub struct Accept {
    _private: (),
}

impl Accept {
    /// Maps and stores messages, in order; resolves after the fsync. Never panics, whatever the bytes.
    pub async fn accept(&self, _messages: Vec<Message>) -> Settled {
        todo!()
    }
}
