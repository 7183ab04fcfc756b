//! Expressions that are wrong, and the service's text for each.

use super::bind;
use crate::expression::{Kind, Placeholders};
use crate::model::AttributeValue;
use crate::model::dynamodb_json::InvalidValue;

fn kind(name: &str) -> Kind {
    match name {
        "condition" => Kind::Condition,
        "filter" => Kind::Filter,
        "key" => Kind::KeyCondition,
        "update" => Kind::Update,
        "projection" => Kind::Projection,
        other => panic!("{other}"),
    }
}

fn refusal(kind: Kind, text: &str) -> String {
    bind(kind, text).map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
}

/// The table: kind, expression, text.
#[test]
fn each_is_refused_in_the_services_words() {
    let mut faults = Vec::new();
    for line in include_str!("refusals.tsv").lines() {
        let mut parts = line.split('\t');
        let (name, text, wanted) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let found = refusal(kind(name), text);
        if found != wanted {
            faults.push(format!("{name} {text:?}\n  wanted {wanted}\n  found  {found}"));
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

/// What looks odd and is right.
#[test]
fn nothing_else_is_refused() {
    let mut faults = Vec::new();
    for line in include_str!("accepted.tsv").lines() {
        let (name, text) = line.split_once('\t').unwrap();
        let found = refusal(kind(name), text);
        if found != "accepted" {
            faults.push(format!("{name} {text:?}: {found}"));
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn limits_are_the_services() {
    let filter = |text: &str| refusal(Kind::Filter, text).replace("Invalid FilterExpression: ", "");
    let many = |count: usize, one: &str, between: &str| vec![one; count].join(between);
    let deep = |steps: usize| format!("{} = :n", many(steps, "a", "."));

    assert_eq!(filter(&format!("n = :n{}", " ".repeat(4090))), "accepted");
    assert_eq!(
        filter(&format!("n = :n{}", " ".repeat(4091))),
        "Expression size has exceeded the maximum allowed size; expression size: 4097"
    );
    assert_eq!(
        refusal(Kind::Update, &"x".repeat(4097)),
        "Invalid UpdateExpression: Expression size has exceeded the maximum allowed size;"
    );
    assert_eq!(filter(&deep(32)), "accepted");
    let too_deep = "The document path has too many nesting levels; nesting levels: 33";
    assert_eq!(filter(&deep(33)), too_deep);
    assert_eq!(filter(&format!("a{} = :zz", "[0]".repeat(32))), too_deep);
    assert_eq!(filter(&format!("n IN ({})", many(100, ":n", ","))), "accepted");
    assert_eq!(
        filter(&format!("n IN ({})", many(101, ":n", ","))),
        "The IN operator is provided with too many operands; number of operands: 101"
    );
    let too_many = "The expression contains too many operators; operator count: 301";
    for (right, one) in [(150, "n = :n"), (150, "attribute_exists(n)"), (100, "size(s) = :n")] {
        assert_eq!(filter(&many(right, one, " OR ")), "accepted", "{one}");
        assert_eq!(filter(&many(right + 1, one, " OR ")), too_many, "{one}");
    }
    assert_eq!(filter(&format!("{}n = :n", "NOT ".repeat(299))), "accepted");
    assert_eq!(filter(&format!("{}n = :n", "NOT ".repeat(300))), too_many);
    assert_eq!(
        filter(&format!("{} OR #zz = :n", many(152, "n = :n", " OR "))),
        "An expression attribute name used in the document path is not defined; attribute name: #zz"
    );
    let sums = |count: usize| (0..count).map(|n| format!("a{n}=n+:n")).collect::<Vec<_>>().join(",");
    assert_eq!(refusal(Kind::Update, &format!("SET {}", sums(300))), "accepted");
    assert_eq!(
        refusal(Kind::Update, &format!("SET {}", sums(301))),
        format!("Invalid UpdateExpression: {too_many}")
    );
}

#[test]
fn nesting_is_bounded_whatever_is_nested() {
    let redundant = "Invalid FilterExpression: The expression has redundant parentheses;";
    for levels in [2, 100, 319, 330, 2000] {
        let wrapped = format!("{}n = :n{}", "(".repeat(levels), ")".repeat(levels));
        assert_eq!(refusal(Kind::Filter, &wrapped), redundant, "{levels}");
        let operand = format!("n = {}:n{}", "(".repeat(levels), ")".repeat(levels));
        assert_eq!(refusal(Kind::Filter, &operand), redundant, "{levels}");
    }
    let nots = format!("{}n = :n{}", "NOT (".repeat(299), ")".repeat(299));
    assert_eq!(refusal(Kind::Filter, &nots), "accepted");
    for text in ["(".repeat(4096), "a(".repeat(2048), "NOT ".repeat(1024), "NOT(".repeat(1024)] {
        for kind in [Kind::Filter, Kind::Update, Kind::Projection] {
            assert_ne!(refusal(kind, &text), "accepted");
        }
    }
    let text = "(".repeat(100_000);
    assert!(refusal(Kind::Condition, &text).contains("maximum allowed size"));
}

#[test]
fn placeholders_are_checked_on_their_own() {
    let names = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
        match Placeholders::new(Some(pairs), None) {
            Ok(placeholders) => placeholders.finish().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    let values = |pairs: &[(&str, Result<(), &str>)]| {
        let one = |(key, value): &(&str, Result<(), &str>)| {
            let value =
                value.map(|()| AttributeValue::Null).map_err(|text| InvalidValue::Other(text.to_owned()));
            ((*key).to_owned(), value)
        };
        match Placeholders::new(None, Some(pairs.iter().map(one).collect())) {
            Ok(placeholders) => placeholders.finish().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(names(&[]), "ExpressionAttributeNames must not be empty");
    for key in ["q", "#", "##q", "#q-", "#é", "# q"] {
        let wanted = format!("ExpressionAttributeNames contains invalid key: Syntax error; key: \"{key}\"");
        assert_eq!(names(&[(key, "x")]), wanted);
    }
    assert_eq!(
        names(&[("", "x")]),
        "ExpressionAttributeNames contains invalid key: The expression attribute map contains an empty key;"
    );
    assert_eq!(
        names(&[("#a", "")]),
        "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a"
    );
    assert!(names(&[("#a", &"x".repeat(65_536))]).ends_with("must be less than 65536 bytes for key #a"));
    assert_eq!(
        names(&[("#z", "x"), ("#1", "y")]),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#z, #1}"
    );
    assert_eq!(values(&[]), "ExpressionAttributeValues must not be empty");
    assert_eq!(
        values(&[("n", Ok(()))]),
        "ExpressionAttributeValues contains invalid key: Syntax error; key: \"n\""
    );
    assert_eq!(
        values(&[(":a", Ok(())), (":n", Err("wrong"))]),
        "ExpressionAttributeValues contains invalid value: wrong for key :n"
    );
    assert_eq!(
        values(&[(":n", Ok(()))]),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:n}"
    );
}
