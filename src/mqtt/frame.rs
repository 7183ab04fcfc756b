//! Packets out of a stream of bytes (MQTT 5, section 2.1; the same in 3.1.1). Nothing is copied: a packet's body shares
//! the read buffer.

use bytes::{Buf, Bytes, BytesMut};

/// The packet types a client may send (section 2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    Publish,
    PubAck,
    PubRec,
    PubRel,
    PubComp,
    Subscribe,
    Unsubscribe,
    PingReq,
    Disconnect,
    Auth,
}

/// A whole packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its type.
    pub(super) kind: Kind,
    /// The four low bits of its first byte.
    pub(super) flags: u8,
    /// What follows the fixed header.
    pub(super) body: Bytes,
}

/// Why no packet can be made of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameError {
    /// Reserved type, wrong flags, or a length of more than four bytes.
    Malformed,
    /// A type that only a server sends.
    NotForServers,
    /// Larger than is taken.
    TooLarge,
}

/// The longest fixed header.
const MAX_HEADER: usize = 5;

/// Takes the next packet; `None` until it is whole. `max_size` counts the header. The length is judged before a byte of
/// the body is waited for.
pub(super) fn next(buffer: &mut BytesMut, max_size: usize) -> Result<Option<Frame>, FrameError> {
    let Some(&first) = buffer.first() else { return Ok(None) };
    let (kind, flags) = kind(first)?;
    let Some((length, header)) = remaining_length(buffer)? else { return Ok(None) };
    let whole = header + length;
    if whole > max_size {
        return Err(FrameError::TooLarge);
    }
    if buffer.len() < whole {
        return Ok(None);
    }
    let mut body = buffer.split_to(whole);
    body.advance(header);
    Ok(Some(Frame { kind, flags, body: body.freeze() }))
}

/// The sizes of the fixed header and of the whole packet at the front, once they are known.
pub(super) fn sizes(buffer: &BytesMut) -> Option<(usize, usize)> {
    remaining_length(buffer).ok()?.map(|(length, header)| (header, header + length))
}

/// How many bytes are missing of the packet at the front, where that is known.
pub(super) fn missing(buffer: &BytesMut) -> Option<usize> {
    let (length, header) = remaining_length(buffer).ok()??;
    (header + length).checked_sub(buffer.len())
}

/// The type and the flags of a first byte.
fn kind(first: u8) -> Result<(Kind, u8), FrameError> {
    let flags = first & 0x0F;
    let (kind, required) = match first >> 4 {
        1 => (Kind::Connect, 0),
        3 => return Ok((Kind::Publish, flags)),
        4 => (Kind::PubAck, 0),
        5 => (Kind::PubRec, 0),
        6 => (Kind::PubRel, 2),
        7 => (Kind::PubComp, 0),
        8 => (Kind::Subscribe, 2),
        10 => (Kind::Unsubscribe, 2),
        12 => (Kind::PingReq, 0),
        14 => (Kind::Disconnect, 0),
        15 => (Kind::Auth, 0),
        2 | 9 | 11 | 13 => return Err(FrameError::NotForServers),
        _ => return Err(FrameError::Malformed),
    };
    if flags == required { Ok((kind, flags)) } else { Err(FrameError::Malformed) }
}

/// The remaining length and the size of the whole fixed header (section 1.5.5).
fn remaining_length(buffer: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let mut length = 0;
    for (at, &byte) in buffer.iter().enumerate().take(MAX_HEADER).skip(1) {
        length |= usize::from(byte & 0x7F) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return Ok(Some((length, at + 1)));
        }
    }
    if buffer.len() < MAX_HEADER { Ok(None) } else { Err(FrameError::Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(bytes: &[u8], max: usize) -> (Vec<Frame>, Option<FrameError>) {
        let mut buffer = BytesMut::from(bytes);
        let mut frames = Vec::new();
        loop {
            match next(&mut buffer, max) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, None),
                Err(error) => return (frames, Some(error)),
            }
        }
    }

    #[test]
    fn takes_whole_packets_only() {
        let bytes = [0xC0, 0, 0x32, 3, b'a', b'b', b'c', 0xE0];
        let (frames, error) = all(&bytes, 100);
        assert_eq!(error, None);
        assert_eq!(frames.len(), 2);
        assert_eq!((frames[1].kind, frames[1].flags, &frames[1].body[..]), (Kind::Publish, 2, &b"abc"[..]));
    }

    #[test]
    fn refuses_what_is_too_large_before_it_has_come() {
        assert_eq!(all(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], 1000).1, Some(FrameError::TooLarge));
        assert_eq!(all(&[0x30, 98, 0], 100).1, None);
        assert_eq!(all(&[0x30, 99, 0], 100).1, Some(FrameError::TooLarge));
    }

    #[test]
    fn refuses_reserved_types_wrong_flags_and_endless_lengths() {
        for first in [0x00, 0x0F, 0x11, 0x60, 0x80, 0xA0, 0xC1, 0xE1, 0xF4] {
            assert_eq!(all(&[first], 100).1, Some(FrameError::Malformed), "{first:#x}");
        }
        for first in [0x20, 0x90, 0xB0, 0xD0] {
            assert_eq!(all(&[first], 100).1, Some(FrameError::NotForServers), "{first:#x}");
        }
        assert_eq!(all(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], usize::MAX).1, Some(FrameError::Malformed));
    }

    proptest! {
        /// However the bytes are cut into reads, the same packets come out.
        #[test]
        fn cuts_do_not_matter(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
            let whole = all(&bytes, 150);
            let cut = cut.min(bytes.len());
            let mut buffer = BytesMut::from(&bytes[..cut]);
            let mut frames = Vec::new();
            let mut error = None;
            for rest in [&[][..], &bytes[cut..]] {
                buffer.extend_from_slice(rest);
                while error.is_none() {
                    match next(&mut buffer, 150) {
                        Ok(Some(frame)) => frames.push(frame),
                        Ok(None) => break,
                        Err(e) => error = Some(e),
                    }
                }
            }
            prop_assert_eq!((frames, error), whole);
        }
    }
}
