//! Indexes against a model: whatever happens to the store, each index shows what its table holds, in the order of its keys.

mod cut_keys;
mod life;

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use proptest::prelude::*;

use super::faults::{Died, Point};
use super::journal::sim::{Loss, SimDisk};
use super::testing::*;
use super::*;
use crate::model::{
    AttributeValue, Image, IndexKind, KeyAttribute, KeyType, KeyValue, Map, MapRef, Number, Projection,
    TableDef, TableId, size,
};

type Model = BTreeMap<(String, i64), Map>;
type Step = Vec<((String, i64), Option<Map>)>;

fn attribute(name: &str, key_type: KeyType) -> KeyAttribute {
    KeyAttribute { name: name.into(), key_type }
}

fn index(id: u32, name: &str, partition: &[&str], sort: &[(&str, KeyType)]) -> IndexDef {
    IndexDef {
        id: TableId(id),
        name: name.into(),
        kind: IndexKind::Global,
        partition: partition.iter().map(|name| attribute(name, KeyType::S)).collect(),
        sort: sort.iter().map(|(name, kind)| attribute(name, *kind)).collect(),
        projection: Projection::KeysOnly,
        provisioned: None,
        on_demand_most: None,
        warm: (0, 0),
        added: false,
        dropped: false,
    }
}

/// A table with three indexes: a local one, one with a sort attribute, and one whose keys do not fit.
fn indexed() -> TableDef {
    let mut def = table();
    def.indexes.list = vec![
        IndexDef { kind: IndexKind::Local, ..index(300, "by-level", &["device"], &[("level", KeyType::N)]) },
        IndexDef {
            projection: Projection::Include(vec!["text".into()]),
            ..index(301, "by-kind", &["kind"], &[("level", KeyType::N)])
        },
        index(302, "by-room", &["kind", "device"], &[("room", KeyType::S), ("wide", KeyType::B)]),
    ];
    def.indexes.numbered_to = 302;
    def
}

struct World {
    bench: Bench,
    def: TableDef,
    model: Model,
    doubt: Option<Step>,
    changes: u64,
    random: fastrand::Rng,
    second: u64,
}

impl World {
    async fn new(seed: u64) -> World {
        let bench = Bench::small().open();
        let def = indexed();
        bench.define(def.clone()).await;
        let random = fastrand::Rng::with_seed(seed);
        World { bench, def, model: Model::new(), doubt: None, changes: 0, random, second: NOW }
    }

    fn item(&mut self, device: &str, ts: i64) -> Map {
        let random = &mut self.random;
        let text = "x".repeat(random.usize(..300));
        let mut item = item(device, ts, &format!("{}{text}", random.u32(..)));
        let s = |text: String| AttributeValue::S(text.into());
        match random.u8(..10) {
            0 => {}
            1 => drop(item.insert("kind", AttributeValue::Null)),
            kind => drop(item.insert("kind", s(format!("k{}", kind % 2)))),
        }
        if random.u8(..5) > 0 {
            item.insert("level", AttributeValue::N(Number::from(i64::from(random.i8(-5..5)))));
        }
        if random.u8(..3) > 0 {
            let last = random.u8(b'a'..b'd') as char;
            item.insert("room", s(format!("{}{last}", "r".repeat([3, 900, 1022][random.usize(..3)]))));
            let wide = vec![7; [5, 800, 1020][random.usize(..3)]];
            item.insert("wide", AttributeValue::B([wide, vec![random.u8(..4)]].concat()));
        }
        if random.u8(..6) == 0 {
            let at = self.second + random.u64(1..40);
            item.insert("expires_at", AttributeValue::N(Number::from(at as i64)));
        }
        item
    }

    fn step(&mut self) -> Step {
        let count = if self.random.u8(..8) == 0 { self.random.usize(2..6) } else { 1 };
        (0..count)
            .map(|_| {
                let key = (format!("d{}", self.random.u8(..2)), i64::from(self.random.u8(..25)));
                let item = (self.random.u8(..4) > 0).then(|| self.item(&key.0, key.1));
                (key, item)
            })
            .collect()
    }

