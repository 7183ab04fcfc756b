use super::*;

#[test]
fn the_system_clock_never_gives_a_stamp_twice() {
    let clock = Clock::system(Trust::Always, 0);
    let mut all: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..5000).map(|_| clock.stamp().us).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 20_000);
}

#[test]
fn always_trusts_and_follows_the_system() {
    let clock = Clock::system(Trust::Always, 0);
    assert!(clock.trusted());
    assert!(!clock.stamp().estimated);
    let system_us = system::evidence().system_us;
    assert!(clock.now_us().abs_diff(system_us) < 60_000_000);
    assert!(clock.expiry_now().is_some());
    assert!(clock.floor_us() > 0);
    assert_eq!(clock.status(), ClockStatus { trusted: true, ..ClockStatus::default() });
}

#[test]
fn records_from_the_future_are_a_correction() {
    let clock = Clock::system(Trust::Always, 0);
    let now = clock.now_us();
    clock.at_least(now + 86_400_000_000);
    assert_eq!(clock.status().corrections, 1);
    assert!(clock.now_us() < now + 60_000_000);
}

#[test]
fn a_checkpoint_resumes() {
    let clock = Clock::system(Trust::Always, 0);
    let kept = clock.checkpoint();
    let next = Clock::system(Trust::Always, 0);
    next.resume(&kept);
    assert_eq!(next.boot(), clock.boot());
    assert_eq!(next.offset_of_this_boot(), clock.offset_of_this_boot());
    assert!(next.expiry_now().is_some());
}

#[test]
fn a_manual_clock_stands_still() {
    let clock = Clock::manual(1_000_000);
    assert_eq!(clock.stamp(), Stamp { us: 1_000_000, estimated: false });
    assert_eq!(clock.stamp(), Stamp { us: 1_000_001, estimated: false });
    assert_eq!(clock.expiry_now(), Some(1));
    clock.set(5_000_000, false);
    assert_eq!(clock.stamp(), Stamp { us: 5_000_000, estimated: true });
    assert_eq!((clock.expiry_now(), clock.offset_of_this_boot()), (None, None));
    clock.set(9_000_000, true);
    assert_eq!(clock.offset_of_this_boot(), Some(4_000_000));
    assert_eq!(clock.since_boot_us(), 8_000_000);
    clock.at_least(9_500_000);
    assert_eq!(clock.stamp().us, 9_500_001);
    clock.set(2_000_000, true);
    assert_eq!(clock.stamp().us, 2_000_000);
}
