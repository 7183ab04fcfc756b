use proptest::prelude::*;

use super::*;

fn captured(pattern: &str, topic: &str) -> Option<Vec<(String, String)>> {
    let pattern = Pattern::parse(pattern).unwrap();
    let mut captures = Captures::default();
    pattern.matches(topic, &mut captures).then(|| {
        pattern
            .names()
            .map(|name| {
                let index = pattern.capture(name).unwrap();
                (name.to_owned(), captures.get(topic, index).to_owned())
            })
            .collect()
    })
}

fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect())
}

#[test]
fn one_level_may_be_empty() {
    assert_eq!(captured("a/{x}/c", "a/b/c"), pairs(&[("x", "b")]));
    assert_eq!(captured("a/{x}/c", "a//c"), pairs(&[("x", "")]));
    assert_eq!(captured("a/{x}", "a/"), pairs(&[("x", "")]));
    assert_eq!(captured("a/{x}", "a"), None);
    assert_eq!(captured("a/{x}", "a/b/c"), None);
    assert_eq!(captured("a/b", "a/bc"), None);
    assert_eq!(captured("a/b", "a/b"), pairs(&[]));
    assert_eq!(captured("te/{d}///m/{t}", "te/child///m/env"), pairs(&[("d", "child"), ("t", "env")]));
}

#[test]
fn many_levels_are_one_at_least() {
    assert_eq!(captured("{d..}", "a"), pairs(&[("d", "a")]));
    assert_eq!(captured("{d..}", "a/b//c"), pairs(&[("d", "a/b//c")]));
    assert_eq!(captured("z/{d..}", "z"), None);
    assert_eq!(captured("z/{d..}", "z/"), pairs(&[("d", "")]));
    assert_eq!(captured("z/{d..}/set", "z/set"), None);
    assert_eq!(captured("z/{d..}/set", "z/a/b/set"), pairs(&[("d", "a/b")]));
    assert_eq!(captured("{d..}/{k}/state", "a/b/c/state"), pairs(&[("d", "a/b"), ("k", "c")]));
    assert_eq!(captured("{d..}/{k}/state", "c/state"), None);
}

#[test]
fn server_topics_are_left_alone() {
    assert_eq!(captured("{d..}", "$SYS/broker"), None);
    assert_eq!(captured("{d}/x", "$SYS/x"), None);
    assert_eq!(captured("$SYS/{d..}", "$SYS/x"), pairs(&[("d", "x")]));
    assert_eq!(captured("a/{d..}", "a/$b"), pairs(&[("d", "$b")]));
}

#[test]
fn braces_may_be_literal() {
    assert_eq!(captured("{{a}/{x}", "{a}/b"), pairs(&[("x", "b")]));
}

#[test]
fn what_is_no_pattern_is_explained() {
    for (text, word) in [
        ("", "empty"),
        ("a/{x", "whole level"),
        ("a/s-{x}", "whole level"),
        ("a/+/b", "instead of +"),
        ("a/#", "instead of +"),
        ("{a..}/{b..}", "two"),
        ("{a}/{a}", "twice"),
        ("{}", "names are of"),
        ("{9}", "names are of"),
        ("{payload}", "meaning of its own"),
    ] {
        let (problem, remedy) = Pattern::parse(text).unwrap_err();
        assert!(format!("{problem}; {remedy}").contains(word), "{text}: {problem}; {remedy}");
    }
}

#[test]
fn filters() {
    for (pattern, filter) in [
        ("sensors/{device}/{kind}", "sensors/+/+"),
        ("{device..}", "#"),
        ("a/{x..}/b", "a/#"),
        ("te/{d}///m/{t}", "te/+///m/+"),
        ("a/b", "a/b"),
    ] {
        assert_eq!(Pattern::parse(pattern).unwrap().filter(), filter, "{pattern}");
    }
    let filters = |all: &[&str]| without_covered(all.iter().map(|f| f.to_string()).collect());
    assert_eq!(filters(&["a/b", "a/#", "a/+"]), ["a/#"]);
    assert_eq!(filters(&["a/#", "a", "b"]), ["a/#", "b"]);
    assert_eq!(filters(&["#", "$SYS/x"]), ["#", "$SYS/x"]);
    assert_eq!(filters(&["a/+/c", "a/b/+"]), ["a/+/c", "a/b/+"]);
    assert_eq!(filters(&["+/b", "a/b", "a/b"]), ["+/b"]);
}

/// Matching as the documentation says it, by trying every split.
fn naive(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern.first(), topic.first()) {
        (None, None) => true,
        (Some(p), Some(t)) => {
            let (pattern, topic) = (&pattern[1..], &topic[1..]);
            if p.ends_with("..}") {
                (0..=topic.len()).any(|skip| naive(pattern, &topic[skip..]))
            } else {
                (p.starts_with('{') || p == t) && naive(pattern, topic)
            }
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn matches_like_the_naive_model(
        mut pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "", "$s", "{}", "{..}"]), 1..6),
        topic in prop::collection::vec(prop::sample::select(vec!["a", "b", "", "$s", "ab"]), 1..8),
    ) {
        let mut many = false;
        pattern.retain(|level| *level != "{..}" || !std::mem::replace(&mut many, true));
        prop_assume!(pattern != [""]);
        let named: Vec<String> = pattern.iter().enumerate().map(|(i, level)| match *level {
            "{}" => format!("{{x{i}}}"),
            "{..}" => format!("{{x{i}..}}"),
            level => level.to_owned(),
        }).collect();
        let named_levels: Vec<&str> = named.iter().map(String::as_str).collect();
        let wanted = naive(&named_levels, &topic) && !(topic[0].starts_with('$') && named[0].starts_with('{'));
        let (pattern, topic) = (named.join("/"), topic.join("/"));
        let found = captured(&pattern, &topic);
        prop_assert_eq!(found.is_some(), wanted, "{} on {}", pattern, topic);
        // What was captured, put into the pattern, is the topic again.
        if let Some(found) = found {
            let mut again = pattern.clone();
            for (name, text) in found {
                again = again.replace(&format!("{{{name}}}"), &text).replace(&format!("{{{name}..}}"), &text);
            }
            prop_assert_eq!(again, topic);
        }
    }
}
