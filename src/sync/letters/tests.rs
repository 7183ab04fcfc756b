use super::*;

/// A key of this lane.
fn key(lane: u32, n: u8) -> RowKey {
    RowKey([&lane.to_be_bytes()[..], &[n]].concat().into())
}

fn letters(some: &[(u32, u8, u64)]) -> Letters {
    let mut letters = Letters::default();
    for (lane, n, seq) in some {
        letters.add(Some(key(*lane, *n)), Seq(*seq));
    }
    letters
}

#[test]
fn a_later_change_withdraws_earlier_letters_only() {
    let mut letters = letters(&[(0, 1, 10), (0, 1, 20), (0, 1, 30), (0, 2, 15)]);
    letters.add(Some(key(0, 2)), Seq(15));
    assert_eq!(letters.count(), 4);
    letters.replay(Seq(10));
    letters.settled(&key(0, 1), Seq(25));
    assert_eq!((letters.count(), letters.withdrawn()), (2, &[Seq(10), Seq(20)][..]));
    letters.removed(1);
    assert_eq!(letters.withdrawn(), [Seq(20)]);
    assert!(letters.take_due(9, |_| true).is_empty(), "what is void does not go again");
}

#[test]
fn a_change_that_was_refused_before_a_restart_and_is_taken_now_withdraws_its_own_letter() {
    let mut letters = letters(&[(0, 1, 10)]);
    letters.settled(&key(0, 1), Seq(10));
    assert_eq!((letters.count(), letters.withdrawn()), (0, &[Seq(10)][..]));
}

#[test]
fn what_is_to_go_again_is_taken_once_and_only_where_the_table_takes_changes() {
    let mut letters = letters(&[(0, 1, 10), (1, 1, 20), (0, 2, 30), (0, 3, 40)]);
    letters.add(None, Seq(50));
    for seq in [40, 10, 20, 30, 50, 60] {
        letters.replay(Seq(seq));
    }
    assert_eq!(letters.take_due(2, |lane| lane == Lane(0)), [Seq(10), Seq(30)]);
    letters.replay(Seq(10));
    assert_eq!(letters.take_due(9, |lane| lane == Lane(0)), [Seq(40)], "10 is under way");
    letters.sent_before(Seq(10), 3);
    assert_eq!((letters.under_way(Seq(10)), letters.under_way(Seq(20))), (Some(3), None));
    // Refused again.
    letters.add(Some(key(0, 1)), Seq(10));
    assert_eq!((letters.under_way(Seq(10)), letters.count()), (None, 5));
    letters.put_back(Lane(0));
    assert_eq!(letters.take_due(9, |_| true), [Seq(20), Seq(30), Seq(40)]);
    letters.put_all_back();
    assert_eq!(letters.take_due(1, |_| true), [Seq(20)]);
}

#[test]
fn what_is_thrown_away_is_gone_also_from_under_way() {
    let mut letters = letters(&[(0, 1, 10), (0, 1, 20), (0, 2, 30)]);
    letters.replay(Seq(10));
    letters.replay(Seq(20));
    assert_eq!(letters.take_due(1, |_| true), [Seq(10)]);
    for seq in [10, 20, 99] {
        letters.discard(Seq(seq));
    }
    assert_eq!((letters.count(), letters.all()), (1, vec![Seq(30)]));
    assert_eq!(letters.take_discarded(), [(key(0, 1), Seq(10)), (key(0, 1), Seq(20))]);
    assert!(letters.take_discarded().is_empty() && letters.take_due(9, |_| true).is_empty());
    assert_eq!([10, 20, 30, 99].map(|seq| letters.is_buried(Seq(seq))), [true, true, false, false]);
    assert!(letters.has_buried_up_to(Seq(10)) && !letters.has_buried_up_to(Seq(9)));
    letters.let_go(Seq(19));
    assert_eq!(letters.withdrawn(), [Seq(10)]);
    assert!(letters.is_buried(Seq(20)) && !letters.is_buried(Seq(10)));
}
