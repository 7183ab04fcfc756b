//! Whatever the bytes: no panic, and no item that the store would not take.

use proptest::prelude::*;

use super::*;
use crate::model::{AttributeValue, arbitrary, plain_json, size};

const RULES: &str = r#"
[[rule]]
topic = "json/{device}/{n}"
payload = "json"
set = { device = "{device}", ts = { from = "/ts", time = "ms", or = "now" }, n = "{payload:/a/b|n|topic}", t = "{payload}-{n}" }

[[rule]]
topic = "cbor/{device..}"
payload = "cbor"
attributes = ["a", "b"]
set = { device = "{device}", ts = "{payload:/ts|now_us}" }

[[rule]]
topic = "each/{device}"
each = "/"
set = { device = "{element:/id|key|device}", ts = "{now_us}", place = "{index}" }

[[rule]]
topic = "n/{device}/{ts}"
payload = "number"
ttl = "1h"
set = { device = "{device}", ts = "{ts}" }

[[rule]]
topic = "{device..}"
set = { device = "{device}", ts = "{now_us}" }
"#;

fn topic() -> impl Strategy<Value = String> {
    let level = prop_oneof![
        prop::sample::select(vec!["json", "cbor", "each", "n", "", "$SYS", "d1", "17"])
            .prop_map(str::to_owned),
        "\\PC{0,5}",
    ];
    prop::collection::vec(level, 1..5).prop_map(|levels| levels.join("/"))
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let json = |value: &AttributeValue| {
        let mut out = Vec::new();
        plain_json::write_value(value, &mut out);
        out
    };
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        "\\PC{0,50}".prop_map(String::into_bytes),
        "[\\[\\]{}\",:0-9a-z]{0,40}".prop_map(String::into_bytes),
        arbitrary::value().prop_map(move |value| json(&value)),
        arbitrary::item().prop_map(move |item| json(&AttributeValue::M(item))),
    ]
}

proptest! {
    #[test]
    fn any_message_is_mapped_or_refused(topic in topic(), payload in payload(), estimated: bool) {
        let rules = compile(RULES, vec![readings()]);
        let table = definition(&readings());
        let (outcome, puts) = apply(&rules, &message(&topic, payload), estimated);
        if let Outcome::Items(_) = outcome {
            prop_assert!(!puts.is_empty());
        } else {
            prop_assert!(puts.is_empty());
        }
        for put in puts {
            prop_assert!(table.keys.key_of(&put.item).is_ok());
            prop_assert!(size::item_size(&put.item) <= crate::model::limits::ITEM_SIZE);
            for movable in put.mark.iter().flat_map(|mark| &mark.attributes) {
                prop_assert!(estimated);
                prop_assert!(matches!(put.item.get(&movable.name), Some(AttributeValue::N(_))));
            }
        }
    }

    #[test]
    fn members_become_attributes_with_every_digit(item in arbitrary::item()) {
        // Through plain JSON, so that sets and binary are what JSON has for them.
        let mut json = Vec::new();
        plain_json::write_map(&item, &mut json);
        let Ok(AttributeValue::M(wanted)) = plain_json::read_value(&json) else { return Ok(()) };
        let rules = compile(RULES, vec![readings()]);
        let (outcome, puts) = apply(&rules, &message("d1", json), false);
        prop_assert!(matches!(outcome, Outcome::Items(_)), "{:?}", outcome);
        for (name, value) in wanted.iter().filter(|(name, _)| !["device", "ts"].contains(&name.as_str())) {
            prop_assert_eq!(puts[0].item.get(name), Some(value));
        }
    }
}
