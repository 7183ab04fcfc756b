//! From tokens to a tree. The first token that fits nowhere is the error, with its neighbours.
//!
//! Only calls within calls recurse, and [`DEEPEST`] bounds them.

use super::error::Fault;
use super::lexer::{self, Keyword, Kind, Token};
use super::syntax::{
    Call, Comparator, Condition, Operand, Path, Projection, Section, SetValue, Sign, Step, Update,
};

/// Calls within each other: the grammar has room for any number of them, and no function is of use so deep.
const DEEPEST: usize = 100;

type Result<T> = std::result::Result<T, Fault>;

/// A parsed text.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// A condition, or an operand that may become one.
enum Term<'a> {
    Operand(Operand<'a>),
    Condition(Condition<'a>),
}

/// What stands within one pair of parentheses, as far as it is read.
#[derive(Default)]
struct Level<'a> {
    /// What OR joins.
    any: Vec<Condition<'a>>,
    /// What AND joins, since the last OR.
    all: Vec<Condition<'a>>,
    /// NOTs before the next condition.
    nots: usize,
}

impl<'a> Level<'a> {
    /// Nothing but one term.
    fn is_plain(&self) -> bool {
        self.any.is_empty() && self.all.is_empty() && self.nots == 0
    }

    fn and(&mut self, mut condition: Condition<'a>) {
        for _ in 0..std::mem::take(&mut self.nots) {
            condition = Condition::Not(Box::new(condition));
        }
        self.all.push(condition);
    }

    fn or(&mut self, condition: Condition<'a>) {
        self.and(condition);
        let all = std::mem::take(&mut self.all);
        self.any.push(joined(all, Condition::All));
    }

    fn close(mut self, condition: Condition<'a>) -> Condition<'a> {
        self.or(condition);
        joined(self.any, Condition::Any)
    }
}

/// So many pairs of parentheses around one thing: one at most.
fn once(pairs: usize) -> Result<()> {
    if pairs > 1 { Err(Fault::RedundantParentheses) } else { Ok(()) }
}

/// One condition, or several joined; there is always one.
fn joined<'a>(
    mut conditions: Vec<Condition<'a>>,
    join: impl FnOnce(Vec<Condition<'a>>) -> Condition<'a>,
) -> Condition<'a> {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        Some(last) => {
            conditions.push(last);
            join(conditions)
        }
        None => join(conditions),
    }
}

/// Parses a condition, filter or key condition.
pub(super) fn condition(text: &str) -> Result<Condition<'_>> {
    Parser::whole(text, Parser::condition)
}

/// Parses an update.
pub(super) fn update(text: &str) -> Result<Update<'_>> {
    Parser::whole(text, Parser::update)
}

/// Parses a projection.
pub(super) fn projection(text: &str) -> Result<Projection<'_>> {
    Parser::whole(text, |parser| Ok(Projection(parser.list(Parser::path)?)))
}

