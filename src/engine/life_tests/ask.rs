//! The model's requests as the engine takes them, and what the engine shows.

use super::model::{Action, Change, If, Key, Request, Told, What, bare, n, s};
use crate::engine::{
    self, BatchWrite, CheckItem, CreateTable, DeleteItem, Engine, EngineError, GetRecords, IndexUpdate,
    OfIndex, OnlyIf, PutItem, Query, Reason, RequestToken, Scan, StreamName, StreamPosition, TransactWrite,
    UpdateItem, UpdateTable, UpdateTimeToLive, Write,
};
use crate::expression::{self, Condition, KeyCondition, Kind, Placeholders, Update};
use crate::model::{
    IndexDef, IndexKind, KeyAttribute, KeySchema, KeyType, Map, Projection, StreamView, TableDef, TableId,
    TableName,
};
use crate::security::{Authorized, Principal, authorize};
use crate::store::Origin;

/// The tables' names.
pub(super) const TABLES: [&str; 2] = ["streamed", "plain"];

pub(super) fn by_us<T>(request: T) -> Authorized<T> {
    authorize(Principal::Local, request)
}

pub(super) fn name(table: usize) -> TableName {
    TableName::new(TABLES[table]).unwrap()
}

fn attribute(name: &str, key_type: KeyType) -> KeyAttribute {
    KeyAttribute { name: name.into(), key_type }
}

pub(super) fn index(
    name: &str,
    kind: IndexKind,
    partition: &str,
    sort: &str,
    projection: Projection,
) -> IndexDef {
    IndexDef {
        id: TableId(0),
        name: name.into(),
        kind,
        partition: vec![attribute(partition, KeyType::S)],
        sort: vec![attribute(sort, KeyType::N)],
        projection,
        provisioned: None,
        on_demand_most: None,
        warm: (0, 0),
        added: false,
        dropped: false,
    }
}

/// Makes both tables: with a local index and expiry, the first one with a stream.
pub(super) async fn create(engine: &Engine) {
    for at in 0..TABLES.len() {
        let mut settings = engine::TableSettings {
            indexes: vec![index("by-level", IndexKind::Local, "device", "level", Projection::All)],
            ..engine::TableSettings::default()
        };
        settings.stream = (at == 0).then_some(StreamView::NewAndOldImages);
        let keys =
            KeySchema { partition: attribute("device", KeyType::S), sort: Some(attribute("ts", KeyType::N)) };
        let request =
            CreateTable { table: name(at), keys, provisioned: None, deletion_protection: false, settings };
        engine.create_table(by_us(request)).await.unwrap();
        let expiry = UpdateTimeToLive { table: name(at), attribute: "gone".to_owned(), enabled: true };
        engine.update_time_to_live(by_us(expiry)).await.unwrap();
    }
}

/// Makes or removes a global index.
pub(super) async fn change_index(
    engine: &Engine,
    table: usize,
    change: IndexUpdate,
) -> Result<(), EngineError> {
    let request = UpdateTable {
        table: name(table),
        billing: None,
        deletion_protection: None,
        infrequent_access: None,
        kms_key: None,
        on_demand_most: (None, None),
        warm: (None, None),
        stream: None,
        indexes: vec![change],
    };
    engine.update_table(by_us(request)).await.map(drop)
}

fn condition(only_if: If) -> Condition {
    let (text, values) = match only_if {
        If::Exists => ("attribute_exists(device)", None),
        If::Absent => ("attribute_not_exists(device)", None),
        If::LevelAtLeast(least) => ("#l >= :least", Some(vec![(":least".to_owned(), Ok(n(least)))])),
    };
    let names = values.is_some().then(|| vec![("#l".to_owned(), "level".to_owned())]);
    let mut placeholders = Placeholders::new(names, values).unwrap();
    expression::condition(Kind::Condition, text, &mut placeholders).unwrap()
}

fn update(change: &Change) -> Option<Update> {
    let (text, value) = match change {
        Change::Nothing => return None,
        Change::SetLevel(level) => ("SET #l = :v", Some(n(*level))),
        Change::SetKind(kind) => ("SET kind = :v", Some(s(kind))),
        Change::Add(by) => ("ADD #c :v", Some(n(*by))),
        Change::RemoveKind => ("REMOVE kind", None),
    };
    let named = [("#l", "level"), ("#c", "count")].into_iter().filter(|(key, _)| text.contains(key));
    let names: Vec<_> = named.map(|(key, name)| (key.to_owned(), name.to_owned())).collect();
    let values = value.map(|value| vec![(":v".to_owned(), Ok(value))]);
    let mut placeholders = Placeholders::new((!names.is_empty()).then_some(names), values).unwrap();
    Some(expression::update(text, &mut placeholders).unwrap())
}

fn to_engine(action: &Action) -> engine::Action {
    let Action { table, key, only_if, what } = action.clone();
    let (table, key, origin) = (name(table), bare(&key), Origin::Dynamodb);
    let only_if = only_if.map(|only_if| OnlyIf { condition: condition(only_if), return_old: false });
    match what {
        What::Put(item) => engine::Action::Put(PutItem { table, item, only_if, old_matters: true, origin }),
        What::Delete => engine::Action::Delete(DeleteItem { table, key, only_if, origin }),
        What::Update(change) => {
            let update = update(&change);
            engine::Action::Update(UpdateItem { table, key, update, only_if, origin })
        }
        What::Check => engine::Action::Check(CheckItem { table, key, only_if: only_if.unwrap() }),
    }
}

