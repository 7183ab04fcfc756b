use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{KeyAttribute, KeySchema, KeyType};
use crate::sync::route::Handling;

const LIMITS: Limits = Limits { changes: 40, bytes: 4000, batch_changes: 5, batch_bytes: 250, low_share: 10 };
const TABLE: TableId = TableId(300);
const UNMAPPED: TableId = TableId(301);

fn route(lane: u32) -> Arc<Route> {
    let partition = KeyAttribute { name: "k".into(), key_type: KeyType::S };
    Arc::new(Route {
        lane: Lane(lane),
        upstream: format!("t{lane}"),
        keys: KeySchema { partition, sort: None },
        handling: Handling::default(),
    })
}

fn change(seq: u64, key: u8) -> Change {
    Change {
        seq: Seq(seq),
        key: RowKey(vec![key].into()),
        table: TABLE,
        route: route(u32::from(key % 2)),
        kind: Kind::Put,
        image: vec![0; 60].into(),
        time_us: seq,
    }
}

/// The same, with the keys of one lane in a table that goes first.
fn ranked(seq: u64, key: u8) -> Change {
    let handling = Handling { priority: i32::from(key % 2) * 10, ..Handling::default() };
    let route = Route { handling, ..(*route(u32::from(key % 2))).clone() };
    Change { route: Arc::new(route), ..change(seq, key) }
}

fn ids(picked: &[Picked]) -> Vec<Id> {
    picked.iter().map(|p| p.id).collect()
}

fn seqs(picked: &[Picked]) -> Vec<u64> {
    picked.iter().map(|p| p.change.seq.0).collect()
}

#[test]
fn the_prefix_waits_for_the_first_unsettled_change() {
    let mut window = Window::new(Prefix::default(), LIMITS, true);
    for seq in 1..=3 {
        window.push(change(seq, seq as u8));
    }
    window.pass(Seq(4), None);
    let batch = window.pick(25, |_| Gate::Open);
    assert_eq!(seqs(&batch), [1, 2, 3]);
    window.settle(batch[1].id);
    window.settle(batch[2].id);
    assert_eq!(window.prefix().seq, Seq(0));
    assert_eq!(window.settled_counts(), BTreeMap::from([(TABLE, 2)]));
    window.settle(batch[0].id);
    assert_eq!(*window.prefix(), Prefix { seq: Seq(4), counts: BTreeMap::from([(TABLE, 3)]) });
}

#[test]
fn a_key_that_changes_all_the_time_keeps_its_place() {
    let mut window = Window::new(Prefix::default(), LIMITS, true);
    for seq in 1..=8 {
        window.push(change(seq, if seq % 2 == 1 { 0 } else { seq as u8 }));
    }
    assert_eq!(seqs(&window.pick(1, |_| Gate::Open)), [7]);
    assert_eq!(window.superseded(), 3);
}

#[test]
fn a_change_that_came_back_gives_way_to_a_later_one() {
    let mut window = Window::new(Prefix::default(), LIMITS, true);
    window.push(change(1, 0));
    let batch = window.pick(25, |_| Gate::Open);
    window.push(change(2, 0));
    assert!(window.pick(25, |_| Gate::Open).is_empty(), "the key is on its way");
    window.retry(batch[0].id);
    assert_eq!(seqs(&window.pick(25, |_| Gate::Open)), [2]);
    assert_eq!(window.prefix().seq, Seq(1));
}

#[test]
fn lanes_are_kept_apart_on_demand() {
    let mut window = Window::new(Prefix::default(), LIMITS, true);
    for seq in 1..=4 {
        window.push(change(seq, seq as u8));
    }
    let gate = |lane| if lane == Lane(1) { Gate::Alone } else { Gate::Open };
    assert_eq!(seqs(&window.pick(25, gate)), [1, 3]);
    assert_eq!(seqs(&window.pick(25, |lane| if lane == Lane(0) { Gate::Shut } else { Gate::Open })), [0; 0]);
    assert_eq!(seqs(&window.pick(25, gate)), [2, 4]);
}

