//! What a second delivery of an MQTT message is known by.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Message, Source};

/// A fingerprint of sender, packet identifier, topic and payload, for the message's item at this place. QoS 0 is never
/// delivered again.
pub(super) fn of(message: &Message, place: usize) -> Option<u64> {
    let packet_id = message.packet_id?;
    let sender = match &message.source {
        Source::Listener { client } => xxh3_64_with_seed(client.as_bytes(), 1),
        Source::Broker { url, session } => xxh3_64_with_seed(url.as_bytes(), 2 ^ session.rotate_left(8)),
    };
    let topic = xxh3_64_with_seed(message.topic.as_bytes(), sender);
    // Hashed, not mixed in by hand: a short payload is little more than added to its seed, so that a payload one larger
    // under an identifier one smaller would be the same.
    let [high, low] = packet_id.to_be_bytes();
    let place = (place as u64).to_be_bytes();
    let seed = xxh3_64_with_seed(&[&[high, low][..], &place].concat(), topic);
    Some(xxh3_64_with_seed(&message.payload, seed))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn neighbours_do_not_look_alike() {
        let mut seen = HashMap::new();
        for n in 0..400_u32 {
            for packet_id in 1..=40 {
                for place in 0..2 {
                    let message = Message {
                        topic: "s/d".into(),
                        payload: n.to_string().into(),
                        qos: 1,
                        retained: false,
                        dup: true,
                        packet_id: Some(packet_id),
                        source: Source::Broker { url: "mqtt://b:1883".into(), session: 0 },
                    };
                    let other = seen.insert(of(&message, place).unwrap(), (n, packet_id, place));
                    assert_eq!(other, None, "{:?}", (n, packet_id, place));
                }
            }
        }
    }
}
