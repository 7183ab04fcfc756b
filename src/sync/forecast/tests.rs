use proptest::prelude::*;

use super::*;

/// Looks every second from `from` (inclusive) to `to`, with what is pending by the second.
fn run(forecast: &mut Forecast, from: u64, to: u64, pending: impl Fn(u64) -> u64) {
    for second in from..=to {
        forecast.look(pending(second), 0, true, second * 1000);
    }
}

#[test]
fn nothing_is_known_at_first_and_nothing_pending_is_drained() {
    let mut forecast = Forecast::default();
    assert_eq!((forecast.drained_in(5), forecast.cost(5)), (None, None));
    assert_eq!((forecast.drained_in(0), forecast.cost(0)), (Some(0), Some(0)));
    run(&mut forecast, 0, 1, |second| 1000 - 100 * second);
    assert_eq!(forecast.drained_in(900), None, "one second says little");
    run(&mut forecast, 2, 3, |second| 1000 - 100 * second);
    assert_eq!(forecast.drained_in(700), Some(7));
}

#[test]
fn a_backlog_that_does_not_become_smaller_is_not_drained() {
    for growth in [0, 3] {
        let mut forecast = Forecast::default();
        run(&mut forecast, 0, 100, |second| 500 + growth * second);
        assert_eq!(forecast.drained_in(500 + growth * 100), None);
    }
}

#[test]
fn a_time_without_sending_is_forgotten() {
    let mut forecast = Forecast::default();
    run(&mut forecast, 0, 100, |second| 10_000 - 10 * second);
    assert!(forecast.drained_in(9_000).is_some());
    // A night in which the backlog grew.
    forecast.look(9_000, 0, false, 101_000);
    assert_eq!(forecast.drained_in(9_000), None);
    forecast.look(80_000, 0, false, 40_000_000);
    run(&mut forecast, 40_001, 40_004, |second| 80_000 - 500 * (second - 40_001));
    assert_eq!(forecast.drained_in(78_500), Some(157));
}

#[test]
fn another_pace_is_noticed_within_minutes() {
    let mut forecast = Forecast::default();
    run(&mut forecast, 0, 1000, |second| 1_000_000 - 100 * second);
    assert_eq!(forecast.drained_in(900_000), Some(9000));
    run(&mut forecast, 1001, 1240, |second| 900_000 - 10 * (second - 1000));
    let seconds = forecast.drained_in(897_600).unwrap();
    assert!((75_000..89_761).contains(&seconds), "{seconds}");
}

#[test]
fn it_stands_still() {
    let mut forecast = Forecast::default();
    run(&mut forecast, 0, 60, |second| 100_000 - 100 * second);
    // The upstream hangs, and nobody has noticed so far; the look is that of whoever asks.
    forecast.look(94_000, 0, true, 60_000 + 3_600_000);
    assert_eq!(forecast.drained_in(94_000), None);
}

#[test]
fn what_is_on_its_way_is_no_backlog() {
    let mut forecast = Forecast::default();
    // Live readings, a hundred a second: some of them are always pending.
    for second in 0..60 {
        forecast.look(180 + second % 2 * 40, 100 * second, true, second * 1000);
    }
    assert_eq!(forecast.drained_in(200), Some(2));
    assert_eq!(forecast.drained_in(20), Some(1));
    // So many take longer than a moment, and they have not become fewer.
    assert_eq!(forecast.drained_in(600), None);
}

#[test]
fn the_cost_is_the_mean_and_follows() {
    let mut forecast = Forecast::default();
    [1, 2, 3].into_iter().for_each(|units| forecast.weigh(units));
    assert_eq!(forecast.cost(1_000), Some(2_000));
    (0..100_000).for_each(|_| forecast.weigh(5));
    assert_eq!(forecast.cost(1_000), Some(5_000));
}

proptest! {
    /// However often it is looked at.
    #[test]
    fn a_steady_pace_is_foretold(
        pace in 50..5_000u64,
        steps in prop::collection::vec(1..20_000u64, 10..60),
    ) {
        let mut forecast = Forecast::default();
        let whole = 5_000 * 20_000 * 60;
        let pending = |now: u64| whole - pace * now / 1000;
        let mut now = 0;
        forecast.look(pending(0), 0, true, 0);
        for step in steps {
            now += step;
            forecast.look(pending(now), 0, true, now);
        }
        let truth = pending(now) as f64 / pace as f64;
        if let Some(seconds) = forecast.drained_in(pending(now)) {
            // Changes are whole, and so are seconds.
            prop_assert!((seconds as f64 - truth).abs() <= truth * 0.05 + 1.0, "{seconds} for {truth}");
        } else {
            prop_assert!(now < 3_000);
        }
    }
}
