//! A broker that is absent, dies, comes back with or without what it knew.

use forebay::mqtt::broker::{BrokerSettings, BrokerUrl, Protocol};

use crate::client::{Client, filters, settings, until};
use crate::fake::{Fake, Mode};
use crate::support::free_address;
use crate::support::mosquitto::Mosquitto;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_comes_later_is_subscribed_at() {
    let mut broker = Mosquitto::prepare("");
    let client = Client::start(settings(broker.address), Mode::Open);
    client.not_subscribed("can't be reached").await;
    broker.launch();
    client.subscribed().await;
    broker.publish("s/a", &["1", "2"]);
    broker.publish("other", &["3"]);
    broker.publish("s/b", &["4"]);
    client.store.stored(3).await;
    assert_eq!(client.store.payloads(), ["1", "2", "4"]);
    assert_eq!(client.detail().session_present, Some(false));
    assert!(client.metrics.failures.get() > 0);
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_outlives_broker_and_client() {
    for protocol in [Protocol::V3, Protocol::V5] {
        let mut broker = Mosquitto::shipped();
        broker.launch();
        let settings = BrokerSettings { protocol, ..settings(broker.address) };
        let client = Client::start(settings.clone(), Mode::Open);
        client.subscribed().await;
        broker.publish("s/a", &["1"]);
        client.store.stored(1).await;
        // Nothing is kept from the client that the broker knows as acknowledged.
        until("the acknowledgement", || client.metrics.acknowledged.get() == 1).await;
        let store = client.stop().await;
        broker.publish("s/a", &["2", "3"]);
        broker.kill();
        broker.launch();
        let client = Client::with(settings, filters(&["s/#"]), store);
        client.subscribed().await;
        assert_eq!(client.detail().session_present, Some(true), "{protocol:?}");
        client.store.stored(3).await;
        assert_eq!(client.store.payloads(), ["1", "2", "3"]);
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_forgot_the_session_is_subscribed_at_again() {
    let mut broker = Mosquitto::start("persistence false");
    let client = Client::start(settings(broker.address), Mode::Open);
    client.subscribed().await;
    for round in 1..=3 {
        broker.kill();
        client.not_subscribed("").await;
        broker.launch();
        client.subscribed().await;
        assert_eq!(client.detail().session_present, Some(false));
        broker.publish("s/a", &["x"]);
        client.store.stored(round).await;
    }
    assert_eq!(client.metrics.lost.get(), 3);
    client.stop().await;
}

/// The broker is gone for good with its session; what it had delivered is stored nonetheless, and acknowledged to nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_come_is_stored_although_the_broker_forgot_it() {
    let mut broker = Mosquitto::start("persistence false");
    let client = Client::start(settings(broker.address), Mode::Held);
    client.subscribed().await;
    broker.publish("s/a", &["1", "2", "3"]);
    until("the messages", || client.metrics.messages.get() == 3).await;
    broker.kill();
    client.not_subscribed("").await;
    client.store.set(Mode::Open);
    client.store.stored(3).await;
    broker.launch();
    client.subscribed().await;
    broker.publish("s/a", &["4"]);
    client.store.stored(4).await;
    until("the acknowledgement", || client.metrics.acknowledged.get() > 0).await;
    assert_eq!(client.store.payloads(), ["1", "2", "3", "4"]);
    assert_eq!(client.metrics.acknowledged.get(), 1);
    client.stop().await;
}

/// The client is killed with messages that it has not acknowledged: all of them come again, marked as repetitions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_acknowledged_comes_again() {
    let broker = Mosquitto::start("max_inflight_messages 100");
    let client = Client::start(settings(broker.address), Mode::Held);
    client.subscribed().await;
    broker.publish("s/a", &["1", "2", "3"]);
    until("the messages", || client.metrics.messages.get() == 3).await;
    client.kill().await;
    let client = Client::start(settings(broker.address), Mode::Open);
    let messages = client.store.stored(3).await;
    assert_eq!(messages.iter().map(|(_, payload)| &payload[..]).collect::<Vec<_>>(), [b"1", b"2", b"3"]);
    assert!(client.store.messages().iter().all(|message| message.dup && message.packet_id.is_some()));
    assert_eq!(client.metrics.repeated.get(), 3);
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_of_a_list_are_tried_in_turn() {
    let (mut first, mut second) = (Mosquitto::prepare(""), Mosquitto::start(""));
    let nobody = free_address();
    let urls =
        [nobody, first.address, second.address].map(|a| BrokerUrl::parse(&format!("mqtt://{a}")).unwrap());
    let settings = BrokerSettings { brokers: urls.to_vec(), ..settings(nobody) };
    let client = Client::start(settings, Mode::Open);
    client.subscribed().await;
    assert_eq!(client.detail().url, urls[2].to_string());
    second.publish("s/a", &["1"]);
    client.store.stored(1).await;
    first.launch();
    second.kill();
    until("the other broker", || client.is_subscribed() && client.detail().url == urls[1].to_string()).await;
    first.publish("s/a", &["2"]);
    client.store.stored(2).await;
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_waits_for_what_is_being_committed() {
    let broker = Mosquitto::start("");
    let client = Client::start(settings(broker.address), Mode::Held);
    client.subscribed().await;
    broker.publish("s/a", &["1", "2"]);
    until("the messages", || client.metrics.messages.get() == 2).await;
    client.begin_to_stop();
    client.store.set(Mode::Open);
    let metrics = client.metrics.clone();
    let store = client.stop().await;
    assert_eq!(store.payloads(), ["1", "2"]);
    assert_eq!(metrics.acknowledged.get(), 2);
    // The session is there still, and owes nothing.
    broker.publish("s/a", &["3"]);
    let client = Client::with(settings(broker.address), filters(&["s/#"]), Fake::new(Mode::Open));
    client.store.stored(1).await;
    client.subscribed().await;
    assert_eq!(
        (client.store.payloads(), client.detail().session_present),
        (vec!["3".to_owned()], Some(true))
    );
    client.stop().await;
}
