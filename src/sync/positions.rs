//! Upstream tables that are not as far as the rest. A table that takes nothing (it is missing, say) must not hold up the
//! others for longer than the window: it is left behind. Its changes are read past and stay in the journal, which the
//! cursor keeps for it; once the table takes changes again, the journal is read again from there. Pure.

use std::collections::BTreeMap;

use crate::store::Seq;

#[cfg(test)]
mod tests;

/// How far each upstream table is, where that is not simply the settled prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// Everything up to here is settled, but for the tables that are behind.
    pub to: Seq,
    /// Upstream tables that are settled less far.
    pub behind: BTreeMap<String, Seq>,
    /// Of these: the ones that nothing is sent to; with the time of their first change that waits, in microseconds.
    left: BTreeMap<String, u64>,
}

impl Positions {
    /// As they were written down; nothing is left for now, since the tables may be back.
    pub fn new(to: Seq, behind: BTreeMap<String, Seq>) -> Positions {
        Positions { to, behind, left: BTreeMap::new() }
    }

    /// Whether a record is not to be sent now: it is settled, or its table is left behind. `None` is a table that is not
    /// sent at all.
    pub fn passes(&self, table: Option<&str>, seq: Seq) -> bool {
        match table {
            Some(table) if self.left.contains_key(table) => true,
            Some(table) => seq <= self.behind.get(table).copied().unwrap_or(self.to),
            None => seq <= self.to,
        }
    }

    /// Leaves a table behind; of what was read, it is settled up to `prefix`.
    pub fn leave(&mut self, table: &str, prefix: Seq, oldest_us: u64) {
        let at = self.behind.get(table).copied().unwrap_or(self.to).max(prefix);
        self.behind.insert(table.to_owned(), at);
        self.left.insert(table.to_owned(), oldest_us);
    }

    /// The tables that are left behind.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        self.left.keys().map(String::as_str)
    }

    /// The time of the first change that waits for them.
    pub fn oldest_us(&self) -> Option<u64> {
        self.left.values().min().copied()
    }

    /// The positions once everything that is not left behind is settled up to `prefix`, and the prefix that this makes of
    /// the whole.
    pub fn at(&self, prefix: Seq) -> (Seq, Positions) {
        let to = self.to.max(prefix);
        let behind: BTreeMap<String, Seq> = self
            .behind
            .iter()
            .map(|(table, at)| {
                let at = if self.left.contains_key(table) { *at } else { (*at).max(prefix) };
                (table.clone(), at)
            })
            .filter(|(table, at)| *at < to || self.left.contains_key(table))
            .collect();
        let whole = behind.values().min().copied().unwrap_or(to).min(to);
        (whole, Positions { to, behind, left: self.left.clone() })
    }
}
