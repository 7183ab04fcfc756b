//! Expressions as they are written: what the parser makes of a text, borrowed from it. Names and values are not looked up
//! yet. Printing one and parsing it again gives the same.

use std::fmt;

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    /// As it is written.
    pub(super) fn text(self) -> &'static str {
        match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "<>",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }
}

/// One step of a document path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// An attribute's or a map member's name.
    Name(&'a str),
    /// `#name`.
    Placeholder(&'a str),
    /// Digits.
    Index(&'a str),
}

/// A document path: an attribute, then what is inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path<'a>(pub(super) Vec<Step<'a>>);

/// What operators and functions work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand<'a> {
    Path(Path<'a>),
    /// `:value`.
    Value(&'a str),
    Call(Call<'a>),
}

/// A function and its operands, one at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) operands: Vec<Operand<'a>>,
}

/// A condition, filter or key condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    /// OR of two or more.
    Any(Vec<Condition<'a>>),
    /// AND of two or more.
    All(Vec<Condition<'a>>),
    Not(Box<Condition<'a>>),
    Compare(Comparator, Operand<'a>, Operand<'a>),
    /// The value, the lower and the upper bound.
    Between([Operand<'a>; 3]),
    In(Operand<'a>, Vec<Operand<'a>>),
    Call(Call<'a>),
}

/// `+` or `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Sign {
    /// As it is written.
    pub(super) fn text(self) -> &'static str {
        match self {
            Sign::Plus => "+",
            Sign::Minus => "-",
        }
    }
}

/// What SET sets a path to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SetValue<'a> {
    Operand(Operand<'a>),
    Sum(Sign, Operand<'a>, Operand<'a>),
}

/// One clause of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Section<'a> {
    Set(Vec<(Path<'a>, SetValue<'a>)>),
    Remove(Vec<Path<'a>>),
    /// Paths and values (`:value`).
    Add(Vec<(Path<'a>, &'a str)>),
    /// The same.
    Delete(Vec<(Path<'a>, &'a str)>),
}

impl Section<'_> {
    /// The word that begins it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Section::Set(_) => "SET",
            Section::Remove(_) => "REMOVE",
            Section::Add(_) => "ADD",
            Section::Delete(_) => "DELETE",
        }
    }
}

/// An update: one clause or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update<'a>(pub(super) Vec<Section<'a>>);

/// A projection: one path or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Projection<'a>(pub(super) Vec<Path<'a>>);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) | Step::Placeholder(name) if at == 0 => f.write_str(name)?,
                Step::Name(name) | Step::Placeholder(name) => write!(f, ".{name}")?,
                Step::Index(digits) => write!(f, "[{digits}]")?,
            }
        }
        Ok(())
    }
}

/// What is printed with something between.
struct Joined<'s, T>(&'s [T], &'static str);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, element) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(self.1)?;
            }
            element.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Path(path) => path.fmt(f),
            Operand::Value(name) => f.write_str(name),
            Operand::Call(call) => call.fmt(f),
        }
    }
}

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name, Joined(&self.operands, ", "))
    }
}

/// A condition within another one: parentheses where the grammar would read it otherwise.
struct Inner<'s, 'a>(&'s Condition<'a>, bool);

impl fmt::Display for Inner<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Condition::Any(_), _) | (Condition::All(_), true) => write!(f, "({})", self.0),
            (other, _) => other.fmt(f),
        }
    }
}

impl fmt::Display for Condition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Condition<'_>], word, all| {
            let inner: Vec<_> = parts.iter().map(|part| Inner(part, all)).collect();
            Joined(&inner, word).fmt(f)
        };
        match self {
            Condition::Any(parts) => joined(f, parts, " OR ", false),
            Condition::All(parts) => joined(f, parts, " AND ", true),
            Condition::Not(condition) => write!(f, "NOT {}", Inner(condition, true)),
            Condition::Compare(comparator, left, right) => write!(f, "{left} {} {right}", comparator.text()),
            Condition::Between([value, low, high]) => write!(f, "{value} BETWEEN {low} AND {high}"),
            Condition::In(value, list) => write!(f, "{value} IN ({})", Joined(list, ", ")),
            Condition::Call(call) => call.fmt(f),
        }
    }
}

impl fmt::Display for SetValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetValue::Operand(operand) => operand.fmt(f),
            SetValue::Sum(sign, left, right) => write!(f, "{left} {} {right}", sign.text()),
        }
    }
}

impl fmt::Display for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.word())?;
        match self {
            Section::Set(actions) => {
                let texts: Vec<_> = actions.iter().map(|(path, value)| format!("{path} = {value}")).collect();
                Joined(&texts, ", ").fmt(f)
            }
            Section::Remove(paths) => Joined(paths, ", ").fmt(f),
            Section::Add(actions) | Section::Delete(actions) => {
                let texts: Vec<_> = actions.iter().map(|(path, value)| format!("{path} {value}")).collect();
                Joined(&texts, ", ").fmt(f)
            }
        }
    }
}

impl fmt::Display for Update<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Joined(&self.0, " ").fmt(f)
    }
}

impl fmt::Display for Projection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Joined(&self.0, ", ").fmt(f)
    }
}
