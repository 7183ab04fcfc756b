//! What the owner allows to be spent.

use super::*;
use crate::operations::upstreams::Order;
use crate::sync::allowance::Allowances;

/// Noon of a day in November 2026, in microseconds since 1970.
const NOON_US: u64 = 1_795_608_000_000_000;
const DAY_US: u64 = 86_400_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_that_is_used_up_holds_across_a_restart_and_ends_with_the_next() {
    let clock = Clock::manual(NOON_US);
    let mut rig = Rig::with_clock(&["fleet", "happenings"], clock.clone()).await;
    rig.settings.allowances = Allowances { bytes_per_day: Some(8_000), ..Allowances::default() };
    let expected = rig.load(300, 1).await;
    let used_up = |status: &UpstreamStatus| {
        status.state == UpstreamState::Throttled
            && status.reason.as_ref().is_some_and(|why| why.contains("bytes_per_day"))
    };
    let running = rig.start();
    running.until(used_up).await;
    running.stop().await;
    let applied = rig.fake.lock().applied.len();
    assert!(rig.rows("fleet") != expected, "all of it was sent for 8 kB");

    let running = rig.start();
    let status = running.until(used_up).await;
    assert!(status.pending > 0);
    assert_eq!(rig.fake.lock().applied.len(), applied, "something went although the day is used up");
    // Another day each time. Whatever wakes the worker makes it look.
    let (mut pending, mut day) = (status.pending, 0);
    while pending > 0 {
        day += 1;
        clock.set(NOON_US + day * DAY_US, true);
        running.source.order(Order::Retry).await.unwrap();
        pending = running.until(|status| status.pending < pending).await.pending;
    }
    assert!(rig.rows("fleet") == expected, "both ends differ");
    rig.assert_order();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_backlog_takes_is_foretold_while_it_drains() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    rig.settings.allowances = Allowances { write_units_per_second: Some(20), ..Allowances::default() };
    rig.load(250, 3).await;
    let running = rig.start();
    let status = running.until(|status| status.drained_in_seconds.is_some()).await;
    // Small items and deletes cost a unit each; twenty go in a second.
    assert!(status.pending > 0 && status.pending_write_units == Some(status.pending), "{status:?}");
    assert!(status.drained_in_seconds.is_some_and(|seconds| (1..=60).contains(&seconds)), "{status:?}");
    running.source.order(Order::Pause).await.unwrap();
    let status = running.source.status();
    assert!(status.pending > 0 && status.drained_in_seconds.is_none(), "{status:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_a_second_makes_the_batches_small_and_loses_nothing() {
    let mut rig = Rig::new(&["fleet", "happenings"]).await;
    rig.settings.allowances = Allowances {
        write_units_per_second: Some(20),
        bytes_per_second: Some(50_000),
        ..Allowances::default()
    };
    let expected = rig.load(60, 2).await;
    let running = rig.start();
    running.until(|status| status.state == UpstreamState::Throttled).await;
    running.until(|status| status.pending == 0).await;
    assert!(rig.rows("fleet") == expected, "both ends differ");
    let batches = rig.fake.lock().seen.iter().filter(|seen| seen.operation == "BatchWriteItem").count();
    assert!(batches > 1, "all went at once");
    rig.assert_order();
    running.stop().await;
}
