//! A store that is full because the upstream is away: what is dropped is counted, what refuses is kept.

use super::*;
use crate::sync::cursor::Cursor;

const FILL: usize = 25_000;

impl Rig {
    /// A small store in which `readings` loses its oldest and `events` refuses; the upstream is away.
    async fn small() -> Rig {
        let mut rig = Rig::new(&["fleet", "happenings"]).await;
        rig.define(WhenFull::DropOldest).await;
        rig.store.close().await;
        rig = rig.reopen();
        rig.fake.lock().always = Some(Act::Cut);
        rig
    }

    async fn define(&self, when_full: WhenFull) {
        let (table, stamp) = (TableDef { when_full, ..table(256, "readings") }, self.clock.stamp());
        let define = move |_: &dyn Read, batch: &mut Batch| {
            batch.define_table(&table, stamp).unwrap();
        };
        self.store.submit(Urgency::Now, 0, define).await.unwrap();
    }

    /// The store again, smaller.
    fn reopen(self) -> Rig {
        let Rig { directory, clock, store, fake, settings } = self;
        drop(store);
        let mut small = StoreSettings::new(directory.path().join("store"));
        small.max_size = 16 << 20;
        small.commit_wait = Duration::ZERO;
        Rig { store: Store::open(&small, &clock).unwrap(), directory, clock, fake, settings }
    }

    /// Writes until it is taken.
    async fn insist(&self, table: u32, ts: i64, fill: usize) {
        self.insist_on(fill, self.reading(table, ts, fill)).await;
    }

