//! What is wrong with an expression whatever its placeholders stand for: reserved words, indexes out of range, functions
//! that don't exist or don't belong where they stand, paths too deep, too many operators. In the order of the text.

use super::error::{Fault, Kind};
use super::limits;
use super::reserved::is_reserved;
use super::syntax::{Call, Condition, Operand, Path, Projection, Section, SetValue, Step, Update};

/// The functions of conditions.
const CONDITION: [&str; 6] =
    ["attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"];
/// The functions of updates.
const UPDATE: [&str; 2] = ["if_not_exists", "list_append"];

/// Where a function stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// As a condition, or as the whole of what SET sets.
    Top,
    /// As an operand.
    Inside,
}

/// Goes through a tree once.
struct Check {
    update: bool,
    deepest: usize,
    operators: usize,
    /// How deep in the tree the walk is. Each level takes an operator.
    level: usize,
}

/// What is counted while a tree is checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted(usize);

impl Counted {
    /// Refuses too many operators: the last thing to be checked.
    pub(super) fn check(self) -> Result<(), Fault> {
        if self.0 > limits::OPERATORS {
            return Err(Fault::TooManyOperators(limits::OPERATORS + 1));
        }
        Ok(())
    }
}

/// Checks the text itself, before it is parsed.
pub(super) fn text(kind: Kind, text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    match text.len() {
        0..=limits::SIZE => Ok(()),
        size if matches!(kind, Kind::Condition | Kind::Filter) => Err(Fault::TestTooLarge(size)),
        _ => Err(Fault::TooLarge),
    }
}

/// Checks a condition.
pub(super) fn condition(condition: &Condition<'_>) -> Result<Counted, Fault> {
    Check::run(false, |check| check.condition(condition))
}

/// Checks an update.
pub(super) fn update(update: &Update<'_>) -> Result<Counted, Fault> {
    let counted = Check::run(true, |check| check.update(update))?;
    let mut words = Vec::new();
    for section in &update.0 {
        if words.contains(&section.word()) {
            return Err(Fault::SectionTwice(section.word()));
        }
        words.push(section.word());
    }
    Ok(counted)
}

/// Checks a projection.
pub(super) fn projection(projection: &Projection<'_>) -> Result<Counted, Fault> {
    Check::run(false, |check| projection.0.iter().try_for_each(|path| check.path(path)))
}

impl Check {
    fn run(update: bool, walk: impl FnOnce(&mut Check) -> Result<(), Fault>) -> Result<Counted, Fault> {
        let mut check = Check { update, deepest: 0, operators: 0, level: 0 };
        walk(&mut check)?;
        if check.deepest > limits::PATH_STEPS {
            return Err(Fault::TooDeep(check.deepest));
        }
        Ok(Counted(check.operators))
    }

    fn condition(&mut self, condition: &Condition<'_>) -> Result<(), Fault> {
        if self.level > limits::OPERATORS {
            return Err(Fault::TooManyOperators(limits::OPERATORS + 1));
        }
        self.level += 1;
        let checked = self.condition_here(condition);
        self.level -= 1;
        checked
    }

    fn condition_here(&mut self, condition: &Condition<'_>) -> Result<(), Fault> {
        match condition {
            Condition::Any(parts) | Condition::All(parts) => {
                self.operators += parts.len() - 1;
                parts.iter().try_for_each(|part| self.condition(part))
            }
            Condition::Not(inner) => {
                self.operators += 1;
                self.condition(inner)
            }
            Condition::Compare(_, left, right) => {
                self.operators += 1;
                self.operand(left)?;
                self.operand(right)
            }
            Condition::Between(operands) => {
                self.operators += 1;
                operands.iter().try_for_each(|operand| self.operand(operand))
            }
            Condition::In(value, list) => {
                self.operators += 1;
                self.operand(value)?;
                list.iter().try_for_each(|operand| self.operand(operand))
            }
            Condition::Call(call) => self.call(call, Place::Top),
        }
    }

    fn update(&mut self, update: &Update<'_>) -> Result<(), Fault> {
        for section in &update.0 {
            match section {
                Section::Set(actions) => {
                    for (path, value) in actions {
                        self.path(path)?;
                        self.set_value(value)?;
                    }
                }
                Section::Remove(paths) => paths.iter().try_for_each(|path| self.path(path))?,
                Section::Add(actions) | Section::Delete(actions) => {
                    actions.iter().try_for_each(|(path, _)| self.path(path))?;
                }
            }
        }
        Ok(())
    }

    fn set_value(&mut self, value: &SetValue<'_>) -> Result<(), Fault> {
        match value {
            SetValue::Operand(Operand::Call(call)) => self.call(call, Place::Top),
            SetValue::Operand(operand) => self.operand(operand),
            SetValue::Sum(_, left, right) => {
                self.operators += 1;
                self.operand(left)?;
                self.operand(right)
            }
        }
    }

    fn operand(&mut self, operand: &Operand<'_>) -> Result<(), Fault> {
        match operand {
            Operand::Path(path) => self.path(path),
            Operand::Value(_) => Ok(()),
            Operand::Call(call) => self.call(call, Place::Inside),
        }
    }

    fn call(&mut self, call: &Call<'_>, place: Place) -> Result<(), Fault> {
        self.operators += 1;
        let known = |names: &[&'static str]| names.iter().find(|name| **name == call.name).copied();
        match (known(&CONDITION), known(&UPDATE)) {
            (None, None) => return Err(Fault::UnknownFunction(call.name.to_owned())),
            (Some(name), _) if self.update => return Err(Fault::NotInUpdate(name)),
            (_, Some(name)) if !self.update => return Err(Fault::NotInCondition(name)),
            // size is a number, and so an operand; if_not_exists is a value anywhere; the rest stands for itself.
            (Some(name), _) if (name == "size") != (place == Place::Inside) => {
                return Err(Fault::Misused(name));
            }
            (_, Some(name)) if name == "list_append" && place == Place::Inside => {
                return Err(Fault::Misused(name));
            }
            _ => {}
        }
        call.operands.iter().try_for_each(|operand| self.operand(operand))
    }

    fn path(&mut self, path: &Path<'_>) -> Result<(), Fault> {
        self.deepest = self.deepest.max(path.0.len());
        for step in &path.0 {
            match step {
                Step::Name(name) if is_reserved(name) => return Err(Fault::Reserved((*name).to_owned())),
                Step::Index(digits) if !digits.parse::<usize>().is_ok_and(|index| index <= limits::INDEX) => {
                    return Err(Fault::Index((*digits).to_owned()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