    async fn commit(&mut self) -> bool {
        let step = self.step();
        let (keys, stamp) = (self.bench.store().keys(), self.bench.clock.stamp());
        let staged = step.clone();
        let decide = move |_: &dyn Read, batch: &mut Batch| {
            for ((device, ts), put) in staged {
                let key = keys.row_key(TABLE, KeyValue::S(&device), Some(KeyValue::N(Number::from(ts))));
                match put {
                    Some(put) => batch.put(TABLE, key, Image::encode(&put), about(stamp, None)),
                    None => {
                        batch.delete(TABLE, key, Image::encode(&item(&device, ts, "")), about(stamp, None));
                    }
                }
            }
        };
        let outcome = loop {
            match self.bench.store().submit(Urgency::Now, 1000, decide.clone()).await {
                // A slow machine's fold is behind.
                Err(CommitError::Busy) if !self.bench.store().shared().gate.ended() => {
                    tokio::task::yield_now().await;
                }
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(()) => {
                self.changes += step.len() as u64;
                apply(&mut self.model, step);
                true
            }
            Err(CommitError::OutcomeUnknown(_)) => {
                self.doubt = Some(step);
                false
            }
            // Nothing was written: the power has gone, or the fold has died before the committer did.
            Err(CommitError::Full(_) | CommitError::Busy) => false,
        }
    }

    /// Opens it again after a death, and finds out what became of the decision in doubt.
    fn recover(&mut self) {
        self.bench.try_open().unwrap();
        if let Some(step) = self.doubt.take() {
            let count = self.bench.store().change_counts().get(&TABLE).copied().unwrap_or(0);
            if count > self.changes {
                self.changes = count;
                apply(&mut self.model, step);
            }
        }
    }

    /// What an index should show: keys and items in its order.
    fn wanted(&self, index: &IndexDef) -> Vec<(Vec<u8>, Bytes)> {
        let keys = self.bench.store().keys();
        let mut wanted: Vec<_> = self
            .model
            .iter()
            .filter_map(|((device, ts), item)| {
                let image = Image::encode(item);
                let values = index.key_of_image(image.as_map())?;
                let row = keys.row_key(TABLE, KeyValue::S(device), Some(KeyValue::N(Number::from(*ts))));
                let key = keys.index_key(index, &values, &row).whole(TABLE);
                Some((key, image.bytes().clone()))
            })
            .filter(|(_, image)| !self.def.is_expired(MapRef::new(image), Some(self.second)))
            .collect();
        wanted.sort();
        wanted
    }

    fn check(&mut self) {
        let view = self.bench.store().view().unwrap();
        self.check_table(&view);
        for index in self.def.clone().indexes.live() {
            if view.index_state(index).unwrap() != IndexState::Ready {
                assert!(index.added, "{} was made with its table", index.name);
                continue;
            }
            let wanted = self.wanted(index);
            let whole = range(index.id);
            let shown = |range: &KeyRange, direction| self.shown(&view, index, range, direction);
            let images: Vec<_> = wanted.iter().map(|(_, image)| image.clone()).collect();
            assert_eq!(shown(&whole, Direction::Forward), images, "{}", index.name);
            let backward: Vec<_> = images.iter().rev().cloned().collect();
            assert_eq!(shown(&whole, Direction::Backward), backward, "{}", index.name);
            if wanted.is_empty() {
                continue;
            }
            // From any key on, as the next page does.
            let at = fastrand::usize(..wanted.len());
            let key = wanted[at].0.clone();
            let behind = KeyRange { start: Bound::Excluded(key.clone()), ..whole.clone() };
            assert_eq!(shown(&behind, Direction::Forward), images[at + 1..], "{}", index.name);
            let before = KeyRange { end: Bound::Included(key), ..whole };
            let backward: Vec<_> = images[..=at].iter().rev().cloned().collect();
            assert_eq!(shown(&before, Direction::Backward), backward, "{}", index.name);
        }
    }

    /// Before anything is said about indexes: the table itself is as it should be.
    fn check_table(&self, view: &View) {
        let visible = |image: &[u8]| !self.def.is_expired(MapRef::new(image), Some(self.second));
        let mut found = Vec::new();
        let mut visit = |_: &[u8], row: RowRef<'_>| {
            found.extend(visible(row.image).then(|| Bytes::copy_from_slice(row.image)));
            ControlFlow::Continue(())
        };
        view.scan(&range(TABLE), Direction::Forward, &mut visit).unwrap();
        let images = self.model.values().map(|item| Image::encode(item).into_bytes());
        let mut wanted: Vec<_> = images.filter(|image| visible(image)).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found.len(), wanted.len(), "the table");
        assert!(found == wanted, "the table differs");
    }

    fn shown(&self, read: &dyn Read, index: &IndexDef, range: &KeyRange, direction: Direction) -> Vec<Bytes> {
        let mut shown = Vec::new();
        let mut visit = |_: &[u8], row: RowRef<'_>| {
            if !self.def.is_expired(MapRef::new(row.image), Some(self.second)) {
                shown.push(Bytes::copy_from_slice(row.image));
            }
            ControlFlow::Continue(())
        };
        read.scan_index(&self.def, index, range, direction, &mut visit).unwrap();
        shown
    }

    /// What is counted is what stands in the tree.
    fn check_counts(&self) {
        let shared = self.bench.store().shared();
        let txn = shared.tree.snapshot().unwrap();
        for index in &self.def.indexes.list {
            let mut counted = TableStatistics::default();
            for entry in shared.tree.rows.prefix_iter(&txn, &index.id.0.to_be_bytes()).unwrap() {
                let (key, value) = entry.unwrap();
                let value = rows::decode(key, value).unwrap().image;
                let row = crate::model::IndexKey::locate(TABLE, key, value).unwrap().row;
                let image = shared.tree.rows.get(&txn, row.as_slice()).unwrap().unwrap();
                let image = rows::decode(row.as_slice(), image).unwrap().image;
                let shows = |name: &str| index.projects(&self.def.keys, name);
                counted.items += 1;
                counted.bytes += size::part_size(MapRef::new(image), shows) as u64;
            }
            let state = index_build::state(&shared.tree, &txn, index).unwrap();
            if state != IndexState::Leaving {
                let meta::Counted { items, bytes } = meta::counted(shared.tree.meta, &txn, index.id).unwrap();
                assert_eq!((items, bytes), (counted.items, counted.bytes), "{}", index.name);
            }
        }
    }

    /// Adds an index to the table as it is, or takes one away.
    async fn change_indexes(&mut self) {
        let dropped = self.def.indexes.live().find(|index| index.added).map(|index| index.id);
        match dropped {
            Some(dropped) => {
                for index in &mut self.def.indexes.list {
                    index.dropped |= index.id == dropped;
                }
            }
            None => {
                self.def.indexes.numbered_to += 1;
                let id = self.def.indexes.numbered_to;
                let name = format!("added-{id}");
                let sort = [("level", KeyType::N), ("room", KeyType::S)];
                let added = IndexDef { added: true, ..index(id, &name, &["kind"], &sort) };
                self.def.indexes.list.push(added);
            }
        }
        self.bench.define(self.def.clone()).await;
    }

    /// Waits until every index is there, or gone.
    async fn settled(&self) {
        for index in &self.def.indexes.list {
            while !matches!(view_state(&self.bench, index), IndexState::Ready | IndexState::Gone) {
                self.bench.store().shared().gate.wake();
                tokio::task::yield_now().await;
            }
        }
    }
}

