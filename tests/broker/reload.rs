//! Settings and filters that change while the client runs, and while it does not.

use forebay::clock::{Clock, Trust};
use forebay::mqtt::broker::{Broker, BrokerSettings, Protocol, SubscriptionRecord};
use forebay::store::{Store, StoreSettings};
use forebay::telemetry::{BrokerMetrics, MqttStatus, Watched};
use std::sync::Arc;
use tokio::sync::watch;

use crate::client::{Client, filters, settings, until};
use crate::fake::{Fake, Mode};
use crate::support::mosquitto::Mosquitto;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_filters_take_effect_on_the_connection_that_is_there() {
    let broker = Mosquitto::start("");
    let client = Client::with(settings(broker.address), filters(&["s/#", "old"]), Fake::new(Mode::Open));
    client.subscribed().await;
    client.handle.reload(Some(settings(broker.address)), filters(&["s/#", "new"]));
    until("the new filters", || client.is_subscribed() && client.detail().filters == ["s/#", "new"]).await;
    for topic in ["old", "new", "s/a"] {
        broker.publish(topic, &[topic]);
    }
    client.store.stored(2).await;
    assert_eq!(client.store.payloads(), ["new", "s/a"]);
    assert_eq!((client.metrics.connections.get(), client.metrics.lost.get()), (1, 0));
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_take_another_connection_and_lose_nothing() {
    let (broker, other) = (Mosquitto::start(""), Mosquitto::start(""));
    let client = Client::start(settings(broker.address), Mode::Held);
    client.subscribed().await;
    broker.publish("s/a", &["1"]);
    client.store.offered(1).await;
    client.handle.reload(Some(settings(other.address)), filters(&["s/#"]));
    client.store.set(Mode::Open);
    let url = settings(other.address).brokers[0].to_string();
    until("the other broker", || client.is_subscribed() && client.detail().url == url).await;
    assert_eq!(client.metrics.acknowledged.get(), 1, "before the connection was given up");
    other.publish("s/a", &["2"]);
    client.store.stored(2).await;
    client.handle.reload(None, filters(&[]));
    until("the end", || client.detail() == Default::default()).await;
    // The session is there still.
    broker.publish("s/a", &["3"]);
    client.handle.reload(Some(settings(broker.address)), filters(&["s/#"]));
    client.store.stored(3).await;
    assert_eq!(client.metrics.lost.get(), 0);
    client.stop().await;
}

/// What a session is subscribed to is on record: after a restart with other rules the rest is given up, and retained copies
/// that came before do not come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_known_after_a_restart() {
    for protocol in [Protocol::V3, Protocol::V5] {
        let (broker, folder) = (Mosquitto::start(""), tempfile::tempdir().unwrap());
        broker.retain("s/a", "copy of s/a");
        broker.retain("new", "copy of new");
        let clock = Clock::system(Trust::Always, 0);
        let taken = Fake::new(Mode::Open);
        let mut again = 0;
        for (round, wanted, publishes) in
            [("1", &["s/#", "old"][..], "old"), ("2", &["s/#", "new"], "old"), ("3", &["s/#", "new"], "s/b")]
        {
            let store = Store::open(
                &StoreSettings { max_size: 64 << 20, ..StoreSettings::new(folder.path()) },
                &clock,
            )
            .unwrap();
            let settings = BrokerSettings { protocol, ..settings(broker.address) };
            let (client, _handle) = Broker::new(Some(settings), filters(wanted), clock.clone());
            let client = client.with_record(SubscriptionRecord::new(store.clone(), clock.clone()));
            let (stop, stopping) = watch::channel(false);
            let (metrics, status) =
                (Arc::new(BrokerMetrics::default()), Arc::new(Watched::<MqttStatus>::default()));
            let task = tokio::spawn(client.run(taken.clone(), stopping, metrics.clone(), status.clone()));
            until("the subscription", || status.get().broker.as_deref() == Some("subscribed")).await;
            broker.publish(publishes, &["x"]);
            broker.publish("s/b", &[round]);
            until("the end", || taken.payloads().last().map(String::as_str) == Some(round)).await;
            again += metrics.retained_again.get();
            stop.send_replace(true);
            task.await.unwrap();
            store.close().await;
        }
        assert_eq!(
            taken.payloads(),
            ["copy of s/a", "x", "1", "copy of new", "2", "x", "3"],
            "{protocol:?}: copies once; nothing of what was given up"
        );
        assert_eq!(again > 0, protocol == Protocol::V3, "3.1.1 sends copies again, and they are left out");
    }
}
