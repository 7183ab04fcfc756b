//! `[[upstream.table]]`: what is said of single tables of an upstream.

use std::collections::BTreeMap;

use toml::Spanned;

use super::raw;
use super::settings::{ConfiguredTable, Settings};
use super::validate::Fault;
use crate::sync::route::{Attributes, Handling};

/// Of a hundred changes, the most that lower priorities may keep: with more they would go first.
const MOST_SHARE: u8 = 50;

/// What is said of an upstream's tables, by their local names. `sent` are the tables that it gets, where they are named;
/// `tables` are those that are configured.
pub(super) fn validate(
    raw: Vec<Spanned<raw::UpstreamTable>>,
    sent: Option<&BTreeMap<String, String>>,
    tables: &[ConfiguredTable],
) -> Result<BTreeMap<String, Handling>, Fault> {
    let mut all = BTreeMap::new();
    for element in raw {
        let span = element.span();
        let raw::UpstreamTable { name, priority, only, without } = element.into_inner();
        let fault = |key: &str, what: String| Err(Fault::of(key, what).at(span.clone()));
        if sent.is_some_and(|sent| !sent.contains_key(&name)) {
            let what = format!(
                "the table {name:?} is not among the upstream's tables, so nothing of it is sent; add it there, or remove this [[upstream.table]]"
            );
            return fault("name", what);
        }
        if all.contains_key(&name) {
            let what = format!("the table {name:?} is there twice; say all of it in one [[upstream.table]]");
            return fault("name", what);
        }
        let table = tables.iter().find(|table| table.name.as_str() == name);
        let is_key = |attribute: &&String| table.is_some_and(|table| table.keys.contains(attribute));
        if let Some(key) = without.iter().flatten().find(is_key) {
            let what =
                format!("{key:?} is a key of the table {name:?}, and keys always go; take it out of without");
            return fault("without", what);
        }
        let attributes = match (only, without) {
            (None, None) => Attributes::All,
            (Some(only), None) => Attributes::Only(only.into_iter().collect()),
            (None, Some(without)) => Attributes::Without(without.into_iter().collect()),
            (Some(_), Some(_)) => {
                return fault(
                    "without",
                    "what only leaves out need not be in without; keep one of them".to_owned(),
                );
            }
        };
        all.insert(name, Handling { priority: priority.unwrap_or(0), attributes });
    }
    Ok(all)
}

/// What lower priorities keep, in percent.
pub(super) fn low_share(share: Option<u8>, default: u8) -> Result<u8, String> {
    match share {
        None => Ok(default),
        Some(share) if (1..=MOST_SHARE).contains(&share) => Ok(share),
        Some(share) => Err(format!(
            "low_priority_share = {share} is not 1 to {MOST_SHARE} percent; the default is {default}"
        )),
    }
}

/// A sentence for each table that is not there.
pub(super) fn advice(settings: &Settings) -> Vec<String> {
    let mut advice = Vec::new();
    for upstream in &settings.upstreams {
        let known = |name: &str| settings.tables.iter().any(|table| table.name.as_str() == name);
        // Those of its tables are named for that already.
        let named = |name: &str| upstream.tables.as_ref().is_some_and(|tables| tables.contains_key(name));
        let unknown = upstream.handling.keys().filter(|name| !known(name) && !named(name));
        advice.extend(unknown.map(|name| {
            format!(
                "upstream {:?}: [[upstream.table]] names {name:?}, which no [[table]] configures; it counts once a client creates it",
                upstream.name
            )
        }));
    }
    advice
}
