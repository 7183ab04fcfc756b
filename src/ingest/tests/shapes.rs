//! What devices really publish (`shapes.toml`), with the items that come of it.

use super::*;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Shapes {
    shape: Vec<Shape>,
}

/// Rules, and messages for them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    name: String,
    rule: Vec<RuleSettings>,
    message: Vec<Case>,
}

/// A message and what is to come of it: items in DynamoDB JSON, or a word.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    topic: String,
    payload: Option<String>,
    hex: Option<String>,
    #[serde(default)]
    items: Vec<String>,
    /// `dropped`, `skipped`, or a part of the reason for rejecting it.
    outcome: Option<String>,
}

impl Case {
    fn payload(&self) -> Bytes {
        match (&self.payload, &self.hex) {
            (Some(text), _) => text.clone().into(),
            (_, Some(hex)) => {
                let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                (0..hex.len()).step_by(2).map(byte).collect()
            }
            _ => Bytes::new(),
        }
    }
}

#[test]
fn every_shape_becomes_its_items() {
    let shapes: Shapes = toml::from_str(include_str!("shapes.toml")).unwrap();
    for shape in shapes.shape {
        let rules = RuleSet::new(&shape.rule, vec![readings()]);
        let rules = rules.unwrap_or_else(|(index, e)| panic!("{}: rule {index}: {e}", shape.name));
        for case in &shape.message {
            let what = format!("{}: {} {:?}", shape.name, case.topic, case.payload);
            let (outcome, puts) = apply(&rules, &message(&case.topic, case.payload()), false);
            let found: Vec<_> = puts.into_iter().map(|put| put.item).collect();
            let wanted: Vec<_> = case.items.iter().map(|json| item(json)).collect();
            assert_items(&found, &wanted, &format!("{what}: {outcome:?}"));
            match (case.outcome.as_deref(), outcome) {
                (None, Outcome::Items(_)) => {}
                (Some("dropped"), Outcome::Drop) | (Some("skipped"), Outcome::Skip(_)) => {}
                (Some(word), Outcome::Reject(rejection)) if rejection.reason.contains(word) => {}
                (wanted, outcome) => panic!("{what}: wanted {wanted:?}, is {outcome:?}"),
            }
        }
    }
}
