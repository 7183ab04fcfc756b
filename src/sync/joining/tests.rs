use super::*;
use crate::sync::batch::Prefix;
use crate::sync::positions::Positions;

fn covers(tables: Option<&[(&str, &str)]>) -> Covers {
    let own = |(local, upstream): &(&str, &str)| ((*local).to_owned(), (*upstream).to_owned());
    Covers::new(tables.map(|tables| tables.iter().map(own).collect()))
}

/// At 500 with 7 changes of each table.
fn cursor(covers: Option<Covers>) -> Cursor {
    Cursor {
        prefix: Prefix { seq: Seq(500), counts: TABLES.map(|(id, _)| (id, 7)).into() },
        positions: Positions::new(Seq(600), [("slow".to_owned(), Seq(500))].into()),
        covers,
        ..Cursor::default()
    }
}

const TABLES: [(TableId, &str); 3] = [(TableId(256), "a"), (TableId(257), "b"), (TableId(258), "c")];

fn joined(before: Option<Covers>, now: Covers) -> Joined {
    widen(cursor(before), How::Known, now, TABLES.into_iter())
}

#[test]
fn the_same_tables_go_on_where_they_were() {
    for tables in [covers(None), covers(Some(&[("a", "x")]))] {
        let joined = joined(Some(tables.clone()), tables.clone());
        assert_eq!((joined.how, joined.fresh), (How::Known, false));
        assert_eq!(joined.cursor, cursor(Some(tables)));
    }
}

#[test]
fn a_cursor_that_does_not_know_its_tables_has_had_them_all() {
    let now = covers(Some(&[("a", "x")]));
    let joined = joined(None, now.clone());
    assert_eq!((joined.how, joined.fresh), (How::Known, true));
    assert_eq!(joined.cursor, cursor(Some(now)));
}

#[test]
fn a_table_that_is_newly_sent_begins_at_the_start_and_the_others_where_they_were() {
    let before = covers(Some(&[("a", "x")]));
    for (now, new) in
        [(covers(Some(&[("a", "x"), ("b", "y")])), ("b", "y")), (covers(Some(&[("a", "z")])), ("a", "z"))]
    {
        let Joined { cursor, how, fresh } = joined(Some(before.clone()), now.clone());
        assert_eq!((how, fresh), (How::Wider(vec![new.0.to_owned()]), true));
        assert_eq!((cursor.prefix.seq, cursor.positions.to), (Seq(0), Seq(600)));
        assert_eq!(cursor.positions.behind[new.1], Seq(0));
        assert!(cursor.positions.passes(Some("other"), Seq(600)));
        assert!(!cursor.positions.passes(Some(new.1), Seq(1)));
        assert_eq!(cursor.positions.behind["slow"], Seq(500));
        let id = TABLES.iter().find(|(_, local)| *local == new.0).unwrap().0;
        assert!(!cursor.prefix.counts.contains_key(&id) && cursor.prefix.counts.len() == 2);
        assert_eq!(cursor.covers, Some(now));
    }
}

#[test]
fn all_tables_instead_of_one() {
    let Joined { how, .. } = joined(Some(covers(Some(&[("a", "a")]))), covers(None));
    assert_eq!(how, How::Wider(vec!["b".to_owned(), "c".to_owned()]));
}

#[test]
fn fewer_tables_go_on_where_they_were() {
    let Joined { cursor, how, fresh } = joined(Some(covers(None)), covers(Some(&[("a", "a")])));
    assert_eq!((how, fresh, cursor.prefix.seq), (How::Known, true, Seq(500)));
}

#[test]
fn one_that_is_new_has_no_tables_to_compare() {
    let joined = widen(Cursor::default(), How::New, covers(None), TABLES.into_iter());
    assert_eq!((joined.how, joined.fresh), (How::New, true));
}

#[test]
fn one_that_is_back_with_more_tables_is_both() {
    let back = cursor(Some(covers(Some(&[("a", "x")]))));
    let now = covers(Some(&[("a", "x"), ("b", "y")]));
    let joined = widen(back, How::Back, now, TABLES.into_iter());
    assert_eq!((joined.how, joined.cursor.positions.behind["y"]), (How::Back, Seq(0)));
}
