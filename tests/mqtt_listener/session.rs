//! Sessions: resumption, take-over, wills, the end of the daemon.

use crate::fake::{Mode, settings, start, start_with};
use crate::wire::*;

fn persistent(version: V) -> Connect<'static> {
    // Session Expiry Interval 60.
    let properties: &[u8] = if version == V::Five { b"\x11\0\0\0\x3C" } else { b"" };
    Connect { version, clean: false, properties, ..Connect::default() }
}

#[tokio::test]
async fn qos_2_survives_a_reconnect() {
    for version in [V::Four, V::Five] {
        let running = start().await;
        let (mut raw, present) = Raw::connect(running.address, persistent(version)).await;
        assert!(!present);
        raw.send(&publish(version, 2, false, 3, b"once")).await;
        raw.expect(&pubrec(3)).await;
        drop(raw);
        let (mut raw, present) = Raw::connect(running.address, persistent(version)).await;
        assert!(present);
        raw.send(&publish(version, 2, true, 3, b"once")).await;
        raw.expect(&pubrec(3)).await;
        raw.send(&pubrel(3)).await;
        raw.expect(&pubcomp(3)).await;
        assert_eq!(running.store.payloads(), ["once"]);
        drop(raw);
        let (_, present) =
            Raw::connect(running.address, Connect { clean: true, ..persistent(version) }).await;
        assert!(!present);
    }
}

#[tokio::test]
async fn a_clean_session_leaves_nothing() {
    let running = start().await;
    let (raw, _) = Raw::connect(running.address, Connect::default()).await;
    drop(raw);
    let (_raw, present) = Raw::connect(running.address, persistent(V::Four)).await;
    assert!(!present);
}

#[tokio::test]
async fn a_second_connection_takes_over_once_the_first_has_settled() {
    let running = start_with(settings(), Mode::Held).await;
    let (mut first, _) = Raw::connect(running.address, persistent(V::Five)).await;
    first.send(&publish(V::Five, 2, false, 4, b"once")).await;
    running.store.offered(1).await;
    let address = running.address;
    let second = tokio::spawn(async move {
        let (mut second, present) = Raw::connect(address, persistent(V::Five)).await;
        assert!(present);
        second.send(&publish(V::Five, 2, true, 4, b"once")).await;
        second.expect(&pubrec(4)).await;
    });
    running.store.set(Mode::Open);
    first.expect(&pubrec(4)).await;
    first.expect_end(Some(0x8E)).await;
    second.await.unwrap();
    assert_eq!(running.store.payloads(), ["once"]);
    assert_eq!(running.metrics.taken_over.get(), 1);
}

#[tokio::test]
async fn a_will_is_stored_when_the_connection_breaks_and_only_then() {
    for version in [V::Four, V::Five] {
        let running = start().await;
        let connect = || Connect { version, will: Some(("gone", "bye", b"")), ..Connect::default() };
        let (mut raw, _) = Raw::connect(running.address, connect()).await;
        raw.send(DISCONNECT).await;
        raw.expect_end(None).await;
        let (mut raw, _) = Raw::connect(running.address, connect()).await;
        raw.send(&publish(version, 0, false, 0, b"before")).await;
        drop(raw);
        let stored = running.store.stored(2).await;
        assert_eq!(stored[0].1, b"before");
        assert_eq!(stored[1], ("gone".to_owned(), b"bye".to_vec()));
        assert_eq!(running.metrics.wills.get(), 1);
    }
}

#[tokio::test]
async fn a_will_can_be_asked_for_and_comes_before_what_a_successor_says() {
    let running = start().await;
    let connect = || Connect { version: V::Five, will: Some(("gone", "bye", b"")), ..Connect::default() };
    let (mut raw, _) = Raw::connect(running.address, connect()).await;
    raw.send(&packet(0xE0, &[4])).await;
    running.store.stored(1).await;
    let (_first, _) = Raw::connect(running.address, connect()).await;
    let (mut second, _) = Raw::connect(running.address, connect()).await;
    second.send(&publish(V::Five, 1, false, 1, b"back")).await;
    second.expect(&puback(1)).await;
    assert_eq!(running.store.payloads(), ["bye", "bye", "back"]);
}

#[tokio::test]
async fn a_delayed_will_waits_and_a_return_withdraws_it() {
    let running = start().await;
    // Will Delay Interval 1 and 50.
    let with_delay = |client, delay: &'static [u8]| Connect {
        client,
        will: Some(("gone", client, delay)),
        ..persistent(V::Five)
    };
    let (raw, _) = Raw::connect(running.address, with_delay("returns", b"\x18\0\0\0\x32")).await;
    drop(raw);
    let (raw, _) = Raw::connect(running.address, with_delay("stays away", b"\x18\0\0\0\x01")).await;
    drop(raw);
    running.store.stored(1).await;
    let (mut raw, present) = Raw::connect(running.address, persistent(V::Five)).await;
    assert!(!present);
    raw.send(DISCONNECT).await;
    let (mut raw, present) =
        Raw::connect(running.address, Connect { client: "returns", ..persistent(V::Five) }).await;
    assert!(present);
    raw.send(DISCONNECT).await;
    raw.expect_end(None).await;
    running.stop();
    let store = running.store.clone();
    running.ended().await;
    assert_eq!(store.payloads(), ["stays away"]);
}

#[tokio::test]
async fn the_end_acknowledges_what_was_being_committed_and_publishes_delayed_wills() {
    let running = start_with(settings(), Mode::Open).await;
    let absent = Connect {
        client: "absent",
        will: Some(("gone", "absent", b"\x18\0\0\0\x32")),
        ..persistent(V::Five)
    };
    drop(Raw::connect(running.address, absent).await);
    running.store.set(Mode::Held);
    let (mut raw, _) =
        Raw::connect(running.address, Connect { version: V::Five, ..Connect::default() }).await;
    raw.send(&publish(V::Five, 1, false, 1, b"last")).await;
    running.store.offered(1).await;
    running.stop();
    running.store.set(Mode::Open);
    raw.expect(&puback(1)).await;
    raw.expect_end(Some(0x8B)).await;
    let (store, address) = (running.store.clone(), running.address);
    running.ended().await;
    assert_eq!(store.payloads(), ["last", "absent"]);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn silence_ends_a_connection_and_pings_do_not() {
    let running = start().await;
    let connect =
        Connect { version: V::Five, keep_alive: 1, will: Some(("gone", "bye", b"")), ..Connect::default() };
    let (mut raw, _) = Raw::connect(running.address, connect).await;
    for _ in 0..4 {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        raw.expect_nothing().await;
    }
    raw.expect_end(Some(0x8D)).await;
    assert_eq!(running.store.stored(1).await[0].1, b"bye");
    assert_eq!(running.metrics.silent.get(), 1);
}

#[tokio::test]
async fn a_client_without_an_identifier_gets_one() {
    let running = start().await;
    let mut raw = Raw::open(running.address).await;
    raw.send(&Connect { version: V::Five, client: "", ..Connect::default() }.bytes()).await;
    let connack = raw.packet().await.unwrap();
    assert!(String::from_utf8_lossy(&connack).contains("auto-"), "{connack:?}");
    let (_raw, _) = Raw::connect(running.address, Connect { client: "", ..Connect::default() }).await;
}
