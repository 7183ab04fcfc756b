//! The MQTT doors: the listener, where devices publish straight to Forebay, and the client of a broker ([`broker`]). Both
//! hand messages to [`crate::ingest`] and acknowledge them when they are durable; the listener serves no subscriptions.
//!
//! - `listener` binds, accepts, bounds the number of connections, drains at the end.
//! - `connection` is one task per client: it reads what the socket has, queues the publishes, offers them as one batch at
//!   a time, and writes all acknowledgements of a batch at once.
//! - `queue` (pure) keeps publishes in the order received and decides which acknowledgements are due; `gather` (pure)
//!   decides when a batch is worth offering.
//! - `session` knows the clients: take-over, the QoS 2 identifiers between PUBREC and PUBREL, delayed wills; `ledger` keeps
//!   in the store who has a session, across restarts.
//! - `frame`, `publish`, `connect`, `control`, `answer` are the wire: framing and PUBLISH without copies, everything else through
//!   `mqtt-protocol-core`.
//!
//! Order: a connection has one batch under way. Were a second one offered meanwhile, a store that is full for the first
//! and not for the second would swap them.

mod answer;
pub mod broker;
mod budget;
mod connect;
mod connection;
mod control;
mod end;
mod frame;
mod gather;
mod handshake;
mod ledger;
mod listener;
mod publish;
mod queue;
mod session;
mod settings;
mod socket;
mod will;
mod wind_down;
mod withhold;

use std::future::Future;

pub use ledger::Ledger;
pub use listener::{BindError, Listener};
pub use settings::ListenerSettings;

use crate::ingest::{Accept, Message, Settled};

/// Takes messages in; [`Accept`] is the one that stores them.
pub trait Offer: Clone + Send + Sync + 'static {
    /// Offers messages in order; resolves when it is known what became of them.
    fn offer(&self, messages: Vec<Message>) -> impl Future<Output = Settled> + Send;
}

impl Offer for Accept {
    fn offer(&self, messages: Vec<Message>) -> impl Future<Output = Settled> + Send {
        self.accept(messages)
    }
}

/// The versions of the protocol that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// 3.1.1.
    V4,
    /// 5.
    V5,
}
