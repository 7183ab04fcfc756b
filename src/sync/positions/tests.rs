use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{KeyAttribute, KeySchema, KeyType, RowKey, TableId};
use crate::store::Kind;
use crate::sync::batch::{Change, Gate, Limits, Picked, Prefix, Window};
use crate::sync::route::{Handling, Lane, Route};

#[test]
fn without_tables_behind_it_is_the_prefix() {
    let positions = Positions::default();
    assert!(!positions.passes(Some("t"), Seq(1)));
    assert_eq!(positions.at(Seq(9)), (Seq(9), Positions::new(Seq(9), BTreeMap::new())));
}

#[test]
fn a_table_is_left_and_comes_back() {
    let mut positions = Positions::default();
    positions.leave("gone", Seq(5), 77);
    assert!(positions.passes(Some("gone"), Seq(8)) && !positions.passes(Some("here"), Seq(8)));
    assert_eq!((positions.left().collect::<Vec<_>>(), positions.oldest_us()), (vec!["gone"], Some(77)));
    let (whole, positions) = positions.at(Seq(20));
    assert_eq!(whole, Seq(5));

    // Read again from there: only the table that was left is sent.
    let again = Positions::new(positions.to, positions.behind);
    assert!(again.passes(Some("gone"), Seq(5)) && !again.passes(Some("gone"), Seq(6)));
    assert!(again.passes(Some("here"), Seq(20)) && !again.passes(Some("here"), Seq(21)));
    assert!(again.passes(None, Seq(20)) && !again.passes(None, Seq(21)));
    assert_eq!(again.at(Seq(9)).0, Seq(9));
    assert_eq!(again.at(Seq(21)), (Seq(21), Positions::new(Seq(21), BTreeMap::new())));
}

#[test]
fn one_may_be_left_while_another_comes_back() {
    let behind = BTreeMap::from([("a".to_owned(), Seq(5)), ("b".to_owned(), Seq(9))]);
    let mut positions = Positions::new(Seq(20), behind);
    positions.leave("b", Seq(7), 1);
    positions.leave("c", Seq(7), 1);
    let (whole, at) = positions.at(Seq(12));
    assert_eq!((whole, at.to), (Seq(9), Seq(20)));
    assert_eq!(at.behind["a"], Seq(12));
    assert_eq!((at.behind["b"], at.behind["c"]), (Seq(9), Seq(20)));
}

const LIMITS: Limits =
    Limits { changes: 8, bytes: 10_000, batch_changes: 4, batch_bytes: 10_000, low_share: 10 };

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    /// A change of a table that is not sent.
    Other,
    Read,
    Send,
    Answer(bool),
    Block(u8),
    Unblock(u8),
    Write,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..6u8).prop_map(Step::Append),
        1 => Just(Step::Other),
        8 => Just(Step::Read),
        4 => Just(Step::Send),
        5 => prop::bool::weighted(0.8).prop_map(Step::Answer),
        2 => (0..3u8).prop_map(Step::Block),
        2 => (0..3u8).prop_map(Step::Unblock),
        1 => Just(Step::Write),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..300)
}

/// What the worker does with window and positions, over a journal in memory. Each key belongs to one of three tables.
struct Model {
    journal: Vec<Option<u8>>,
    read: usize,
    window: Window,
    positions: Positions,
    rewinding: bool,
    blocked: BTreeSet<u8>,
    under_way: Vec<Picked>,
    upstream: BTreeMap<u8, u64>,
    written: (Prefix, Positions),
}

fn table(key: u8) -> u8 {
    key % 3
}

fn name(table: u8) -> String {
    format!("t{table}")
}

fn change(seq: u64, key: u8) -> Change {
    let partition = KeyAttribute { name: "k".into(), key_type: KeyType::S };
    let route = Route {
        lane: Lane(table(key).into()),
        upstream: name(table(key)),
        keys: KeySchema { partition, sort: None },
        handling: Handling::default(),
    };
    Change {
        seq: Seq(seq),
        key: RowKey(vec![key].into()),
        table: TableId(u32::from(table(key))),
        route: Arc::new(route),
        kind: Kind::Put,
        image: vec![0; 10].into(),
        time_us: seq,
    }
}

const OTHER: TableId = TableId(99);

impl Model {
    fn new() -> Model {
        Model {
            journal: Vec::new(),
            read: 0,
            window: Window::new(Prefix::default(), LIMITS, true),
            positions: Positions::default(),
            rewinding: false,
            blocked: BTreeSet::new(),
            under_way: Vec::new(),
            upstream: BTreeMap::new(),
            written: (Prefix::default(), Positions::default()),
        }
    }

    fn cursor(&self) -> (Prefix, Positions) {
        let (seq, positions) = self.positions.at(self.window.prefix().seq);
        (Prefix { seq, counts: self.window.prefix().counts.clone() }, positions)
    }

