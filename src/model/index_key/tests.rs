use proptest::prelude::*;

use super::*;
use crate::model::arbitrary;
use crate::model::index::{IndexKind, Projection};
use crate::model::{HashKey, KeyAttribute, KeyType};

const TABLE: TableId = TableId(256);

fn codec() -> KeyCodec {
    KeyCodec::new(HashKey(*b"a secret of ours"))
}

fn index() -> IndexDef {
    IndexDef {
        id: TableId(300),
        name: "index".into(),
        kind: IndexKind::Global,
        partition: vec![KeyAttribute { name: "p".into(), key_type: KeyType::S }],
        sort: Vec::new(),
        projection: Projection::All,
        provisioned: None,
        on_demand_most: None,
        warm: (0, 0),
        added: false,
        dropped: false,
    }
}

fn row(sort: &[u8]) -> RowKey {
    codec().row_key(TABLE, KeyValue::S("device"), Some(KeyValue::B(sort)))
}

fn key_of(sort: &[KeyValue<'_>], row: &RowKey) -> IndexKey {
    let values = IndexKeyValues { partition: vec![KeyValue::S("p")], sort: sort.to_vec() };
    codec().index_key(&index(), &values, row)
}

#[test]
fn a_key_ends_with_its_item() {
    let row = row(b"1");
    let key = key_of(&[KeyValue::S("lamp")], &row);
    assert_eq!(key.key[..20], codec().partition(TableId(300), KeyValue::S("p")));
    assert_eq!(key.key[20..29], *b"lamp\0\0\0\0\x04");
    assert_eq!(key.key[29..], row.as_slice()[4..]);
    assert_eq!(key.value[..], [29]);
    let located = IndexKey::locate(TABLE, &key.key, &key.value).unwrap();
    assert_eq!(located, Located { row, whole: None });
}

/// DynamoDB's longest keys: a sort key of 1,024 bytes in table and index, and four of them.
#[test]
fn all_lengths_fit() {
    let long = "x".repeat(1024);
    let row = row(long.as_bytes());
    for count in 0..=4 {
        let sort = vec![KeyValue::S(&long); count];
        let key = key_of(&sort, &row);
        assert!(key.key.len() <= LONGEST, "{}", key.key.len());
        let located = IndexKey::locate(TABLE, &key.key, &key.value).unwrap();
        assert_eq!(located.row, row);
        assert_eq!(located.whole.is_some(), count > 1);
        let whole = key.whole(TABLE);
        assert!(whole.len() >= 20 + count * 1_152);
        if count > 1 {
            assert_eq!(whole[..CUT], key.key[..CUT]);
            assert_eq!(whole[whole.len() - HASH..], key.key[CUT..]);
        }
    }
    assert_ne!(key_of(&[KeyValue::S(&long)], &row), key_of(&[KeyValue::S(&long)], &super::tests::row(b"2")));
}

#[test]
fn damaged_values_are_not_located() {
    let key = key_of(&[KeyValue::S(&"x".repeat(1024)); 2], &row(b"1"));
    for length in 0..3 {
        assert_eq!(IndexKey::locate(TABLE, &key.key, &key.value[..length]), None);
    }
    assert_eq!(IndexKey::locate(TABLE, &key.key[..9], &[10]), None);
    assert_eq!(IndexKey::locate(TABLE, &key.key[..30], &[10, 1]), None);
    assert_eq!(IndexKey::locate(TABLE, &[], &[0xff; 9]), None);
}

#[test]
fn several_partition_attributes_have_a_hash_of_their_own() {
    let codec = codec();
    let (a, b) = (KeyValue::S("a"), KeyValue::S("b"));
    let hashes = [[a, b], [b, a], [a, a]].map(|pair| codec.index_partition(TABLE, &pair));
    assert!(hashes[0] != hashes[1] && hashes[0] != hashes[2] && hashes[1] != hashes[2]);
    assert_eq!(codec.index_partition(TABLE, &[a]), codec.partition(TABLE, a));
    let merged = [KeyValue::S("ab"), KeyValue::S("c")];
    assert_ne!(codec.index_partition(TABLE, &merged), codec.index_partition(TABLE, &[a, KeyValue::S("bc")]));
}

#[derive(Clone, Debug)]
enum Value {
    S(String),
    N(crate::model::Number),
    B(Vec<u8>),
}

impl Value {
    fn key(&self) -> KeyValue<'_> {
        match self {
            Value::S(text) => KeyValue::S(text),
            Value::N(number) => KeyValue::N(*number),
            Value::B(bytes) => KeyValue::B(bytes),
        }
    }
}

fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::S(a), Value::S(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::N(a), Value::N(b)) => a.cmp(b),
        (Value::B(a), Value::B(b)) => a.cmp(b),
        _ => unreachable!("one type an attribute"),
    }
}

/// Values of which many begin alike.
fn values(kind: u8) -> BoxedStrategy<Value> {
    match kind {
        0 => prop_oneof!["a{0,20}b?", arbitrary::text()].prop_map(Value::S).boxed(),
        1 => arbitrary::number().prop_map(Value::N).boxed(),
        _ => {
            let long = (0..1024usize, any::<u8>()).prop_map(|(length, last)| {
                let mut bytes = vec![0; length];
                bytes.push(last);
                bytes
            });
            prop_oneof![prop::collection::vec(0..2u8, 0..20), long].prop_map(Value::B).boxed()
        }
    }
}

fn pairs() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    prop::collection::vec(0..3u8, 1..=4).prop_flat_map(|kinds| {
        let one: Vec<_> = kinds.iter().map(|kind| values(*kind)).collect();
        let other: Vec<_> = kinds.iter().map(|kind| values(*kind)).collect();
        (one, other, 0..=kinds.len()).prop_map(|(one, mut other, same)| {
            other[..same].clone_from_slice(&one[..same]);
            (one, other)
        })
    })
}

proptest! {
    #[test]
    fn whole_keys_stand_in_the_order_of_their_values((a, b) in pairs()) {
        let keys = |values: &[Value]| -> Vec<u8> {
            let values: Vec<_> = values.iter().map(Value::key).collect();
            key_of(&values, &row(b"1")).whole(TABLE)
        };
        let wanted = a.iter().zip(&b).map(|(a, b)| order(a, b)).find(|order| order.is_ne());
        prop_assert_eq!(keys(&a).cmp(&keys(&b)), wanted.unwrap_or(std::cmp::Ordering::Equal));
    }

    #[test]
    fn a_prefix_is_what_beginnings_have_in_common(text in "[ab]{0,30}", prefix in "[ab]{1,20}") {
        let (mut whole, mut begun) = (Vec::new(), Vec::new());
        encode_part(KeyValue::S(&text), &mut whole);
        encode_part_prefix(prefix.as_bytes(), &mut begun);
        prop_assert_eq!(whole.starts_with(&begun), text.starts_with(&prefix));
    }

    #[test]
    fn any_row_is_located(
        sort in prop::collection::vec(values(2), 0..=4),
        item in prop::collection::vec(any::<u8>(), 0..1024),
    ) {
        let sort: Vec<_> = sort.iter().map(Value::key).collect();
        let row = row(&item);
        let key = key_of(&sort, &row);
        prop_assert!(key.key.len() <= LONGEST);
        prop_assert_eq!(IndexKey::locate(TABLE, &key.key, &key.value).unwrap().row, row);
    }
}
