//! Upstreams that come back, and tables that are added to one.

use super::*;
use crate::sync::joining;

impl Rig {
    /// Folds until nothing but cursors keeps the journal of now.
    async fn age(mut self) -> Rig {
        for n in 0..4 {
            self.write(258, "x", n, Some(1), &[]).await;
            let Rig { directory, clock, store, fake, settings } = self;
            store.close().await;
            drop(store);
            self = Rig { store: open(&directory, &clock), directory, clock, fake, settings };
        }
        self
    }

    /// The upstream is taken out of the configuration.
    async fn remove(&self) {
        joining::retain(&self.store, &self.clock, &["another".to_owned()]).await.unwrap();
    }

    fn map(&mut self, tables: &[(&str, &str)]) {
        self.settings.tables = Some(tables.iter().map(|(l, u)| ((*l).to_owned(), (*u).to_owned())).collect());
    }
}

impl Running {
    async fn drained(&self) -> UpstreamStatus {
        self.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_comes_back_soon_gets_everything_deletes_included() {
    let rig = Rig::new(&["fleet", "happenings"]).await;
    let expected = rig.load(60, 1).await;
    let running = rig.start();
    running.drained().await;
    running.order_pause().await;
    running.stop().await;
    rig.remove().await;
    rig.write(256, "new", 1, Some(1), &[]).await;
    rig.write(256, "new", 2, Some(1), &[]).await;
    rig.write(256, "new", 1, None, &[]).await;
    let sent = rig.fake.lock().applied.len();
    let gone: Vec<String> = expected.keys().take(3).cloned().collect();
    for key in &gone {
        let (device, ts) = key.split_once('|').unwrap();
        let (device, ts): (Value, Value) =
            (serde_json::from_str(device).unwrap(), serde_json::from_str(ts).unwrap());
        let ts: i64 = ts["N"].as_str().unwrap().parse().unwrap();
        rig.write(256, device["S"].as_str().unwrap(), ts, None, &[]).await;
    }
    for kill in [true, false] {
        let running = rig.start();
        let status = running.drained().await;
        assert_eq!(status.dropped_unsent, 0);
        if kill {
            running.task.abort();
        } else {
            running.stop().await;
        }
    }
    assert!(gone.iter().all(|key| !rig.rows("fleet").contains_key(key)), "deletes were missed");
    assert_eq!(rig.rows("fleet").len(), expected.len() - 3 + 1);
    assert!(rig.fake.lock().applied.len() - sent <= 2 * 6, "what it had was sent again");
}

impl Running {
    /// A pause that removal ends.
    async fn order_pause(&self) {
        self.source.order(crate::operations::upstreams::Order::Pause).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_comes_back_late_gets_the_rows_that_have_changed() {
    let rig = Rig::new(&["fleet", "happenings"]).await;
    let mut expected = rig.load(200, 1).await;
    let running = rig.start();
    running.drained().await;
    running.stop().await;
    rig.remove().await;
    let sent = rig.fake.lock().applied.len();
    for ts in 0..30 {
        rig.write(256, "late", ts, Some(1), &[]).await;
        rig.write(257, "late", ts, Some(1), &[]).await;
    }
    let rig = rig.age().await;
    // A crash in the middle of it changes nothing.
    rig.fake.lock().script.push_back(Act::Partial(5));
    let running = rig.start();
    rig.fake.until(|state| state.applied.len() >= sent + 5).await;
    running.task.abort();
    let running = rig.start();
    let status = running.drained().await;
    assert_eq!(status.dropped_unsent, 0, "what the rows stand for is not lost");
    expected.retain(|key, item| rig.rows("fleet").get(key) == Some(item));
    assert_eq!(rig.rows("fleet").len(), expected.len() + 30);
    assert_eq!(rig.rows("happenings").len(), 30);
    let again = rig.fake.lock().applied.len() - sent;
    assert!((60..=180).contains(&again), "{again} changes were sent");
    running.stop().await;
    let running = rig.start();
    assert_eq!(running.source.status().pending, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_added_to_the_mapping_is_copied_first() {
    for old in [false, true] {
        let mut rig = Rig::new(&["fleet", "happenings"]).await;
        rig.map(&[("events", "happenings")]);
        let expected = rig.load(100, 4).await;
        rig.write(257, "d", 1, Some(1), &[]).await;
        let running = rig.start();
        running.drained().await;
        running.stop().await;
        if old {
            rig = rig.age().await;
        }
        assert!(rig.rows("fleet").is_empty());
        let sent = rig.fake.lock().applied.len();
        rig.map(&[("events", "happenings"), ("readings", "fleet")]);
        let running = rig.start();
        rig.write(256, "late", 1, Some(1), &[]).await;
        let status = running.drained().await;
        assert_eq!(status.dropped_unsent, 0);
        assert_eq!(rig.rows("fleet").len(), expected.len() + 1);
        assert!(expected.iter().all(|(key, item)| rig.rows("fleet").get(key) == Some(item)));
        let events = rig.fake.lock().applied[sent..].iter().filter(|(t, ..)| t == "happenings").count();
        assert_eq!(events, 0, "the other table had everything");
        running.stop().await;
        let running = rig.start();
        running.drained().await;
        rig.write(256, "late", 1, None, &[]).await;
        running.until(|status| status.pending == 0 && status.acknowledged == 1).await;
        running.stop().await;
    }
}