#[test]
fn a_table_of_higher_priority_goes_first_and_the_others_keep_their_share() {
    let mut window = Window::new(Prefix::default(), LIMITS, true);
    for seq in 1..=40 {
        window.push(ranked(seq, if seq <= 20 { 2 * seq as u8 } else { 2 * seq as u8 + 1 }));
    }
    let mut sent = Vec::new();
    while !window.is_empty() {
        // Images of 60 bytes: four to a batch.
        let batch = window.pick(25, |_| Gate::Open);
        sent.extend(seqs(&batch));
        batch.iter().for_each(|picked| window.settle(picked.id));
    }
    let first: Vec<u64> = (21..30).chain([1]).chain(30..39).chain([2]).chain(39..41).chain(3..21).collect();
    assert_eq!((sent, window.prefix().seq), (first, Seq(40)));
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Pass(bool),
    Send(usize),
    /// Which of those on their way, and how it ends.
    Answer(usize, Ending),
    Wake,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Ok,
    Partial(u8),
    Throttled,
    LostApplied,
    Lost,
    Delayed,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ending = prop_oneof![
        4 => Just(Ending::Ok),
        1 => any::<u8>().prop_map(Ending::Partial),
        1 => Just(Ending::Throttled),
        1 => Just(Ending::LostApplied),
        1 => Just(Ending::Lost),
        1 => Just(Ending::Delayed),
    ];
    let step = prop_oneof![
        4 => (0..7u8).prop_map(Step::Push),
        1 => any::<bool>().prop_map(Step::Pass),
        3 => (1..6usize).prop_map(Step::Send),
        3 => (any::<usize>(), ending).prop_map(|(which, ending)| Step::Answer(which, ending)),
        1 => Just(Step::Wake),
    ];
    prop::collection::vec(step, 0..200)
}

/// The upstream, and what was asked of it.
struct Model {
    window: Window,
    supersede: bool,
    priorities: bool,
    pushed: Vec<(u64, u8)>,
    counted: BTreeMap<u64, TableId>,
    under_way: Vec<Vec<Picked>>,
    applied: BTreeMap<u8, u64>,
    arrived: BTreeSet<u64>,
    letters: BTreeSet<u64>,
    next: u64,
}

impl Model {
    fn new(supersede: bool, priorities: bool) -> Model {
        Model {
            window: Window::new(Prefix::default(), LIMITS, supersede),
            supersede,
            priorities,
            pushed: Vec::new(),
            counted: BTreeMap::new(),
            under_way: Vec::new(),
            applied: BTreeMap::new(),
            arrived: BTreeSet::new(),
            letters: BTreeSet::new(),
            next: 1,
        }
    }

    /// What the upstream refuses.
    fn bad(change: &Change) -> bool {
        change.seq.0 % 11 == 3
    }

    fn apply(&mut self, change: &Change) {
        let key = change.key.as_slice()[0];
        let before = self.applied.insert(key, change.seq.0).unwrap_or(0);
        assert!(change.seq.0 >= before, "{} after {before}: the order of a key is broken", change.seq.0);
        self.arrived.insert(change.seq.0);
    }

    fn send(&mut self, changes: usize) {
        let batch = self.window.pick(changes, |_| Gate::Open);
        let mut keys: BTreeSet<Vec<u8>> =
            self.under_way.iter().flatten().map(|p| p.change.key.as_slice().to_vec()).collect();
        for picked in &batch {
            assert!(keys.insert(picked.change.key.as_slice().to_vec()), "a key is in flight twice");
        }
        assert!(batch.len() <= LIMITS.batch_changes);
        let bytes: usize = batch.iter().map(|p| p.change.image.len()).sum();
        assert!(bytes <= LIMITS.batch_bytes || batch.len() == 1);
        if !batch.is_empty() {
            self.under_way.push(batch);
        }
    }

    fn answer(&mut self, which: usize, ending: Ending) {
        if self.under_way.is_empty() {
            return;
        }
        let at = which % self.under_way.len();
        let batch = self.under_way.swap_remove(at);
        let refused = batch.iter().any(|p| Model::bad(&p.change));
        match ending {
            Ending::Ok | Ending::Partial(_) | Ending::LostApplied if refused => {
                if let [only] = &batch[..] {
                    self.letters.insert(only.change.seq.0);
                    self.window.settle(only.id);
                } else {
                    self.window.split(&ids(&batch));
                }
            }
            Ending::Ok => {
                for picked in batch {
                    self.apply(&picked.change);
                    self.window.settle(picked.id);
                }
            }
            Ending::Partial(mask) => {
                for (i, picked) in batch.into_iter().enumerate() {
                    if mask >> (i % 8) & 1 == 1 {
                        self.window.retry(picked.id);
                    } else {
                        self.apply(&picked.change);
                        self.window.settle(picked.id);
                    }
                }
            }
            Ending::LostApplied => {
                for picked in batch {
                    self.apply(&picked.change);
                    self.window.retry(picked.id);
                }
            }
            Ending::Throttled | Ending::Lost => batch.iter().for_each(|p| self.window.retry(p.id)),
            Ending::Delayed => batch.iter().for_each(|p| self.window.delay(p.id, p.id + 5)),
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Push(key) if self.window.has_room() => {
                let make = if self.priorities { ranked } else { change };
                self.window.push(make(self.next, key));
                self.pushed.push((self.next, key));
                self.counted.insert(self.next, TABLE);
                self.next += 1;
            }
            Step::Pass(counted) if self.window.has_room() => {
                self.window.pass(Seq(self.next), counted.then_some(UNMAPPED));
                if counted {
                    self.counted.insert(self.next, UNMAPPED);
                }
                self.next += 1;
            }
            Step::Push(_) | Step::Pass(_) => {}
            Step::Send(changes) => self.send(changes),
            Step::Answer(which, ending) => self.answer(which, ending),
            Step::Wake => {
                self.window.wake(self.next);
            }
        }
    }

