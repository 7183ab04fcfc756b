//! Runs the examples of `docs/rules.md`: rules (toml), messages (sh), then items (json) and other outcomes (text).

use super::*;
use crate::model::{AttributeValue, plain_json};

/// Fenced blocks, as (language, text).
fn blocks(markdown: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in markdown.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => open = Some((language, String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block without an end");
    blocks
}

/// `mosquitto_pub -q 1 -t TOPIC -m PAYLOAD`.
fn published(line: &str) -> Message {
    let rest = line.strip_prefix("mosquitto_pub -q 1 -t ").unwrap_or_else(|| panic!("no publish: {line}"));
    let (topic, payload) = rest.split_once(" -m ").unwrap();
    message(topic, payload.trim_matches(['\'', '"']).to_owned())
}

#[test]
fn every_example_does_what_it_says() {
    let markdown = include_str!("../../../docs/rules.md");
    let mut rules = RuleSet::default();
    let (mut found_items, mut found_words) = (Vec::new(), Vec::new());
    let mut examples = 0;
    for (language, text) in blocks(markdown) {
        match language {
            "toml" => {
                assert!(found_items.is_empty() && found_words.is_empty(), "untold before:\n{text}");
                rules = compile(&text, vec![readings()]);
            }
            "sh" => {
                for line in text.lines() {
                    let (outcome, puts) = apply(&rules, &published(line), false);
                    found_items.extend(puts.into_iter().map(|put| put.item));
                    match outcome {
                        Outcome::Items(_) => {}
                        Outcome::Drop => found_words.push("dropped".to_owned()),
                        Outcome::Skip(_) => found_words.push("skipped".to_owned()),
                        Outcome::Reject(rejection) => {
                            found_words.push(format!("rejected: {}", rejection.reason))
                        }
                    }
                }
            }
            "json" => {
                let item = |line: &str| match plain_json::read_value(line.as_bytes()) {
                    Ok(AttributeValue::M(item)) => item,
                    other => panic!("{line}: {other:?}"),
                };
                let wanted: Vec<_> = text.lines().map(item).collect();
                assert_items(&std::mem::take(&mut found_items), &wanted, &text);
                examples += 1;
            }
            "text" => assert_eq!(std::mem::take(&mut found_words), text.lines().collect::<Vec<_>>()),
            other => panic!("a block of {other}"),
        }
    }
    assert!(found_items.is_empty() && found_words.is_empty());
    assert!(examples >= 8, "{examples}");
}
