//! What a write costs in the indexes of its table, by the service's rules (developer guide, "Provisioned throughput
//! considerations for global secondary indexes"): an item that comes, goes or changes what an index shows is a write
//! there; one whose index key changes is two.

use compact_str::CompactString;

use crate::model::{Image, IndexDef, IndexKind, KeySchema, MapRef, TableDef, size};

/// What a write has written to an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexWrite {
    /// The index's name.
    pub name: CompactString,
    /// Local or global.
    pub kind: IndexKind,
    /// The sizes of what was written, in bytes, each for itself.
    pub sizes: Vec<usize>,
}

/// The writes to a table's indexes that go with a change of an item.
pub(super) fn of(table: &TableDef, old: Option<&Image>, new: Option<&Image>) -> Vec<IndexWrite> {
    let writes = table.indexes.live().map(|index| IndexWrite {
        name: index.name.clone(),
        kind: index.kind,
        sizes: sizes(&table.keys, index, old.map(Image::as_map), new.map(Image::as_map)),
    });
    writes.filter(|write| !write.sizes.is_empty()).collect()
}

fn sizes(
    table: &KeySchema,
    index: &IndexDef,
    old: Option<MapRef<'_>>,
    new: Option<MapRef<'_>>,
) -> Vec<usize> {
    let shows = |name: &str| index.projects(table, name);
    let size = |image: MapRef<'_>| size::part_size(image, shows);
    let old = old.and_then(|image| Some((image, index.key_of_image(image)?)));
    let new = new.and_then(|image| Some((image, index.key_of_image(image)?)));
    match (old, new) {
        (None, None) => Vec::new(),
        (Some((gone, _)), None) => vec![size(gone)],
        (None, Some((come, _))) => vec![size(come)],
        (Some((old, before)), Some((new, after))) if before != after => vec![size(old), size(new)],
        (Some((old, _)), Some((new, _))) => {
            let same = match (old.project(shows), new.project(shows)) {
                (Ok(old), Ok(new)) => old == new,
                _ => false,
            };
            if same { Vec::new() } else { vec![size(old).max(size(new))] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AttributeValue, KeyAttribute, KeyType, Map, Number, Projection, TableId};

    fn item(level: Option<i64>, note: &str) -> Image {
        let mut item = Map::new();
        item.insert("id", AttributeValue::S("a".into()));
        item.insert("note", AttributeValue::S(note.into()));
        if let Some(level) = level {
            item.insert("level", AttributeValue::N(Number::from(level)));
        }
        Image::encode(&item)
    }

    #[test]
    fn only_what_changes_in_an_index_is_written_there() {
        let attribute = |name: &str, key_type| KeyAttribute { name: name.into(), key_type };
        let table = KeySchema { partition: attribute("id", KeyType::S), sort: None };
        let index = |projection| IndexDef {
            id: TableId(300),
            name: "by-level".into(),
            kind: IndexKind::Global,
            partition: vec![attribute("level", KeyType::N)],
            sort: Vec::new(),
            projection,
            provisioned: None,
            on_demand_most: None,
            warm: (0, 0),
            added: false,
            dropped: false,
        };
        let (keys_only, all) = (index(Projection::KeysOnly), index(Projection::All));
        let count = |index: &IndexDef, old: Option<&Image>, new: Option<&Image>| {
            sizes(&table, index, old.map(Image::as_map), new.map(Image::as_map)).len()
        };
        let (one, noted, two, out) =
            (item(Some(1), "x"), item(Some(1), "y"), item(Some(2), "x"), item(None, "x"));
        assert_eq!(count(&all, None, Some(&one)), 1);
        assert_eq!(count(&all, Some(&one), None), 1);
        assert_eq!(count(&all, Some(&one), Some(&two)), 2);
        assert_eq!(count(&all, Some(&one), Some(&noted)), 1);
        assert_eq!(count(&keys_only, Some(&one), Some(&noted)), 0);
        assert_eq!(count(&all, Some(&one), Some(&one)), 0);
        assert_eq!(count(&all, Some(&one), Some(&out)), 1);
        assert_eq!(count(&all, Some(&out), Some(&out)), 0);
    }
}
