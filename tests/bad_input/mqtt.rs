//! What nobody should say to the MQTT listener.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::chance::Chance;
use crate::support::daemon::Daemon;
use crate::support::publisher::packet;
use crate::survives;

fn connect(daemon: &Daemon, client: &str) -> TcpStream {
    let mut stream = TcpStream::connect(daemon.mqtt).unwrap();
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, client.len() as u8];
    body.extend_from_slice(client.as_bytes());
    stream.write_all(&packet(0x10, &body)).unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).unwrap();
    assert_eq!(connack, [0x20, 2, 0, 0]);
    stream
}

fn publish(topic: &[u8], id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = (topic.len() as u16).to_be_bytes().to_vec();
    body.extend_from_slice(topic);
    body.extend_from_slice(&id.to_be_bytes());
    body.extend_from_slice(payload);
    packet(0x32, &body)
}

/// Everything that comes until the other side closes.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

#[test]
fn malformed_packets_close_the_connection() {
    survives(|daemon| {
        let bad: [&[u8]; 9] = [
            &[0x00, 0x00],
            &[0xf0, 0x00],
            &[0x36, 0x04, 0, 1, b'a', 0],    // QoS 3
            &[0x32, 0x05, 0, 1, b'a', 0, 0], // packet identifier 0
            &[0x32, 0x02, 0xff, 0xff],       // a topic beyond the packet
            &[0x32, 0xff, 0xff, 0xff, 0xff], // no such length
            &[0x30, 0x04, 0, 2, 0xff, 0xfe], // a topic that is not UTF-8
            &[0x30, 0x03, 0, 1, b'#'],       // a filter for a topic
            &[0x10, 0x0d, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'x'], // a second CONNECT
        ];
        for bytes in bad {
            let mut stream = connect(daemon, "bad");
            stream.write_all(bytes).unwrap();
            assert_eq!(rest(stream), [0u8; 0], "{bytes:02x?}: closed without a word, as 3.1.1 has it");
        }
        // And before CONNECT.
        for bytes in
            [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x30, 0x03, 0, 1, b'a'], &[0x10, 0x80, 0x80, 0x80, 0x80, 0x01]]
        {
            let mut stream = TcpStream::connect(daemon.mqtt).unwrap();
            stream.write_all(bytes).unwrap();
            rest(stream);
        }
    });
}

#[test]
fn noise_on_many_connections() {
    survives(|daemon| {
        let mut chance = Chance::seeded(11);
        for round in 0..200 {
            let mut stream = match round % 2 {
                0 => TcpStream::connect(daemon.mqtt).unwrap(),
                _ => connect(daemon, "noise"),
            };
            let mut noise: Vec<u8> = (0..chance.below(3_000)).map(|_| chance.next() as u8).collect();
            // Nothing that could be a publish: that would be an item.
            if let Some(first) = noise.first_mut() {
                *first |= 0xc0;
            }
            let _ = stream.write_all(&noise);
        }
    });
}

#[test]
fn messages_that_cannot_be_items_are_acknowledged_and_counted() {
    survives(|daemon| {
        let mut stream = connect(daemon, "odd");
        let long = "x".repeat(2_049);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let number = br#"{"v": 1e999}"#;
        let odd: [(&[u8], &[u8]); 3] = [(long.as_bytes(), b"1"), (b"$SYS/uptime", b"1"), (b"number", number)];
        for (n, (topic, payload)) in odd.iter().enumerate() {
            let id = n as u16 + 1;
            stream.write_all(&publish(topic, id, payload)).unwrap();
            let mut ack = [0; 4];
            stream.read_exact(&mut ack).unwrap();
            assert_eq!(ack, [0x40, 2, 0, id as u8]);
        }
        assert_eq!(daemon.status()["ingest"]["rejected"], 3);
        // Under `auto` what is too deep for JSON is text still.
        stream.write_all(&publish(b"deep", 9, deep.as_bytes())).unwrap();
        let mut ack = [0; 4];
        stream.read_exact(&mut ack).unwrap();
        let path = "/v1/tables/readings/items/deep";
        let (status, page) = daemon.get(path).unwrap();
        let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
        assert_eq!(status, 200);
        for item in page["items"].as_array().unwrap() {
            let path = format!("{path}/{}", item["ts"]);
            assert_eq!(
                crate::support::daemon::request(daemon.http, "DELETE", &path, &[], b"").unwrap().0,
                204
            );
        }
    });
}

#[test]
fn a_packet_of_100_mb() {
    survives(|daemon| {
        let mut stream = connect(daemon, "large");
        let mut head = vec![0x32, 0x80, 0x84, 0xaf, 0x5f, 0, 1, b'a', 0, 1];
        head.extend_from_slice(b"begin");
        let _ = stream.write_all(&head);
        for _ in 0..1_000 {
            if stream.write_all(&[b'x'; 100_000]).is_err() {
                break;
            }
        }
        rest(stream);
    });
}