fn view_state(bench: &Bench, index: &IndexDef) -> IndexState {
    bench.store().view().unwrap().index_state(index).unwrap()
}

fn range(id: TableId) -> KeyRange {
    KeyRange {
        start: Bound::Included(id.0.to_be_bytes().to_vec()),
        end: Bound::Excluded((id.0 + 1).to_be_bytes().to_vec()),
    }
}

fn apply(model: &mut Model, step: Step) {
    for (key, item) in step {
        match item {
            Some(item) => model.insert(key, item),
            None => model.remove(&key),
        };
    }
}

#[derive(Clone, Debug)]
enum Act {
    Commit(u8),
    Indexes,
    Later(u8),
    Settle,
    Kill,
    Close,
    Die(u8),
    Cut(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (1u8..30).prop_map(Act::Commit),
        2 => Just(Act::Indexes),
        1 => (1u8..30).prop_map(Act::Later),
        1 => Just(Act::Settle),
        1 => Just(Act::Kill),
        1 => Just(Act::Close),
        2 => (1u8..80).prop_map(Act::Die),
        1 => (1u8..40).prop_map(Act::Cut),
    ]
}

fn die_at(store: &Store, n: u64) {
    let reached = Arc::new(AtomicU64::new(0));
    store
        .at_points(move |_| if reached.fetch_add(1, Ordering::SeqCst) + 1 >= n { Err(Died) } else { Ok(()) });
}