/// Asks the engine; refused, which of the conditions hold.
pub(super) async fn ask(engine: &Engine, request: &Request) -> Result<Result<(), Vec<bool>>, EngineError> {
    let done = match request {
        Request::One(action) => match to_engine(action) {
            engine::Action::Put(put) => engine.put_item(by_us(put)).await.map(drop),
            engine::Action::Update(update) => engine.update_item(by_us(update)).await.map(drop),
            engine::Action::Delete(delete) => engine.delete_item(by_us(delete)).await.map(drop),
            engine::Action::Check(_) => unreachable!("only transactions have it"),
        },
        Request::Transaction(actions, token) => {
            let actions = actions.iter().map(to_engine).collect();
            let token = token.clone().map(|token| RequestToken { token, fingerprint: 1 });
            engine.transact_write(by_us(TransactWrite { actions, payload: 0, token })).await.map(drop)
        }
        Request::Batch(actions) => {
            let of = |table: usize| {
                let actions = actions.iter().filter(move |action| action.table == table);
                let writes = actions.map(|action| match &action.what {
                    What::Put(item) => Write::Put(item.clone()),
                    _ => Write::Delete(bare(&action.key)),
                });
                (name(table), writes.collect::<Vec<_>>())
            };
            let tables = [of(0), of(1)].into_iter().filter(|(_, writes)| !writes.is_empty()).collect();
            engine
                .batch_write(by_us(BatchWrite { tables, old_matters: false, origin: Origin::Dynamodb }))
                .await
                .map(drop)
        }
        Request::Sweep(_) => unreachable!("the world sweeps"),
    };
    match done {
        Ok(()) => Ok(Ok(())),
        Err(EngineError::ConditionFailed(_) | EngineError::Validation(_) | EngineError::Unfit(_)) => {
            Ok(Err(vec![false]))
        }
        Err(EngineError::Cancelled(reasons)) => {
            Ok(Err(reasons.iter().map(|reason| *reason == Reason::None).collect()))
        }
        Err(error) => Err(error),
    }
}

/// All items of a table, or all that an index shows.
pub(super) async fn scan(engine: &Engine, table: usize, of: Option<&str>, limit: usize) -> Vec<Map> {
    let mut found = Vec::new();
    let mut start = None;
    loop {
        let index =
            of.map(|name| OfIndex { name: name.to_owned(), consistent: false, all_attributes: false });
        let request = Scan {
            table: name(table),
            index,
            limit: Some(limit),
            start,
            segment: None,
            selection: engine::Selection::default(),
        };
        let page = engine.scan(by_us(request)).await.unwrap();
        found.extend(page.items.iter().map(|item| item.as_map().to_map().unwrap()));
        start = page.last;
        if start.is_none() {
            return found;
        }
    }
}

/// The items of one partition of an index, in its order.
pub(super) async fn query(
    engine: &Engine,
    table: usize,
    of: &IndexDef,
    value: &str,
    forward: bool,
) -> Vec<Map> {
    let names = Some(vec![("#p".to_owned(), of.partition[0].name.to_string())]);
    let values = Some(vec![(":p".to_owned(), Ok(s(value)))]);
    let mut placeholders = Placeholders::new(names, values).unwrap();
    let conditions: Vec<KeyCondition> =
        expression::key_condition("#p = :p", &mut placeholders).unwrap().conditions().unwrap();
    let name_of = of.name.to_string();
    let request = Query {
        table: name(table),
        index: Some(OfIndex { name: name_of, consistent: false, all_attributes: false }),
        conditions,
        forward,
        limit: None,
        start: None,
        selection: engine::Selection::default(),
    };
    let page = engine.query(by_us(request)).await.unwrap();
    assert!(page.last.is_none(), "all of it is one page");
    page.items.iter().map(|item| item.as_map().to_map().unwrap()).collect()
}

/// What the stream tells from a position on, so many records at a time; and where that ends.
pub(super) async fn read_stream(
    engine: &Engine,
    table: &TableDef,
    mut position: StreamPosition,
    limit: usize,
) -> (Vec<Told>, StreamPosition) {
    let label = table.options.stream().unwrap().label.clone();
    let stream = StreamName { table: table.name.as_str().to_owned(), label };
    let mut told = Vec::new();
    loop {
        let request = GetRecords { stream: stream.clone(), position, limit };
        let page = engine.get_records(by_us(request)).await.unwrap();
        position = page.next.unwrap();
        if page.records.is_empty() {
            return (told, position);
        }
        for record in page.records {
            let whole = |image: &Option<crate::model::Image>| {
                image.as_ref().map(|image| image.as_map().to_map().unwrap())
            };
            let (new, old) = (whole(&record.new), whole(&record.old));
            let item = new.as_ref().or(old.as_ref()).unwrap();
            let key: Vec<_> = ["device", "ts"].iter().map(|name| item.get(name)).collect();
            assert_eq!(key, [record.keys.get("device"), record.keys.get("ts")]);
            told.push(Told { event: record.event, by_expiry: record.by_expiry, new, old });
        }
    }
}

/// The key of an item.
pub(super) fn key_of(item: &Map) -> Key {
    match (item.get("device"), item.get("ts")) {
        (Some(crate::model::AttributeValue::S(device)), Some(crate::model::AttributeValue::N(ts))) => {
            (device.to_string(), ts.to_i64().unwrap())
        }
        _ => panic!("not an item of the tests"),
    }
}
