//! The value of a cursor row ([`super::Space::Cursor`], by upstream's name): what the store must know of it stands first.

use super::Seq;

/// A cursor row's value: the newest settled change, 8 bytes big-endian, then whatever the upstream keeps with it. The
/// journal keeps every frame after the oldest cursor.
pub fn cursor_value(settled: Seq, rest: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(8 + rest.len());
    value.extend_from_slice(&settled.0.to_be_bytes());
    value.extend_from_slice(rest);
    value
}

/// Takes [`cursor_value`] apart.
pub fn read_cursor(value: &[u8]) -> Option<(Seq, &[u8])> {
    let (settled, rest) = value.split_first_chunk::<8>()?;
    Some((Seq(u64::from_be_bytes(*settled)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_with_its_rest() {
        assert_eq!(read_cursor(&cursor_value(Seq(7), b"x")), Some((Seq(7), &b"x"[..])));
        assert_eq!(read_cursor(b"short"), None);
    }
}
