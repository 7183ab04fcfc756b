//! What is rendered obeys the format's grammar (Prometheus, "Exposition formats", text-based format), and is what
//! `docs/metrics.md` says.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use super::*;
use crate::telemetry::{Door, Histogram, MqttStatus, Operation, UpstreamStatus};

/// One line of a text.
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, String)>,
    value: f64,
}

/// A family as it was read.
#[derive(Default)]
struct Family<'a> {
    kind: &'a str,
    help: &'a str,
    samples: Vec<Sample<'a>>,
}

/// Everything that there can be.
fn everything() -> String {
    let upstream = |name: &str| UpstreamStatus { name: name.to_owned(), pending: 7, ..Default::default() };
    let foreseen = UpstreamStatus {
        drained_in_seconds: Some(90),
        pending_write_units: Some(14),
        ..upstream("a\"b\\c\nd")
    };
    let status = Status {
        upstreams: vec![foreseen, upstream("plain")],
        version: "1".to_owned(),
        mqtt: MqttStatus { broker: Some("subscribed".to_owned()), ..MqttStatus::default() },
        ..Status::default()
    };
    let requests = RequestMetrics::default();
    let operations = [
        Operation { door: Door::Dynamodb, name: "PutItem", route: None },
        Operation { door: Door::Rest, name: "GET", route: Some("/v1/tables/{table}".into()) },
    ];
    for (operation, code) in operations.into_iter().zip([200, 404]) {
        requests.answered(operation, code, Duration::from_millis(3));
    }
    let commits = Histogram::new(Histogram::LATENCY);
    for took in [0, 700, 90_000_000] {
        commits.observe(took);
    }
    render(&Figures {
        status: &status,
        ready: true,
        process: process::read(),
        commit_us: commits.figures(),
        commit_changes: Histogram::new(Histogram::COUNT).figures(),
        listener: Some(&ListenerMetrics::default()),
        broker: &BrokerMetrics::default(),
        requests: &requests,
    })
}

/// Reads a text as strictly as the format is written down.
fn read(text: &str) -> BTreeMap<&str, Family<'_>> {
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
    let mut families: BTreeMap<&str, Family<'_>> = BTreeMap::new();
    let mut current = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect(line);
            let family = Family { help, ..Family::default() };
            assert!(families.insert(name, family).is_none(), "{name} is there twice");
            assert!(is_name(name) && !help.contains('\\'), "{line}");
            current = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert_eq!(name, current, "{line}");
            assert!(["gauge", "counter", "histogram"].contains(&kind), "{line}");
            families.get_mut(name).unwrap().kind = kind;
        } else {
            let sample = sample(line);
            let family = families.get_mut(current).expect(line);
            let suffixes: &[&str] =
                if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            let suffix = sample.name.strip_prefix(current).expect(line);
            assert!(suffixes.contains(&suffix), "{line} is in the family {current}");
            family.samples.push(sample);
        }
    }
    families
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.as_bytes()[0].is_ascii_digit()
}

/// `name{label="value",…} value`.
fn sample(line: &str) -> Sample<'_> {
    let (left, value) = line.rsplit_once(' ').expect(line);
    let value = value.parse::<f64>().expect(line);
    assert!(value >= 0.0 && value.is_finite(), "{line}");
    let (name, labels) = left.split_once('{').unwrap_or((left, "}"));
    assert!(is_name(name), "{line}");
    let mut rest = labels.strip_suffix('}').expect(line);
    let mut labels = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"").expect(line);
        assert!(is_name(label), "{line}");
        let mut text = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            let (at, c) = characters.next().expect(line);
            match c {
                '"' => break at,
                '\\' => text.push(match characters.next().expect(line).1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    other => panic!("the escape {other} in {line}"),
                }),
                c => text.push(c),
            }
        };
        labels.push((label, text));
        rest = &after[end + 1..];
        if !rest.is_empty() {
            rest = rest.strip_prefix(',').expect(line);
            assert!(!rest.is_empty(), "{line}");
        }
    }
    Sample { name, labels, value }
}