    /// Writes once; whether there was room.
    async fn offer(&self, table: u32, ts: i64, fill: usize) -> bool {
        let stage = self.reading(table, ts, fill);
        match self.store.submit(Urgency::Now, fill, move |_, batch| stage(batch)).await {
            Ok(()) => true,
            Err(CommitError::Full(_) | CommitError::Busy) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn reading(&self, table: u32, ts: i64, fill: usize) -> impl FnOnce(&mut Batch) + Clone + Send + use<> {
        let mut item = Map::new();
        item.insert("device", AttributeValue::S("d".into()));
        item.insert("ts", AttributeValue::N(Number::from(ts)));
        item.insert("v", AttributeValue::N(Number::from(ts)));
        item.insert("fill", AttributeValue::S("x".repeat(fill).into()));
        let (table, image) = (TableId(table), Image::encode(&item));
        let key = self.store.keys().row_key(table, KeyValue::S("d"), Some(KeyValue::N(Number::from(ts))));
        let about = self.about();
        move |batch| batch.put(table, key, image, about)
    }
}

/// Writes readings, and an event with every tenth, while the upstream is away and the worker dies now and then; then lets the
/// upstream come back, and looks that everything is there or counted.
async fn everything_is_accounted_for(supersede: bool, deaths: usize) {
    const READINGS: i64 = 1_200;
    let mut rig = Rig::small().await;
    rig.settings.supersede = supersede;
    let mut running = rig.start();
    let mut events = 0;
    let mut dropped = 0;
    for ts in 0..READINGS {
        rig.insist(256, ts, FILL).await;
        if ts % 10 == 0 {
            rig.insist(257, events, 100).await;
            events += 1;
        }
        let status = running.source.status();
        assert!(status.dropped_unsent >= dropped, "the count went back: {status:?}");
        dropped = status.dropped_unsent;
        if deaths > 0 && ts % (READINGS / deaths as i64) == 7 {
            running.task.abort();
            running = rig.start();
            // What was under way is durable, or never was.
            dropped = running.source.status().dropped_unsent.min(dropped);
        }
    }
    // An event of long ago is written again, one is deleted: later changes of what was set aside.
    rig.write(257, "d", 0, Some(77), &[]).await;
    rig.write(257, "d", 1, None, &[]).await;
    assert!(dropped > 400, "{dropped}");
    assert_eq!(rig.fake.lock().applied.len(), 0);

    rig.fake.lock().always = None;
    let status = running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
    let arrived = rig.rows("fleet").len() as u64;
    assert_eq!(arrived + status.dropped_unsent, READINGS as u64, "{status:?}");
    assert_eq!(status.dead_letters, 0);
    let happened = rig.rows("happenings");
    assert_eq!(happened.len() as i64, events - 1, "nothing of a table that refuses is lost");
    let first = format!("{}|{}", json!({"S": "d"}), json!({"N": "0"}));
    assert_eq!(happened[&first]["v"]["N"], "77");
    rig.assert_order();
    running.stop().await;
    let running = rig.start();
    let again = running.source.status();
    assert_eq!((again.pending, again.dropped_unsent), (0, status.dropped_unsent), "it is durable");
    rig.write(257, "d", 5_000, Some(1), &[]).await;
    running.until(|status| status.pending == 0 && status.acknowledged == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_is_counted_and_what_refuses_is_kept() {
    everything_is_accounted_for(true, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_so_it_is_without_superseding_and_when_the_worker_dies() {
    everything_is_accounted_for(false, 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_which_all_tables_refuse_gives_nothing_up() {
    let mut rig = Rig::small().await;
    rig.define(WhenFull::Reject).await;
    // Else what later changes have overtaken would make room.
    rig.settings.supersede = false;
    let running = rig.start();
    let mut written = 0;
    while rig.store.status().full.is_none() {
        // It may have become full since that was asked, and then it stays so.
        if rig.offer(256, written % 10, FILL).await {
            written += 1;
        } else {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(written < 5_000);
    }
    assert_eq!(running.source.status().dropped_unsent, 0);
    rig.fake.lock().always = None;
    let status = running.until(|status| status.pending == 0).await;
    assert_eq!((status.dropped_unsent, rig.rows("fleet").len()), (0, 10));
    assert_eq!(rig.fake.lock().applied.len() as i64, written);
    // The cursor is written at once, since the store asks for it: there is room again.
    rig.insist(256, 99, FILL).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_of_its_own_is_kept_to() {
    let mut rig = Rig::small().await;
    rig.settings.max_backlog = Some(4 << 20);
    let running = rig.start();
    for ts in 0..600 {
        rig.insist(256, ts, FILL).await;
        if ts % 10 == 0 {
            rig.insist(257, ts, 100).await;
        }
    }
    running.until(|status| status.dropped_unsent > 400).await;
    let status = rig.store.status();
    assert!(status.segments < 24, "of 256 KiB each: {status:?}");
    rig.fake.lock().always = None;
    let dropped = running.until(|status| status.pending == 0).await.dropped_unsent;
    assert_eq!((rig.rows("fleet").len() as u64 + dropped, rig.rows("happenings").len()), (600, 60));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_journal_has_lost_does_not_keep_a_store_full() {
    let mut rig = Rig::small().await;
    rig.settings.supersede = false;
    let running = rig.start();
    let mut early = None;
    for ts in 0..600 {
        rig.insist(256, ts, FILL).await;
        let cursor = Cursor::load(&rig.store.view().unwrap(), "central").unwrap();
        // The first that is not at the very beginning, where the rows stand for what the journal no longer has.
        early = early.or(cursor.filter(|cursor| cursor.prefix.seq > Seq(0)));
    }
    running.stop().await;
    let early = early.unwrap();
    // As if the segments since then had been damaged: the journal has let go of them.
    assert!(rig.store.journal_begins_after() > early.prefix.seq);
    let (value, stamp) = (early.encode(), rig.clock.stamp());
    let back = move |_: &dyn Read, batch: &mut Batch| {
        batch.set_system(Space::Cursor, b"central", Some(value), stamp);
    };
    rig.store.submit(Urgency::Now, 100, back).await.unwrap();
    let running = rig.start();
    for ts in 600..1_200 {
        rig.insist(256, ts, FILL).await;
    }
    rig.fake.lock().always = None;
    let status = running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
    assert_eq!(rig.rows("fleet").len() as u64 + status.dropped_unsent, 1_200, "{status:?}");
    running.stop().await;
}