    fn load(&mut self, (prefix, positions): (Prefix, Positions)) {
        self.read = prefix.seq.0 as usize;
        self.positions = Positions::new(positions.to, positions.behind);
        self.window = Window::new(prefix, LIMITS, true);
        self.under_way.clear();
        self.rewinding = false;
    }

    fn read_one(&mut self) {
        if self.rewinding || !self.window.has_room() || self.read >= self.journal.len() {
            return;
        }
        let seq = self.read as u64 + 1;
        match self.journal[self.read] {
            Some(key) if self.positions.passes(Some(&name(table(key))), Seq(seq)) => {
                self.window.pass(Seq(seq), None);
            }
            Some(key) => self.window.push(change(seq, key)),
            None => {
                self.window.pass(Seq(seq), (!self.positions.passes(None, Seq(seq))).then_some(OTHER));
            }
        }
        self.read += 1;
    }

    fn send(&mut self) {
        let blocked = &self.blocked;
        let shut = |lane: Lane| blocked.contains(&(lane.0 as u8));
        self.under_way.extend(self.window.pick(4, |lane| if shut(lane) { Gate::Shut } else { Gate::Open }));
    }

    fn answer(&mut self, ok: bool) {
        for picked in std::mem::take(&mut self.under_way) {
            if ok && !self.blocked.contains(&table(picked.change.key.as_slice()[0])) {
                self.upstream.insert(picked.change.key.as_slice()[0], picked.change.seq.0);
                self.window.settle(picked.id);
            } else {
                self.window.retry(picked.id);
            }
        }
    }

    fn leave(&mut self, lane: Lane) {
        let prefix = self.window.prefix().seq;
        if let Some(first) = self.window.abandon(lane) {
            self.positions.leave(&first.route.upstream, prefix, first.time_us);
        }
    }

    fn leave_and_return(&mut self) {
        let shut = |lane: Lane| self.blocked.contains(&(lane.0 as u8));
        if self.rewinding {
            for lane in self.window.lanes().into_iter().filter(|lane| shut(*lane)).collect::<Vec<_>>() {
                self.leave(lane);
            }
        } else if !self.window.has_room()
            && let Some(lane) = self.window.head().map(|change| change.route.lane)
            && shut(lane)
        {
            self.leave(lane);
        }
        let blocked: Vec<String> = self.blocked.iter().map(|table| name(*table)).collect();
        self.rewinding |= self.positions.left().any(|table| !blocked.iter().any(|name| name == table));
        if self.rewinding && self.window.is_empty() && self.under_way.is_empty() {
            let cursor = self.cursor();
            self.load(cursor);
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Append(key) => self.journal.push(Some(key)),
            Step::Other => self.journal.push(None),
            Step::Read => self.read_one(),
            Step::Send => self.send(),
            Step::Answer(ok) => self.answer(ok),
            Step::Block(table) => {
                self.blocked.insert(table);
            }
            Step::Unblock(table) => {
                self.blocked.remove(&table);
            }
            Step::Write => self.written = self.cursor(),
            Step::Crash => {
                let written = self.written.clone();
                self.load(written);
            }
        }
        self.leave_and_return();
    }

    fn totals(&self) -> BTreeMap<TableId, u64> {
        let mut totals = BTreeMap::new();
        for entry in &self.journal {
            let table = entry.map_or(OTHER, |key| TableId(u32::from(table(key))));
            *totals.entry(table).or_insert(0) += 1;
        }
        totals
    }

    fn check(&self) {
        let totals = self.totals();
        for (table, settled) in self.window.settled_counts() {
            assert!(settled <= totals.get(&table).copied().unwrap_or(0), "{table:?} is counted twice");
        }
    }

    fn done(&self) -> bool {
        self.read == self.journal.len() && self.window.is_empty() && self.positions.left().next().is_none()
    }
}

proptest! {
    #[test]
    fn whatever_is_blocked_and_killed_everything_arrives_and_is_counted_once(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            model.run(step);
            model.check();
        }
        model.blocked.clear();
        let mut rounds = 0;
        while !model.done() {
            for step in [Step::Read, Step::Send, Step::Answer(true)] {
                model.run(step);
                model.check();
            }
            rounds += 1;
            prop_assert!(rounds < 10_000, "it never ends");
        }
        let (prefix, positions) = model.cursor();
        prop_assert_eq!(prefix.seq.0, model.journal.len() as u64);
        prop_assert_eq!(prefix.counts, model.totals());
        prop_assert!(positions.behind.is_empty());
        let mut last = BTreeMap::new();
        for (at, key) in model.journal.iter().enumerate() {
            if let Some(key) = key {
                last.insert(*key, at as u64 + 1);
            }
        }
        prop_assert_eq!(model.upstream, last);
    }
}