#[test]
fn the_text_obeys_the_grammar() {
    let text = everything();
    let families = read(&text);
    assert!(families.len() > 40);
    for (name, family) in &families {
        assert!(!family.samples.is_empty(), "{name} has no sample");
        assert!(family.help.ends_with('.'), "{name}");
        let mut seen = HashSet::new();
        for sample in &family.samples {
            let labels: BTreeSet<_> = sample.labels.iter().collect();
            assert_eq!(labels.len(), sample.labels.len(), "{name} has a label twice");
            assert!(seen.insert((sample.name, sample.labels.clone())), "{name} has a series twice");
        }
        assert_eq!(name.ends_with("_total"), family.kind == "counter", "{name}");
    }
    let pending = &families["forebay_upstream_pending"].samples[0];
    assert_eq!((pending.labels[0].1.as_str(), pending.value), ("a\"b\\c\nd", 7.0));
    // Nothing is said of what nobody knows.
    for (family, value) in [("drained_in_seconds", 90.0), ("pending_write_units", 14.0)] {
        let samples = &families[format!("forebay_upstream_{family}").as_str()].samples;
        assert_eq!(samples.iter().map(|sample| sample.value).collect::<Vec<_>>(), [value]);
    }
}

#[test]
fn histograms_add_up() {
    let text = everything();
    for (name, family) in read(&text).iter().filter(|(_, family)| family.kind == "histogram") {
        let mut series: BTreeMap<Vec<_>, Vec<(f64, f64)>> = BTreeMap::new();
        for bucket in family.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let mut labels = bucket.labels.clone();
            let (le, bound) = labels.pop().unwrap();
            assert_eq!(le, "le");
            series.entry(labels).or_default().push((bound.parse().unwrap(), bucket.value));
        }
        for (labels, buckets) in series {
            assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name}");
            let (last, all) = *buckets.last().unwrap();
            let of = |suffix: &str| {
                let sample = family.samples.iter().find(|s| s.name.ends_with(suffix) && s.labels == labels);
                sample.unwrap().value
            };
            assert_eq!((last, of("_count")), (f64::INFINITY, all), "{name}");
            assert_eq!(of("_sum") > 0.0, all > 0.0, "{name}");
        }
    }
    let commits = "forebay_store_commit_duration_seconds";
    assert!(text.contains(&format!("{commits}_bucket{{le=\"0.0005\"}} 1\n")), "{text}");
    assert!(text.contains(&format!("{commits}_sum 90.0007\n{commits}_count 3\n")), "{text}");
}

/// A row of the documentation.
fn row(name: &str, family: &Family<'_>) -> String {
    let labels: BTreeSet<_> = family.samples.iter().flat_map(|sample| &sample.labels).collect();
    let labels: BTreeSet<_> =
        labels.into_iter().map(|(label, _)| *label).filter(|label| *label != "le").collect();
    let labels: Vec<_> = labels.into_iter().map(|label| format!("`{label}`")).collect();
    format!("| `{name}` | {} | {} | {} |", family.kind, labels.join(", "), family.help)
}

fn is_row(line: &str) -> bool {
    let kind = line.split(" | ").nth(1).unwrap_or_default();
    ["gauge", "counter", "histogram"].contains(&kind)
}

#[test]
fn the_documentation_lists_all_of_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let documented = std::fs::read_to_string(path).unwrap();
    let documented: BTreeSet<&str> = documented.lines().filter(|line| is_row(line)).collect();
    let text = everything();
    let rendered: Vec<String> = read(&text).iter().map(|(name, family)| row(name, family)).collect();
    let rendered: BTreeSet<&str> = rendered.iter().map(String::as_str).collect();
    let missing: Vec<_> = rendered.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&rendered).collect();
    assert!(missing.is_empty() && stale.is_empty(), "missing:\n{missing:#?}\nnot rendered:\n{stale:#?}");
}
