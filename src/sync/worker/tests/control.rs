//! Pause, resume, retry; dead letters that go again or not at all.

use super::*;
use crate::operations::upstreams::{LetterId, Order, OrderError, Which};

impl Running {
    async fn order(&self, order: Order) {
        self.source.order(order).await.unwrap();
    }

    /// The letters' numbers.
    fn ids(&self) -> Vec<LetterId> {
        self.source.letters(None, 1000).unwrap().into_iter().map(|letter| letter.id).collect()
    }
}

impl Rig {
    /// Some readings of which `refused` are refused, all of them settled.
    async fn with_letters(refused: i64) -> (Rig, Running) {
        let rig = Rig::new(&["fleet", "happenings"]).await;
        for ts in 0..refused {
            rig.write(256, "d", ts, Some(ts), &["refuse"]).await;
            rig.write(256, "ok", ts, Some(ts), &[]).await;
        }
        let running = rig.start();
        let status = running.until(|status| status.pending == 0).await;
        assert_eq!(status.dead_letters, refused as u64);
        (rig, running)
    }

    /// What `v` the upstream has of the device `d`.
    fn v(&self, ts: i64) -> Option<Value> {
        let key = format!("{}|{}", json!({"S": "d"}), json!({"N": ts.to_string()}));
        self.rows("fleet").get(&key).map(|item| item["v"]["N"].clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_outlives_a_restart_and_nothing_is_sent_until_it_ends() {
    let rig = Rig::new(&["fleet", "happenings"]).await;
    let running = rig.start();
    rig.write(256, "d", 0, Some(0), &[]).await;
    running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
    running.order(Order::Pause).await;
    running.order(Order::Pause).await;
    let paused = running.until(|status| status.state == UpstreamState::Paused).await;
    assert!(paused.reason.unwrap().contains("forebay upstream resume central"));
    let sent = rig.fake.lock().seen.len();
    for ts in 1..30 {
        rig.write(256, "d", ts, Some(ts), &[]).await;
    }
    running.until(|status| status.pending == 29).await;
    let refused = running.source.order(Order::Retry).await;
    assert!(matches!(refused, Err(OrderError::Conflict(text)) if text.contains("resume")));
    running.stop().await;

    let running = rig.start();
    let again = running.until(|status| status.state == UpstreamState::Paused).await;
    assert_eq!((again.pending, again.since), (29, paused.since), "the same pause");
    assert_eq!(rig.fake.lock().seen.len(), sent, "not even a question was sent");
    running.order(Order::Resume).await;
    running.order(Order::Resume).await;
    running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
    assert_eq!(rig.rows("fleet").len(), 30);
    running.stop().await;
    let running = rig.start();
    running.until(|status| status.state == UpstreamState::Online).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_shown_with_everything_known_of_them() {
    let (rig, running) = Rig::with_letters(3).await;
    rig.fake.lock().always = Some(Act::Cut);
    let first = running.source.letters(None, 2).unwrap();
    assert_eq!(first.len(), 2);
    let rest = running.source.letters(Some(first[1].id), 2).unwrap();
    assert_eq!(rest.len(), 1);
    let letter = running.source.letter(rest[0].id).unwrap();
    assert_eq!(letter.key.get(), r#"{"device":"d","ts":2}"#);
    assert_eq!(letter.item.unwrap().get(), r#"{"device":"d","refuse":true,"ts":2,"v":2}"#);
    assert_eq!((letter.table.as_deref(), letter.upstream_table.as_str()), (Some("readings"), "fleet"));
    assert_eq!((letter.operation.as_str(), letter.code.as_deref()), ("put", Some("ValidationException")));
    assert!(letter.attempts > 0 && !letter.replaying && letter.refused.ends_with('Z'));
    let unknown = running.source.letter(LetterId(Seq(1)));
    assert!(matches!(unknown, Err(OrderError::NotFound(_))));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_goes_again_and_is_gone_once_it_is_taken() {
    let (rig, running) = Rig::with_letters(40).await;
    let ids = running.ids();
    assert_eq!(running.source.replay(Which::One(ids[0])).await.unwrap(), 1);
    let mut letter = running.source.letter(ids[0]).unwrap();
    for _ in 0..3000 {
        letter = running.source.letter(ids[0]).unwrap();
        if !letter.replaying {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!letter.replaying && letter.attempts >= 2, "refused again: {letter:?}");
    rig.fake.lock().lenient = true;
    running.source.replay(Which::One(ids[1])).await.unwrap();
    running.until(|status| status.dead_letters == 39).await;
    assert_eq!(rig.v(1), Some(json!("1")));
    assert!(matches!(running.source.replay(Which::One(ids[1])).await, Err(OrderError::NotFound(_))));
    assert_eq!(running.source.replay(Which::All).await.unwrap(), 39);
    let status = running.until(|status| status.dead_letters == 0).await;
    assert_eq!((status.pending, rig.rows("fleet").len()), (0, 80));
    running.stop().await;
    assert!(rig.letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_is_to_go_again_outlives_a_restart() {
    for kill in [false, true] {
        let (rig, running) = Rig::with_letters(3).await;
        rig.fake.lock().lenient = true;
        rig.fake.lock().always = Some(Act::Cut);
        assert_eq!(running.source.replay(Which::All).await.unwrap(), 3);
        if kill {
            running.task.abort();
        } else {
            running.stop().await;
        }
        let running = rig.start();
        assert_eq!(running.source.status().dead_letters, 3);
        rig.fake.lock().always = None;
        running.until(|status| status.dead_letters == 0).await;
        assert_eq!((0..3).map(|ts| rig.v(ts)).collect::<Vec<_>>(), ["0", "1", "2"].map(|v| Some(json!(v))));
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_never_overwrites_what_came_later() {
    for supersede in [true, false] {
        let mut rig = Rig::new(&["fleet", "happenings"]).await;
        rig.settings.supersede = supersede;
        rig.write(256, "d", 0, Some(1), &["refuse"]).await;
        let running = rig.start();
        running.until(|status| status.dead_letters == 1 && status.pending == 0).await;
        let id = running.ids()[0];
        rig.fake.lock().lenient = true;
        // Both wait for the same upstream.
        running.order(Order::Pause).await;
        running.until(|status| status.state == UpstreamState::Paused).await;
        assert_eq!(running.source.replay(Which::One(id)).await.unwrap(), 1);
        rig.write(256, "d", 0, Some(2), &[]).await;
        running.order(Order::Resume).await;
        running.until(|status| status.dead_letters == 0 && status.pending == 0).await;
        assert_eq!(rig.v(0), Some(json!("2")));
        rig.assert_order();
        // The later one has arrived: there is nothing to go again.
        assert!(matches!(running.source.replay(Which::One(id)).await, Err(OrderError::NotFound(_))));
        assert_eq!(running.source.replay(Which::All).await.unwrap(), 0);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_thrown_away_does_not_go_even_if_it_was_to_go_again() {
    let (rig, running) = Rig::with_letters(5).await;
    rig.fake.lock().lenient = true;
    rig.fake.lock().always = Some(Act::Cut);
    let ids = running.ids();
    running.order(Order::Pause).await;
    running.source.replay(Which::All).await.unwrap();
    assert_eq!(running.source.discard(Which::One(ids[0])).await.unwrap(), 1);
    assert_eq!(running.source.discard(Which::All).await.unwrap(), 4);
    assert_eq!((running.source.status().dead_letters, running.ids()), (0, Vec::new()));
    rig.fake.lock().always = None;
    running.order(Order::Resume).await;
    rig.write(256, "ok", 99, Some(1), &[]).await;
    running.until(|status| status.pending == 0 && status.state == UpstreamState::Online).await;
    assert_eq!((rig.v(0), rig.rows("fleet").len()), (None, 6));
    running.stop().await;
    assert!(rig.letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_letters_frees_an_upstream_that_had_too_many() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    rig.settings.max_dead_letters = 2;
    for ts in 0..3 {
        rig.write(256, "d", ts, Some(ts), &["refuse"]).await;
    }
    let running = rig.start();
    let blocked = running.until(|status| status.state == UpstreamState::Blocked && status.pending == 1).await;
    assert!(blocked.reason.unwrap().contains("forebay dead-letter list central"));
    running.source.discard(Which::All).await.unwrap();
    let status = running.until(|status| status.pending == 0).await;
    assert_eq!(status.dead_letters, 1);
    running.until(|status| status.state == UpstreamState::Online).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_of_a_table_that_is_not_sent_any_more_can_only_be_dropped() {
    let (mut rig, running) = Rig::with_letters(1).await;
    running.stop().await;
    rig.settings.tables = Some([("events".to_owned(), "happenings".to_owned())].into());
    let running = rig.start();
    let id = running.ids()[0];
    let refused = running.source.replay(Which::One(id)).await;
    assert!(matches!(refused, Err(OrderError::Conflict(text)) if text.contains("tables")));
    assert_eq!(running.source.replay(Which::All).await.unwrap(), 0);
    assert_eq!(running.source.discard(Which::One(id)).await.unwrap(), 1);
    running.stop().await;
}
