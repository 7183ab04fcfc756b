//! Where in the text a key stands, for faults that only show once everything is read.

use std::ops::Range;

use toml::de::DeTable;

use super::validate::Fault;

/// The place of a fault's key, or of as much of its path as is written there.
pub(super) fn span(text: &str, fault: &Fault) -> Option<Range<usize>> {
    let Some(key) = &fault.key else { return fault.span.clone() };
    let document = DeTable::parse(text).ok()?;
    match &fault.span {
        Some(element) => {
            let table = element_at(document.get_ref(), element)?;
            Some(below(table, key).unwrap_or_else(|| element.clone()))
        }
        None => below(document.get_ref(), key),
    }
}

/// The element of a list (`[[table]]`, `[[upstream.table]]` and their like) that has this span.
fn element_at<'a, 'i>(table: &'a DeTable<'i>, span: &Range<usize>) -> Option<&'a DeTable<'i>> {
    let lists = table.values().filter_map(|value| value.get_ref().as_array());
    lists.flat_map(|list| list.iter()).find_map(|element| {
        let table = element.get_ref().as_table()?;
        if element.span() == *span { Some(table) } else { element_at(table, span) }
    })
}

/// Follows a dotted path as far as it goes; the place of the last key that is there.
fn below(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let mut table = Some(table);
    let mut found = None;
    for part in path.split('.') {
        let entry = table.and_then(|table| table.iter().find(|(name, _)| name.get_ref().as_ref() == part));
        let Some((name, value)) = entry else { break };
        found = Some(name.span());
        table = value.get_ref().as_table();
    }
    found
}
