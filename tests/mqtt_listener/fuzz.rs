//! Arbitrary bytes: they may end the connection, never the listener.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fake::{GUARD, start};
use crate::wire::*;

/// Bytes that are nearly packets.
fn nearly_packets() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..40);
    let near = (any::<u8>(), body.clone()).prop_map(|(first, body)| packet(first, &body));
    let valid = (0u8..3, any::<bool>(), 1u16..4, body.clone()).prop_map(|(qos, five, id, body)| {
        publish(if five { V::Five } else { V::Four }, qos, false, id, &body)
    });
    let some = prop_oneof![near, valid, body];
    prop::collection::vec(some, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_end_the_listener(
        streams in prop::collection::vec((0u8..3, nearly_packets(), any::<bool>()), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let running = start().await;
            for (greeting, bytes, half) in streams {
                let mut stream = TcpStream::connect(running.address).await.unwrap();
                let version = if greeting == 1 { V::Four } else { V::Five };
                if greeting > 0 {
                    stream.write_all(&Connect { version, ..Connect::default() }.bytes()).await.unwrap();
                }
                // The listener may have hung up already.
                let _ = stream.write_all(&bytes).await;
                if half {
                    let _ = stream.shutdown().await;
                    let mut answers = Vec::new();
                    let end = tokio::time::timeout(GUARD, stream.read_to_end(&mut answers)).await;
                    assert!(end.is_ok(), "the listener hangs");
                }
            }
            let (mut raw, _) = Raw::connect(running.address, Connect { client: "after", ..Connect::default() }).await;
            raw.send(&publish(V::Four, 1, false, 1, b"alive")).await;
            raw.expect(&puback(1)).await;
            running.stop();
            let metrics = running.metrics.clone();
            drop(raw);
            running.ended().await;
            assert_eq!((metrics.connections.get(), metrics.withholding.get()), (0, 0));
        });
    }
}
