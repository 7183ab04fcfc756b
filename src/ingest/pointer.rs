//! JSON pointers (RFC 6901) into attribute values.

use crate::model::AttributeValue;

/// A parsed pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointer(Box<[Token]>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    name: Box<str>,
    index: Option<usize>,
}

impl Pointer {
    /// Parses a pointer: empty (the whole), or steps that each begin with `/`.
    pub(super) fn parse(text: &str) -> Option<Pointer> {
        if text.is_empty() {
            return Some(Pointer::default());
        }
        let steps = text.strip_prefix('/')?;
        steps.split('/').map(Token::parse).collect::<Option<_>>().map(Pointer)
    }

    /// What it points to.
    pub(super) fn of<'a>(&self, value: &'a AttributeValue) -> Option<&'a AttributeValue> {
        let mut at = value;
        for token in &self.0 {
            at = match at {
                AttributeValue::M(map) => map.get(&token.name)?,
                AttributeValue::L(list) => list.get(token.index?)?,
                _ => return None,
            };
        }
        Some(at)
    }
}

impl Token {
    fn parse(step: &str) -> Option<Token> {
        let name = if step.contains('~') { unescape(step)?.into() } else { step.into() };
        let canonical = step == "0" || !step.starts_with('0');
        let digits = step.bytes().all(|b| b.is_ascii_digit());
        Some(Token { name, index: if canonical && digits { step.parse().ok() } else { None } })
    }
}

fn unescape(step: &str) -> Option<String> {
    let mut out = String::with_capacity(step.len());
    let mut chars = step.chars();
    while let Some(c) = chars.next() {
        match c {
            '~' => out.push(match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            }),
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plain_json::read_value;

    #[test]
    fn the_examples_of_rfc_6901() {
        let document =
            read_value(br#"{"foo":["bar","baz"],"a/b":1,"c%d":2,"m~n":8,"k\"l":6," ":7,"o":{"01":9}}"#)
                .unwrap();
        for (pointer, wanted) in [
            ("/foo/0", r#""bar""#),
            ("/foo", r#"["bar","baz"]"#),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/m~0n", "8"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/o/01", "9"),
        ] {
            let found = Pointer::parse(pointer).unwrap().of(&document).cloned();
            assert_eq!(found, Some(read_value(wanted.as_bytes()).unwrap()), "{pointer}");
        }
        assert_eq!(Pointer::parse("").unwrap().of(&document), Some(&document));
    }

    #[test]
    fn what_points_nowhere() {
        let document = read_value(br#"{"foo":["bar"],"n":1}"#).unwrap();
        for pointer in ["/fo", "/foo/1", "/foo/00", "/foo/-", "/foo/x", "/n/0", "/foo/18446744073709551616"] {
            assert_eq!(Pointer::parse(pointer).unwrap().of(&document), None, "{pointer}");
        }
    }

    #[test]
    fn what_is_no_pointer() {
        for text in ["foo", "/a~", "/a~2", " /a"] {
            assert_eq!(Pointer::parse(text), None, "{text}");
        }
    }
}
