//! What stood under a change's key before it: what streams need to know of a change, and nobody else.
//!
//! It is found out in one place, when the committer takes a decision's changes in, and only for tables that have a stream:
//! a change by whatever door is in the stream, once. An item that has expired counts as gone. Where it still stands, its
//! removal by expiry is put before the change that meets it, so that what was visible follows from the records.

use bytes::Bytes;

use super::batch::Change;
use super::staged::Staged;
use super::{Kind, Origin, Read, Record};
use crate::model::{Image, MapRef, Stream, TableDef, TableId};

/// What stood there; nothing: no item, or no stream that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before<B> {
    /// This item.
    Item(B),
    /// An item: which, the stream does not need.
    Some,
    /// The very item that is put: the change changes nothing.
    Same,
}

/// What a stream calls a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is an item now.
    Insert,
    /// There is another one now.
    Modify,
    /// There is none any more.
    Remove,
}

impl Record<'_> {
    /// What a stream calls it; `None` where nothing has changed.
    pub fn event(&self) -> Option<Event> {
        match (self.kind, self.before) {
            (Kind::Put, None) => Some(Event::Insert),
            (Kind::Put, Some(Before::Same)) | (Kind::Delete, None) => None,
            (Kind::Put, Some(_)) => Some(Event::Modify),
            (Kind::Delete, Some(_)) => Some(Event::Remove),
        }
    }
}

impl Staged<'_> {
    /// Finds out what stood before, where a stream needs that. Changes that were looked at before stay as they are.
    pub(super) fn look_before(&self, changes: Vec<Change>) -> Vec<Change> {
        let catalog = self.catalog();
        let streamed = |table: TableId| {
            let table = catalog.by_id(table).filter(|table| !table.dropped)?;
            Some((&**table, table.options.stream()?))
        };
        if !changes.iter().any(|change| streamed(change.table).is_some()) {
            return changes;
        }
        let now = self.shared.clock.expiry_now();
        let mut looked: Vec<Change> = Vec::with_capacity(changes.len());
        for mut change in changes {
            if let Some((table, stream)) = streamed(change.table) {
                let mut old = self.old(&change, &looked);
                let expired = old.as_ref().is_some_and(|old| table.is_expired(MapRef::new(old), now));
                if expired && change.origin != Origin::Expiry {
                    looked.extend(old.take().and_then(|old| removal(table, stream, &change, old)));
                }
                change.before = old.map(|old| before(stream, &change, old));
            }
            looked.push(change);
        }
        looked
    }

    /// The item that the change meets: what the same decision made of it, or what stands there.
    fn old(&self, change: &Change, earlier: &[Change]) -> Option<Bytes> {
        if let Some(earlier) = earlier.iter().rev().find(|earlier| earlier.key == change.key) {
            return (earlier.kind == Kind::Put).then(|| earlier.image.clone());
        }
        match self.get(&change.key) {
            Ok(row) => row.map(|row| row.image),
            Err(error) => {
                // The change mends it; the stream calls it new.
                tracing::error!(%error, "what a change replaces can't be read");
                None
            }
        }
    }
}

fn before(stream: &Stream, change: &Change, old: Bytes) -> Before<Bytes> {
    if change.kind == Kind::Put && change.image == old {
        Before::Same
    } else if stream.view.has_old() {
        Before::Item(old)
    } else {
        Before::Some
    }
}

