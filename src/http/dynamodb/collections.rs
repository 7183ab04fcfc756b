//! ItemCollectionMetrics (developer guide, "Item collections in Local Secondary Indexes"): for tables with local indexes, how
//! large the collections are that a write has touched.
//!
//! The service gives an estimate as a range in gigabytes. The range here always holds: nothing to the whole of the table and
//! its local indexes, in whole gigabytes.

use super::Call;
use super::error::WireError;
use super::json::{Object, list};
use crate::engine::Described;
use crate::model::dynamodb_json::write_item;
use crate::model::{ImageError, IndexKind, Map, TableDef, TableName};

/// What the service counts in.
const GIGABYTE: u64 = 1 << 30;

/// The collections that a request touches, where they are asked for.
#[derive(Debug)]
pub(super) struct Collections(Option<Vec<(TableName, Map)>>);

impl Collections {
    /// None yet.
    pub(super) fn new(asked: bool) -> Collections {
        Collections(asked.then(Vec::new))
    }

    /// Takes note of an item, or a key, that will be written.
    pub(super) fn note(&mut self, call: &Call<'_>, table: &TableName, item: &Map) {
        let Some(noted) = &mut self.0 else { return };
        let Some(of) = call.engine().table(table.as_str()).ok().filter(|table| has_local(table)) else {
            return;
        };
        let partition = &of.keys.partition.name;
        let Some(value) = item.get(partition) else { return };
        let mut key = Map::new();
        key.insert(partition.clone(), value.clone());
        if !noted.iter().any(|(known, of)| known == table && *of == key) {
            noted.push((table.clone(), key));
        }
    }

    /// What a write of one item says of its collection.
    pub(super) async fn write_one(&self, call: &Call<'_>, answer: &mut Object<'_>) -> Result<(), WireError> {
        if let Some([(table, key)]) = self.0.as_deref() {
            let most = most(call, table).await?;
            write(key, most, answer.member("ItemCollectionMetrics"));
        }
        Ok(())
    }

    /// What a write of several says, by table.
    pub(super) async fn write_all(&self, call: &Call<'_>, answer: &mut Object<'_>) -> Result<(), WireError> {
        let Some(noted) = self.0.as_deref().filter(|noted| !noted.is_empty()) else { return Ok(()) };
        let mut by_table = answer.object("ItemCollectionMetrics");
        for (at, (table, _)) in noted.iter().enumerate() {
            if noted.iter().take(at).any(|(earlier, _)| earlier == table) {
                continue;
            }
            let most = most(call, table).await?;
            let keys = noted.iter().filter(|(of, _)| of == table);
            list(keys, by_table.named(table.as_str()), |(_, key), out| {
                write(key, most, out);
                Ok::<(), ImageError>(())
            })?;
        }
        by_table.close();
        Ok(())
    }
}

fn has_local(table: &TableDef) -> bool {
    table.indexes.live().any(|index| index.kind == IndexKind::Local)
}

/// The upper bound, in gigabytes.
async fn most(call: &Call<'_>, table: &TableName) -> Result<u64, WireError> {
    let Described { table, bytes, indexes, .. } =
        call.engine().describe_table(call.authorize(table.clone())).await?;
    let local = table.indexes.live().filter(|index| index.kind == IndexKind::Local);
    let figures = local.filter_map(|index| indexes.iter().find(|figures| figures.id == index.id));
    let total = bytes + figures.map(|figures| figures.bytes).sum::<u64>();
    Ok(gigabytes(total))
}

/// Whole ones, at least one.
fn gigabytes(bytes: u64) -> u64 {
    bytes.div_ceil(GIGABYTE).max(1)
}

fn write(key: &Map, most: u64, out: &mut Vec<u8>) {
    let mut metrics = Object::open(out);
    write_item(key, metrics.member("ItemCollectionKey"));
    metrics.member("SizeEstimateRangeGB").extend_from_slice(format!("[0.0,{most}.0]").as_bytes());
    metrics.close();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_always_holds() {
        assert_eq!([0, 1, GIGABYTE, GIGABYTE + 1, 10 * GIGABYTE].map(gigabytes), [1, 1, 1, 2, 10]);
        let mut out = Vec::new();
        write(&Map::new(), 2, &mut out);
        assert_eq!(out, br#"{"ItemCollectionKey":{},"SizeEstimateRangeGB":[0.0,2.0]}"#);
    }
}
