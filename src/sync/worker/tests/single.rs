//! What is said of single tables: priorities, and attributes that stay.

use super::*;
use crate::operations::upstreams::Which;
use crate::sync::route::{Attributes, Handling};

/// All attributes but this.
fn without(attribute: &str) -> Handling {
    Handling { attributes: Attributes::Without([attribute.to_owned()].into()), ..Handling::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_alarm_overtakes_readings_and_these_keep_their_share() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    rig.settings.handling.insert("events".to_owned(), Handling { priority: 1, ..Handling::default() });
    // One request at a time: both tables are looked at before anything goes.
    rig.settings.max_in_flight = 1;
    rig.write_all("d", 0..400).await;
    for ts in 0..60 {
        rig.write(257, "d", ts, Some(ts), &[]).await;
    }
    let running = rig.start();
    running.until(|status| status.pending == 0).await;
    let applied = rig.fake.lock().applied.clone();
    let last = applied.iter().rposition(|(table, ..)| table == "happenings").unwrap();
    let readings = applied[..last].iter().filter(|(table, ..)| table == "fleet").count();
    // Six for their share, and the rest of the batch that had the last alarms.
    assert!((6..=31).contains(&readings), "{readings} before the last alarm");
    assert_eq!((rig.rows("fleet").len(), rig.rows("happenings").len()), (400, 60));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_is_never_sent_and_what_comes_back_goes_again() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    rig.settings.handling.insert("readings".to_owned(), without("raw"));
    for ts in 0..50 {
        rig.write(256, "d", ts, Some(ts), &["raw", "more"]).await;
        rig.write(257, "d", ts, Some(ts), &["raw"]).await;
    }
    rig.write(256, "d", 0, None, &[]).await;
    rig.fake.lock().always = Some(Act::Partial(7));
    let running = rig.start();
    running.until(|status| status.pending == 0).await;
    let rows = rig.rows("fleet");
    assert_eq!(rows.len(), 49);
    for item in rows.values() {
        assert_eq!((item.get("raw"), &item["more"]), (None, &json!({"BOOL": true})), "{item}");
    }
    assert!(rig.rows("happenings").values().all(|item| item.get("raw").is_some()));
    // What came back was known again: nothing went twice.
    assert_eq!(rig.fake.lock().applied.len(), 100);
    rig.assert_order();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_goes_through_once_what_is_refused_of_it_stays() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    rig.write(256, "d", 1, Some(1), &["refuse", "more"]).await;
    let running = rig.start();
    running.until(|status| status.dead_letters == 1 && status.pending == 0).await;
    running.stop().await;
    rig.settings.handling.insert("readings".to_owned(), without("refuse"));
    let running = rig.start();
    running.source.replay(Which::All).await.unwrap();
    running.until(|status| status.dead_letters == 0).await;
    let rows = rig.rows("fleet");
    assert_eq!(rows.len(), 1);
    assert!(rows.values().all(|item| item.get("refuse").is_none() && item.get("more").is_some()));
    running.stop().await;
}