/// The removal of an expired item that still stood there; none if it has no readable key.
fn removal(table: &TableDef, stream: &Stream, change: &Change, old: Bytes) -> Option<Change> {
    let key = table.keys.key_map(MapRef::new(&old)).ok()?;
    let mut removal = Change {
        table: change.table,
        key: change.key.clone(),
        kind: Kind::Delete,
        origin: Origin::Expiry,
        time: change.time,
        mark: None,
        delivery: None,
        size: None,
        image: Image::encode(&key).into_bytes(),
        before: None,
    };
    removal.before = Some(before(stream, &removal, old));
    Some(removal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StreamView;
    use crate::store::testing::*;
    use crate::store::{Batch, Seq, Urgency};

    /// A table with a stream of this view.
    async fn bench(view: StreamView) -> Bench {
        let bench = Bench::empty().open();
        let mut table = table();
        table.options.enable_stream(view, |us| us.to_string(), 1, 0);
        bench.define(table).await;
        bench
    }

    /// What the journal has of the table: event, origin, and the old item's text.
    fn events(bench: &Bench) -> Vec<(Option<Event>, Origin, Option<String>)> {
        let mut reader = bench.store().reader(Seq(0));
        let mut found = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            for record in frame.filter(|record| record.table == TABLE) {
                let old = match record.before {
                    Some(Before::Item(old)) => Some(text(old)),
                    _ => None,
                };
                found.push((record.event(), record.origin, old));
            }
        }
        found
    }

    #[tokio::test]
    async fn a_change_is_known_by_what_stood_before_it() {
        let bench = bench(StreamView::NewAndOldImages).await;
        bench.put(item("a", 1, "one")).await.unwrap();
        bench.put(item("a", 1, "one")).await.unwrap();
        bench.put(item("a", 1, "two")).await.unwrap();
        bench.delete("a", 1).await.unwrap();
        bench.delete("a", 1).await.unwrap();
        let old = |text: &str| Some(text.to_owned());
        assert_eq!(
            events(&bench),
            [
                (Some(Event::Insert), Origin::Rest, None),
                (None, Origin::Rest, None),
                (Some(Event::Modify), Origin::Rest, old("one")),
                (Some(Event::Remove), Origin::Rest, old("two")),
                (None, Origin::Rest, None),
            ]
        );
        // In the tree as well as in the overlay.
        bench.put(item("b", 1, "folded")).await.unwrap();
        let bench = bench.close().await.open();
        bench.put(item("b", 1, "again")).await.unwrap();
        assert_eq!(events(&bench).last(), Some(&(Some(Event::Modify), Origin::Rest, old("folded"))));
    }

    #[tokio::test]
    async fn old_items_are_kept_only_for_streams_that_show_them() {
        for view in [StreamView::KeysOnly, StreamView::NewImage] {
            let bench = bench(view).await;
            bench.put(item("a", 1, "one")).await.unwrap();
            bench.put(item("a", 1, "two")).await.unwrap();
            assert_eq!(events(&bench).last(), Some(&(Some(Event::Modify), Origin::Rest, None)));
        }
    }

    #[tokio::test]
    async fn an_expired_item_goes_before_the_change_that_meets_it() {
        let bench = bench(StreamView::OldImage).await;
        bench.put(expiring("a", 1, "old", NOW + 5)).await.unwrap();
        bench.put(expiring("b", 1, "older", NOW + 5)).await.unwrap();
        bench.clock.set((NOW + 10) * 1_000_000, true);
        bench.put(item("a", 1, "new")).await.unwrap();
        bench.delete("b", 1).await.unwrap();
        let old = |text: &str| Some(text.to_owned());
        assert_eq!(
            events(&bench)[2..],
            [
                (Some(Event::Remove), Origin::Expiry, old("old")),
                (Some(Event::Insert), Origin::Rest, None),
                (Some(Event::Remove), Origin::Expiry, old("older")),
                (None, Origin::Rest, None),
            ]
        );
        // Neither removal is to be sent upstream: four changes were made.
        assert_eq!(bench.store().change_counts().get(&TABLE), Some(&4));
        let bench = bench.kill().open();
        assert_eq!(bench.get("a", 1).as_deref(), Some("new"));
        assert_eq!(bench.store().change_counts().get(&TABLE), Some(&4));
    }

    #[tokio::test]
    async fn changes_of_one_decision_meet_each_other() {
        let bench = bench(StreamView::OldImage).await;
        let stager = bench.stager();
        let decide = move |_: &dyn Read, batch: &mut Batch| {
            stager(batch, "a", 1, item("a", 1, "one"));
            stager(batch, "a", 1, item("a", 1, "two"));
        };
        bench.store().submit(Urgency::Now, 0, decide).await.unwrap();
        let events = events(&bench);
        assert_eq!(events[0].0, Some(Event::Insert));
        assert_eq!((events[1].0, events[1].2.as_deref()), (Some(Event::Modify), Some("one")));
    }
}
