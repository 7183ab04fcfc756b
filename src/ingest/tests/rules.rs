//! Rules as they are written, and what of a message they take.

use super::*;
use crate::model::{AttributeValue, Number};
use crate::store::{Movable, Unit};

const PLAIN: &str = r#"
[[rule]]
topic = "s/{device}"
set = { device = "{device}", ts = { from = "/ts", time = "ms", or = "now" } }
"#;

fn error(rule: &str) -> String {
    let rules = parse(&format!("[[rule]]\n{rule}"));
    match RuleSet::new(&rules, vec![readings()]) {
        Err((0, error)) => error.to_string(),
        other => panic!("{rule}: {other:?}"),
    }
}

#[test]
fn the_default_rule_makes_a_device_of_every_topic() {
    let rules = RuleSet::new(&[RuleSettings::default_rule()], vec![readings()]).unwrap();
    let found = items(&rules, "sensors/dev1", r#"{"temperature":21.50}"#);
    let wanted =
        item(r#"{"device":{"S":"sensors/dev1"},"ts":{"N":"1700000000000000"},"temperature":{"N":"21.5"}}"#);
    assert_items(&found, &[wanted], "default");
    let found = items(&rules, "x", "hello");
    let wanted = item(r#"{"device":{"S":"x"},"ts":{"N":"1700000000000000"},"value":{"S":"hello"}}"#);
    assert_items(&found, &[wanted], "default");
    assert!(matches!(apply(&rules, &message("$SYS/x", "1"), false).0, Outcome::Reject(_)));
    assert_eq!(rules.subscriptions().filters, ["#"]);
}

#[test]
fn the_first_rule_that_matches_wins() {
    let rules = compile(
        r#"
        rule = [
            { topic = "a/{x}/log", drop = true },
            { topic = "a/{x}/{k}", set = { device = "first", ts = 1 } },
            { topic = "{x..}", set = { device = "second", ts = 1 } },
        ]"#,
        vec![readings()],
    );
    assert_eq!(apply(&rules, &message("a/b/log", "1"), false).0, Outcome::Drop);
    let device = |topic| items(&rules, topic, "1")[0].get("device").cloned();
    assert_eq!(device("a/b/c"), Some(AttributeValue::S("first".into())));
    assert_eq!(device("a/b"), Some(AttributeValue::S("second".into())));
}

#[test]
fn what_set_names_is_not_taken_from_the_payload() {
    let rules = compile(PLAIN, vec![readings()]);
    let found = items(&rules, "s/d1", r#"{"device":"other","ts":12,"v":1}"#);
    let wanted = item(r#"{"device":{"S":"d1"},"ts":{"N":"1700000000000000"},"v":{"N":"1"}}"#);
    assert_items(&found, &[wanted], "a time before 2000 counts as missing");

    let strict = compile(&PLAIN.replace(", or = \"now\"", ""), vec![readings()]);
    let (outcome, _) = apply(&strict, &message("s/d1", r#"{"ts":12,"v":1}"#), false);
    let Outcome::Reject(rejection) = outcome else { panic!("{outcome:?}") };
    assert_eq!(rejection.rule.as_deref(), Some("s/{device}"));
    assert!(rejection.reason.contains("ts is missing"), "{}", rejection.reason);
}

#[test]
fn attributes_of_the_payload() {
    let set = "topic = \"{device}\"\nset = { device = \"{device}\", ts = 1";
    let one = |rest: &str, payload: &'static str| {
        shown(&items(&compile(&format!("[[rule]]\n{set} {rest}"), vec![readings()]), "d", payload)[0])
    };
    let head = r#"{"device":{"S":"d"},"#;
    let object = r#"{"a":1,"b":2}"#;
    assert_eq!(one("}", object), r#"{"a":{"N":"1"},"b":{"N":"2"},"device":{"S":"d"},"ts":{"N":"1"}}"#);
    assert_eq!(
        one("}\nattributes = [\"b\", \"c\"]", object),
        r#"{"b":{"N":"2"},"device":{"S":"d"},"ts":{"N":"1"}}"#
    );
    assert_eq!(one("}\nattributes = false", object), format!(r#"{head}"ts":{{"N":"1"}}}}"#));
    assert_eq!(
        one(", n = 1.50, ok = true, t = \"x\" }\nattributes = false", object),
        format!(r#"{head}"n":{{"N":"1.5"}},"ok":{{"BOOL":true}},"t":{{"S":"x"}},"ts":{{"N":"1"}}}}"#)
    );
    assert_eq!(one("}", "[1]"), format!(r#"{head}"ts":{{"N":"1"}},"value":{{"L":[{{"N":"1"}}]}}}}"#));
    assert_eq!(one("}\nvalue_as = \"z\"", "on"), format!(r#"{head}"ts":{{"N":"1"}},"z":{{"S":"on"}}}}"#));
}

#[test]
fn keys_are_converted_without_loss_or_not_at_all() {
    let table = TableSettings {
        keys: KeySchema {
            partition: KeyAttribute { name: "id".into(), key_type: KeyType::N },
            sort: Some(KeyAttribute { name: "at".into(), key_type: KeyType::S }),
        },
        ..readings()
    };
    let rules =
        compile("[[rule]]\ntopic = \"{id}\"\nset = { id = \"{id}\", at = \"{now_us}\" }", vec![table]);
    let found = items(&rules, "17", "1");
    let wanted = item(r#"{"id":{"N":"17"},"at":{"S":"1700000000000000"},"value":{"N":"1"}}"#);
    assert_items(&found, &[wanted], "converted");
    for topic in ["017", "x", "", "1e3"] {
        assert!(matches!(apply(&rules, &message(topic, "1"), false).0, Outcome::Reject(_)), "{topic}");
    }
    // A time that became text can't be moved.
    let (_, puts) = apply(&rules, &message("17", "1"), true);
    assert_eq!(puts[0].mark, None);
}

#[test]
fn estimated_times_are_marked() {
    let table = TableSettings { ttl_default: Some(std::time::Duration::from_secs(60)), ..readings() };
    let rules = compile(PLAIN, vec![table]);
    let (_, puts) = apply(&rules, &message("s/d1", r#"{"v":1}"#), true);
    assert_eq!(puts[0].item.get("expires_at"), Some(&AttributeValue::N(1_700_000_060u64.into())));
    let mark = puts[0].mark.clone().unwrap();
    assert_eq!(mark.boot, BootId([1; 16]));
    let movable = |name: &str, unit| Movable { name: name.into(), unit };
    assert_eq!(mark.attributes, [movable("ts", Unit::Microseconds), movable("expires_at", Unit::Seconds)]);

    // The device's own time is no estimate of ours; an expiry time that the message brings is kept.
    let (_, puts) = apply(&rules, &message("s/d1", r#"{"ts":1700000000001,"expires_at":5}"#), true);
    assert_eq!((puts[0].mark.clone(), puts[0].delivery), (None, None));
    assert_eq!(puts[0].item.get("expires_at"), Some(&AttributeValue::N(5u64.into())));
    let (_, puts) = apply(&rules, &message("s/d1", r#"{"v":1}"#), false);
    assert_eq!(puts[0].mark, None);
}

#[test]
fn a_rules_ttl_overrides_the_tables() {
    let table = TableSettings { ttl_default: Some(std::time::Duration::from_secs(60)), ..readings() };
    let rules = compile(&format!("{PLAIN}ttl = \"2m\""), vec![table]);
    let expires = items(&rules, "s/d1", "1")[0].get("expires_at").cloned();
    assert_eq!(expires, Some(AttributeValue::N(1_700_000_120u64.into())));
}

#[test]
fn a_delivery_has_a_fingerprint_where_the_key_is_of_the_gateways_making() {
    let rules = compile(PLAIN, vec![readings()]);
    let print = |message: &Message| apply(&rules, message, false).1[0].delivery;
    let first = message("s/d1", r#"{"v":1}"#);
    let print_of_first = print(&first);
    assert!(print_of_first.is_some());
    assert_eq!(print(&Message { dup: true, ..first.clone() }), print_of_first);
    for other in [
        Message { packet_id: Some(8), ..first.clone() },
        Message { payload: r#"{"v":2}"#.into(), ..first.clone() },
        Message { topic: "s/d2".into(), ..first.clone() },
        Message { source: Source::Listener { client: "b".into() }, ..first.clone() },
        Message { source: Source::Broker { url: "client".into(), session: 0 }, ..first.clone() },
    ] {
        assert!(print(&other).is_some_and(|print| Some(print) != print_of_first), "{other:?}");
    }
    assert_eq!(print(&Message { qos: 0, packet_id: None, ..first }), None);
    assert_eq!(print(&message("s/d1", r#"{"ts":1700000000001}"#)), None);

    // In any place of a batch, and for each item of a message its own.
    let rules = compile(&format!("{PLAIN}each = \"\""), vec![readings()]);
    let tables = [Some(definition(&readings()))];
    let stamp = || Stamp { us: NOW_US, estimated: false };
    let context = Context { tables: &tables, boot: BootId([1; 16]), stamp: &stamp };
    let mut puts = Vec::new();
    rules.apply(&message("s/d1", "[1,2]"), &context, &mut puts);
    rules.apply(&message("s/d1", "[1,2]"), &context, &mut puts);
    assert_ne!(puts[0].delivery, puts[1].delivery);
    assert_eq!((puts[0].delivery, puts[1].delivery), (puts[2].delivery, puts[3].delivery));
}

#[test]
fn retained_copies_and_empty_payloads() {
    let broker = Source::Broker { url: "mqtt://b".into(), session: 0 };
    let rules = compile(PLAIN, vec![readings()]);
    let retained = Message { retained: true, ..message("s/d1", "1") };
    let copy = Message { source: broker.clone(), ..retained.clone() };
    assert!(matches!(apply(&rules, &retained, false).0, Outcome::Items(_)));
    assert_eq!(apply(&rules, &copy, false).0, Outcome::Skip(Skip::RetainedCopy));
    assert_eq!(apply(&rules, &message("s/d1", ""), false).0, Outcome::Skip(Skip::EmptyPayload));
    assert!(!rules.subscriptions().retained);
    let all = rules.with_broker(None, true).unwrap();
    assert!(matches!(apply(&all, &copy, false).0, Outcome::Items(_)));
    let rules = compile(&format!("{PLAIN}retained = true"), vec![readings()]);
    assert!(matches!(apply(&rules, &copy, false).0, Outcome::Items(_)));
    assert!(all.subscriptions().retained && rules.subscriptions().retained);
}

#[test]
fn what_a_filter_brings_beyond_the_rules_is_skipped_and_what_the_owner_asked_for_is_rejected() {
    let rule = "[[rule]]\ntopic = \"z/{device..}/state\"\nset = { device = \"{device}\", ts = 1 }";
    let rules = compile(rule, vec![readings()]);
    let other =
        Message { source: Source::Broker { url: "mqtt://b".into(), session: 0 }, ..message("z/d/log", "{}") };
    assert_eq!(apply(&rules, &other, false).0, Outcome::Skip(Skip::Unasked));
    let asked = rules.with_broker(Some(vec!["z/#".into(), "z/+/log".into()]), false).unwrap();
    assert!(matches!(apply(&asked, &other, false).0, Outcome::Reject(_)));
    assert_eq!(asked.subscriptions().filters, ["z/#"]);
}

#[test]
fn filters_are_checked() {
    let check = |filter: &str| RuleSet::default().with_broker(Some(vec![filter.into()]), false);
    for good in ["a", "#", "+", "/", "a/+/b/#", "+/+", "$SYS/#", " "] {
        assert!(check(good).is_ok(), "{good}");
    }
    for bad in ["", "a#", "#/a", "a/b+", "a/+x/c", "a/##", "a\0"] {
        assert!(check(bad).unwrap_err().1.to_string().contains("is no topic filter"), "{bad}");
    }
}

#[test]
fn what_no_item_can_be_is_rejected() {
    let rules = compile(PLAIN, vec![readings()]);
    let reason = |topic: &str, payload: String| match apply(&rules, &message(topic, payload), false) {
        (Outcome::Reject(rejection), puts) if puts.is_empty() => rejection.reason,
        other => panic!("{topic}: {other:?}"),
    };
    assert!(reason("other", "1".into()).contains("no rule matches"));
    assert!(reason("s/", "1".into()).contains("empty"));
    assert!(reason(&format!("s/{}", "d".repeat(2049)), "1".into()).contains("longer than 2048"));
    assert!(reason("s/d", format!("\"{}\"", "x".repeat(410_000))).contains("400 KB"));
    assert!(reason("s/d", "1e126".into()).contains("number"));
    let deep = format!("{}1{}", "[".repeat(32), "]".repeat(32));
    assert!(reason("s/d", deep).contains("nested"));
    let missing = RuleSet::new(&parse(PLAIN), vec![readings()]).unwrap();
    let context = Context { tables: &[None], boot: BootId([1; 16]), stamp: &|| panic!() };
    let outcome = missing.apply(&message("s/d", "1"), &context, &mut Vec::new());
    assert!(matches!(outcome, Outcome::Reject(r) if r.reason.contains("no table readings")));
}

#[test]
fn the_items_of_one_message_are_bounded() {
    let rule = "[[rule]]\ntopic = \"{device}\"\neach = \"\"\nset = { device = \"{device}\", ts = \"{now_us}\", all = \"{payload}\" }";
    let rules = compile(rule, vec![readings()]);
    let payload = format!("[{}0]", "0,".repeat(20_000));
    let (outcome, puts) = apply(&rules, &message("d", payload), false);
    assert!(matches!(outcome, Outcome::Reject(r) if r.reason.contains("16 MiB")));
    assert!(puts.is_empty());
}

#[test]
fn subscriptions_follow_from_the_rules() {
    let rules = compile(
        r#"
        rule = [
            { topic = "a/{rest..}/log", drop = true },
            { topic = "a/{device}/{x}", set = { device = "{device}", ts = 1 } },
            { topic = "a/b/c", set = { device = "x", ts = 1 } },
            { topic = "z/{device..}/state", set = { device = "{device}", ts = 1 } },
            { preset = "zigbee2mqtt" },
        ]"#,
        vec![readings()],
    );
    assert_eq!(rules.subscriptions().filters, ["a/+/+", "z/#", "zigbee2mqtt/#"]);
}

#[test]
fn mistakes_name_the_key_and_the_remedy() {
    let whole = "set = { device = \"{device}\", ts = \"{now_us}\" }\ntopic = \"{device}\"\n";
    for (rule, wanted) in [
        ("set = {}".to_owned(), "topic: it is missing; write topic = "),
        ("topic = \"a/+\"".to_owned(), "topic: the level +; write {name} instead of +"),
        (
            format!("{whole}table = \"raedings\""),
            "there is no table \"raedings\"; add a [[table]] of this name, or write one of: readings",
        ),
        (format!("{whole}each = \"readings\""), "each: \"readings\" is no JSON pointer; write \"/readings\""),
        (format!("{whole}value_as = \"\""), "value_as: an attribute's name may not be empty"),
        (format!("{whole}ttl = \"0s\""), "ttl: it is shorter than a second"),
        (format!("{whole}drop = true"), "set: a rule with drop = true stores nothing"),
        (
            whole.replace("{now_us}", "{nw_us}"),
            "set.ts: there is no placeholder {nw_us} in the topic; take one",
        ),
        (
            whole.replace(", ts = \"{now_us}\"", "") + "payload = \"number\"",
            "set.ts: the table \"readings\" has the key attribute \"ts\", which this rule never gives",
        ),
        (
            whole.replace("\"{now_us}\"", "{ from = \"ts\", time = \"s\" }"),
            "set.ts.from: \"ts\" is no JSON pointer",
        ),
        (
            whole.replace("\"{now_us}\"", "{ from = \"/ts\", time = \"s\", offset = \"+01:00\" }"),
            "set.ts.offset: only times of the form rfc3339",
        ),
        (
            whole.replace("\"{now_us}\"", "{ from = \"/ts\", time = \"rfc3339\", offset = \"CET\" }"),
            "set.ts.offset: \"CET\" is no offset",
        ),
        ("preset = \"zigbee\"".to_owned(), "preset: there is no preset \"zigbee\"; take one of: zigbee2mqtt"),
    ] {
        let found = error(&rule);
        assert!(found.contains(wanted), "{rule}\n  wanted {wanted}\n  is     {found}");
    }
}

#[test]
fn unknown_keys_and_wrong_types_are_refused_when_reading() {
    for (rule, wanted) in [
        ("topci = \"a\"", "unknown field `topci`"),
        ("payload = \"xml\"", "unknown variant `xml`"),
        ("attributes = 1", "true, false, or a list of names"),
        ("ttl = \"7\"", "write \"30s\""),
        ("ttl = \"7 days\"", "write \"30s\""),
        ("set = { a = [1] }", "text with placeholders, a number"),
        ("set = { a = { from = \"/a\", time = \"h\" } }", "unknown variant `h`"),
        ("set = { a = { from = \"/a\" } }", "missing field `time`"),
        ("set = { a = { from = \"/a\", time = \"s\", or = \"never\" } }", "unknown variant `never`"),
        ("set = { a = { from = \"/a\", time = \"s\", zone = \"CET\" } }", "unknown field `zone`"),
        ("set = { a = nan }", "not a number"),
    ] {
        let error = toml::from_str::<File>(&format!("[[rule]]\n{rule}")).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(wanted), "{rule}: {error}");
    }
}

#[test]
fn values_in_set_keep_what_was_written() {
    let rules = parse("[[rule]]\nset = { a = 23.20, b = -7, c = true, d = \"x\", e = 1e-7 }");
    let number = |text| AttributeValue::N(Number::parse(text).unwrap());
    let value = |name: &str| match rules[0].set.0.iter().find(|(n, _)| n == name).unwrap().1.clone() {
        settings::ValueSetting::Value(value) => value,
        other => panic!("{other:?}"),
    };
    assert_eq!(value("a"), number("23.2"));
    assert_eq!(value("b"), number("-7"));
    assert_eq!(value("c"), AttributeValue::Bool(true));
    assert_eq!(value("e"), number("0.0000001"));
}
