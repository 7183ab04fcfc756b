//! Whose turn it is: tables of a higher priority go first, and those below them keep a guaranteed share.

use super::{Gate, Id, Lane};

/// A lane that something may go of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) lane: Lane,
    pub(super) gate: Gate,
    pub(super) priority: i32,
    /// Place of its first change in the order of sending; `None` once nothing of it waits.
    pub(super) rank: Option<Id>,
    /// It may go into the batch as it is so far.
    pub(super) fits: bool,
}

/// The order of the lanes.
#[derive(Debug)]
pub(super) struct Turns {
    /// Of a hundred changes, those that are for lower priorities.
    share: i64,
    /// What the lower priorities are owed; each of them that goes costs what is not theirs.
    owed: i64,
}

impl Turns {
    pub(super) fn new(share: u8) -> Turns {
        Turns { share: i64::from(share.min(100)), owed: 0 }
    }

    /// The lane whose first change goes next: the oldest of the highest priority, or, where it is their turn, of the others.
    pub(super) fn next(&self, lanes: &[Waiting]) -> Option<Lane> {
        let open = || lanes.iter().filter(|lane| lane.fits && lane.rank.is_some());
        let top = open().map(|lane| lane.priority).max()?;
        let oldest =
            |lower: bool| open().filter(|lane| (lane.priority < top) == lower).min_by_key(|lane| lane.rank);
        let lower = oldest(true).filter(|_| self.owed >= 100 - self.share);
        lower.or_else(|| oldest(false)).map(|lane| lane.lane)
    }

    /// A change of this priority went, while these wait.
    pub(super) fn went(&mut self, priority: i32, lanes: &[Waiting]) {
        let waits = |than: fn(&i32, &i32) -> bool| {
            lanes.iter().any(|lane| lane.rank.is_some() && than(&lane.priority, &priority))
        };
        if waits(i32::gt) {
            self.owed -= 100 - self.share;
        } else if waits(i32::lt) {
            self.owed += self.share;
        }
        // Nobody is owed more than some batches.
        self.owed = self.owed.clamp(-10_000, 10_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(lane: u32, priority: i32, rank: Id) -> Waiting {
        Waiting { lane: Lane(lane), gate: Gate::Open, priority, rank: Some(rank), fits: true }
    }

    /// Which lanes go, one after another, while all of them have more than enough.
    fn run(turns: &mut Turns, lanes: &[Waiting], changes: usize) -> Vec<u32> {
        let mut gone = Vec::new();
        for _ in 0..changes {
            let next = turns.next(lanes).unwrap();
            let priority = lanes.iter().find(|lane| lane.lane == next).unwrap().priority;
            turns.went(priority, lanes);
            gone.push(next.0);
        }
        gone
    }

    #[test]
    fn the_oldest_goes_where_none_comes_first() {
        let lanes = [lane(0, 0, 7), lane(1, 0, 3), lane(2, 0, 5)];
        assert_eq!(run(&mut Turns::new(10), &lanes, 3), [1, 1, 1]);
    }

    #[test]
    fn a_tenth_is_for_the_oldest_below() {
        let lanes = [lane(0, 0, 1), lane(1, 10, 9), lane(2, 5, 0), lane(3, 10, 8)];
        let mut expected = vec![3; 9];
        expected.push(2);
        let gone = run(&mut Turns::new(10), &lanes, 1000);
        assert_eq!(gone, expected.repeat(100));
    }

    #[test]
    fn nothing_is_owed_to_those_who_had_nothing_to_send() {
        let mut turns = Turns::new(10);
        run(&mut turns, &[lane(0, 10, 1)], 1000);
        assert_eq!(run(&mut turns, &[lane(0, 10, 2), lane(1, 0, 1)], 9), [0; 9]);
    }

    #[test]
    fn lanes_that_go_alone_get_their_share_too() {
        // Whole batches of one lane, since the upper one may not be mixed.
        let (mut turns, mut gone) = (Turns::new(20), [0; 2]);
        for _ in 0..400 {
            let mut lanes = [lane(0, 0, 1), lane(1, 10, 2)];
            let first = turns.next(&lanes).unwrap();
            lanes.iter_mut().for_each(|lane| lane.fits = lane.lane == first);
            run(&mut turns, &lanes, 25).into_iter().for_each(|lane| gone[lane as usize] += 1);
        }
        assert_eq!(gone, [2_000, 8_000]);
    }
}
