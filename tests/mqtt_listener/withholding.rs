//! A store that is full, busy, or broken.

use forebay::mqtt::ListenerSettings;

use crate::fake::{Mode, settings, start_with};
use crate::wire::*;

#[tokio::test]
async fn a_full_store_withholds_the_acknowledgement_and_loses_nothing() {
    for mode in [Mode::Full, Mode::Busy] {
        let running = start_with(settings(), mode).await;
        let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
        raw.send(&[publish(V::Four, 1, false, 1, b"a"), publish(V::Four, 2, false, 2, b"b")].concat()).await;
        running.store.offered(3).await;
        raw.expect_nothing().await;
        assert_eq!(running.metrics.withholding.get(), u64::from(mode == Mode::Full));
        running.store.set(Mode::Open);
        raw.expect(&puback(1)).await;
        raw.expect(&pubrec(2)).await;
        assert_eq!(running.store.payloads(), ["a", "b"]);
        assert_eq!(running.metrics.withholding.get(), 0);
    }
}

#[tokio::test]
async fn a_full_store_drops_qos_0_and_counts_it() {
    let running = start_with(settings(), Mode::Full).await;
    let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
    raw.send(&[publish(V::Four, 0, false, 0, b"a"), publish(V::Four, 1, false, 2, b"b")].concat()).await;
    running.store.offered(2).await;
    running.store.set(Mode::Open);
    raw.expect(&puback(2)).await;
    assert_eq!(running.store.payloads(), ["b"]);
    assert_eq!(running.metrics.dropped_qos0.get(), 1);
}

#[tokio::test]
async fn a_part_that_was_settled_is_acknowledged_and_the_rest_offered_again() {
    let running = start_with(settings(), Mode::OneThenFull).await;
    let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
    let bytes: Vec<u8> = (1..=5).flat_map(|id| publish(V::Four, 1, false, id, &id.to_be_bytes())).collect();
    raw.send(&bytes).await;
    for id in 1..=5 {
        raw.expect(&puback(id)).await;
    }
    assert_eq!(running.store.messages().len(), 5);
}

#[tokio::test]
async fn an_unknown_outcome_closes_without_an_acknowledgement() {
    let running = start_with(settings(), Mode::Unknown).await;
    let (mut raw, _) =
        Raw::connect(running.address, Connect { version: V::Five, ..Connect::default() }).await;
    raw.send(&publish(V::Five, 1, false, 1, b"a")).await;
    raw.expect_end(Some(0x80)).await;
}

#[tokio::test]
async fn a_will_waits_for_a_full_store() {
    let running = start_with(settings(), Mode::Full).await;
    let connect = Connect { will: Some(("gone", "bye", b"")), ..Connect::default() };
    drop(Raw::connect(running.address, connect).await);
    running.store.offered(2).await;
    running.store.set(Mode::Open);
    assert_eq!(running.store.stored(1).await[0].1, b"bye");
    assert_eq!((running.metrics.wills.get(), running.metrics.wills_lost.get()), (1, 0));
}

#[tokio::test]
async fn a_will_lost_at_the_end_is_counted() {
    let running = start_with(settings(), Mode::Full).await;
    let connect = Connect { will: Some(("gone", "bye", b"")), ..Connect::default() };
    drop(Raw::connect(running.address, connect).await);
    running.store.offered(1).await;
    running.stop();
    let metrics = running.metrics.clone();
    running.ended().await;
    assert_eq!(metrics.wills_lost.get(), 1);
}

/// While nothing is settled, a client can fill no more than the memory it is given; afterwards all of it arrives.
#[tokio::test]
async fn what_waits_is_bounded_and_all_of_it_arrives() {
    let memory = 64 * 1024;
    let bounded = ListenerSettings { connection_memory: memory, ..settings() };
    let running = start_with(bounded, Mode::Held).await;
    let (raw, _) = Raw::connect(running.address, Connect::default()).await;
    let (mut reader, mut writer) = raw.stream.into_split();
    let writing = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        for id in 1..=8000u16 {
            writer.write_all(&publish(V::Four, 1, false, id, &[b'x'; 1000])).await.unwrap();
        }
        writer
    });
    let reading = tokio::spawn(async move {
        use tokio::io::AsyncReadExt;
        let mut acks = vec![0; 4 * 8000];
        reader.read_exact(&mut acks).await.unwrap();
        acks.chunks(4).map(|ack| u16::from_be_bytes([ack[2], ack[3]])).collect::<Vec<_>>()
    });
    running.store.offered(1).await;
    running.store.set(Mode::Open);
    assert_eq!(reading.await.unwrap(), (1..=8000).collect::<Vec<u16>>());
    writing.await.unwrap();
    assert_eq!(running.store.messages().len(), 8000);
    assert!(running.store.largest() <= memory + 1000, "{}", running.store.largest());
}

/// Connections that all hold something do not block one another for ever when the common memory is used up.
#[tokio::test]
async fn the_common_memory_is_bounded_and_blocks_nobody_for_ever() {
    let tight = ListenerSettings { memory: 100 * 1024, ..settings() };
    let running = start_with(tight, Mode::Held).await;
    let mut clients = Vec::new();
    for number in 0..10 {
        let client = format!("c{number}");
        let (raw, _) = Raw::connect(running.address, Connect { client: &client, ..Connect::default() }).await;
        clients.push(tokio::spawn(async move {
            let (mut reader, mut writer) = raw.stream.into_split();
            let writing = tokio::spawn(async move {
                use tokio::io::AsyncWriteExt;
                for id in 1..=100u16 {
                    writer.write_all(&publish(V::Four, 1, false, id, &[b'x'; 4000])).await.unwrap();
                }
                writer
            });
            use tokio::io::AsyncReadExt;
            let mut acks = vec![0; 4 * 100];
            reader.read_exact(&mut acks).await.unwrap();
            writing.await.unwrap();
        }));
    }
    running.store.offered(1).await;
    running.store.set(Mode::Open);
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(running.store.messages().len(), 1000);
}