impl<'a> Parser<'a> {
    /// Parses all of a text.
    fn whole<T>(text: &'a str, parse: impl FnOnce(&mut Parser<'a>) -> Result<T>) -> Result<T> {
        let mut parser = Parser { text, tokens: lexer::tokens(text), at: 0, depth: 0 };
        let parsed = parse(&mut parser)?;
        if parser.peek() != Kind::End {
            return Err(parser.unexpected());
        }
        Ok(parsed)
    }

    fn peek(&self) -> Kind {
        self.tokens.get(self.at).map_or(Kind::End, |token| token.kind)
    }

    /// Takes the next token if it is this one.
    fn take(&mut self, kind: Kind) -> bool {
        let found = self.peek() == kind;
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: Keyword) -> bool {
        self.take(Kind::Keyword(word))
    }

    fn expect(&mut self, kind: Kind) -> Result<&'a str> {
        let text = self.tokens.get(self.at).and_then(|token| self.text.get(token.start..token.end));
        if self.take(kind) { Ok(text.unwrap_or_default()) } else { Err(self.unexpected()) }
    }

    /// The next token is not what may stand here.
    fn unexpected(&self) -> Fault {
        let token = |at: usize| self.tokens.get(at).copied();
        let (mut start, mut end, mut text) = (0, self.text.len(), "<EOF>");
        if let Some(before) = self.at.checked_sub(1).and_then(token) {
            start = before.start;
        }
        if let Some(here) = token(self.at).filter(|here| here.kind != Kind::End) {
            text = self.text.get(here.start..here.end).unwrap_or_default();
            end = token(self.at + 1).map_or(end, |next| next.end);
        }
        let near = self.text.get(start..end).unwrap_or_default();
        Fault::Syntax { token: text.to_owned(), near: near.to_owned() }
    }

    /// One or more, with commas between.
    fn list<T>(&mut self, mut one: impl FnMut(&mut Parser<'a>) -> Result<T>) -> Result<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.take(Kind::Comma) {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn path(&mut self) -> Result<Path<'a>> {
        let mut steps = vec![self.name()?];
        loop {
            if self.take(Kind::Dot) {
                steps.push(self.name()?);
            } else if self.take(Kind::OpenIndex) {
                steps.push(Step::Index(self.expect(Kind::Index)?));
                self.expect(Kind::CloseIndex)?;
            } else {
                return Ok(Path(steps));
            }
        }
    }

    fn name(&mut self) -> Result<Step<'a>> {
        match self.peek() {
            Kind::NamePlaceholder => self.expect(Kind::NamePlaceholder).map(Step::Placeholder),
            _ => self.expect(Kind::Name).map(Step::Name),
        }
    }

    /// A path, a value or a call, without parentheses around it.
    fn bare_operand(&mut self) -> Result<Operand<'a>> {
        match (self.peek(), self.tokens.get(self.at + 1).map(|next| next.kind)) {
            (Kind::ValuePlaceholder, _) => self.expect(Kind::ValuePlaceholder).map(Operand::Value),
            (Kind::Name, Some(Kind::Open)) => self.call().map(Operand::Call),
            _ => self.path().map(Operand::Path),
        }
    }

    fn call(&mut self) -> Result<Call<'a>> {
        let name = self.expect(Kind::Name)?;
        self.expect(Kind::Open)?;
        if self.depth >= DEEPEST {
            return Err(Fault::UnknownFunction(name.to_owned()));
        }
        self.depth += 1;
        let operands = self.list(Parser::operand)?;
        self.depth -= 1;
        self.expect(Kind::Close)?;
        Ok(Call { name, operands })
    }

    fn operand(&mut self) -> Result<Operand<'a>> {
        let mut parentheses = 0;
        while self.take(Kind::Open) {
            parentheses += 1;
        }
        let operand = self.bare_operand()?;
        for closed in 1..=parentheses {
            self.expect(Kind::Close)?;
            once(closed)?;
        }
        Ok(operand)
    }

    /// A condition. Parentheses are kept on a stack: as many as a text has room for must not hurt.
    fn condition(&mut self) -> Result<Condition<'a>> {
        let mut levels = Vec::new();
        let mut level = Level::default();
        'term: loop {
            while self.take_word(Keyword::Not) {
                level.nots += 1;
            }
            if self.take(Kind::Open) {
                levels.push(std::mem::take(&mut level));
                continue;
            }
            let mut term = Term::Operand(self.bare_operand()?);
            let mut wrapped = false;
            loop {
                if let Term::Operand(operand) = term {
                    term = self.comparison(operand, &mut wrapped)?;
                }
                if self.peek() == Kind::Keyword(Keyword::And) {
                    level.and(self.finished(term)?);
                } else if self.peek() == Kind::Keyword(Keyword::Or) {
                    level.or(self.finished(term)?);
                } else if let Some(outer) = levels.pop() {
                    let inner = std::mem::replace(&mut level, outer);
                    if !inner.is_plain() {
                        term = Term::Condition(inner.close(self.finished(term)?));
                        wrapped = false;
                    }
                    self.expect(Kind::Close)?;
                    once(1 + usize::from(wrapped))?;
                    wrapped = true;
                    continue;
                } else {
                    return Ok(level.close(self.finished(term)?));
                }
                self.at += 1;
                continue 'term;
            }
        }
    }

    /// What must be a condition by now.
    fn finished(&self, term: Term<'a>) -> Result<Condition<'a>> {
        match term {
            Term::Condition(condition) => Ok(condition),
            Term::Operand(Operand::Call(call)) => Ok(Condition::Call(call)),
            Term::Operand(_) => Err(self.unexpected()),
        }
    }

    /// An operand and what it is compared with, if anything.
    fn comparison(&mut self, operand: Operand<'a>, wrapped: &mut bool) -> Result<Term<'a>> {
        let comparator = match self.peek() {
            Kind::Equal => Comparator::Equal,
            Kind::NotEqual => Comparator::NotEqual,
            Kind::Less => Comparator::Less,
            Kind::LessOrEqual => Comparator::LessOrEqual,
            Kind::Greater => Comparator::Greater,
            Kind::GreaterOrEqual => Comparator::GreaterOrEqual,
            Kind::Keyword(Keyword::Between) => {
                *wrapped = false;
                return self.between(operand);
            }
            Kind::Keyword(Keyword::In) => {
                *wrapped = false;
                return self.within(operand);
            }
            _ => return Ok(Term::Operand(operand)),
        };
        *wrapped = false;
        self.at += 1;
        Ok(Term::Condition(Condition::Compare(comparator, operand, self.operand()?)))
    }

    fn between(&mut self, value: Operand<'a>) -> Result<Term<'a>> {
        self.at += 1;
        let low = self.operand()?;
        self.expect(Kind::Keyword(Keyword::And))?;
        Ok(Term::Condition(Condition::Between([value, low, self.operand()?])))
    }

    fn within(&mut self, value: Operand<'a>) -> Result<Term<'a>> {
        self.at += 1;
        self.expect(Kind::Open)?;
        let list = self.list(Parser::operand)?;
        self.expect(Kind::Close)?;
        Ok(Term::Condition(Condition::In(value, list)))
    }

    fn update(&mut self) -> Result<Update<'a>> {
        let mut sections = Vec::new();
        loop {
            if self.peek() == Kind::End && !sections.is_empty() {
                return Ok(Update(sections));
            }
            sections.push(if self.take_word(Keyword::Set) {
                Section::Set(self.list(Parser::assignment)?)
            } else if self.take_word(Keyword::Remove) {
                Section::Remove(self.list(Parser::path)?)
            } else if self.take_word(Keyword::Add) {
                Section::Add(self.list(Parser::path_and_value)?)
            } else if self.take_word(Keyword::Delete) {
                Section::Delete(self.list(Parser::path_and_value)?)
            } else {
                return Err(self.unexpected());
            });
        }
    }

    fn path_and_value(&mut self) -> Result<(Path<'a>, &'a str)> {
        Ok((self.path()?, self.expect(Kind::ValuePlaceholder)?))
    }

    fn assignment(&mut self) -> Result<(Path<'a>, SetValue<'a>)> {
        let path = self.path()?;
        self.expect(Kind::Equal)?;
        Ok((path, self.set_value()?))
    }

    /// A value: parentheses may stand around the whole of it, and around each operand.
    fn set_value(&mut self) -> Result<SetValue<'a>> {
        let mut open = 0;
        while self.take(Kind::Open) {
            open += 1;
        }
        let left = self.bare_operand()?;
        once(self.close(&mut open))?;
        let sign = match self.peek() {
            Kind::Plus => Sign::Plus,
            Kind::Minus => Sign::Minus,
            _ if open > 0 => return Err(self.unexpected()),
            _ => return Ok(SetValue::Operand(left)),
        };
        self.at += 1;
        let right = self.operand()?;
        once(self.close(&mut open))?;
        if open > 0 {
            return Err(self.unexpected());
        }
        Ok(SetValue::Sum(sign, left, right))
    }

    /// Closes as many parentheses as are open and follow; returns how many.
    fn close(&mut self, open: &mut usize) -> usize {
        let before = *open;
        while *open > 0 && self.take(Kind::Close) {
            *open -= 1;
        }
        before - *open
    }
}
