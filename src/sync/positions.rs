//! Upstream tables that are not as far as the rest. A table that takes nothing (it is missing, say) must not hold up the
//! others for longer than the window: it is left behind. Its changes are read past and stay in the journal, which the
//! cursor keeps for it; once the table takes changes again, the journal is read again from there. Pure.

use std::collections::BTreeMap;

use crate::store::Seq;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tables_behind_it_is_the_prefix() {
        let positions = Positions::default();
        assert!(!positions.passes(Some("t"), Seq(1)));
        assert_eq!(positions.at(Seq(9)), (Seq(9), Positions::new(Seq(9), BTreeMap::new())));
    }

    #[test]
    fn a_table_is_left_and_comes_back() {
        let mut positions = Positions::default();
        positions.leave("gone", Seq(5), 77);
        assert!(positions.passes(Some("gone"), Seq(8)) && !positions.passes(Some("here"), Seq(8)));
        assert_eq!((positions.left().collect::<Vec<_>>(), positions.oldest_us()), (vec!["gone"], Some(77)));
        let (whole, positions) = positions.at(Seq(20));
        assert_eq!(whole, Seq(5));

        // Read again from there: only the table that was left is sent.
        let again = Positions::new(positions.to, positions.behind);
        assert!(again.passes(Some("gone"), Seq(5)) && !again.passes(Some("gone"), Seq(6)));
        assert!(again.passes(Some("here"), Seq(20)) && !again.passes(Some("here"), Seq(21)));
        assert!(again.passes(None, Seq(20)) && !again.passes(None, Seq(21)));
        assert_eq!(again.at(Seq(9)).0, Seq(9));
        assert_eq!(again.at(Seq(21)), (Seq(21), Positions::new(Seq(21), BTreeMap::new())));
    }

    #[test]
    fn one_may_be_left_while_another_comes_back() {
        let behind = BTreeMap::from([("a".to_owned(), Seq(5)), ("b".to_owned(), Seq(9))]);
        let mut positions = Positions::new(Seq(20), behind);
        positions.leave("b", Seq(7), 1);
        positions.leave("c", Seq(7), 1);
        let (whole, at) = positions.at(Seq(12));
        assert_eq!((whole, at.to), (Seq(9), Seq(20)));
        assert_eq!(at.behind["a"], Seq(12));
        assert_eq!((at.behind["b"], at.behind["c"]), (Seq(9), Seq(20)));
    }
}
