//! LocalSecondaryIndexes and GlobalSecondaryIndexes of a TableDescription.

use std::convert::Infallible;

use super::json::{Object, list};
use super::table_description::{self, Moment};
use crate::engine::{Described, DescribedIndex};
use crate::model::dynamodb_json::write_string;
use crate::model::{IndexDef, IndexKind, KeyAttribute, Projection, TableDef};
use crate::store::IndexState;

/// The key attributes of a table and all its indexes, each once, by name.
pub(super) fn definitions(table: &TableDef) -> Vec<&KeyAttribute> {
    let mut found: Vec<&KeyAttribute> = Vec::new();
    let keys = std::iter::once(&table.keys.partition).chain(&table.keys.sort);
    let indexed = table.indexes.live().flat_map(|index| index.attributes().map(|(_, key)| key));
    for key in keys.chain(indexed) {
        if !found.iter().any(|known| known.name == key.name) {
            found.push(key);
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// Appends both lists, where there is anything in them.
pub(super) fn write(described: &Described, arn: &str, moment: &Moment, out: &mut Object<'_>) {
    for (kind, member) in
        [(IndexKind::Local, "LocalSecondaryIndexes"), (IndexKind::Global, "GlobalSecondaryIndexes")]
    {
        let shown: Vec<_> = shown(described, kind).collect();
        if shown.is_empty() {
            continue;
        }
        let _ = list(shown, out.member(member), |(index, figures), out| {
            one(described, index, figures, arn, moment, out);
            Ok::<(), Infallible>(())
        });
    }
}

/// Indexes that are there, or still going. What an update has just added or removed has no figures yet, or those of before.
fn shown(described: &Described, kind: IndexKind) -> impl Iterator<Item = (&IndexDef, DescribedIndex)> {
    let of_kind = described.table.indexes.list.iter().filter(move |index| index.kind == kind);
    of_kind.filter_map(|index| {
        let known = described.indexes.iter().find(|figures| figures.id == index.id).copied();
        let state = match known.map(|figures| figures.state) {
            Some(IndexState::Ready | IndexState::Building) | None if index.dropped => IndexState::Leaving,
            None if index.added => IndexState::Building,
            known => known.unwrap_or(IndexState::Ready),
        };
        let unknown = DescribedIndex { id: index.id, state, items: 0, bytes: 0 };
        let figures = DescribedIndex { state, ..known.unwrap_or(unknown) };
        (state != IndexState::Gone).then_some((index, figures))
    })
}

fn one(
    described: &Described,
    index: &IndexDef,
    figures: DescribedIndex,
    arn: &str,
    moment: &Moment,
    out: &mut Vec<u8>,
) {
    let mut out = Object::open(out);
    out.text("IndexArn", &format!("{arn}/index/{}", index.name));
    out.text("IndexName", &index.name);
    out.plain("IndexSizeBytes", figures.bytes);
    if index.kind == IndexKind::Global {
        global(&described.table, index, figures.state, moment, &mut out);
    }
    out.plain("ItemCount", figures.items);
    schema(index, out.member("KeySchema"));
    projection(&index.projection, out.object("Projection"));
    out.close();
}

/// Status and throughput of a global index.
fn global(table: &TableDef, index: &IndexDef, state: IndexState, moment: &Moment, out: &mut Object<'_>) {
    let status = match state {
        IndexState::Building => "CREATING",
        IndexState::Ready if moment.status == "CREATING" => "CREATING",
        IndexState::Ready if moment.updating.iter().any(|name| index.name == name) => "UPDATING",
        IndexState::Ready => "ACTIVE",
        IndexState::Leaving | IndexState::Gone => "DELETING",
    };
    out.text("IndexStatus", status);
    if index.added && state == IndexState::Building {
        out.plain("Backfilling", moment.status != "UPDATING");
    }
    let units = index.provisioned.filter(|_| table.provisioned.is_some());
    let (read, write) = units.unwrap_or_default();
    let mut throughput = out.object("ProvisionedThroughput");
    throughput.plain("NumberOfDecreasesToday", 0);
    throughput.plain("ReadCapacityUnits", read);
    throughput.plain("WriteCapacityUnits", write);
    throughput.close();
    if table.provisioned.is_none() {
        table_description::write_limits(index.on_demand_most, (None, None), out);
    }
    let warm = table.options.warm_throughput(index.warm, units);
    match status {
        "ACTIVE" => table_description::write_warm(warm, "ACTIVE", out),
        "UPDATING" => table_description::write_warm(warm, "UPDATING", out),
        _ if index.warm != (0, 0) => table_description::write_warm(warm, "UPDATING", out),
        _ => {}
    }
}

fn schema(index: &IndexDef, out: &mut Vec<u8>) {
    let hashes = index.partition.iter().map(|key| (key, "HASH"));
    let _ = list(hashes.chain(index.sort.iter().map(|key| (key, "RANGE"))), out, |(key, kind), out| {
        let mut element = Object::open(out);
        element.text("AttributeName", &key.name);
        element.text("KeyType", kind);
        element.close();
        Ok::<(), Infallible>(())
    });
}

fn projection(projection: &Projection, mut out: Object<'_>) {
    match projection {
        Projection::All => out.text("ProjectionType", "ALL"),
        Projection::KeysOnly => out.text("ProjectionType", "KEYS_ONLY"),
        Projection::Include(names) => {
            let mut names: Vec<_> = names.iter().collect();
            names.sort_unstable();
            let _ = list(names, out.member("NonKeyAttributes"), |name, out| {
                write_string(name, out);
                Ok::<(), Infallible>(())
            });
            out.text("ProjectionType", "INCLUDE");
        }
    }
    out.close();
}
