//! A store, its engine, and the model beside them.

use std::collections::BTreeSet;

use super::ask::{self, TABLES, by_us, key_of, name};
use super::model::{Action, Change, If, Key, Model, Request, What, bare, n, s};
use crate::engine::{
    Engine, EngineError, Expire, GetShardIterator, IndexUpdate, StreamName, StreamPosition, StreamStart,
};
use crate::model::{IndexDef, IndexKind, KeyValue, Map, Number, Projection, TableDef};
use crate::store::rig::Rig;
use crate::store::{ExpiryScan, IndexState, Read as _};

/// How long a token makes a transaction one, in seconds.
const TOKENS_HOLD: u64 = 600;

pub(super) struct World {
    rig: Rig,
    engine: Option<Engine>,
    model: Model,
    /// Where a reader of the stream is, across all that happens, and how much it has been told.
    position: StreamPosition,
    told: usize,
    random: fastrand::Rng,
    tokens: u64,
    /// A transaction that was made, to be tried again; and when.
    made: Option<(Request, u64)>,
    /// What was asked when it died, and what the model would be then.
    doubt: Option<(Request, Model)>,
}

impl World {
    pub(super) async fn new(seed: u64) -> World {
        let rig = Rig::new();
        let engine = Engine::new(rig.store(), rig.clock().clone());
        ask::create(&engine).await;
        let streamed = engine.table(TABLES[0]).unwrap();
        let label = streamed.options.stream().unwrap().label.clone();
        let stream = StreamName { table: TABLES[0].to_owned(), label };
        let begin = GetShardIterator { stream, start: StreamStart::TrimHorizon };
        let position = engine.get_shard_iterator(by_us(begin)).unwrap();
        let model = Model { now: rig.clock().now_us() / 1_000_000, ..Model::default() };
        World {
            rig,
            engine: Some(engine),
            model,
            position,
            told: 0,
            random: fastrand::Rng::with_seed(seed),
            tokens: 0,
            made: None,
            doubt: None,
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn table(&self, table: usize) -> std::sync::Arc<TableDef> {
        self.engine().table(TABLES[table]).unwrap()
    }

    fn key(&mut self) -> Key {
        (format!("d{}", self.random.u8(..3)), i64::from(self.random.u8(..12)))
    }

    /// An item; now and then one that can't be stored, where that may be.
    fn item(&mut self, key: &Key, may_be_wrong: bool) -> Map {
        let mut item = bare(key);
        let random = &mut self.random;
        item.insert("text", s(&format!("{}{}", random.u16(..), "x".repeat(random.usize(..250)))));
        if random.u8(..4) > 0 {
            let wrong = may_be_wrong && random.u8(..25) == 0;
            item.insert("level", if wrong { s("high") } else { n(i64::from(random.i8(-3..3))) });
        }
        if random.u8(..3) > 0 {
            item.insert("kind", s(&format!("k{}", random.u8(..2))));
        }
        if random.u8(..5) == 0 {
            item.insert("gone", n((self.model.now + random.u64(1..60)) as i64));
        }
        item
    }

    /// An action; one without a condition where a batch is to have it.
    fn action(&mut self, for_batch: bool, in_transaction: bool) -> Action {
        let key = self.key();
        let most = if for_batch {
            4
        } else if in_transaction {
            8
        } else {
            7
        };
        let what = match self.random.u8(..most) {
            0..=2 => What::Put(self.item(&key, !for_batch)),
            3 => What::Delete,
            4..=6 => What::Update(match self.random.u8(..5) {
                0 => Change::SetLevel(i64::from(self.random.i8(-3..3))),
                1 => Change::Add(i64::from(self.random.i8(-5..5))),
                2 => Change::RemoveKind,
                3 => Change::SetKind(format!("k{}", self.random.u8(..2))),
                _ => Change::Nothing,
            }),
            _ => What::Check,
        };
        let some = if in_transaction { 6 } else { 3 };
        let asks = !for_batch && (matches!(what, What::Check) || self.random.u8(..some) == 0);
        let only_if = asks.then(|| match self.random.u8(..3) {
            0 => If::Exists,
            1 => If::Absent,
            _ => If::LevelAtLeast(i64::from(self.random.i8(-3..3))),
        });
        Action { table: self.random.usize(..2), key, only_if, what }
    }

    /// Several actions on different items.
    fn actions(&mut self, for_batch: bool) -> Vec<Action> {
        let count = self.random.usize(2..6);
        let mut actions: Vec<Action> = Vec::with_capacity(count);
        while actions.len() < count {
            let action = self.action(for_batch, !for_batch);
            let twice = |known: &Action| known.table == action.table && known.key == action.key;
            if !actions.iter().any(twice) {
                actions.push(action);
            }
        }
        if for_batch {
            // The engine takes them by table.
            actions.sort_by_key(|action| action.table);
        }
        actions
    }

    fn request(&mut self) -> Request {
        match self.random.u8(..10) {
            0..=5 => Request::One(self.action(false, false)),
            6 => Request::Batch(self.actions(true)),
            _ => {
                self.tokens += 1;
                let token = (self.random.u8(..3) > 0).then(|| format!("token {}", self.tokens));
                Request::Transaction(self.actions(false), token)
            }
        }
    }

    /// Asks for something; whether it is still alive.
    async fn ask(&mut self, request: Request) -> bool {
        let mut after = self.model.clone();
        let wanted = after.apply(&request);
        let answer = loop {
            match ask::ask(self.engine(), &request).await {
                Err(EngineError::Busy) if !self.rig.is_dead() => tokio::task::yield_now().await,
                answer => break answer,
            }
        };
        match answer {
            Ok(answer) => {
                assert_eq!(answer, wanted, "{request:?}");
                if answer.is_ok() {
                    self.model = after;
                    if matches!(request, Request::Transaction(_, Some(_))) {
                        self.made = Some((request, self.model.now));
                    }
                }
                true
            }
            Err(EngineError::OutcomeUnknown(_)) => {
                self.doubt = Some((request, after));
                false
            }
            Err(EngineError::Full(_) | EngineError::Busy) if self.rig.is_dead() => false,
            Err(error) => panic!("{request:?}: {error}"),
        }
    }

    /// A transaction that was made is tried again: nothing happens.
    async fn again(&mut self) -> bool {
        let Some((request, at)) = self.made.take() else { return true };
        if self.model.now - at >= TOKENS_HOLD {
            return true;
        }
        match ask::ask(self.engine(), &request).await {
            Ok(answer) => assert_eq!(answer, Ok(()), "again: {request:?}"),
            Err(EngineError::OutcomeUnknown(_)) => return false,
            Err(error) => panic!("again: {request:?}: {error}"),
        }
        true
    }

    /// Time passes, and what has expired is removed.
    async fn sweep(&mut self) -> bool {
        let clock = self.rig.clock().clone();
        self.model.now += self.random.u64(..20);
        clock.set(self.model.now * 1_000_000, true);
        let rows = self.rig.store().expired_of_streams(&mut ExpiryScan::default(), 5).unwrap();
        let codec = self.rig.store().keys();
        let id = self.table(0).id;
        let row_key =
            |key: &Key| codec.row_key(id, KeyValue::S(&key.0), Some(KeyValue::N(Number::from(key.1))));
        let gone = self.model.gone();
        let found = rows.iter().map(|row| gone.iter().find(|key| row_key(key) == *row).cloned());
        let keys: Vec<Key> = found.map(|key| key.expect("only what has expired is found")).collect();
        if keys.is_empty() {
            return true;
        }
        let request = Request::Sweep(keys);
        let mut after = self.model.clone();
        after.apply(&request).unwrap();
        match self.engine().expire(by_us(Expire { rows })).await {
            Ok(_) => self.model = after,
            Err(EngineError::OutcomeUnknown(_)) => {
                self.doubt = Some((request, after));
                return false;
            }
            Err(EngineError::Full(_) | EngineError::Busy) if self.rig.is_dead() => return false,
            Err(EngineError::Busy) => {}
            Err(error) => panic!("{error}"),
        }
        true
    }

    /// A global index is made, or one is removed.
    async fn change_index(&mut self) -> bool {
        let at = self.random.usize(..2);
        let table = self.table(at);
        let known: Vec<String> =
            table.indexes.of_kind(IndexKind::Global).map(|index| index.name.to_string()).collect();
        let change = if known.len() < 2 && self.random.bool() {
            self.tokens += 1;
            let projection = if self.random.bool() { Projection::All } else { Projection::KeysOnly };
            let of = format!("by-kind-{}", self.tokens);
            IndexUpdate::Create(ask::index(&of, IndexKind::Global, "kind", "level", projection))
        } else if known.is_empty() {
            return true;
        } else {
            IndexUpdate::Delete(known[self.random.usize(..known.len())].clone())
        };
        match ask::change_index(self.engine(), at, change).await {
            // One that is being made is not in the way of any other.
            Ok(()) | Err(EngineError::LimitExceeded(_) | EngineError::Busy) => true,
            // Which indexes there are is asked of the tables.
            Err(EngineError::OutcomeUnknown(_)) => false,
            Err(EngineError::Full(_)) if self.rig.is_dead() => false,
            Err(error) => panic!("{error}"),
        }
    }

    async fn some(&mut self) -> bool {
        match self.random.u8(..16) {
            0 => self.sweep().await,
            1 => self.change_index().await,
            2 => self.again().await,
            _ => {
                let request = self.request();
                self.ask(request).await
            }
        }
    }

    /// A handful of operations; then it goes on, is restarted, crashes, or dies in the middle of more.
    pub(super) async fn act(&mut self) {
        for _ in 0..self.random.u8(1..12) {
            assert!(self.some().await, "it was not told to die");
        }
        self.check().await;
        match self.random.u8(..8) {
            0..=2 => return,
            3 => {
                self.engine = None;
                self.rig.restart().await;
                self.engine = Some(Engine::new(self.rig.store(), self.rig.clock().clone()));
                self.count().await;
            }
            4 => {
                self.crash();
            }
            how => {
                if how % 2 == 0 {
                    self.rig.die_at(self.random.u64(1..40));
                } else {
                    self.rig.cut_after(self.random.u64(1..30));
                }
                while self.some().await {}
                self.crash();
                self.settle().await;
            }
        }
        self.check().await;
    }

    fn crash(&mut self) {
        self.engine = None;
        let seed = self.random.u64(..);
        self.rig.crash(seed);
        self.engine = Some(Engine::new(self.rig.store(), self.rig.clock().clone()));
    }

    /// Finds out what became of what was asked last: all of it, or nothing. A transaction with a token is tried again.
    async fn settle(&mut self) {
        let Some((request, after)) = self.doubt.take() else { return };
        if let Request::Transaction(_, Some(_)) = &request {
            let answer = ask::ask(self.engine(), &request).await.unwrap();
            assert_eq!(answer, self.model.clone().apply(&request), "after its death: {request:?}");
            self.model = after;
            return;
        }
        let told = self.stream().await.len();
        let as_it_is = |model: &Model, found: &[BTreeSet<String>; 2]| {
            [0, 1].iter().all(|table| texts(&model.visible(*table)) == found[*table])
                && model.told.len() == told
        };
        let found = [texts(&self.scan(0).await), texts(&self.scan(1).await)];
        if as_it_is(&after, &found) {
            self.model = after;
        } else {
            assert!(as_it_is(&self.model, &found), "neither done nor not done: {request:?}");
        }
    }

    async fn scan(&self, table: usize) -> Vec<Map> {
        ask::scan(self.engine(), table, None, 7).await
    }

    /// All that the stream tells from its beginning.
    async fn stream(&self) -> Vec<super::model::Told> {
        let begin = StreamPosition { after: None, issued_us: self.rig.clock().now_us(), bookmark: None };
        ask::read_stream(self.engine(), &self.table(0), begin, 100).await.0
    }

    /// Holds everything against the model.
    async fn check(&mut self) {
        for (table, name) in TABLES.iter().enumerate() {
            let wanted = self.model.visible(table);
            assert_eq!(texts(&self.scan(table).await), texts(&wanted), "{name}");
            for index in self.table(table).indexes.live() {
                self.check_index(table, index, &wanted).await;
            }
        }
        // A reader that goes on where it was, and one that begins anew.
        let mut position = self.position;
        position.issued_us = self.rig.clock().now_us();
        let limit = self.random.usize(1..20);
        let (news, position) = ask::read_stream(self.engine(), &self.table(0), position, limit).await;
        assert_eq!(news, self.model.told[self.told..], "the stream, from where its reader was");
        (self.told, self.position) = (self.model.told.len(), position);
        if self.random.u8(..4) == 0 {
            assert_eq!(self.stream().await, self.model.told, "the stream, from its beginning");
        }
    }

    async fn check_index(&mut self, table: usize, index: &IndexDef, items: &[Map]) {
        let state = self.rig.store().view().unwrap().index_state(index).unwrap();
        if state != IndexState::Ready {
            assert_eq!(index.kind, IndexKind::Global, "{} was made with its table", index.name);
            return;
        }
        let partition = index.partition[0].name.as_str();
        let of = |item: &&Map| item.get(partition).is_some() && item.get("level").is_some();
        let keys = &self.table(table).keys;
        let shown = |item: &Map| {
            let mut shown = Map::new();
            for (name, value) in item.iter().filter(|(name, _)| index.projects(keys, name)) {
                shown.insert(name.clone(), value.clone());
            }
            shown
        };
        let wanted: Vec<Map> = items.iter().filter(of).map(shown).collect();
        let found = ask::scan(self.engine(), table, Some(index.name.as_str()), 5).await;
        assert_eq!(texts(&found), texts(&wanted), "{} of {}", index.name, TABLES[table]);
        assert_eq!(found.len(), wanted.len(), "{} of {}", index.name, TABLES[table]);
        let value =
            format!("{}{}", if index.kind == IndexKind::Local { 'd' } else { 'k' }, self.random.u8(..2));
        let forward = self.random.bool();
        let found = ask::query(self.engine(), table, index, &value, forward).await;
        let of_value = wanted.iter().filter(|item| item.get(partition) == Some(&s(&value)));
        assert_eq!(texts(&found), texts(&of_value.cloned().collect::<Vec<_>>()), "{} {value}", index.name);
        let levels: Vec<_> = found.iter().map(|item| item.get("level").cloned()).collect();
        let ordered = levels.windows(2).all(|pair| match (&pair[0], &pair[1]) {
            (Some(crate::model::AttributeValue::N(a)), Some(crate::model::AttributeValue::N(b))) => {
                if forward { a <= b } else { a >= b }
            }
            _ => false,
        });
        assert!(ordered, "{} {value}: {levels:?}", index.name);
    }

    /// Counts, after a fold: of the table with a stream all items, of the other at least those that are seen.
    async fn count(&self) {
        for (table, shown) in TABLES.iter().enumerate() {
            let counted = self.engine().describe_table(by_us(name(table))).await.unwrap();
            let (all, seen) = (self.model.tables[table].len(), self.model.visible(table).len());
            let least = if table == 0 { all } else { seen };
            let items = counted.items as usize;
            assert!((least..=all).contains(&items), "{shown}: {items} of {least} to {all}");
        }
    }

    /// Everything is built and folded; nothing is left open.
    pub(super) async fn end(mut self) {
        for table in 0..2 {
            self.rig.build(&self.table(table)).await;
        }
        self.check().await;
        self.engine = None;
        self.rig.restart().await;
        self.engine = Some(Engine::new(self.rig.store(), self.rig.clock().clone()));
        self.check().await;
        self.count().await;
        let rows = self.rig.store().expired_of_streams(&mut ExpiryScan::default(), 10_000).unwrap();
        assert_eq!(rows.len(), self.model.gone().len(), "what has expired is found");
        for index in self.table(0).indexes.live() {
            let state = self.rig.store().view().unwrap().index_state(index).unwrap();
            assert_eq!(state, IndexState::Ready, "{}", index.name);
        }
    }
}

/// Items, to be compared whatever their order.
fn texts(items: &[Map]) -> BTreeSet<String> {
    items.iter().map(|item| format!("{:?} {item:?}", key_of(item))).collect()
}
