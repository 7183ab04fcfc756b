use proptest::prelude::*;

use super::super::arbitrary;
use super::super::number::Number;
use super::*;

fn item(pairs: &[(&str, AttributeValue)]) -> Map {
    let mut map = Map::new();
    for (name, value) in pairs {
        map.insert(*name, value.clone());
    }
    map
}

fn n(text: &str) -> AttributeValue {
    AttributeValue::N(Number::parse(text).unwrap())
}

fn encoded(value: AttributeValue) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode_canonical(&mut out);
    out
}

#[test]
fn known_bytes() {
    let image =
        Image::encode(&item(&[("b", AttributeValue::S("x".into())), ("a", AttributeValue::Bool(true))]));
    assert_eq!(image.bytes().as_ref(), b"\xa2\x61a\xf5\x61b\x61x");
    // RFC 8949, 3.4.4: 273.15 is 4([-2, 27315]).
    assert_eq!(encoded(n("273.15")), b"\xc4\x82\x21\x19\x6a\xb3");
    assert_eq!(encoded(n("23.20")), encoded(n("23.2")));
    assert_eq!(encoded(n("1e3")), b"\x19\x03\xe8");
    assert_eq!(encoded(n("18446744073709551615")), b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(encoded(n("-18446744073709551616")), b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(encoded(n("18446744073709551616")), b"\xc4\x82\x00\xc2\x49\x01\0\0\0\0\0\0\0\0");
    assert_eq!(encoded(n("-18446744073709551617")), b"\xc4\x82\x00\xc3\x49\x01\0\0\0\0\0\0\0\0");
    assert_eq!(encoded(n("1e20")), b"\xc4\x82\x14\x01");
    assert_eq!(encoded(n("-0")), b"\x00");
    let set = super::super::value::Set::new(vec![Number::from(2i64), Number::from(-1i64)]).unwrap();
    assert_eq!(encoded(AttributeValue::NS(set)), b"\xd9\x01\x02\x82\x20\x02");
}

#[test]
fn get_stops_early_and_finds_all() {
    let image =
        Image::encode(&item(&[("a", n("1")), ("b", arbitrary::nested(5)), ("bb", n("2")), ("c", n("3"))]));
    let map = image.as_map();
    assert!(matches!(map.get("bb"), Ok(Some(ValueRef::N(two))) if two == Number::from(2i64)));
    assert!(matches!(map.get("c"), Ok(Some(ValueRef::N(_)))));
    assert!(matches!(map.get("ba"), Ok(None)));
    assert!(matches!(map.get("d"), Ok(None)));
    assert_eq!(map.value_bytes("a"), Ok(Some(&[1u8][..])));
    assert_eq!(map.len(), Ok(4));
    // What stands behind a name beyond the wanted one is not looked at.
    let torn = MapRef::new(&image.bytes()[..5]);
    assert!(matches!(torn.get("A"), Ok(None)));
    assert!(matches!(torn.get("c"), Err(ImageError)));
}

#[test]
fn depth_is_bounded() {
    let at_limit = item(&[("a", arbitrary::nested(MAX_DEPTH - 1))]);
    assert_eq!(Image::encode(&at_limit).as_map().to_map().unwrap(), at_limit);
    let beyond = Image::encode(&item(&[("a", arbitrary::nested(MAX_DEPTH))]));
    assert_eq!(beyond.as_map().to_map(), Err(ImageError));
    let mut hostile = b"\xa1\x61a".to_vec();
    hostile.extend(std::iter::repeat_n(0x81, 200_000));
    assert_eq!(MapRef::new(&hostile).to_map(), Err(ImageError));
    hostile.push(0);
    assert_eq!(MapRef::new(&hostile).to_map(), Err(ImageError));
}

#[test]
fn what_is_not_canonical_is_refused_from_outside() {
    let good = Image::encode(&item(&[("a", n("1")), ("b", n("2"))]));
    assert!(Image::from_untrusted(good.bytes().clone()).is_ok());
    for bad in [
        &b"\xa2\x61b\x02\x61a\x01"[..],               // names not sorted
        b"\xa2\x61a\x02\x61a\x01",                    // a name twice
        b"\xa1\x61a\x18\x01",                         // a longer head than needed
        b"\xbf\x61a\x01\xff",                         // indefinite length
        b"\xa1\x61a\x01\x00",                         // bytes behind it
        b"\xa1\x61a\xc4\x82\x00\x01",                 // an integer as a fraction
        b"\xa1\x61a\xc4\x82\x21\x18\x64",             // a trailing zero in the coefficient
        b"\xa1\x61a\xd9\x01\x02\x82\x02\x01",         // a set not sorted
        b"\xa1\x61a\xd9\x01\x02\x82\x01\x01",         // a set with a duplicate
        b"\xa1\x61a\xd9\x01\x02\x80",                 // an empty set
        b"\xa1\x61a\xd9\x01\x02\x82\x01\x61x",        // a set of two kinds
        b"\xa1\x61a\xd9\x01\x02\x81\x80",             // a set of lists
        b"\xa1\x61a\xfb\0\0\0\0\0\0\0\0",             // a float
        b"\xa1\x61a\xf7",                             // undefined
        b"\xa1\x61a\xc4\x82\x1a\x7f\xff\xff\xff\x01", // beyond DynamoDB's range
        b"\x81\x01",                                  // no map
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",      // a length beyond the bytes
        b"",
    ] {
        assert_eq!(Image::from_untrusted(Bytes::copy_from_slice(bad)), Err(ImageError), "{bad:02x?}");
    }
}

/// Reads everything there is to read; what matters is that it ends.
fn walk(map: MapRef<'_>, depth: usize) {
    let _ = map.len();
    let _ = map.get("b");
    let _ = map.value_bytes("b");
    let _ = map.project_names(&["a", "b"]);
    for (_, value) in map.iter().flatten() {
        walk_value(value, depth);
    }
}

fn walk_value(value: ValueRef<'_>, depth: usize) {
    match value {
        ValueRef::M(map) if depth > 0 => walk(map, depth - 1),
        ValueRef::L(list) if depth > 0 => list.iter().flatten().for_each(|v| walk_value(v, depth - 1)),
        ValueRef::SS(set) | ValueRef::NS(set) | ValueRef::BS(set) => set.iter().flatten().for_each(drop),
        _ => {}
    }
}

proptest! {
    #[test]
    fn items_come_back(item in arbitrary::item()) {
        let image = Image::encode(&item);
        prop_assert_eq!(image.as_map().to_map().unwrap(), item.clone());
        prop_assert!(Image::from_untrusted(image.bytes().clone()).is_ok());
        let names: Vec<String> = image.as_map().iter().map(|entry| entry.unwrap().0.to_string()).collect();
        prop_assert!(names.windows(2).all(|pair| pair[0].as_bytes() < pair[1].as_bytes()));
        for (name, value) in item.iter() {
            let found = image.as_map().get(name).unwrap().unwrap();
            prop_assert_eq!(found.type_name(), value.type_name());
            prop_assert_eq!(&found.to_value().unwrap(), value);
            let bytes = image.as_map().value_bytes(name).unwrap().unwrap();
            prop_assert_eq!(bytes.to_vec(), encoded(value.clone()));
            prop_assert_eq!(&ValueRef::read(bytes).unwrap().to_value().unwrap(), value);
        }
    }

    #[test]
    fn equal_bytes_are_equal_items(a in arbitrary::value(), b in arbitrary::value()) {
        prop_assert_eq!(a == b, encoded(a) == encoded(b));
    }

    #[test]
    fn equal_numbers_have_equal_bytes(a in arbitrary::number(), b in arbitrary::number()) {
        prop_assert_eq!(a == b, encoded(AttributeValue::N(a)) == encoded(AttributeValue::N(b)));
    }

    #[test]
    fn projections_are_images_of_the_part(item in arbitrary::item()) {
        let image = Image::encode(&item).as_map().project(|name| name < "c").unwrap();
        let mut part = Map::new();
        for (name, value) in item.iter().filter(|(name, _)| name.as_str() < "c") {
            part.insert(name.clone(), value.clone());
        }
        prop_assert_eq!(image, Image::encode(&part));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        walk(MapRef::new(&bytes), 50);
        let _ = MapRef::new(&bytes).to_map();
        let _ = ValueRef::read(&bytes).map(|value| value.to_value());
    }

    #[test]
    fn damaged_images_are_read_or_refused(
        item in arbitrary::item(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Image::encode(&item).bytes().to_vec();
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        walk(MapRef::new(&bytes), 50);
        let _ = MapRef::new(&bytes).to_map();
        bytes.truncate(cut.index(bytes.len() + 1));
        walk(MapRef::new(&bytes), 50);
        let _ = MapRef::new(&bytes).to_map();
    }
}
