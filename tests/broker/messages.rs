//! What messages may be like.

use forebay::mqtt::broker::{BrokerSettings, Protocol};

use crate::client::{Client, filters, settings, until};
use crate::fake::{Fake, Mode};
use crate::support::mosquitto::Mosquitto;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_messages_are_taken_and_larger_ones_do_not_stop_the_rest() {
    for protocol in [Protocol::V3, Protocol::V5] {
        let broker = Mosquitto::start("");
        let settings = BrokerSettings { protocol, ..settings(broker.address) };
        let client = Client::start(settings.clone(), Mode::Open);
        client.subscribed().await;
        let (large, larger) = ("x".repeat(200 * 1024), "y".repeat(300 * 1024));
        broker.publish("s/a", &[&large, "1", &larger, "2", &large]);
        client.store.stored(4).await;
        assert_eq!(client.store.payloads(), [&large, "1", "2", &large]);
        // A broker that speaks 5 knows the limit, and does not send what is beyond it.
        let left_out = u64::from(protocol == Protocol::V3);
        until("the acknowledgements", || client.metrics.acknowledged.get() == 4 + left_out).await;
        assert_eq!(client.metrics.too_large.get(), left_out);
        let store = client.stop().await;
        // It is acknowledged, so that it does not come again for ever.
        broker.publish("s/a", &["3"]);
        let client = Client::with(settings, filters(&["s/#"]), store);
        client.store.stored(5).await;
        assert_eq!(client.metrics.messages.get(), 1);
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_are_not_even_sent_where_mqtt_5_is_spoken_and_none_are_wanted() {
    let broker = Mosquitto::start("");
    broker.retain("s/a", "old");
    let settings = BrokerSettings { protocol: Protocol::V5, ..settings(broker.address) };
    let mut wanted = filters(&["s/#"]);
    wanted.retained = false;
    let client = Client::with(settings, wanted, Fake::new(Mode::Open));
    client.subscribed().await;
    broker.publish("s/b", &["1"]);
    client.store.stored(1).await;
    assert_eq!(client.metrics.messages.get(), 1);
    client.stop().await;
}

/// `#` is everything but what the broker says of itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_brokers_own_topics_are_not_everything() {
    let broker = Mosquitto::start("sys_interval 1");
    let client = Client::with(settings(broker.address), filters(&["#"]), Fake::new(Mode::Open));
    client.subscribed().await;
    let other = Client::with(
        BrokerSettings { client_id: "other".to_owned(), ..settings(broker.address) },
        filters(&["$SYS/#"]),
        Fake::new(Mode::Open),
    );
    other.store.stored(5).await;
    broker.publish("s/a", &["1"]);
    client.store.stored(1).await;
    assert_eq!(client.store.payloads(), ["1"]);
    client.stop().await;
    other.stop().await;
}

/// mosquitto delivers a message for each filter that matches it, in MQTT 5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_several_filters_match_is_stored_once() {
    for protocol in [Protocol::V3, Protocol::V5] {
        let broker = Mosquitto::start("");
        let settings = BrokerSettings { protocol, ..settings(broker.address) };
        let client = Client::with(settings, filters(&["s/+/c", "s/b/#", "+/b/+"]), Fake::new(Mode::Open));
        client.subscribed().await;
        broker.publish("s/b/c", &["1", "1", "2"]);
        broker.publish("s/b", &["3"]);
        broker.publish("s/a/c", &["4"]);
        client.store.stored(5).await;
        assert_eq!(client.store.payloads(), ["1", "1", "2", "3", "4"]);
        until("the acknowledgements", || client.metrics.acknowledged.get() == client.metrics.messages.get())
            .await;
        assert_eq!(client.metrics.copies.get(), if protocol == Protocol::V5 { 6 } else { 0 });
        client.stop().await;
    }
}