    fn settled(&self, seq: u64, key: u8) -> bool {
        let later = self.pushed.iter().any(|(s, k)| *k == key && *s > seq);
        self.arrived.contains(&seq) || self.letters.contains(&seq) || (self.supersede && later)
    }

    fn check(&self) {
        let prefix = self.window.prefix();
        for (seq, key) in &self.pushed {
            assert!(*seq > prefix.seq.0 || self.settled(*seq, *key), "the cursor left {seq} behind");
        }
        let mut counts = BTreeMap::new();
        for table in self.counted.range(..=prefix.seq.0).map(|(_, table)| *table) {
            *counts.entry(table).or_insert(0) += 1;
        }
        assert_eq!(prefix.counts, counts);
        let all = self.window.settled_counts().values().sum::<u64>();
        assert_eq!(all + self.window.unsettled() as u64, self.counted.len() as u64);
    }

    fn drain(&mut self) {
        self.window.wake(u64::MAX);
        let mut rounds = 0;
        while !self.window.is_empty() {
            self.send(LIMITS.batch_changes);
            self.answer(0, Ending::Ok);
            rounds += 1;
            assert!(rounds < 10_000, "it never ends: {:?}", self.window);
        }
    }
}

proptest! {
    #[test]
    fn every_key_ends_in_its_last_state_in_order(steps in steps(), supersede: bool, priorities: bool) {
        let mut model = Model::new(supersede, priorities);
        for step in steps {
            model.run(step);
            model.check();
        }
        model.drain();
        model.check();
        prop_assert_eq!(model.window.prefix().seq.0, model.next - 1);
        let mut last = BTreeMap::new();
        for (seq, key) in &model.pushed {
            last.insert(*key, *seq);
        }
        for (key, seq) in last {
            prop_assert!(model.applied.get(&key) == Some(&seq) || model.letters.contains(&seq));
        }
        if !supersede {
            for (seq, _) in &model.pushed {
                prop_assert!(model.arrived.contains(seq) || model.letters.contains(seq));
            }
        }
        prop_assert_eq!(model.window.bytes, 0);
        prop_assert!(model.window.keys.is_empty() && model.window.ready.is_empty());
    }
}

#[test]
fn a_letter_goes_before_later_changes_of_its_key_or_not_at_all() {
    for supersede in [true, false] {
        let mut window = Window::new(Prefix { seq: Seq(20), ..Prefix::default() }, LIMITS, supersede);
        window.push(change(25, 0));
        assert!(!window.push_letter(change(10, 0)), "a later change is about to go");
        assert!(window.push_letter(change(11, 1)));
        window.push(change(26, 1));
        let batch = window.pick(25, |_| Gate::Open);
        assert_eq!(seqs(&batch), if supersede { [25, 26] } else { [25, 11] });
        for picked in &batch {
            window.settle(picked.id);
        }
        for picked in window.pick(25, |_| Gate::Open) {
            window.settle(picked.id);
        }
        assert_eq!(*window.prefix(), Prefix { seq: Seq(26), counts: BTreeMap::from([(TABLE, 2)]) });
        assert!(window.is_empty() && !window.has_rows());
    }
}

#[test]
fn a_letter_is_taken_out_again_unless_it_is_on_its_way() {
    let mut window = Window::new(Prefix { seq: Seq(20), ..Prefix::default() }, LIMITS, true);
    assert!(window.push_letter(change(10, 0)) && window.push_letter(change(11, 1)));
    assert!(window.unsettled_seqs().is_empty(), "what the journal has of them is settled");
    window.retract_letter(&RowKey(vec![0].into()), Seq(10));
    window.push(change(21, 2));
    let batch = window.pick(25, |_| Gate::Open);
    assert_eq!(seqs(&batch), [11, 21]);
    window.retract_letter(&RowKey(vec![1].into()), Seq(11));
    assert_eq!(window.unsettled(), 2);
    batch.iter().for_each(|picked| window.settle(picked.id));
    assert_eq!(*window.prefix(), Prefix { seq: Seq(21), counts: BTreeMap::from([(TABLE, 1)]) });
}
