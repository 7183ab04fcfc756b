//! What updates make of items.

use super::{image, item, placeholders};
use crate::expression::{UpdateError, update};

const OLD: &str = r#"{"h":{"S":"x"},"n":{"N":"5"},"s":{"S":"str"},"l1":{"L":[{"N":"1"},{"S":"b"},{"L":[{"N":"9"}]}]},
    "m1":{"M":{"aa":{"N":"1"},"bb":{"S":"q"}}},"ss":{"SS":["a","b"]},"nl":{"NULL":true}}"#;

/// The attributes that an update changes, as they are afterwards; `"-"` for an attribute that is gone.
fn made(text: &str) -> Result<String, UpdateError> {
    let update = update(text, &mut placeholders(text)).unwrap();
    let new = update.apply(image(OLD).as_map())?;
    let mut out = Vec::new();
    for name in update.changed() {
        out.extend_from_slice(format!("{name}=").as_bytes());
        match new.get(name) {
            Some(value) => crate::model::dynamodb_json::write_value(value, &mut out),
            None => out.push(b'-'),
        }
        out.push(b' ');
    }
    let untouched = |map: &crate::model::Map| {
        map.iter().filter(|(name, _)| update.changed().all(|other| other != *name)).count()
    };
    assert_eq!(untouched(&new), untouched(&item(OLD)));
    Ok(String::from_utf8(out).unwrap().trim_end().to_owned())
}

#[test]
fn updates_make_what_the_service_makes() {
    let cases = [
        ("SET a = n + :n", r#"a={"N":"10"}"#),
        ("SET n = n - :n2", r#"n={"N":"-2"}"#),
        ("SET a = (:n) + (:n)", r#"a={"N":"10"}"#),
        ("SET a = s, s = :n", r#"a={"S":"str"} s={"N":"5"}"#),
        ("SET a = if_not_exists(zz, if_not_exists(zy, :n)) + :n", r#"a={"N":"10"}"#),
        ("SET a = if_not_exists(n.y, :n)", r#"a={"N":"5"}"#),
        ("SET a = if_not_exists(m1.aa, :n)", r#"a={"N":"1"}"#),
        ("SET a = list_append(:l, l1[2])", r#"a={"L":[{"N":"1"},{"N":"9"}]}"#),
        ("SET a = list_append(if_not_exists(zz, :l), :l)", r#"a={"L":[{"N":"1"},{"N":"1"}]}"#),
        ("SET l1[0] = l1[1], l1[1] = l1[0]", r#"l1={"L":[{"S":"b"},{"N":"1"},{"L":[{"N":"9"}]}]}"#),
        (
            "SET l1[5] = :n, l1[4] = :n2 REMOVE l1[0]",
            r#"l1={"L":[{"S":"b"},{"L":[{"N":"9"}]},{"N":"7"},{"N":"5"}]}"#,
        ),
        ("REMOVE l1[1], l1[0], l1[7]", r#"l1={"L":[{"L":[{"N":"9"}]}]}"#),
        ("SET l1[3] = :n REMOVE l1[3000]", r#"l1={"L":[{"N":"1"},{"S":"b"},{"L":[{"N":"9"}]},{"N":"5"}]}"#),
        ("SET l1[2][0] = :n REMOVE l1[1]", r#"l1={"L":[{"N":"1"},{"L":[{"N":"5"}]}]}"#),
        ("ADD l1[9] :n", r#"l1={"L":[{"N":"1"},{"S":"b"},{"L":[{"N":"9"}]},{"N":"5"}]}"#),
        ("SET m1.zz = :n, #m.#aa = :n2", r#"m1={"M":{"aa":{"N":"7"},"bb":{"S":"q"},"zz":{"N":"5"}}}"#),
        ("REMOVE m1.aa, m1.zz, n", r#"m1={"M":{"bb":{"S":"q"}}} n=-"#),
        ("ADD n :n, zz :ss", r#"n={"N":"10"} zz={"SS":["a","b"]}"#),
        ("ADD ss :seta", r#"ss={"SS":["a","b"]}"#),
        ("DELETE ss :seta", r#"ss={"SS":["b"]}"#),
        ("DELETE ss :ss, zz :ns", "ss=- zz=-"),
        ("SET a = n REMOVE n", r#"a={"N":"5"} n=-"#),
    ];
    for (text, wanted) in cases {
        assert_eq!(made(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn updates_fail_as_the_services_do() {
    use UpdateError::{Missing, Overflow, Path, Precision, Type};
    let cases = [
        ("SET a = zz", Missing),
        ("SET a = if_not_exists(zz, zy)", Missing),
        ("SET a = l1[5]", Missing),
        ("SET a = :n, m1.zz = a", Missing),
        ("SET a = n + s", Type),
        ("SET a = if_not_exists(s, :n) + :n", Type),
        ("SET a = list_append(n, :l)", Type),
        ("ADD s :n", Type),
        ("ADD ss :ns", Type),
        ("ADD n :ss", Type),
        ("DELETE n :ss", Type),
        ("DELETE ss :ns", Type),
        ("SET zz.y = :n", Path),
        ("SET l1.b = :n", Path),
        ("SET m1[0] = :n", Path),
        ("SET l1[9].x = :n", Path),
        ("SET s[0] = :n", Path),
        ("REMOVE zz.x", Path),
        ("REMOVE m1.zz.y", Path),
        ("REMOVE nl.x", Path),
        ("ADD zz.y :n", Path),
        ("DELETE m1.zz.y :ss", Path),
        ("SET a = :big + :big", Overflow),
        ("SET a = :big + :n", Precision),
    ];
    for (text, wanted) in cases {
        assert_eq!(made(text), Err(wanted), "{text}");
    }
}

#[test]
fn what_an_update_touches_is_what_it_returns() {
    let cases = [
        (
            "SET m1.aa = :n, zz = :n",
            r#"{"m1":{"M":{"aa":{"N":"1"}}}}"#,
            r#"{"m1":{"M":{"aa":{"N":"5"}}},"zz":{"N":"5"}}"#,
        ),
        ("SET l1[1] = :n", r#"{"l1":{"L":[{"S":"b"}]}}"#, r#"{"l1":{"L":[{"N":"5"}]}}"#),
        ("SET l1[100] = :n", "{}", "{}"),
        ("REMOVE l1[0], l1[7]", r#"{"l1":{"L":[{"N":"1"}]}}"#, r#"{"l1":{"L":[{"S":"b"}]}}"#),
        ("REMOVE n", r#"{"n":{"N":"5"}}"#, "{}"),
    ];
    for (text, before, after) in cases {
        let update = update(text, &mut placeholders(text)).unwrap();
        let old = image(OLD);
        let new = crate::model::Image::encode(&update.apply(old.as_map()).unwrap());
        let touched = |image: &crate::model::Image| {
            update.touched().apply(image.as_map()).unwrap().as_map().to_map().unwrap()
        };
        assert_eq!(touched(&old), item(before), "{text}");
        assert_eq!(touched(&new), item(after), "{text}");
    }
}

#[test]
fn an_item_may_not_nest_beyond_the_limit() {
    let deep = |levels: usize| {
        let value = crate::model::arbitrary::nested(levels);
        let to = crate::expression::Placeholders::new(None, Some(vec![(":d".to_owned(), Ok(value))]));
        update("SET m1.d = :d", &mut to.unwrap()).unwrap().apply(image(OLD).as_map()).map(drop)
    };
    assert_eq!(deep(30), Ok(()));
    assert_eq!(deep(31), Err(UpdateError::Nesting));
}
