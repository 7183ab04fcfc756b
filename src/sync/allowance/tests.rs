use proptest::prelude::*;

use super::*;

/// The 25th of November 2026.
const TODAY: Option<u64> = Some(20_782);

#[test]
fn without_limits_everything_goes() {
    let mut allowance = Allowance::new(Allowances::default(), Spent::default());
    allowance.pay(u64::MAX, u64::MAX);
    assert_eq!(allowance.allow(25, 0, None), Ok(25));
    assert_eq!(allowance.allow(25, 0, TODAY), Ok(25));
}

#[test]
fn a_small_allowance_is_not_spent_on_a_large_batch() {
    let limits = Allowances { write_units_per_second: Some(5), ..Allowances::default() };
    let mut allowance = Allowance::new(limits, Spent::default());
    assert_eq!(allowance.allow(25, 0, TODAY), Ok(5));
    // They were larger than they had to be: 15 units, 10 of them owed.
    allowance.pay(15, 0);
    let held = allowance.allow(25, 0, TODAY).unwrap_err();
    assert_eq!((held.wait_ms, held.why.contains("write_units_per_second")), (2_200, true));
    assert!(allowance.clone().allow(25, 2_199, TODAY).is_err());
    assert_eq!(allowance.allow(25, 2_200, TODAY), Ok(1));
    assert_eq!(allowance.allow(25, 60_000, TODAY), Ok(5), "what was not used is saved up for a second");
}

#[test]
fn a_day_and_a_month_end_by_the_calendar_and_outlive_a_restart() {
    let limits =
        Allowances { bytes_per_day: Some(1_000), bytes_per_month: Some(2_500), ..Allowances::default() };
    let mut allowance = Allowance::new(limits.clone(), Spent::default());
    allowance.pay(0, 999);
    // The day becomes known only now.
    assert_eq!(allowance.allow(25, 0, TODAY), Ok(25));
    allowance.pay(0, 1);
    let held = allowance.allow(25, 0, TODAY).unwrap_err();
    assert!(held.why.contains("1000 B of bytes_per_day"), "{}", held.why);
    assert!(allowance.allow(25, 0, None).is_err(), "a clock that is not trusted ends no day");
    let mut allowance = Allowance::new(limits.clone(), allowance.spent().clone());
    assert!(allowance.allow(25, 0, TODAY).is_err());
    assert_eq!(allowance.allow(25, 0, Some(20_783)), Ok(25));
    allowance.pay(0, 1_500);
    let held = allowance.allow(25, 0, Some(20_784)).unwrap_err();
    assert!(held.why.contains("2500 B of bytes_per_month"), "{}", held.why);
    assert_eq!(allowance.allow(25, 0, Some(20_788)), Ok(25));
    assert_eq!(allowance.spent().since(&Spent::default()), 0);
}

#[test]
fn units_are_of_begun_kilobytes() {
    assert_eq!([0, 1, 1024, 1025, 400 << 10].map(write_units), [1, 1, 1, 2, 400]);
}

proptest! {
    /// Whatever the batches cost, over time no more goes than is allowed, but for a second's worth and one request; and all
    /// of it can be had.
    #[test]
    fn the_average_holds(rate in 1u64..200, costs in prop::collection::vec(1u64..60, 20..200)) {
        let limits = Allowances { write_units_per_second: Some(rate), ..Allowances::default() };
        let mut allowance = Allowance::new(limits, Spent::default());
        let (mut now, mut paid, mut waits) = (0, 0, 0);
        for cost in costs {
            while let Err(held) = allowance.allow(25, now, None) {
                now += held.wait_ms;
                waits += 1;
            }
            prop_assert!(paid as f64 <= (now as f64 / 1000.0 + 1.0) * rate as f64);
            allowance.pay(cost, 0);
            paid += cost;
        }
        // Waiting was no longer than it had to be.
        prop_assert!(now as f64 / 1000.0 * rate as f64 <= (paid + 1) as f64 + rate as f64 * 0.001 * waits as f64);
    }
}
