use super::*;
use crate::model::{AttributeValue, Image, KeyAttribute, KeyType, Map};

fn route(attributes: Attributes) -> Route {
    let attribute = |name: &str| KeyAttribute { name: name.into(), key_type: KeyType::S };
    Route {
        lane: Lane(0),
        upstream: "t".to_owned(),
        keys: KeySchema { partition: attribute("device"), sort: Some(attribute("ts")) },
        handling: Handling { priority: 0, attributes },
    }
}

fn image(names: &[&str]) -> Image {
    let mut item = Map::new();
    for name in names {
        item.insert(*name, AttributeValue::S("0123456789".into()));
    }
    Image::encode(&item)
}

#[test]
fn keys_always_go_and_the_rest_as_the_owner_says() {
    let whole = image(&["device", "raw", "temperature", "ts"]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    for (attributes, sent) in [
        (Attributes::All, vec!["device", "raw", "temperature", "ts"]),
        (Attributes::Only(names(&["temperature", "other"])), vec!["device", "temperature", "ts"]),
        (Attributes::Only(names(&[])), vec!["device", "ts"]),
        (Attributes::Without(names(&["raw", "device"])), vec!["device", "temperature", "ts"]),
    ] {
        let route = route(attributes);
        let expected = image(&sent);
        assert_eq!(*route.sent(whole.bytes()).unwrap(), **expected.bytes());
        assert_eq!(route.sent_size(whole.bytes()), image_size(expected.as_map()));
    }
}

#[test]
fn an_image_that_cannot_be_read_is_not_sent_in_part() {
    assert!(route(Attributes::Only(BTreeSet::new())).sent(&[0xff, 0x00]).is_err());
}
