//! Dead letters: changes that an upstream refuses for themselves, kept durably with the reason. A letter is withdrawn once
//! a later change of its key has reached the upstream.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::{Bound, ControlFlow};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::route::Routes;
use crate::model::{KeyCodec, MapRef, RowKey, TableId};
use crate::store::{Direction, KeyRange, Read, ReadError, Seq, Space, system_key};

/// A letter, as its row keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The local table's number.
    pub table: TableId,
    /// The upstream table's name.
    pub upstream_table: String,
    /// Whether it was a delete.
    pub delete: bool,
    /// The image; of a delete, the key attributes.
    pub image: Blob,
    /// The upstream's word.
    pub reason: String,
    /// When the change was made, in microseconds since 1970.
    pub time_us: u64,
    /// When it was refused.
    pub refused_us: u64,
    /// How often it was sent.
    pub attempts: u32,
}

/// Bytes, as a byte string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Blob, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Blob;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

impl DeadLetter {
    /// The row's value.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.image.0.len() + 256);
        ciborium::into_writer(self, &mut bytes).ok().map(|()| bytes)
    }

    /// Reads a row's value.
    pub fn decode(value: &[u8]) -> Option<DeadLetter> {
        ciborium::from_reader(value).ok()
    }
}

/// The key (within [`Space::DeadLetter`]) of a letter.
pub fn letter_key(upstream: &str, seq: Seq) -> Vec<u8> {
    let mut key = letters_of(upstream);
    key.extend_from_slice(&seq.0.to_be_bytes());
    key
}

/// What the keys of an upstream's letters begin with: its name behind the name's length, which settings limit to 255.
pub(super) fn letters_of(upstream: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(upstream.len() + 9);
    key.push(u8::try_from(upstream.len()).unwrap_or(u8::MAX));
    key.extend_from_slice(upstream.as_bytes());
    key
}

/// Visits an upstream's letters, oldest first, until the visitor breaks.
pub fn each_letter(
    store: &dyn Read,
    upstream: &str,
    visit: &mut dyn FnMut(Seq, DeadLetter) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let prefix = letters_of(upstream);
    let whole = |tail: &[u8]| system_key(Space::DeadLetter, &[&prefix[..], tail].concat()).0.to_vec();
    let range = KeyRange { start: Bound::Included(whole(&[])), end: Bound::Included(whole(&[0xff; 8])) };
    store.scan(&range, Direction::Forward, &mut |key, row| match (
        key.last_chunk::<8>(),
        DeadLetter::decode(row.image),
    ) {
        (Some(seq), Some(letter)) => visit(Seq(u64::from_be_bytes(*seq)), letter),
        _ => {
            tracing::error!(upstream, "a dead letter can't be read");
            ControlFlow::Continue(())
        }
    })
}

/// The letters of an upstream, by key, in memory: what a later change withdraws.
#[derive(Debug, Default)]
pub struct Letters {
    by_key: HashMap<RowKey, BTreeSet<Seq>>,
    count: usize,
    withdrawn: Vec<Seq>,
}

impl Letters {
    /// Reads which there are.
    pub fn load(
        store: &dyn Read,
        upstream: &str,
        routes: &Routes,
        codec: &KeyCodec,
    ) -> Result<Letters, ReadError> {
        let mut letters = Letters::default();
        each_letter(store, upstream, &mut |seq, letter| {
            let route = store.catalog().by_id(letter.table).and_then(|table| routes.of(table));
            let image = MapRef::new(&letter.image.0);
            match route.and_then(|route| route.key_of(image, codec)) {
                Some(key) => letters.add(key, seq),
                None => letters.count += 1,
            }
            ControlFlow::Continue(())
        })?;
        Ok(letters)
    }

    /// Takes over what was read anew.
    pub fn replace(&mut self, read: Letters) {
        let withdrawn = std::mem::take(&mut self.withdrawn);
        *self = Letters { withdrawn, ..read };
    }

    /// How many wait for the owner.
    pub fn count(&self) -> usize {
        self.count
    }

    /// A letter was written.
    pub fn add(&mut self, key: RowKey, seq: Seq) {
        if self.by_key.entry(key).or_default().insert(seq) {
            self.count += 1;
        }
    }

    /// A change of this key has reached the upstream: letters of earlier ones are void, and so is its own, from an attempt
    /// before a restart.
    pub fn settled(&mut self, key: &RowKey, seq: Seq) {
        let Some(letters) = self.by_key.get_mut(key) else { return };
        let later = letters.split_off(&seq.next());
        self.count = self.count.saturating_sub(letters.len());
        self.withdrawn.extend(std::mem::replace(letters, later));
        if letters.is_empty() {
            self.by_key.remove(key);
        }
    }

    /// Letters whose rows are to be removed, together with the next cursor at the latest.
    pub fn withdrawn(&self) -> &[Seq] {
        &self.withdrawn
    }

    /// So many of these (the first) are removed.
    pub fn removed(&mut self, rows: usize) {
        self.withdrawn.drain(..rows.min(self.withdrawn.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_comes_back() {
        let letter = DeadLetter {
            table: TableId(256),
            upstream_table: "fleet".to_owned(),
            delete: false,
            image: Blob(vec![0, 1, 255]),
            reason: "ValidationException: no".to_owned(),
            time_us: 1,
            refused_us: 2,
            attempts: 3,
        };
        let value = letter.encode().unwrap();
        assert_eq!(DeadLetter::decode(&value), Some(letter));
        assert_eq!(DeadLetter::decode(b"x"), None);
    }

    #[test]
    fn a_later_change_withdraws_earlier_letters_only() {
        let key = |n: u8| RowKey(vec![n].into());
        let mut letters = Letters::default();
        for (k, seq) in [(1, 10), (1, 20), (1, 30), (2, 15)] {
            letters.add(key(k), Seq(seq));
        }
        letters.add(key(2), Seq(15));
        assert_eq!(letters.count(), 4);
        letters.settled(&key(1), Seq(25));
        assert_eq!((letters.count(), letters.withdrawn()), (2, &[Seq(10), Seq(20)][..]));
        letters.removed(1);
        assert_eq!(letters.withdrawn(), [Seq(20)]);
    }

    #[test]
    fn a_change_that_was_refused_before_a_restart_and_is_taken_now_withdraws_its_own_letter() {
        let key = RowKey(vec![1].into());
        let mut letters = Letters::default();
        letters.add(key.clone(), Seq(10));
        letters.settled(&key, Seq(10));
        assert_eq!((letters.count(), letters.withdrawn()), (0, &[Seq(10)][..]));
    }

    #[test]
    fn keys_of_upstreams_do_not_mix() {
        assert!(letter_key("a", Seq(u64::MAX)) < letters_of("aa"));
        assert!(!letter_key("aa", Seq(1)).starts_with(&letters_of("a")));
    }
}
