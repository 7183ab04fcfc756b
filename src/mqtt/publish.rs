//! PUBLISH (section 3.3), read in place: the one packet that comes by the thousand. A test holds this against
//! `mqtt-protocol-core`, whose own parser copies the packet twice and allocates four to six times.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{Properties, PropertiesParse, Property};

use super::Version;
use super::end::End;
use crate::ingest::{Message, Source};

/// A PUBLISH whose parts stay where they were received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Publish {
    body: Bytes,
    topic_end: u32,
    payload_start: u32,
    packet_id: u16,
    flags: u8,
}

impl Publish {
    /// Reads the body of a PUBLISH that a client sent.
    pub(super) fn parse(version: Version, flags: u8, body: Bytes) -> Result<Publish, End> {
        Publish::read(version, flags, body, false)
    }

    /// Reads the body of a PUBLISH that a broker delivers: it may name subscriptions.
    pub(super) fn delivered(version: Version, flags: u8, body: Bytes) -> Result<Publish, End> {
        Publish::read(version, flags, body, true)
    }

    fn read(version: Version, flags: u8, body: Bytes, delivered: bool) -> Result<Publish, End> {
        let qos = (flags >> 1) & 3;
        if qos == 3 {
            return Err(End::Malformed("QoS 3"));
        }
        if qos == 0 && flags & 8 != 0 {
            return Err(End::Malformed("DUP with QoS 0"));
        }
        let topic_end = 2 + usize::from(number(&body, 0)?);
        let topic = body.get(2..topic_end).ok_or(End::Malformed("PUBLISH ends within its topic"))?;
        let empty_topic = topic.is_empty();
        check_topic(topic)?;
        let (packet_id, mut at) = match qos {
            0 => (0, topic_end),
            _ => (number(&body, topic_end)?, topic_end + 2),
        };
        if qos > 0 && packet_id == 0 {
            return Err(End::Protocol("packet identifier 0"));
        }
        if version == Version::V5 {
            let rest = body.get(at..).unwrap_or_default();
            at += properties(rest, delivered)?;
        }
        if empty_topic {
            return Err(match version {
                Version::V4 => End::Malformed("an empty topic"),
                Version::V5 => End::Protocol("an empty topic without a topic alias"),
            });
        }
        // A packet has at most 268,435,455 bytes: the numbers fit.
        Ok(Publish { body, topic_end: topic_end as u32, payload_start: at as u32, packet_id, flags })
    }

    /// QoS 0, 1 or 2.
    pub(super) fn qos(&self) -> u8 {
        (self.flags >> 1) & 3
    }

    /// The packet identifier; 0 with QoS 0.
    pub(super) fn packet_id(&self) -> u16 {
        self.packet_id
    }

    /// The topic.
    pub(super) fn topic(&self) -> &str {
        let topic = self.body.get(2..self.topic_end as usize).unwrap_or_default();
        std::str::from_utf8(topic).unwrap_or_default()
    }

    /// The payload.
    pub(super) fn payload(&self) -> &[u8] {
        self.body.get(self.payload_start as usize..).unwrap_or_default()
    }

    /// RETAIN: from a broker, a retained copy.
    pub(super) fn retained(&self) -> bool {
        self.flags & 1 != 0
    }

    /// DUP: it may have come before.
    pub(super) fn dup(&self) -> bool {
        self.flags & 8 != 0
    }

    /// The subscription that a broker delivers this copy for (MQTT 5), where it names just one.
    pub(super) fn subscription(&self) -> Option<u32> {
        let start = self.topic_end as usize + if self.qos() > 0 { 2 } else { 0 };
        let properties = self.body.get(start..self.payload_start as usize).filter(|bytes| bytes.len() > 1)?;
        let (properties, _) = Properties::parse(properties).ok()?;
        let mut named = properties.iter().filter_map(|property| match property {
            Property::SubscriptionIdentifier(subscription) => Some(subscription.val()),
            _ => None,
        });
        named.next().filter(|_| named.next().is_none())
    }

    /// How many bytes it holds.
    pub(super) fn size(&self) -> usize {
        self.body.len()
    }

    /// As [`crate::ingest`] takes it. The payload is shared.
    pub(super) fn message(&self, source: &Source) -> Message {
        Message {
            topic: self.topic().into(),
            payload: self.body.slice(self.payload_start as usize..),
            qos: self.qos(),
            retained: self.retained(),
            dup: self.dup(),
            packet_id: (self.qos() > 0).then_some(self.packet_id),
            source: source.clone(),
        }
    }
}

/// A topic name: UTF-8, no wildcards, no U+0000 (sections 1.5.4, 3.3.2.1).
pub(super) fn check_topic(topic: &[u8]) -> Result<(), End> {
    if std::str::from_utf8(topic).is_err() {
        return Err(End::Malformed("a topic that is not UTF-8"));
    }
    match topic.iter().find(|byte| matches!(byte, 0 | b'+' | b'#')) {
        None => Ok(()),
        Some(0) => Err(End::Malformed("U+0000 in a topic")),
        Some(_) => Err(End::TopicName),
    }
}

/// Two bytes, big-endian.
fn number(body: &[u8], at: usize) -> Result<u16, End> {
    match body.get(at..at + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => Err(End::Malformed("PUBLISH is too short")),
    }
}

/// Checks the properties of a PUBLISH; gives their whole length. None of them changes what is stored.
fn properties(bytes: &[u8], delivered: bool) -> Result<usize, End> {
    if bytes.first() == Some(&0) {
        return Ok(1);
    }
    let (properties, length) =
        Properties::parse(bytes).map_err(|_| End::Malformed("malformed properties in PUBLISH"))?;
    let mut seen = [false; 256];
    for property in &properties {
        match property {
            Property::TopicAlias(_) => return Err(End::TopicAlias),
            Property::UserProperty(_) => continue,
            Property::SubscriptionIdentifier(_) if delivered => continue,
            Property::PayloadFormatIndicator(_)
            | Property::MessageExpiryInterval(_)
            | Property::ContentType(_)
            | Property::ResponseTopic(_)
            | Property::CorrelationData(_) => {}
            _ => return Err(End::Protocol("a property that PUBLISH to a server does not have")),
        }
        if let Some(seen) = seen.get_mut(property.id() as usize)
            && std::mem::replace(seen, true)
        {
            return Err(End::Protocol("a property twice in PUBLISH"));
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests;
