//! Constraints of the service model, and the service's one message for all that are violated:
//! `2 validation errors detected: Value null at 'item' failed to satisfy constraint: …; …`.

use super::error::WireError;
use crate::model::TableName;

/// The service lists at most so many.
const LISTED: usize = 10;
/// How much of a value a message repeats.
const REPEATED: usize = 1024;

/// Violations so far.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<String>);

impl Violations {
    /// No violation yet.
    pub(super) fn new() -> Violations {
        Violations::default()
    }

    fn add(&mut self, value: &str, at: &str, constraint: &str) {
        if self.0.len() < LISTED {
            self.0.push(format!("{value} at '{at}' failed to satisfy constraint: {constraint}"));
        }
    }

    /// `Value '…'`, shortened where it is very long.
    fn value(value: &str) -> String {
        match value.char_indices().nth(REPEATED) {
            Some((end, _)) => format!("Value '{}…'", value.get(..end).unwrap_or_default()),
            None => format!("Value '{value}'"),
        }
    }

    /// A required member.
    pub(super) fn required<T>(&mut self, at: &str, value: &Option<T>) {
        if value.is_none() {
            self.add("Value null", at, "Member must not be null");
        }
    }

    /// One of a set of words, in the order in which the service names them.
    pub(super) fn one_of(&mut self, at: &str, value: Option<&str>, words: &[&str]) {
        if let Some(value) = value
            && !words.contains(&value)
        {
            let constraint = format!("Member must satisfy enum value set: [{}]", words.join(", "));
            self.add(&Violations::value(value), at, &constraint);
        }
    }

    /// A number from `least` to `most`.
    pub(super) fn range(&mut self, at: &str, value: Option<i64>, least: i64, most: Option<i64>) {
        let Some(value) = value else { return };
        let shown = format!("Value '{value}'");
        if value < least {
            let constraint = format!("Member must have value greater than or equal to {least}");
            self.add(&shown, at, &constraint);
        }
        if let Some(most) = most.filter(|most| value > *most) {
            self.add(&shown, at, &format!("Member must have value less than or equal to {most}"));
        }
    }

    /// A length from `least` to `most`; `shown` is the value as the service writes it.
    pub(super) fn length(&mut self, at: &str, shown: &str, length: usize, least: usize, most: usize) {
        if length > most {
            let constraint = format!("Member must have length less than or equal to {most}");
            self.add(&Violations::value(shown), at, &constraint);
        }
        if length < least {
            let constraint = format!("Member must have length greater than or equal to {least}");
            self.add(&Violations::value(shown), at, &constraint);
        }
    }

    /// A text's length in characters.
    pub(super) fn text(&mut self, at: &str, value: Option<&str>, least: usize, most: usize) {
        if let Some(value) = value {
            self.length(at, value, value.chars().count(), least, most);
        }
    }

    /// Nothing where there must be something, in the newer words: the member's name as requests have it, no value.
    pub(super) fn too_few(&mut self, at: &str) {
        self.add("Value", at, "Member must have length greater than or equal to 1");
    }

    /// The names of tables as keys of RequestItems, a map that the service shows as `shown`.
    pub(super) fn table_keys<'n>(
        &mut self,
        shown: impl FnOnce() -> String,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        let constraint = "Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]";
        if names.into_iter().any(|name| TableName::new(name).is_none()) {
            self.add(&Violations::value(&shown()), "requestItems", constraint);
        }
    }

    /// ReturnValues of a single write, misspelt as the service does, and without the member and its value.
    pub(super) fn return_values(&mut self, value: Option<&str>) {
        let words = ["ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW", "NONE"];
        if value.is_some_and(|value| !words.contains(&value)) && self.0.len() < LISTED {
            let text = "Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]";
            self.0.push(text.to_owned());
        }
    }

    /// A violation in words of its own.
    pub(super) fn other(&mut self, value: &str, at: &str, constraint: &str) {
        self.add(value, at, constraint);
    }

    /// A name of 3 to 255 characters of `a-zA-Z0-9_.-`.
    pub(super) fn name(&mut self, at: &str, name: &str) {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if name.is_empty() || !name.chars().all(legal) {
            let constraint = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
            self.add(&Violations::value(name), at, constraint);
        }
        self.length(at, name, name.chars().count(), 3, 255);
    }

    /// An empty name of a table, in the words of the operations on items.
    fn empty_table(&mut self, at: &str) {
        self.length(at, "", 0, 1, 255);
    }

    /// The table of an operation on items: its name, or its ARN.
    pub(super) fn table(&mut self, given: Option<&str>) -> Option<TableName> {
        self.table_at("tableName", given)
    }

    /// The same where it stands elsewhere.
    pub(super) fn table_at(&mut self, at: &str, given: Option<&str>) -> Option<TableName> {
        let Some(given) = given else {
            self.add("Value null", at, "Member must not be null");
            return None;
        };
        let name = name_of(given);
        match name {
            "" => self.empty_table(at),
            name => self.name(at, name),
        }
        TableName::new(name)
    }

    /// Whether anything is wrong.
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Passes, or says all that is wrong.
    pub(super) fn check(&self) -> Result<(), WireError> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let errors = if count == 1 { "error" } else { "errors" };
        Err(WireError::validation(format!("{count} validation {errors} detected: {}", self.0.join("; "))))
    }
}

/// The table's name in what may be an ARN (`arn:aws:dynamodb:region:account:table/name`).
pub(super) fn name_of(given: &str) -> &str {
    if !given.starts_with("arn:") {
        return given;
    }
    given.split_once(":table/").map_or(given, |(_, name)| name)
}

/// An empty name is reported alone, before anything else is looked at.
pub(super) fn not_empty(table: Option<&str>) -> Result<(), WireError> {
    let mut violations = Violations::new();
    if table == Some("") {
        violations.too_few("TableName");
    }
    violations.check()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(violations: &Violations) -> String {
        violations.check().unwrap_err().message.unwrap()
    }

    #[test]
    fn all_violations_stand_in_one_message() {
        let mut violations = Violations::new();
        violations.required::<u8>("item", &None);
        violations.one_of("returnValues", Some("X"), &["NONE", "ALL_OLD"]);
        assert_eq!(
            text(&violations),
            "2 validation errors detected: Value null at 'item' failed to satisfy constraint: Member must not be null; Value 'X' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [NONE, ALL_OLD]"
        );
    }

    #[test]
    fn names_have_the_services_constraints() {
        let of = |name: &str| {
            let mut violations = Violations::new();
            violations.name("tableName", name);
            text(&violations)
        };
        assert_eq!(
            of("ab"),
            "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3"
        );
        assert!(of("bad table!@#").ends_with("regular expression pattern: [a-zA-Z0-9_.-]+"));
        assert!(of(&"a".repeat(256)).ends_with("less than or equal to 255"));
        assert!(of("").starts_with("2 validation errors") && of("").ends_with("greater than or equal to 3"));
        let alone = not_empty(Some("")).unwrap_err().message.unwrap();
        assert!(alone.ends_with("greater than or equal to 1"), "{alone}");
    }

    #[test]
    fn a_table_may_be_named_by_its_arn() {
        assert_eq!(name_of("arn:aws:dynamodb:eu-west-1:000000000000:table/readings"), "readings");
        assert_eq!(name_of("readings"), "readings");
    }
}
