//! Dead letters: changes that an upstream refuses for themselves, kept durably with the reason. ([`super::letters`] is what
//! is known of them in memory.)

use std::fmt;
use std::ops::{Bound, ControlFlow};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::TableId;
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
    /// Its owner wants it to be sent again.
    #[serde(default)]
    pub replay: bool,
    /// Its owner has thrown it away. It stays, without its image, until the cursor is beyond it: else its change would be sent
    /// once more after a crash.
    #[serde(default)]
    pub dropped: bool,
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
    /// What remains of it when it is thrown away.
    pub fn buried(self) -> DeadLetter {
        DeadLetter { dropped: true, replay: false, image: Blob::default(), reason: String::new(), ..self }
    }

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

/// One letter; `None` where there is none, or none that can be read.
pub fn read_letter(store: &dyn Read, upstream: &str, seq: Seq) -> Result<Option<DeadLetter>, ReadError> {
    let row = store.get(&system_key(Space::DeadLetter, &letter_key(upstream, seq)))?;
    Ok(row.and_then(|row| DeadLetter::decode(&row.image)))
}

/// Visits an upstream's letters behind a sequence, oldest first, until the visitor breaks.
pub fn each_letter(
    store: &dyn Read,
    upstream: &str,
    after: Seq,
    visit: &mut dyn FnMut(Seq, DeadLetter) -> ControlFlow<()>,
) -> Result<(), ReadError> {
    let whole = |seq: Seq| system_key(Space::DeadLetter, &letter_key(upstream, seq)).0.to_vec();
    let range = KeyRange { start: Bound::Excluded(whole(after)), end: Bound::Included(whole(Seq(u64::MAX))) };
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
            replay: true,
            dropped: false,
        };
        let value = letter.encode().unwrap();
        assert_eq!(DeadLetter::decode(&value), Some(letter));
        assert_eq!(DeadLetter::decode(b"x"), None);
    }

    #[test]
    fn keys_of_upstreams_do_not_mix() {
        assert!(letter_key("a", Seq(u64::MAX)) < letters_of("aa"));
        assert!(!letter_key("aa", Seq(1)).starts_with(&letters_of("a")));
    }
}
