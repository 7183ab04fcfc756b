//! What a second delivery of an MQTT message is known by.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Message, Source};

/// A fingerprint of sender, packet identifier, topic and payload, for the message's item at this place. QoS 0 is never
/// delivered again.
pub(super) fn of(message: &Message, place: usize) -> Option<u64> {
    let packet_id = message.packet_id?;
    let sender = match &message.source {
        Source::Listener { client } => xxh3_64_with_seed(client.as_bytes(), 1),
        Source::Broker { url } => xxh3_64_with_seed(url.as_bytes(), 2),
    };
    let topic = xxh3_64_with_seed(message.topic.as_bytes(), sender);
    let seed = topic ^ u64::from(packet_id) ^ ((place as u64) << 16);
    Some(xxh3_64_with_seed(&message.payload, seed))
}
