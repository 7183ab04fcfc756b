//! From an expression's text to tokens. Nothing is refused here: a character that begins no token is one by itself, and
//! the parser says where it stands.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An attribute's or a function's name: a letter, then letters, digits and `_`.
    Name,
    /// `#name`.
    NamePlaceholder,
    /// `:value`.
    ValuePlaceholder,
    /// A list index: `0`, or digits that do not begin with one.
    Index,
    /// A word of the grammar.
    Keyword(Keyword),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    OpenIndex,
    /// `]`
    CloseIndex,
    /// `.`
    Dot,
    /// `,`
    Comma,
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// A character that means nothing.
    Unknown,
    /// The end of the text.
    End,
}

/// The grammar's words, in whatever case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
    Between,
    In,
    Set,
    Remove,
    Add,
    Delete,
}

impl Keyword {
    const ALL: [(&'static str, Keyword); 9] = [
        ("AND", Keyword::And),
        ("OR", Keyword::Or),
        ("NOT", Keyword::Not),
        ("BETWEEN", Keyword::Between),
        ("IN", Keyword::In),
        ("SET", Keyword::Set),
        ("REMOVE", Keyword::Remove),
        ("ADD", Keyword::Add),
        ("DELETE", Keyword::Delete),
    ];

    fn of(word: &str) -> Option<Keyword> {
        Keyword::ALL.iter().find(|(text, _)| text.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword)
    }
}

/// A token, and where it stands in the text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The tokens of a text, the last one being [`Kind::End`].
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 3 + 1);
    let mut start = 0;
    while let Some(rest) = text.get(start..)
        && let Some(first) = rest.chars().next()
    {
        if matches!(first, ' ' | '\t' | '\n' | '\r') {
            start += 1;
            continue;
        }
        let (kind, length) = token(rest, first);
        tokens.push(Token { kind, start, end: start + length });
        start += length;
    }
    tokens.push(Token { kind: Kind::End, start: text.len(), end: text.len() });
    tokens
}

/// The token at the beginning of a text, and its length.
fn token(rest: &str, first: char) -> (Kind, usize) {
    let second = rest.as_bytes().get(1);
    match first {
        'a'..='z' | 'A'..='Z' => {
            let length = word(rest);
            let keyword = rest.get(..length).and_then(Keyword::of);
            (keyword.map_or(Kind::Name, Kind::Keyword), length)
        }
        '#' | ':' => match word(rest.get(1..).unwrap_or_default()) {
            0 => (Kind::Unknown, 1),
            length if first == '#' => (Kind::NamePlaceholder, 1 + length),
            length => (Kind::ValuePlaceholder, 1 + length),
        },
        '0' => (Kind::Index, 1),
        '1'..='9' => (Kind::Index, rest.bytes().take_while(u8::is_ascii_digit).count()),
        '(' => (Kind::Open, 1),
        ')' => (Kind::Close, 1),
        '[' => (Kind::OpenIndex, 1),
        ']' => (Kind::CloseIndex, 1),
        '.' => (Kind::Dot, 1),
        ',' => (Kind::Comma, 1),
        '=' => (Kind::Equal, 1),
        '<' if second == Some(&b'>') => (Kind::NotEqual, 2),
        '<' if second == Some(&b'=') => (Kind::LessOrEqual, 2),
        '<' => (Kind::Less, 1),
        '>' if second == Some(&b'=') => (Kind::GreaterOrEqual, 2),
        '>' => (Kind::Greater, 1),
        '+' => (Kind::Plus, 1),
        '-' => (Kind::Minus, 1),
        other => (Kind::Unknown, other.len_utf8()),
    }
}

/// How many bytes of letters, digits and `_` a text begins with.
fn word(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

/// Whether a key of ExpressionAttributeNames or ExpressionAttributeValues is a placeholder: its sign, then a word.
pub(super) fn is_placeholder(key: &str, sign: char) -> bool {
    key.strip_prefix(sign).is_some_and(|rest| !rest.is_empty() && word(rest) == rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn tokens_stand_where_they_stand() {
        let of = |text: &str| -> Vec<String> {
            tokens(text).iter().map(|token| text[token.start..token.end].to_owned()).collect()
        };
        assert_eq!(of(" a.#b[12]<>:c "), ["a", ".", "#b", "[", "12", "]", "<>", ":c", ""]);
        assert_eq!(of("n-:n+1a"), ["n", "-", ":n", "+", "1", "a", ""]);
        assert_eq!(of("[007]"), ["[", "0", "0", "7", "]", ""]);
        assert_eq!(of("é\u{1f600}"), ["é", "\u{1f600}", ""]);
    }

    #[test]
    fn kinds_of_tokens() {
        use Kind::{End, GreaterOrEqual, LessOrEqual, Name, NamePlaceholder, Unknown, ValuePlaceholder};
        assert_eq!(
            kinds("And ANDY in nOt"),
            [Kind::Keyword(Keyword::And), Name, Kind::Keyword(Keyword::In), Kind::Keyword(Keyword::Not), End]
        );
        assert_eq!(kinds("# : _a"), [Unknown, Unknown, Unknown, Name, End]);
        assert_eq!(kinds("#1 :_"), [NamePlaceholder, ValuePlaceholder, End]);
        assert_eq!(kinds("<= >= < ="), [LessOrEqual, GreaterOrEqual, Kind::Less, Kind::Equal, End]);
    }

    #[test]
    fn placeholders() {
        assert!(is_placeholder("#a", '#') && is_placeholder(":_1", ':'));
        for key in ["", "a", "#", "##a", "#a-b", "#é", ":a"] {
            assert!(!is_placeholder(key, '#'), "{key:?}");
        }
    }
}
