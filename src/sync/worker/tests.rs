//! The worker between a real store and an upstream that does what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::{Clock, Trust};
use crate::model::{
    AttributeValue, Image, KeyAttribute, KeySchema, KeyType, KeyValue, Map, Number, TableDef, TableId,
    TableName, WhenFull,
};
use crate::operations::upstreams::Handle;
use crate::store::batch::About;
use crate::store::{Batch, CommitError, Origin, Read, Seq, Space, Store, StoreSettings, Urgency, system_key};
use crate::sync::fake::{Act, Fake, State};
use crate::sync::{Endpoint, UpstreamSettings, dead_letter};
use crate::telemetry::{UpstreamState, UpstreamStatus};

mod allowances;
mod control;
mod full;
mod joining;
mod single;

struct Rig {
    directory: tempfile::TempDir,
    clock: Clock,
    store: Store,
    fake: Fake,
    settings: UpstreamSettings,
}

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    source: Handle,
}

impl Running {
    async fn stop(self) -> UpstreamStatus {
        self.stop.send_replace(true);
        self.task.await.unwrap();
        self.source.status()
    }

    /// Waits for a status; there is no event for those.
    async fn until(&self, so: impl Fn(&UpstreamStatus) -> bool) -> UpstreamStatus {
        for _ in 0..3000 {
            let status = self.source.status();
            if so(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never became so: {:?}", self.source.status());
    }
}

pub(super) fn table(id: u32, name: &str) -> TableDef {
    let attribute = |name: &str, key_type| KeyAttribute { name: name.into(), key_type };
    TableDef {
        created_us: 1,
        ..TableDef::new(
            TableId(id),
            TableName::new(name).unwrap(),
            KeySchema { partition: attribute("device", KeyType::S), sort: Some(attribute("ts", KeyType::N)) },
        )
    }
}

impl Rig {
    async fn new(upstream_tables: &[&str]) -> Rig {
        Rig::with_clock(upstream_tables, Clock::system(Trust::Always, 0)).await
    }

    async fn with_clock(upstream_tables: &[&str], clock: Clock) -> Rig {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory, &clock);
        let fake = Fake::start(upstream_tables).await;
        let mut settings =
            UpstreamSettings::new("central", Endpoint::parse(&fake.url()).unwrap(), "eu-west-1");
        settings.max_backoff = Duration::from_millis(50);
        let mapping = [("readings", "fleet"), ("events", "happenings")];
        settings.tables = Some(mapping.map(|(l, u)| (l.to_owned(), u.to_owned())).into());
        let rig = Rig { directory, clock, store, fake, settings };
        for (id, name) in [(256, "readings"), (257, "events"), (258, "local")] {
            let (table, stamp) = (table(id, name), rig.clock.stamp());
            let define = move |_: &dyn Read, batch: &mut Batch| {
                batch.define_table(&table, stamp).unwrap();
            };
            rig.store.submit(Urgency::Now, 0, define).await.unwrap();
        }
        rig
    }

    fn start(&self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let (task, source) =
            crate::sync::start(self.settings.clone(), self.store.clone(), self.clock.clone(), stopped)
                .unwrap();
        Running { stop, task, source }
    }

    /// Puts (`Some`) or deletes an item, with further attributes.
    async fn write(&self, table: u32, device: &str, ts: i64, v: Option<i64>, more: &[&str]) {
        let mut item = Map::new();
        item.insert("device", AttributeValue::S(device.into()));
        item.insert("ts", AttributeValue::N(Number::from(ts)));
        if let Some(v) = v {
            item.insert("v", AttributeValue::N(Number::from(v)));
            for name in more {
                item.insert(*name, AttributeValue::Bool(true));
            }
        }
        let table = TableId(table);
        let key = self.store.keys().row_key(table, KeyValue::S(device), Some(KeyValue::N(Number::from(ts))));
        let image = Image::encode(&item);
        let about = self.about();
        self.insist_on(200, move |batch| match v {
            Some(_) => batch.put(table, key, image, about),
            None => batch.delete(table, key, image, about),
        })
        .await;
    }

    fn about(&self) -> About {
        About { origin: Origin::Mqtt, time: self.clock.stamp(), mark: None, delivery: None, size: None }
    }

    /// Puts items of one device at these times, with a running number as the value, in one batch.
    async fn write_all(
        &self,
        device: &'static str,
        times: impl Iterator<Item = i64> + Clone + Send + 'static,
    ) {
        let (keys, about) = (self.store.keys(), self.about());
        self.insist_on(200_000, move |batch| {
            for (v, ts) in times.enumerate() {
                let mut item = Map::new();
                item.insert("device", AttributeValue::S(device.into()));
                item.insert("ts", AttributeValue::N(Number::from(ts)));
                item.insert("v", AttributeValue::N(Number::from(v as u64)));
                let table = TableId(256);
                let key = keys.row_key(table, KeyValue::S(device), Some(KeyValue::N(Number::from(ts))));
                batch.put(table, key, Image::encode(&item), about.clone());
            }
        })
        .await;
    }

    /// Submits until it is taken, as a client would: a small store makes room with every look, but never for ever.
    async fn insist_on(&self, size: usize, stage: impl FnOnce(&mut Batch) + Clone + Send + 'static) {
        let mut refused = None;
        for _ in 0..3_000 {
            let stage = stage.clone();
            match self.store.submit(Urgency::Now, size, move |_, batch| stage(batch)).await {
                Ok(()) => return,
                Err(error @ (CommitError::Full(_) | CommitError::Busy)) => refused = Some(error),
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("refused for ever: {refused:?} {:?} {:?}", self.store.status(), self.store.asks().borrow());
    }

    /// So many readings of some devices, a few of which overwrite or delete earlier ones; what must be there at the end.
    async fn load(&self, writes: u32, seed: u64) -> BTreeMap<String, Value> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut expected = BTreeMap::new();
        for v in 0..i64::from(writes) {
            let (device, ts) = (format!("d{}", random.u8(0..7)), random.i64(0..40));
            let key = format!("{}|{}", json!({"S": device}), json!({"N": ts.to_string()}));
            if random.u8(0..10) == 0 {
                self.write(256, &device, ts, None, &[]).await;
                expected.remove(&key);
            } else {
                self.write(256, &device, ts, Some(v), &[]).await;
                let item = json!({
                    "device": {"S": device}, "ts": {"N": ts.to_string()}, "v": {"N": v.to_string()}
                });
                expected.insert(key, item);
            }
        }
        expected
    }

    /// How many of a load's writes are puts.
    fn puts(&self, seed: u64, writes: usize) -> usize {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut put = || {
            let _ = (random.u8(0..7), random.i64(0..40));
            random.u8(0..10) != 0
        };
        (0..writes).filter(|_| put()).count()
    }

    fn rows(&self, table: &str) -> BTreeMap<String, Value> {
        self.fake.lock().tables[table].clone()
    }

    /// The value of `v` of one key never goes back.
    fn assert_order(&self) {
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        for (_, key, v) in &self.fake.lock().applied {
            let Some(v) = v else { continue };
            let v: i64 = v["N"].as_str().unwrap().parse().unwrap();
            let before = last.insert(key.clone(), v).unwrap_or(-1);
            assert!(v >= before, "{key}: {v} after {before}");
        }
    }
}

fn open(directory: &tempfile::TempDir, clock: &Clock) -> Store {
    let mut settings = StoreSettings::new(directory.path().join("store"));
    settings.max_size = 256 << 20;
    settings.commit_wait = Duration::ZERO;
    Store::open(&settings, clock).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_and_nothing_twice_after_a_clean_stop() {
    let rig = Rig::new(&["fleet", "happenings"]).await;
    let early = rig.load(50, 1).await;
    let running = rig.start();
    running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
    assert!(rig.rows("fleet") == early, "both ends differ");
    rig.write(258, "x", 1, Some(1), &[]).await;
    rig.write(257, "x", 1, Some(1), &[]).await;
    let late = rig.load(100, 2).await;
    let status = running.until(|status| status.pending == 0).await;
    assert_eq!((status.dead_letters, status.dropped_unsent, status.oldest_pending_age_seconds), (0, 0, 0));
    for (key, item) in late {
        assert_eq!(rig.rows("fleet").get(&key), Some(&item));
    }
    assert_eq!(rig.rows("happenings").len(), 1);
    running.stop().await;

    let requests = rig.fake.lock().applied.len();
    let running = rig.start();
    assert_eq!(running.source.status().pending, 0, "derived from journal and cursor");
    rig.write(257, "y", 1, Some(1), &[]).await;
    rig.fake.until(|state| state.tables["happenings"].len() == 2).await;
    assert_eq!(rig.fake.lock().applied.len(), requests + 1);
    let status = running.until(|status| status.pending == 0).await;
    assert_eq!(status.acknowledged, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_upstream_answers_the_last_state_arrives_in_order() {
    for seed in 0..3 {
        let mut rig = Rig::new(&["fleet", "happenings"]).await;
        rig.settings.supersede = seed != 1;
        let mut random = fastrand::Rng::with_seed(seed);
        let acts = [
            Act::Cut,
            Act::CutAfter,
            Act::Answer(200, "<html>log in</html>"),
            Act::Answer(503, "<html>busy</html>"),
            Act::Answer(500, r#"{"__type":"x#InternalServerError","message":"oh"}"#),
            Act::Answer(400, r#"{"__type":"x#ExpiredTokenException","message":"old"}"#),
            Act::Answer(400, r#"{"__type":"x#InvalidSignatureException","message":"Signature expired: x"}"#),
            Act::Partial(100),
        ];
        let mut script: Vec<Act> = (0..25).map(|_| acts[random.usize(0..acts.len())].clone()).collect();
        // Each of these halves the rate, and takes its time.
        script.insert(random.usize(0..20), Act::Partial(3));
        let slow = Act::Answer(400, r#"{"__type":"x#ThrottlingException","message":"slow"}"#);
        script.insert(random.usize(0..20), slow);
        rig.fake.lock().script.extend(script);
        let running = rig.start();
        let expected = rig.load(150, seed).await;
        let status = running.until(|status| status.pending == 0).await;
        assert!(rig.rows("fleet") == expected, "both ends differ");
        assert_eq!((status.dead_letters, status.dropped_unsent), (0, 0));
        rig.assert_order();
        if !rig.settings.supersede {
            let arrived = |state: &State| {
                let values = state.applied.iter().filter_map(|(_, _, v)| v.as_ref());
                values.map(|v| v["N"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>().len()
            };
            assert_eq!(arrived(&rig.fake.lock()), rig.puts(seed, 150), "a change was left out");
        }
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_change_becomes_a_dead_letter_and_a_later_one_withdraws_it() {
    let rig = Rig::new(&["fleet", "happenings"]).await;
    for ts in 0..60 {
        rig.write(256, "d", ts, Some(ts), if ts % 20 == 7 { &["refuse"] } else { &[] }).await;
    }
    let running = rig.start();
    let status = running.until(|status| status.pending == 0).await;
    assert_eq!((status.dead_letters, status.acknowledged, status.state), (3, 57, UpstreamState::Online));
    assert_eq!(rig.rows("fleet").len(), 57);
    let letters = rig.letters();
    assert_eq!(letters.len(), 3);
    assert!(letters[0].reason.starts_with("ValidationException: One or more"), "{:?}", letters[0]);
    assert_eq!((letters[0].upstream_table.as_str(), letters[0].delete), ("fleet", false));

    rig.write(256, "d", 7, Some(100), &[]).await;
    rig.write(256, "d", 27, None, &[]).await;
    running.until(|status| status.dead_letters == 1 && status.pending == 0).await;
    running.stop().await;
    assert_eq!(rig.letters().len(), 1, "the rows go with the last cursor");
    let running = rig.start();
    assert_eq!((running.source.status().dead_letters, running.source.status().pending), (1, 0));
    running.stop().await;
}

impl Rig {
    fn letters(&self) -> Vec<dead_letter::DeadLetter> {
        let mut letters = Vec::new();
        let view = self.store.view().unwrap();
        dead_letter::each_letter(&view, "central", Seq(0), &mut |_, letter| {
            letters.push(letter);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        letters
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_table_blocks_itself_and_is_tried_again() {
    let rig = Rig::new(&["fleet"]).await;
    for ts in 0..30 {
        rig.write(256, "d", ts, Some(ts), &[]).await;
        rig.write(257, "d", ts, Some(ts), &[]).await;
    }
    let running = rig.start();
    let status = running.until(|status| status.pending == 30).await;
    assert_eq!(rig.rows("fleet").len(), 30);
    assert_eq!((status.state, status.dead_letters), (UpstreamState::Blocked, 0));
    let reason = status.reason.unwrap();
    assert!(reason.starts_with("table happenings: ResourceNotFoundException"), "{reason}");
    rig.fake.lock().tables.insert("happenings".to_owned(), BTreeMap::new());
    running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
    assert_eq!(rig.rows("happenings").len(), 30);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_the_upstream_keeps_failing_at_does_not_hold_up_the_others() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    rig.settings.limits.changes = 20;
    rig.write(256, "d", 0, Some(0), &["fail"]).await;
    let running = rig.start();
    for ts in 1..60 {
        rig.write(256, "d", ts, Some(ts), &[]).await;
    }
    let status = running.until(|status| status.pending == 0).await;
    assert_eq!((status.dead_letters, rig.rows("fleet").len()), (1, 59));
    assert!(rig.letters()[0].reason.contains("InternalServerError"), "{:?}", rig.letters());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_dead_letters_block_until_some_are_gone() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    rig.settings.max_dead_letters = 2;
    for ts in 0..3 {
        rig.write(256, "d", ts, Some(ts), &["refuse"]).await;
    }
    let running = rig.start();
    let status = running.until(|status| status.dead_letters == 2 && status.pending == 1).await;
    let status = if status.state == UpstreamState::Blocked {
        status
    } else {
        running.until(|status| status.state == UpstreamState::Blocked).await
    };
    assert!(status.reason.unwrap().contains("2 dead letters"));
    running.stop().await;
    assert_eq!(rig.letters().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_table_does_not_hold_up_the_others() {
    for kill in [false, true] {
        let mut rig = Rig::new(&["fleet"]).await;
        rig.settings.limits.changes = 20;
        let mut running = rig.start();
        let mut expected = BTreeMap::new();
        for round in 0..3 {
            for ts in 0..30 {
                rig.write(257, "d", ts, Some(round), &[]).await;
                rig.write(256, "d", ts + 100 * round, Some(ts), &[]).await;
            }
            running.until(|status| status.pending == 30 * (round as u64 + 1)).await;
            assert_eq!(rig.rows("fleet").len(), 30 * (round as usize + 1));
            if kill {
                running.task.abort();
                running = rig.start();
            }
        }
        let status = running.until(|status| status.state == UpstreamState::Blocked).await;
        assert!(status.oldest_pending_age_seconds < 60);
        expected.append(&mut rig.rows("fleet"));
        let sent = rig.fake.lock().applied.len();
        rig.fake.lock().tables.insert("happenings".to_owned(), BTreeMap::new());
        running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
        assert!(rig.rows("fleet") == expected, "both ends differ");
        assert_eq!(rig.rows("happenings").len(), 30);
        assert!(rig.rows("happenings").values().all(|item| item["v"]["N"] == "2"));
        let again = rig.fake.lock().applied[sent..].iter().filter(|(table, ..)| table == "fleet").count();
        assert!(kill || again == 0, "{again} changes were sent twice");
        let status = running.stop().await;
        assert_eq!((status.pending, status.dropped_unsent), (0, 0));
        let running = rig.start();
        assert_eq!(running.source.status().pending, 0);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_without_a_link_is_offline_and_pending_counts() {
    let rig = Rig::new(&["fleet", "happenings"]).await;
    rig.fake.lock().always = Some(Act::Cut);
    let running = rig.start();
    for ts in 0..40 {
        rig.write(256, "d", ts, Some(ts), &[]).await;
    }
    let status = running.until(|status| status.pending == 40).await;
    assert_eq!(status.acknowledged, 0);
    running.until(|status| status.state == UpstreamState::Offline && status.reason.is_some()).await;
    rig.fake.lock().always = None;
    running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
    assert_eq!(rig.rows("fleet").len(), 40);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_anywhere_loses_nothing() {
    for pause in [1, 3, 9, 27] {
        let rig = Rig::new(&["fleet", "happenings"]).await;
        let running = rig.start();
        let loading = rig.load(200, pause);
        let killing = async {
            rig.fake.until(|state| state.applied.len() as u64 > pause).await;
            running.task.abort();
        };
        let (expected, ()) = tokio::join!(loading, killing);
        let running = rig.start();
        running.until(|status| status.pending == 0).await;
        assert!(rig.rows("fleet") == expected, "both ends differ");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_item_passes_through_an_earlier_state_after_a_restart() {
    for kill in [false, true] {
        let mut rig = Rig::new(&["fleet", "happenings"]).await;
        // One request at a time, and the upstream takes one change of each.
        rig.settings.max_in_flight = 1;
        rig.fake.lock().always = Some(Act::Partial(1));
        // The last change supersedes the first: it goes in its place, before all others.
        rig.write_all("d", (0..3_000).chain([0])).await;
        let running = rig.start();
        rig.fake.until(|state| !state.applied.is_empty()).await;
        if kill {
            running.task.abort();
        } else {
            running.stop().await;
        }
        let first = rig.fake.lock().applied[0].clone();
        assert_eq!(first.2, Some(json!({"N": "3000"})), "the last state goes first");
        rig.fake.lock().always = None;
        let running = rig.start();
        running.until(|status| status.pending == 0).await;
        rig.assert_order();
        assert_eq!(rig.rows("fleet").len(), 3_000);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_is_damaged_or_gone_only_costs_requests() {
    let rig = Rig::new(&["fleet", "happenings"]).await;
    let expected = rig.load(30, 3).await;
    let running = rig.start();
    running.until(|status| status.pending == 0).await;
    running.stop().await;
    for value in [Some(vec![1, 2, 3]), None] {
        let stamp = rig.clock.stamp();
        let spoil = move |_: &dyn Read, batch: &mut Batch| {
            batch.set_system(Space::Cursor, b"central", value, stamp);
        };
        rig.store.submit(Urgency::Now, 0, spoil).await.unwrap();
        let running = rig.start();
        running.until(|status| status.pending == 0).await;
        assert!(rig.rows("fleet") == expected, "both ends differ");
        running.stop().await;
    }
    let row = rig.store.view().unwrap().get(&system_key(Space::Cursor, b"central")).unwrap();
    assert!(row.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_is_new_gets_what_the_journal_no_longer_has() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    let expected = rig.load(300, 5).await;
    // Without an upstream the journal is kept for two folds only.
    for _ in 0..4 {
        rig.write(258, "x", 1, Some(1), &[]).await;
        let Rig { directory, clock, store, fake, settings } = rig;
        store.close().await;
        drop(store);
        rig = Rig { store: open(&directory, &clock), directory, clock, fake, settings };
    }
    let running = rig.start();
    rig.write(257, "d", 1, Some(1), &[]).await;
    let status = running.until(|status| status.pending == 0).await;
    assert!(rig.rows("fleet") == expected, "both ends differ");
    assert_eq!((status.dropped_unsent, rig.rows("happenings").len()), (0, 1));
    running.stop().await;
    let running = rig.start();
    assert_eq!(running.source.status().pending, 0);
    running.stop().await;
}