async fn live(seed: u64, acts: Vec<Act>) {
    let mut world = World::new(seed).await;
    for (at, act) in acts.into_iter().enumerate() {
        let sim = world.bench.sim.clone().unwrap();
        match act {
            Act::Commit(count) => {
                for _ in 0..count {
                    assert!(world.commit().await);
                }
            }
            Act::Indexes => world.change_indexes().await,
            Act::Later(seconds) => {
                world.second += u64::from(seconds);
                world.bench.clock.set(world.second * 1_000_000, true);
                world.bench.store().shared().gate.sweep();
            }
            Act::Settle => world.settled().await,
            Act::Kill => {
                world.bench = world.bench.kill();
                world.recover();
            }
            Act::Close => {
                world.bench = world.bench.close().await;
                world.recover();
                world.check_counts();
            }
            Act::Die(n) => {
                die_at(world.bench.store(), u64::from(n));
                while world.commit().await {}
                world.bench = world.bench.kill();
                sim.cut([Loss::Everything, Loss::Some, Loss::Nothing][at % 3], seed);
                world.recover();
            }
            Act::Cut(steps) => {
                sim.cut_after(u64::from(steps));
                while world.commit().await {}
                world.bench = world.bench.kill();
                sim.cut([Loss::Everything, Loss::Some, Loss::Nothing][at % 3], seed);
                world.recover();
            }
        }
        world.check();
    }
    world.settled().await;
    world.check();
    world.bench = world.bench.close().await;
    world.recover();
    world.settled().await;
    world.check();
    world.check_counts();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 80, ..ProptestConfig::default() })]

    #[test]
    fn every_index_agrees_with_its_table(seed in any::<u64>(), acts in prop::collection::vec(act(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(seed, acts));
    }
}

#[tokio::test]
async fn reads_on_the_committers_thread_see_what_is_staged() {
    let mut world = World::new(1).await;
    for _ in 0..60 {
        assert!(world.commit().await);
    }
    let (def, keys, stamp) = (world.def.clone(), world.bench.store().keys(), world.bench.clock.stamp());
    let decide = move |read: &dyn Read, batch: &mut Batch| {
        let by_kind = &def.indexes.list[1];
        let count = |read: &dyn Read| {
            let mut count = 0;
            let mut visit = |_: &[u8], _: RowRef<'_>| {
                count += 1;
                ControlFlow::Continue(())
            };
            read.scan_index(&def, by_kind, &range(by_kind.id), Direction::Forward, &mut visit).unwrap();
            count
        };
        let mut item = item("new", 1, "x");
        item.insert("kind", AttributeValue::S("k".into()));
        item.insert("level", AttributeValue::N(Number::from(1_i64)));
        let key = keys.row_key(TABLE, KeyValue::S("new"), Some(KeyValue::N(Number::from(1_i64))));
        batch.put(TABLE, key, Image::encode(&item), about(stamp, None));
        count(read)
    };
    let by_kind = world.def.indexes.list[1].clone();
    let before = world.wanted(&by_kind).len();
    let counted = world.bench.store().submit(Urgency::Now, 100, decide.clone()).await.unwrap();
    assert_eq!(counted, before);
    let counted = world.bench.store().submit(Urgency::Now, 100, decide).await.unwrap();
    assert_eq!(counted, before + 1);
}

#[tokio::test]
async fn a_group_that_was_not_written_leaves_no_entries() {
    let world = World::new(2).await;
    let sim = world.bench.sim.clone().unwrap();
    let mut item = item("a", 1, "x");
    item.insert("level", AttributeValue::N(Number::from(1_i64)));
    sim.cut_after(1);
    while world.bench.put(item.clone()).await.is_ok() {}
    let generations = world.bench.store().shared().overlay.load();
    let entries: usize = generations
        .each()
        .map(|generation| generation.entries().walk(&range(TableId(300)), Direction::Forward).count())
        .sum();
    let versions: usize = generations.each().map(|generation| generation.versions_of(TABLE).count()).sum();
    assert_eq!(entries, versions);
}
