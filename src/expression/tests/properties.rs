//! Printing and parsing; evaluation in place against a naive one over decoded values; bytes that mean nothing.

use std::cmp::Ordering;

use proptest::collection::vec;
use proptest::prelude::*;

use super::bind;
use crate::expression::syntax::{
    Call, Comparator, Condition, Operand, Path, Projection, Section, SetValue, Sign, Step, Update,
};
use crate::expression::{Kind, Placeholders, condition, parser, projection, update};
use crate::model::arbitrary;
use crate::model::{AttributeValue, Image, Map, Number};

/// Few names, so that items have what conditions ask for. They live as long as the trees that borrow them.
const WORDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const KEYS: [&str; 4] = [":v0", ":v1", ":v2", ":v3"];
const FUNCTIONS: [&str; 5] = ["attribute_exists", "attribute_not_exists", "begins_with", "contains", "foo"];

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    (0..from.len()).prop_map(move |at| from[at])
}

fn path() -> impl Strategy<Value = Path<'static>> {
    let inside =
        prop_oneof![pick(&WORDS).prop_map(Step::Name), pick(&["0", "1", "2"]).prop_map(Step::Index),];
    (pick(&WORDS), vec(inside, 0..3))
        .prop_map(|(first, inside)| Path(std::iter::once(Step::Name(first)).chain(inside).collect()))
}

fn operand() -> impl Strategy<Value = Operand<'static>> {
    prop_oneof![
        4 => path().prop_map(Operand::Path),
        3 => pick(&KEYS).prop_map(Operand::Value),
        1 => path().prop_map(|path| {
            Operand::Call(Call { name: "size", operands: vec![Operand::Path(path)] })
        }),
    ]
}

fn comparator() -> impl Strategy<Value = Comparator> {
    prop_oneof![
        Just(Comparator::Equal),
        Just(Comparator::NotEqual),
        Just(Comparator::Less),
        Just(Comparator::LessOrEqual),
        Just(Comparator::Greater),
        Just(Comparator::GreaterOrEqual),
    ]
}

fn tree() -> impl Strategy<Value = Condition<'static>> {
    let leaf = prop_oneof![
        (comparator(), operand(), operand()).prop_map(|(c, a, b)| Condition::Compare(c, a, b)),
        [operand(), operand(), operand()].prop_map(Condition::Between),
        (operand(), vec(operand(), 1..4)).prop_map(|(value, list)| Condition::In(value, list)),
        (pick(&FUNCTIONS), vec(operand(), 1..3))
            .prop_map(|(name, operands)| Condition::Call(Call { name, operands })),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Condition::Any),
            vec(inner.clone(), 2..4).prop_map(Condition::All),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
}

fn set_value() -> impl Strategy<Value = SetValue<'static>> {
    prop_oneof![
        operand().prop_map(SetValue::Operand),
        (any::<bool>(), operand(), operand())
            .prop_map(|(plus, a, b)| { SetValue::Sum(if plus { Sign::Plus } else { Sign::Minus }, a, b) }),
    ]
}

fn section() -> impl Strategy<Value = Section<'static>> {
    prop_oneof![
        vec((path(), set_value()), 1..4).prop_map(Section::Set),
        vec(path(), 1..4).prop_map(Section::Remove),
        vec((path(), pick(&KEYS)), 1..4).prop_map(Section::Add),
        vec((path(), pick(&KEYS)), 1..4).prop_map(Section::Delete),
    ]
}

/// Conditions as one would evaluate them without care for copies.
mod naive {
    use super::*;

    pub(super) fn find(path: &Path<'_>, item: &Map) -> Option<AttributeValue> {
        let mut found = AttributeValue::M(item.clone());
        for step in &path.0 {
            found = match (step, found) {
                (Step::Name(name), AttributeValue::M(map)) => map.get(name)?.clone(),
                (Step::Index(digits), AttributeValue::L(list)) => {
                    list.get(digits.parse::<usize>().ok()?)?.clone()
                }
                _ => return None,
            };
        }
        Some(found)
    }

    fn value(operand: &Operand<'_>, item: &Map, values: &[AttributeValue]) -> Option<AttributeValue> {
        match operand {
            Operand::Path(path) => find(path, item),
            Operand::Value(key) => values.get(KEYS.iter().position(|known| known == key)?).cloned(),
            Operand::Call(call) => {
                let count = match value(&call.operands[0], item, values)? {
                    AttributeValue::S(text) => text.encode_utf16().count(),
                    AttributeValue::B(bytes) => bytes.len(),
                    AttributeValue::L(list) => list.len(),
                    AttributeValue::M(map) => map.len(),
                    AttributeValue::SS(set) => set.as_slice().len(),
                    AttributeValue::NS(set) => set.as_slice().len(),
                    AttributeValue::BS(set) => set.as_slice().len(),
                    _ => return None,
                };
                Some(AttributeValue::N(Number::from(count as u64)))
            }
        }
    }

