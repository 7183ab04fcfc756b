//! gzip and deflate, in both directions.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use hyper::HeaderMap;
use hyper::header::CONTENT_ENCODING;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip, of one member or several (RFC 1952, section 2.2).
    Gzip,
    /// zlib's wrapping (RFC 9110, section 8.4.1.2), or bare deflate, which some clients send under this name.
    Deflate,
}

/// Why a body can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeBodyError {
    /// The header names an encoding that is not known here.
    #[error("the Content-Encoding is not known; gzip and deflate are")]
    Unknown,
    /// The bytes are not what the header says.
    #[error("the body is not encoded as its Content-Encoding says")]
    Corrupt,
    /// Longer than the limit once decoded.
    #[error("the decoded body is too large")]
    TooLarge,
}

/// The body's encoding by its header.
pub fn of_request(headers: &HeaderMap) -> Result<Encoding, DecodeBodyError> {
    let mut named = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = named.next() else { return Ok(Encoding::Identity) };
    if named.next().is_some() {
        return Err(DecodeBodyError::Unknown);
    }
    match value.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Ok(Encoding::Identity),
        b"gzip" | b"x-gzip" => Ok(Encoding::Gzip),
        b"deflate" => Ok(Encoding::Deflate),
        _ => Err(DecodeBodyError::Unknown),
    }
}

/// Decodes a whole body, to at most `limit` bytes.
pub fn decode(encoding: Encoding, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, DecodeBodyError> {
    match encoding {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => read_to(MultiGzDecoder::new(body.as_slice()), limit),
        Encoding::Deflate if is_zlib(&body) => read_to(ZlibDecoder::new(body.as_slice()), limit),
        Encoding::Deflate => read_to(DeflateDecoder::new(body.as_slice()), limit),
    }
}

/// Whether the bytes begin with zlib's header (RFC 1950, section 2.2).
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0)
}

fn read_to(decoder: impl Read, limit: usize) -> Result<Vec<u8>, DecodeBodyError> {
    let mut decoded = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(most).read_to_end(&mut decoded).map_err(|_| DecodeBodyError::Corrupt)?;
    if decoded.len() > limit { Err(DecodeBodyError::TooLarge) } else { Ok(decoded) }
}

/// The answer in an encoding; `None` where it stays as it is.
pub fn encode(encoding: Encoding, answer: &[u8]) -> Option<Vec<u8>> {
    let room = Vec::with_capacity(answer.len() / 4);
    match encoding {
        Encoding::Identity => None,
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(room, Compression::fast());
            encoder.write_all(answer).ok()?;
            encoder.finish().ok()
        }
        Encoding::Deflate => {
            let mut encoder = ZlibEncoder::new(room, Compression::fast());
            encoder.write_all(answer).ok()?;
            encoder.finish().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::write::DeflateEncoder;

    use super::*;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn several_members_are_one_body() {
        let body = [gz(b"{\"a\":"), gz(b"1}")].concat();
        assert_eq!(decode(Encoding::Gzip, body, 100).unwrap(), b"{\"a\":1}");
    }

    #[test]
    fn the_limit_holds_after_decoding() {
        let bomb = gz(&vec![0; 1 << 20]);
        assert_eq!(decode(Encoding::Gzip, bomb, 1 << 19), Err(DecodeBodyError::TooLarge));
    }

    #[test]
    fn corrupt_and_cut_bodies_are_refused() {
        let mut body = gz(b"hello hello hello");
        body.truncate(body.len() - 3);
        assert_eq!(decode(Encoding::Gzip, body, 100), Err(DecodeBodyError::Corrupt));
        let mut body = gz(b"hello");
        body.extend_from_slice(b"and more");
        assert_eq!(decode(Encoding::Gzip, body, 100), Err(DecodeBodyError::Corrupt));
        for nothing in [&b"{}"[..], b""] {
            assert_eq!(decode(Encoding::Gzip, nothing.to_vec(), 100), Err(DecodeBodyError::Corrupt));
        }
    }

    #[test]
    fn both_deflates_are_read() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(b"text").unwrap();
        assert_eq!(decode(Encoding::Deflate, zlib.finish().unwrap(), 100).unwrap(), b"text");
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(b"text").unwrap();
        assert_eq!(decode(Encoding::Deflate, bare.finish().unwrap(), 100).unwrap(), b"text");
    }

    #[test]
    fn encodings_by_their_headers() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, value.parse().unwrap());
            headers
        };
        assert_eq!(of_request(&with("GZIP")), Ok(Encoding::Gzip));
        assert_eq!(of_request(&with("br")), Err(DecodeBodyError::Unknown));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for encoding in [Encoding::Gzip, Encoding::Deflate] {
            let encoded = encode(encoding, &[b'x'; 5000]).unwrap();
            assert!(encoded.len() < 500);
            assert_eq!(decode(encoding, encoded, 5000).unwrap(), [b'x'; 5000]);
        }
        assert_eq!(encode(Encoding::Identity, b"x"), None);
    }
}
