//! Templates: text with placeholders, compiled once.

use base64::Engine as _;

use super::pointer::Pointer;
use super::scope::{Found, NowUse, Scope};
use super::topic::{Pattern, Problem};
use crate::model::{AttributeValue, plain_json};

/// A compiled template.
#[derive(Clone, Debug)]
pub(super) enum Template {
    /// Text without placeholders.
    Literal(AttributeValue),
    /// One placeholder and nothing else: the value keeps its type.
    One(Box<[Place]>),
    /// Anything else: text.
    Text(Box<[Part]>),
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Literal(Box<str>),
    Choice(Box<[Place]>),
}

/// What a placeholder stands for.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Capture(usize),
    Topic,
    Payload(Pointer),
    Element(Pointer),
    Key,
    Index,
    NowUs,
    Quoted(AttributeValue),
}

/// A placeholder's value, borrowed where it can be.
enum Held<'a> {
    Value(&'a AttributeValue),
    Text(&'a str),
    Index(usize),
    Now,
}

impl Template {
    /// Compiles a template for a rule with these topic placeholders, and with or without `each`.
    pub(super) fn parse(text: &str, topic: &Pattern, each: bool) -> Result<Template, Problem> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                literal.push('{');
                rest = after;
                continue;
            }
            let Some((inner, after)) = from.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
                return Err((
                    format!("a placeholder in \"{text}\" does not end"),
                    "close it with }, or write {{ for a brace",
                ));
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal).into()));
            }
            let choices = inner.split('|').map(|choice| Place::parse(choice.trim(), topic, each));
            parts.push(Part::Choice(choices.collect::<Result<_, _>>()?));
            rest = after;
        }
        literal.push_str(rest);
        if parts.is_empty() {
            return Ok(Template::Literal(AttributeValue::S(literal.into())));
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        Ok(match <[Part; 1]>::try_from(parts) {
            Ok([Part::Choice(choices)]) => Template::One(choices),
            Ok(parts) => Template::Text(parts.into()),
            Err(parts) => Template::Text(parts.into()),
        })
    }

    /// The value; `None` where something it needs is missing.
    pub(super) fn of(&self, scope: &Scope<'_>) -> Option<Found> {
        match self {
            Template::Literal(value) => Some(Found::plain(value.clone())),
            Template::One(choices) => Some(match choose(choices, scope)? {
                Held::Value(value) => Found::plain(value.clone()),
                Held::Text(text) => Found::plain(AttributeValue::S(text.into())),
                Held::Index(index) => Found::plain(AttributeValue::N((index as u64).into())),
                Held::Now => Found::now(scope.now.get()),
            }),
            Template::Text(parts) => text_of(parts, scope),
        }
    }
}

/// The text; a part that is missing or null makes the whole missing.
fn text_of(parts: &[Part], scope: &Scope<'_>) -> Option<Found> {
    let mut text = compact_str::CompactString::default();
    let mut now = NowUse::No;
    for part in parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Choice(choices) => match choose(choices, scope)? {
                Held::Value(AttributeValue::Null) => return None,
                Held::Value(value) => push_value(value, &mut text),
                Held::Text(part) => text.push_str(part),
                Held::Index(index) => push_display(index, &mut text),
                Held::Now => {
                    now = NowUse::Part;
                    push_display(scope.now.get().us, &mut text);
                }
            },
        }
    }
    Some(Found { value: AttributeValue::S(text), now })
}

fn push_display(value: impl std::fmt::Display, text: &mut compact_str::CompactString) {
    // Writing to a string in memory does not fail.
    let _ = std::fmt::Write::write_fmt(text, format_args!("{value}"));
}

fn push_value(value: &AttributeValue, text: &mut compact_str::CompactString) {
    match value {
        AttributeValue::S(string) => text.push_str(string),
        AttributeValue::N(number) => push_display(number, text),
        AttributeValue::B(bytes) => text.push_str(&base64::engine::general_purpose::STANDARD.encode(bytes)),
        AttributeValue::Bool(value) => push_display(value, text),
        other => {
            let mut json = Vec::new();
            plain_json::write_value(other, &mut json);
            text.push_str(&String::from_utf8_lossy(&json));
        }
    }
}

/// The first choice that is there and not null; else the last one, if it is null.
fn choose<'a>(choices: &'a [Place], scope: &Scope<'a>) -> Option<Held<'a>> {
    let mut last = None;
    for place in choices {
        last = place.of(scope);
        if !matches!(last, None | Some(Held::Value(AttributeValue::Null))) {
            break;
        }
    }
    last
}

