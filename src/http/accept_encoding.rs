//! Which encoding an answer gets, by `Accept-Encoding`, the way DynamoDB reads that header.
//!
//! It is not quite RFC 9110's way: only the header's last line counts, a weight that can't be read is 1, an encoding
//! listed twice has its greatest weight, and `*` stands for gzip, or for deflate where gzip is listed by name.

use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

use super::encoding::Encoding;

/// The encoding the client likes best of those known here; [`Encoding::Identity`] where it takes none.
pub fn preferred(headers: &HeaderMap) -> Encoding {
    let last = headers.get_all(ACCEPT_ENCODING).iter().next_back();
    of_text(last.and_then(|value| value.to_str().ok()).unwrap_or_default())
}

fn of_text(value: &str) -> Encoding {
    let parts = || value.split(',').map(part);
    let listed = |encoding: Encoding| parts().any(|(name, _)| named(name) == Some(encoding));
    let mut best = (Encoding::Identity, 0.0);
    let mut offer = |encoding: Encoding, weight: f32| {
        if weight > best.1 {
            best = (encoding, weight);
        }
    };
    for (name, weight) in parts() {
        if let Some(encoding) = named(name) {
            offer(encoding, weight);
        }
    }
    // What is named wins against the star where both weigh the same.
    let unnamed = [Encoding::Gzip, Encoding::Deflate].into_iter().find(|encoding| !listed(*encoding));
    if let (Some((_, weight)), Some(encoding)) = (parts().find(|(name, _)| *name == "*"), unnamed) {
        offer(encoding, weight);
    }
    best.0
}

fn named(name: &str) -> Option<Encoding> {
    match name {
        _ if name.eq_ignore_ascii_case("gzip") => Some(Encoding::Gzip),
        _ if name.eq_ignore_ascii_case("deflate") => Some(Encoding::Deflate),
        _ => None,
    }
}

/// A name and its weight, `0.0` where it is refused.
fn part(text: &str) -> (&str, f32) {
    let mut parameters = text.split(';').map(str::trim);
    let name = parameters.next().unwrap_or_default();
    let weight = parameters.find_map(|parameter| parameter.strip_prefix("q="));
    let weight = weight.map_or(1.0, |text| text.trim().parse::<f32>().unwrap_or(1.0));
    (name, if weight.is_nan() { 1.0 } else { weight.clamp(0.0, 1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_as_the_service_reads_it() {
        let cases = [
            ("", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("GZip", Encoding::Gzip),
            ("deflate", Encoding::Deflate),
            ("deflate, gzip", Encoding::Deflate),
            ("gzip, deflate", Encoding::Gzip),
            ("deflate;q=0.5, gzip;q=0.9", Encoding::Gzip),
            ("deflate, gzip;q=7", Encoding::Deflate),
            ("*", Encoding::Gzip),
            ("*, gzip;q=0.5", Encoding::Deflate),
            ("*, deflate", Encoding::Deflate),
            ("*, deflate;q=0.5", Encoding::Gzip),
            ("*;q=0.5,identity", Encoding::Gzip),
            ("gzip;q=0, *", Encoding::Deflate),
            ("x-gzip", Encoding::Identity),
            ("\"gzip\"", Encoding::Identity),
            ("gzip br", Encoding::Identity),
            ("gzip:q=1", Encoding::Identity),
            ("gzip;q=0", Encoding::Identity),
            ("gzip;q=0.", Encoding::Identity),
            ("gzip;q=0, gzip;q=1, gzip;q=0", Encoding::Gzip),
            ("gzip;q=1;q=0.2, deflate;q=0.5", Encoding::Gzip),
            ("gzip;q=0.x", Encoding::Gzip),
            ("gzip;nq=1;q=0", Encoding::Identity),
            ("deflate;q=-0.5", Encoding::Identity),
            ("gzip;q=0.0001", Encoding::Gzip),
        ];
        for (value, encoding) in cases {
            assert_eq!(of_text(value), encoding, "{value:?}");
        }
    }

    #[test]
    fn of_several_headers_the_last_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(preferred(&headers), Encoding::Identity);
        headers.append(ACCEPT_ENCODING, "gzip".parse().unwrap());
        headers.append(ACCEPT_ENCODING, "deflate".parse().unwrap());
        assert_eq!(preferred(&headers), Encoding::Deflate);
    }
}
