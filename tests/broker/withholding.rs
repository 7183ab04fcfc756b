//! A store that is full, slow or broken: acknowledgements are withheld, memory is bounded, nothing is lost.

use forebay::mqtt::broker::{BrokerSettings, Protocol};

use crate::client::{Client, settings, until};
use crate::fake::Mode;
use crate::support::mosquitto::Mosquitto;

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

fn publish(broker: &Mosquitto, numbers: &[String]) {
    broker.publish("s/a", &numbers.iter().map(String::as_str).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_withholds_and_goes_on_where_it_stopped() {
    for mode in [Mode::Full, Mode::OneThenFull, Mode::Busy] {
        let broker = Mosquitto::start("max_queued_messages 0");
        let client = Client::start(settings(broker.address), mode);
        client.subscribed().await;
        publish(&broker, &numbers(300));
        client.store.offered(3).await;
        if mode == Mode::Full {
            assert_eq!((client.metrics.acknowledged.get(), client.metrics.withholding.get()), (0, 1));
        }
        client.store.set(Mode::Open);
        client.store.stored(300).await;
        until("the acknowledgements", || client.metrics.acknowledged.get() == 300).await;
        assert_eq!(client.store.payloads(), numbers(300), "{mode:?}: in order, once");
        assert_eq!(client.metrics.withholding.get(), 0);
        client.stop().await;
    }
}

/// The broker's own window is wide; the queue is bounded all the same, and nothing is dropped for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_bounded() {
    for protocol in [Protocol::V3, Protocol::V5] {
        let broker = Mosquitto::start("max_inflight_messages 0\nmax_queued_messages 0");
        let settings = BrokerSettings { protocol, max_queued_messages: 10, ..settings(broker.address) };
        let client = Client::start(settings, Mode::Held);
        client.subscribed().await;
        publish(&broker, &numbers(500));
        until("a full queue", || client.metrics.queued.get() == 10).await;
        assert_eq!(client.metrics.messages.get(), 10, "no more is read");
        client.store.set(Mode::Open);
        client.store.stored(500).await;
        assert_eq!(client.store.payloads(), numbers(500));
        until("an empty queue", || client.metrics.queued.get() == 0).await;
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_after_the_store_has_failed() {
    let broker = Mosquitto::start("");
    let client = Client::start(settings(broker.address), Mode::Unknown);
    client.subscribed().await;
    publish(&broker, &numbers(5));
    client.not_subscribed("storing failed").await;
    assert_eq!(client.metrics.acknowledged.get(), 0);
    client.stop().await;
    // The next process gets all of it.
    let client = Client::start(settings(broker.address), Mode::Open);
    client.store.stored(5).await;
    assert_eq!(client.store.payloads(), numbers(5));
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn qos_0_is_dropped_and_counted_while_the_store_is_full() {
    let broker = Mosquitto::start("");
    let client = Client::start(settings(broker.address), Mode::Full);
    client.subscribed().await;
    crate::support::mosquitto::publish(broker.address, 0x30, &[("s/a".to_owned(), b"lost".to_vec())]);
    until("the drop", || client.metrics.dropped_qos0.get() == 1).await;
    client.store.set(Mode::Open);
    publish(&broker, &numbers(1));
    client.store.stored(1).await;
    assert_eq!(client.store.payloads(), ["0"]);
    client.stop().await;
}