impl Place {
    fn parse(text: &str, topic: &Pattern, each: bool) -> Result<Place, Problem> {
        let pointer = |text: &str| {
            Pointer::parse(text)
                .ok_or_else(|| (format!("\"{text}\""), "a JSON pointer begins with /, as in {payload:/a/b}"))
        };
        let needs_each = |place| match each {
            true => Ok(place),
            false => Err((format!("{{{text}}}"), "it has a meaning only in a rule with each = \"/pointer\"")),
        };
        if let Some(text) = text.strip_prefix("payload:") {
            return pointer(text).map(Place::Payload);
        }
        if let Some(text) = text.strip_prefix("element:") {
            return needs_each(Place::Element(pointer(text)?));
        }
        if let Some(text) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return Ok(Place::Quoted(AttributeValue::S(text.into())));
        }
        match text {
            "payload" => Ok(Place::Payload(Pointer::default())),
            "element" => needs_each(Place::Element(Pointer::default())),
            "key" => needs_each(Place::Key),
            "index" => needs_each(Place::Index),
            "topic" => Ok(Place::Topic),
            "now_us" => Ok(Place::NowUs),
            name => topic.capture(name).map(Place::Capture).ok_or_else(|| {
                let problem = format!("there is no placeholder {{{name}}} in the topic");
                (problem, "take one of the topic's, {payload}, {payload:/pointer}, {topic} or {now_us}; {{ is a brace")
            }),
        }
    }

    fn of<'a>(&'a self, scope: &Scope<'a>) -> Option<Held<'a>> {
        match self {
            Place::Capture(index) => Some(Held::Text(scope.captures.get(scope.topic, *index))),
            Place::Topic => Some(Held::Text(scope.topic)),
            Place::Payload(pointer) => pointer.of(scope.payload).map(Held::Value),
            Place::Element(pointer) => scope.element.and_then(|e| pointer.of(e.value)).map(Held::Value),
            Place::Key => scope.element.and_then(|e| e.key).map(Held::Text),
            Place::Index => scope.element.map(|e| Held::Index(e.index)),
            Place::NowUs => Some(Held::Now),
            Place::Quoted(value) => Some(Held::Value(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scope::{Element, Now};
    use super::super::topic::Captures;
    use super::*;
    use crate::clock::Stamp;

    fn run(template: &str, payload: &str) -> Option<Found> {
        let pattern = Pattern::parse("s/{device}/{kind}").unwrap();
        let template = Template::parse(template, &pattern, true).unwrap();
        let mut captures = Captures::default();
        assert!(pattern.matches("s/d1/", &mut captures));
        let stamp = || Stamp { us: 1_700_000_000_000_000, estimated: false };
        let payload = plain_json::read_value(payload.as_bytes()).unwrap();
        let element = AttributeValue::Bool(true);
        let element = Some(Element { value: &element, key: Some("k"), index: 3 });
        let now = Now::new(&stamp);
        template.of(&Scope { topic: "s/d1/", captures: &captures, payload: &payload, element, now: &now })
    }

    fn text(template: &str, payload: &str) -> String {
        match run(template, payload) {
            Some(Found { value: AttributeValue::S(text), .. }) => text.into(),
            other => panic!("{other:?}"),
        }
    }

    fn json(template: &str, payload: &str) -> String {
        let mut out = Vec::new();
        plain_json::write_value(&run(template, payload).unwrap().value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_placeholder_keeps_the_type() {
        assert_eq!(json("{payload:/a}", r#"{"a":23.20}"#), "23.2");
        assert_eq!(json("{payload:/a}", r#"{"a":[1,"x"]}"#), r#"[1,"x"]"#);
        assert_eq!(json("{payload}", "true"), "true");
        assert_eq!(json("{index}", "0"), "3");
        assert_eq!(json("{element}", "0"), "true");
        assert_eq!(text("{device}", "0"), "d1");
        assert_eq!(text("{kind}", "0"), "");
        assert_eq!(run("{now_us}", "0").unwrap().now, NowUse::Whole);
    }

    #[test]
    fn anything_else_is_text() {
        assert_eq!(text("{device}-{payload:/a}", r#"{"a":23.20}"#), "d1-23.2");
        assert_eq!(text("{payload:/a} ", r#"{"a":[1,"x"]}"#), r#"[1,"x"] "#);
        assert_eq!(text("a {{b} {key}{index}{topic}", "0"), "a {b} k3s/d1/");
        assert_eq!(text("plain }", "0"), "plain }");
        let found = run("t{now_us}", "0").unwrap();
        assert_eq!((found.value, found.now), (AttributeValue::S("t1700000000000000".into()), NowUse::Part));
    }

    #[test]
    fn choices() {
        assert_eq!(text("{payload:/a|payload:/b|device}", r#"{"a":null,"b":"x"}"#), "x");
        assert_eq!(text("{payload:/a|payload:/b|device}", r#"{"a":null}"#), "d1");
        assert_eq!(text("{payload:/unit|'C'}", "{}"), "C");
        assert_eq!(run("{payload:/a}", "{}"), None);
        assert_eq!(run("{payload:/a}", r#"{"a":null}"#).unwrap().value, AttributeValue::Null);
        assert_eq!(run("x{payload:/a}", r#"{"a":null}"#), None);
        assert_eq!(run("x{payload:/a}", "{}"), None);
    }

    #[test]
    fn what_is_no_template_is_explained() {
        let pattern = Pattern::parse("s/{device}").unwrap();
        for (template, word) in [
            ("{devcie}", "no placeholder {devcie}"),
            ("{device", "does not end"),
            ("{payload:a}", "begins with /"),
            ("{element}", "each"),
            ("{index}", "each"),
            ("{}", "no placeholder"),
            ("{device|}", "no placeholder"),
        ] {
            let (problem, remedy) = Template::parse(template, &pattern, false).unwrap_err();
            assert!(format!("{problem}; {remedy}").contains(word), "{template}: {problem}; {remedy}");
        }
    }
}
