//! A fingerprint of what a request says, for its token: the same whatever the order of its members.

use xxhash_rust::xxh3::Xxh3;

use crate::model::{Image, Item};

/// A fingerprint while it is taken.
pub(super) struct Fingerprint(Xxh3);

impl Fingerprint {
    /// Of nothing yet.
    pub(super) fn new() -> Fingerprint {
        Fingerprint(Xxh3::new())
    }

    /// A count, or which of several things follows.
    pub(super) fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_be_bytes());
    }

    /// A text, or that there is none.
    pub(super) fn text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.bytes(text.as_bytes()),
            None => self.number(usize::MAX),
        }
    }

    /// An item, a key, or values by name.
    pub(super) fn item(&mut self, item: &Item) {
        self.bytes(Image::encode(item).bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    /// All of it.
    pub(super) fn finish(self) -> u128 {
        self.0.digest128()
    }
}