    fn order(a: &AttributeValue, b: &AttributeValue) -> Option<Ordering> {
        match (a, b) {
            (AttributeValue::S(a), AttributeValue::S(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (AttributeValue::N(a), AttributeValue::N(b)) => Some(a.cmp(b)),
            (AttributeValue::B(a), AttributeValue::B(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    fn compare(c: Comparator, a: Option<&AttributeValue>, b: Option<&AttributeValue>) -> bool {
        let order = a.zip(b).and_then(|(a, b)| order(a, b));
        match c {
            Comparator::Equal => a.is_some() && a == b,
            Comparator::NotEqual => !(a.is_some() && a == b),
            Comparator::Less => order == Some(Ordering::Less),
            Comparator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Comparator::Greater => order == Some(Ordering::Greater),
            Comparator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }

    fn part(whole: &[u8], part: &[u8]) -> bool {
        (0..=whole.len()).any(|at| whole[at..].starts_with(part))
    }

    fn call(call: &Call<'_>, item: &Map, values: &[AttributeValue]) -> bool {
        let first = value(&call.operands[0], item, values);
        let second = call.operands.get(1).and_then(|operand| value(operand, item, values));
        match (call.name, first, second) {
            ("attribute_exists", first, _) => first.is_some(),
            ("attribute_not_exists", first, _) => first.is_none(),
            ("begins_with", Some(AttributeValue::S(a)), Some(AttributeValue::S(b))) => {
                a.starts_with(b.as_str())
            }
            ("begins_with", Some(AttributeValue::B(a)), Some(AttributeValue::B(b))) => a.starts_with(&b),
            ("contains", Some(AttributeValue::S(a)), Some(AttributeValue::S(b))) => {
                part(a.as_bytes(), b.as_bytes())
            }
            ("contains", Some(AttributeValue::B(a)), Some(AttributeValue::B(b))) => part(&a, &b),
            ("contains", Some(AttributeValue::SS(a)), Some(AttributeValue::S(b))) => {
                a.as_slice().contains(&b)
            }
            ("contains", Some(AttributeValue::NS(a)), Some(AttributeValue::N(b))) => {
                a.as_slice().contains(&b)
            }
            ("contains", Some(AttributeValue::BS(a)), Some(AttributeValue::B(b))) => {
                a.as_slice().contains(&b)
            }
            ("contains", Some(AttributeValue::L(a)), Some(b)) => a.contains(&b),
            _ => false,
        }
    }

    pub(super) fn holds(condition: &Condition<'_>, item: &Map, values: &[AttributeValue]) -> bool {
        let value = |operand| value(operand, item, values);
        match condition {
            Condition::Any(parts) => parts.iter().any(|part| holds(part, item, values)),
            Condition::All(parts) => parts.iter().all(|part| holds(part, item, values)),
            Condition::Not(inner) => !holds(inner, item, values),
            Condition::Compare(c, a, b) => compare(*c, value(a).as_ref(), value(b).as_ref()),
            Condition::Between([a, low, high]) => {
                let a = value(a);
                compare(Comparator::GreaterOrEqual, a.as_ref(), value(low).as_ref())
                    && compare(Comparator::LessOrEqual, a.as_ref(), value(high).as_ref())
            }
            Condition::In(a, list) => {
                let a = value(a);
                list.iter().any(|b| compare(Comparator::Equal, a.as_ref(), value(b).as_ref()))
            }
            Condition::Call(found) => call(found, item, values),
        }
    }
}

/// The placeholders that a text mentions.
fn used(text: &str, values: &[AttributeValue]) -> Placeholders {
    let given: Vec<_> = KEYS
        .iter()
        .zip(values)
        .filter(|(key, _)| text.contains(**key))
        .map(|(key, value)| ((*key).to_owned(), Ok(value.clone())))
        .collect();
    Placeholders::new(None, Some(given).filter(|given| !given.is_empty())).unwrap()
}

proptest! {
    #[test]
    fn a_printed_condition_parses_to_itself(tree in tree()) {
        let text = tree.to_string();
        prop_assert_eq!(parser::condition(&text), Ok(tree), "{}", text);
    }

    #[test]
    fn a_printed_update_parses_to_itself(sections in vec(section(), 1..4)) {
        let update = Update(sections);
        let text = update.to_string();
        prop_assert_eq!(parser::update(&text), Ok(update), "{}", text);
    }

    #[test]
    fn a_printed_projection_parses_to_itself(paths in vec(path(), 1..5)) {
        let projection = Projection(paths);
        let text = projection.to_string();
        prop_assert_eq!(parser::projection(&text), Ok(projection), "{}", text);
    }

    #[test]
    fn evaluation_in_place_is_the_naive_one(
        tree in tree(),
        item in arbitrary::item(),
        values in vec(arbitrary::value(), 4),
    ) {
        let text = tree.to_string();
        // What is refused is not evaluated; most of what is made here is accepted.
        if let Ok(condition) = condition(Kind::Filter, &text, &mut used(&text, &values)) {
            let image = Image::encode(&item);
            let found = condition.holds(image.as_map());
            prop_assert_eq!(found, Ok(naive::holds(&tree, &item, &values)), "{}", text);
        }
    }

    #[test]
    fn a_projection_keeps_exactly_its_paths(paths in vec(path(), 1..5), item in arbitrary::item()) {
        let text = Projection(paths.clone()).to_string();
        if let Ok(projection) = projection(&text, &mut Placeholders::default()) {
            let kept = projection.apply(Image::encode(&item).as_map()).unwrap();
            let kept = kept.as_map().to_map().unwrap();
            for path in paths.iter().filter(|path| path.0.iter().all(|step| !matches!(step, Step::Index(_)))) {
                prop_assert_eq!(naive::find(path, &kept), naive::find(path, &item), "{}", text);
            }
            let roots: Vec<_> = paths.iter().map(|path| path.0[0]).collect();
            prop_assert!(kept.iter().all(|(name, _)| roots.contains(&Step::Name(name))));
        }
    }

    #[test]
    fn an_update_changes_its_paths_and_nothing_else(
        sections in vec(section(), 1..3),
        item in arbitrary::item(),
        values in vec(arbitrary::value(), 4),
    ) {
        let written = Update(sections);
        let text = written.to_string();
        let Ok(update) = update(&text, &mut used(&text, &values)) else { return Ok(()) };
        let Ok(new) = update.apply(Image::encode(&item).as_map()) else { return Ok(()) };
        for (name, value) in item.iter().filter(|(name, _)| update.changed().all(|other| other != *name)) {
            prop_assert_eq!(new.get(name), Some(value), "{}", text);
        }
        for section in &written.0 {
            match section {
                Section::Set(assignments) => {
                    for (path, value) in assignments {
                        if let (SetValue::Operand(Operand::Value(key)), true) = (value, plain(path)) {
                            let at = KEYS.iter().position(|known| known == key).unwrap();
                            prop_assert_eq!(naive::find(path, &new), values.get(at).cloned(), "{}", text);
                        }
                    }
                }
                Section::Remove(paths) => {
                    for path in paths.iter().filter(|path| plain(path)) {
                        prop_assert_eq!(naive::find(path, &new), None, "{}", text);
                    }
                }
                Section::Add(_) | Section::Delete(_) => {}
            }
        }
    }

    #[test]
    fn no_text_panics(text in "[-a-e#:0-9.,()\\[\\]<>=+ ANDORTBEWSIVxé_\u{1}\u{1f600}]{0,200}") {
        for kind in [Kind::Condition, Kind::Filter, Kind::KeyCondition, Kind::Update, Kind::Projection] {
            let _ = bind(kind, &text).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn no_soup_of_tokens_panics(words in vec(pick(&SOUP), 0..60)) {
        let text = words.join(" ");
        for kind in [Kind::Filter, Kind::KeyCondition, Kind::Update, Kind::Projection] {
            let _ = bind(kind, &text).map_err(|error| error.to_string());
        }
    }
}

/// No list index on the way: the element keeps its place.
fn plain(path: &Path<'_>) -> bool {
    path.0.iter().all(|step| matches!(step, Step::Name(_)))
}

/// Every token there is.
const SOUP: [&str; 40] = [
    "a",
    "b",
    "size",
    "begins_with",
    "contains",
    "attribute_type",
    "if_not_exists",
    "list_append",
    "#a",
    "#n",
    ":n",
    ":s",
    ":l",
    ":ss",
    "0",
    "1",
    "99999999999",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    ".",
    ",",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    "+",
    "-",
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "IN",
    "SET",
    "REMOVE",
    "!",
];
