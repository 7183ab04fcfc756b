use proptest::prelude::*;

use super::*;

const TABLE: TableId = TableId(0x0102_0304);

fn codec() -> KeyCodec {
    KeyCodec::new(HashKey(*b"a secret of ours"))
}

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

fn sort_bytes(value: KeyValue<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_sort(value, &mut out);
    out
}

#[test]
fn a_row_key_is_table_hash_and_sort_key() {
    let partition = KeyValue::S("lamp");
    let key = codec().row_key(TABLE, partition, Some(KeyValue::B(b"\x00\xFF")));
    assert_eq!(key.as_slice()[..4], [1, 2, 3, 4]);
    assert_eq!(key.as_slice()[..PARTITION_PREFIX], codec().partition(TABLE, partition));
    assert_eq!(key.as_slice()[PARTITION_PREFIX..], *b"\x00\xFF");
    assert_eq!(key.table(), TABLE);
    assert_eq!(codec().row_key(TABLE, partition, None).as_slice(), codec().partition(TABLE, partition));
}

/// The hash is in every store: it may never change.
#[test]
fn the_hash_is_a_format() {
    let hash = |value| u128::from_be_bytes(codec().partition(TABLE, value)[4..].try_into().unwrap());
    assert_eq!(hash(KeyValue::S("lamp")), LAMP_TEXT, "{:#x}", hash(KeyValue::S("lamp")));
    assert_eq!(hash(KeyValue::B(b"lamp")), LAMP_BYTES, "{:#x}", hash(KeyValue::B(b"lamp")));
    assert_eq!(hash(KeyValue::N(number("-1.5"))), NUMBER, "{:#x}", hash(KeyValue::N(number("-1.5"))));
}

const LAMP_TEXT: u128 = 0x6584_78b7_ca25_412b_f399_6116_c387_be6f;
const LAMP_BYTES: u128 = 0x776142a5f10b09c6ff112e2b9c31d65a;
const NUMBER: u128 = 0xbef6851ccfe1776e1f5b0161661e8809;

#[test]
fn the_hash_covers_type_and_secret() {
    let codec = codec();
    let two = [2];
    let mut all = vec![
        codec.partition(TABLE, KeyValue::S("\u{2}")),
        codec.partition(TABLE, KeyValue::B(&two)),
        codec.partition(TABLE, KeyValue::N(Number::ZERO)), // its ordered bytes are [2]
        codec.partition(TableId(7), KeyValue::S("\u{2}")),
        KeyCodec::new(HashKey([0; 16])).partition(TABLE, KeyValue::S("\u{2}")),
    ];
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn equal_numbers_are_one_key() {
    let keys = ["1000", "1e3", "+1000.0"].map(|text| {
        let value = KeyValue::N(number(text));
        codec().row_key(TABLE, value, Some(value))
    });
    assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn lengths_are_checked_by_part() {
    let long = "x".repeat(PARTITION_KEY + 1);
    let text = |length: usize| KeyValue::S(&long[..length]);
    assert_eq!(KeyPart::Partition.check("k", text(2048)), Ok(()));
    assert_eq!(KeyPart::Sort.check("k", text(1024)), Ok(()));
    let too_long = |limit| Err(KeyError::TooLong { name: "k".into(), limit });
    assert_eq!(KeyPart::Partition.check("k", text(2049)), too_long(2048));
    assert_eq!(KeyPart::Sort.check("k", KeyValue::B(&long.as_bytes()[..1025])), too_long(1024));
    for empty in [KeyValue::S(""), KeyValue::B(b"")] {
        assert_eq!(KeyPart::Sort.check("k", empty), Err(KeyError::Empty { name: "k".into() }));
    }
    assert_eq!(KeyPart::Sort.check("k", KeyValue::N(Number::ZERO)), Ok(()));
}

fn any_key_number() -> impl Strategy<Value = Number> {
    ("-?[0-9]{1,6}(\\.[0-9]{1,3})?", -9_i32..9).prop_map(|(text, power)| number(&format!("{text}e{power}")))
}

proptest! {
    #[test]
    fn rows_of_a_partition_stand_in_the_order_of_their_sort_keys(
        texts in (".{0,12}", ".{0,12}"),
        bytes in any::<(Vec<u8>, Vec<u8>)>(),
        numbers in (any_key_number(), any_key_number()),
    ) {
        let order = |a, b| {
            let key = |sort| codec().row_key(TABLE, KeyValue::S("p"), Some(sort));
            let by_row = key(a).cmp(&key(b));
            assert_eq!(by_row, sort_bytes(a).cmp(&sort_bytes(b)));
            by_row
        };
        prop_assert_eq!(order(KeyValue::S(&texts.0), KeyValue::S(&texts.1)), texts.0.cmp(&texts.1));
        prop_assert_eq!(order(KeyValue::B(&bytes.0), KeyValue::B(&bytes.1)), bytes.0.cmp(&bytes.1));
        prop_assert_eq!(order(KeyValue::N(numbers.0), KeyValue::N(numbers.1)), numbers.0.cmp(&numbers.1));
    }
}
