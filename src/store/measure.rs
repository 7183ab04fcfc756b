//! What the store writes per reading, and what it holds in memory: by hand, with
//! `MEASURE=DIRECTORY [READINGS=n] [GROUP=n] [INDEXES=n] cargo test --lib store::measure -- --ignored --nocapture`.

use std::time::Instant;

use super::testing::*;
use super::*;
use crate::model::{
    AttributeValue, Image, IndexKind, KeyAttribute, KeyType, KeyValue, Map, Number, Projection, TableId,
};

fn reading(device: usize, n: u64) -> Map {
    let mut item = Map::new();
    item.insert("device", AttributeValue::S(format!("device-{device:03}").into()));
    item.insert("ts", AttributeValue::N(Number::from((NOW * 1_000_000 + n * 997) as i64)));
    item.insert("kind", AttributeValue::S("environment".into()));
    item.insert("temperature", AttributeValue::N(Number::parse(&format!("21.{}", n % 1000)).unwrap()));
    item.insert("humidity", AttributeValue::N(Number::from((n % 100) as i64)));
    item.insert("expires_at", AttributeValue::N(Number::from((NOW + 30 * 86_400 + n / 100) as i64)));
    item.insert("note", AttributeValue::S("x".repeat(80).into()));
    item
}

/// An index of the kind and the time, as a gateway's programs would have one.
fn by_kind(id: u32) -> IndexDef {
    let attribute = |name: &str, key_type| KeyAttribute { name: name.into(), key_type };
    IndexDef {
        id: TableId(id),
        name: format!("by-kind-{id}").into(),
        kind: IndexKind::Global,
        partition: vec![attribute("kind", KeyType::S)],
        sort: vec![attribute("ts", KeyType::N)],
        projection: Projection::All,
        provisioned: None,
        on_demand_most: None,
        warm: (0, 0),
        added: false,
        dropped: false,
    }
}

fn anonymous() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let lines = status.lines().filter(|line| line.starts_with("RssAnon") || line.starts_with("VmRSS"));
    lines.collect::<Vec<_>>().join(" ").replace(char::is_whitespace, "")
}

#[tokio::test]
#[ignore = "a measurement"]
async fn bytes_per_reading() {
    let path = std::env::var("MEASURE").unwrap();
    let number = |name: &str, default| {
        std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(default)
    };
    let (readings, group) = (number("READINGS", 50_000), number("GROUP", 100));
    let mut bench = Bench::empty();
    bench.settings.path = std::path::Path::new(&path).join("store");
    bench.settings.max_size = 2 << 30;
    let opening = Instant::now();
    let bench = bench.open();
    eprintln!("opened in {:?}, {}", opening.elapsed(), anonymous());
    if bench.store().catalog().by_id(TABLE).is_none() {
        let mut table = table();
        for id in TABLE.0 + 1..=TABLE.0 + number("INDEXES", 0) as u32 {
            table.indexes.list.push(by_kind(id));
        }
        bench.define(table).await;
    }
    let begun = Instant::now();
    let keys = bench.store().keys();
    let mut n = bench.store().change_counts().get(&TABLE).copied().unwrap_or(0);
    let end = n + readings;
    let mut size = 0;
    let mut peak = String::new();
    while n < end {
        let mut items = Vec::new();
        for _ in 0..group {
            let item = reading((n % 100) as usize, n);
            let ts = (NOW * 1_000_000 + n * 997) as i64;
            let device = format!("device-{:03}", n % 100);
            let key = keys.row_key(TABLE, KeyValue::S(&device), Some(KeyValue::N(Number::from(ts))));
            let image = Image::encode(&item);
            size = image.bytes().len();
            items.push((key, image));
            n += 1;
        }
        let stamp = bench.clock.stamp();
        let put = move |_: &dyn Read, batch: &mut Batch| {
            for (key, image) in items {
                batch.put(TABLE, key, image, about(stamp, None));
            }
        };
        bench.store().submit(Urgency::Now, 0, put).await.unwrap();
        if n % 10_000 < group {
            peak = peak.max(anonymous());
        }
    }
    let took = begun.elapsed();
    let store = bench.store().clone();
    let counting = Instant::now();
    let status = store.status();
    eprintln!("counted {} items in {:?}; {peak}", status.items, counting.elapsed());
    let closing = Instant::now();
    let bench = bench.close().await;
    let status = store.status();
    let per = |bytes: u64| bytes / readings;
    eprintln!(
        "{readings} readings of {size} B, {group} a commit: {} B each (journal {}, tree {}), {:.0}/s, {} folds, closed in \
         {:?}, on disk {} MiB, {}",
        per(status.bytes_written),
        per(status.bytes_written_journal),
        per(status.bytes_written_tree),
        readings as f64 / took.as_secs_f64(),
        status.folds,
        closing.elapsed(),
        status.bytes_on_disk >> 20,
        anonymous(),
    );
    drop(bench);
}
