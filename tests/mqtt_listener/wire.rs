//! A client that sends what it is told, byte for byte.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fake::GUARD;

/// A raw client.
pub struct Raw {
    pub stream: TcpStream,
}

/// 3.1.1 or 5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum V {
    Four,
    Five,
}

/// CONNECT in parts.
pub struct Connect<'a> {
    pub version: V,
    pub client: &'a str,
    pub clean: bool,
    pub keep_alive: u16,
    /// Properties of MQTT 5, without their length.
    pub properties: &'a [u8],
    /// Topic, payload, properties (MQTT 5, without their length).
    pub will: Option<(&'a str, &'a str, &'a [u8])>,
}

impl Default for Connect<'_> {
    fn default() -> Self {
        Connect { version: V::Four, client: "dev", clean: true, keep_alive: 0, properties: &[], will: None }
    }
}

/// A length-prefixed text.
pub fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}

/// A packet with its fixed header.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let byte = (length % 128) as u8;
        length /= 128;
        packet.push(byte | if length > 0 { 0x80 } else { 0 });
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

impl Connect<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let five = self.version == V::Five;
        let mut body = text("MQTT");
        body.push(if five { 5 } else { 4 });
        body.push(u8::from(self.clean) << 1 | u8::from(self.will.is_some()) << 2);
        body.extend_from_slice(&self.keep_alive.to_be_bytes());
        if five {
            body.push(self.properties.len() as u8);
            body.extend_from_slice(self.properties);
        }
        body.extend_from_slice(&text(self.client));
        if let Some((topic, payload, properties)) = self.will {
            if five {
                body.push(properties.len() as u8);
                body.extend_from_slice(properties);
            }
            body.extend_from_slice(&text(topic));
            body.extend_from_slice(&text(payload));
        }
        packet(0x10, &body)
    }
}

/// PUBLISH to `t`.
pub fn publish(version: V, qos: u8, dup: bool, id: u16, payload: &[u8]) -> Vec<u8> {
    publish_to("t", version, qos, dup, id, payload)
}

/// PUBLISH.
pub fn publish_to(topic: &str, version: V, qos: u8, dup: bool, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = text(topic);
    if qos > 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    if version == V::Five {
        body.push(0);
    }
    body.extend_from_slice(payload);
    packet(0x30 | qos << 1 | u8::from(dup) << 3, &body)
}

/// PUBREL.
pub fn pubrel(id: u16) -> Vec<u8> {
    packet(0x62, &id.to_be_bytes())
}

pub const PINGREQ: &[u8] = &[0xC0, 0];
pub const PINGRESP: &[u8] = &[0xD0, 0];
pub const DISCONNECT: &[u8] = &[0xE0, 0];

/// PUBACK of 3.1.1, and of 5 without a reason.
pub fn puback(id: u16) -> Vec<u8> {
    packet(0x40, &id.to_be_bytes())
}

/// PUBREC.
pub fn pubrec(id: u16) -> Vec<u8> {
    packet(0x50, &id.to_be_bytes())
}

/// PUBCOMP.
pub fn pubcomp(id: u16) -> Vec<u8> {
    packet(0x70, &id.to_be_bytes())
}

impl Raw {
    pub async fn open(address: SocketAddr) -> Raw {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { stream }
    }

    /// Connects; gives whether a session was present.
    pub async fn connect(address: SocketAddr, connect: Connect<'_>) -> (Raw, bool) {
        let mut raw = Raw::open(address).await;
        raw.send(&connect.bytes()).await;
        let connack = raw.packet().await.expect("a CONNACK");
        assert_eq!((connack[0], connack[3]), (0x20, 0), "{connack:?}");
        (raw, connack[2] & 1 == 1)
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next packet with its header; `None` at the end of the stream.
    pub async fn packet(&mut self) -> Option<Vec<u8>> {
        let read = async {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).await.ok()?;
            assert!(head[1] < 128, "the answers are short");
            let mut packet = head.to_vec();
            packet.resize(2 + usize::from(head[1]), 0);
            self.stream.read_exact(&mut packet[2..]).await.ok()?;
            Some(packet)
        };
        timeout(GUARD, read).await.expect("an answer or the end in time")
    }

    /// The next packet must be this one.
    pub async fn expect(&mut self, packet: &[u8]) {
        assert_eq!(self.packet().await.as_deref(), Some(packet));
    }

    /// Nothing has come before the answer to a ping.
    pub async fn expect_nothing(&mut self) {
        self.send(PINGREQ).await;
        self.expect(PINGRESP).await;
    }

    /// The connection must end: with a DISCONNECT of this reason, or without any.
    pub async fn expect_end(&mut self, reason: Option<u8>) {
        let packet = self.packet().await;
        match reason {
            None => assert_eq!(packet, None),
            Some(reason) => {
                let packet = packet.expect("a DISCONNECT");
                assert_eq!((packet[0], packet[2]), (0xE0, reason), "{packet:x?}");
                assert_eq!(self.packet().await, None);
            }
        }
    }
}
