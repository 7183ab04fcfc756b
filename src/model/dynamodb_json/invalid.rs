//! What is wrong with a value whose shape is right, in the service's words, misspellings included.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) const OVERFLOW: &str =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";

/// Why a value is none. Its text is the service's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum InvalidValue {
    #[error("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")]
    Empty,
    #[error(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
    )]
    Several,
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
    )]
    TooDeep,
    #[error(
        "One or more parameter values were invalid: Null attribute value types must have the value of true"
    )]
    FalseNull,
    #[error("One or more parameter values were invalid: An string set  may not be empty")]
    EmptyStrings,
    #[error("One or more parameter values were invalid: Binary sets should not be empty")]
    EmptyBinaries,
    /// A number without a digit.
    #[error("The parameter cannot be converted to a numeric value")]
    EmptyNumber,
    /// The set's elements, as far as a text repeats them.
    #[error(
        "One or more parameter values were invalid: Input collection [{}] contains duplicates.",
        .0.join(", ")
    )]
    RepeatedStrings(Vec<String>),
    /// The same in Base64.
    #[error(
        "One or more parameter values were invalid: Input collection [{}]of type BS contains duplicates.",
        .0.join(", ")
    )]
    RepeatedBinaries(Vec<String>),
    #[error("Input collection contains duplicates")]
    RepeatedNumbers,
    /// What else is wrong with a number.
    #[error("{0}")]
    Number(String),
    /// A number whose exponent is the greatest of 32 bits: the older words have it wrap around.
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    WrappedNumber,
    #[error("Attribute name is too large, must be less than 65536 bytes")]
    LongName,
    /// An empty name: of an attribute, or inside of a value.
    #[error("Empty attribute name")]
    EmptyName {
        /// Whether it is an attribute's.
        attribute: bool,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl InvalidValue {
    /// Of all that is wrong with an item the service reports its attributes' names first, then how deep it is, then the
    /// first of the rest.
    pub(super) fn comes_before(&self, known: &InvalidValue) -> bool {
        let place = |fault: &InvalidValue| match fault {
            InvalidValue::EmptyName { attribute: true } => 0,
            InvalidValue::TooDeep => 1,
            _ => 2,
        };
        place(self) < place(known)
    }

    /// The newer words: of the operations on one item, of BatchGetItem and of Query (captured from the service in 2026; the
    /// others have kept the older words).
    pub fn newer(&self) -> String {
        const REPEATED: &str = "One or more parameter values were invalid: Input collection";
        match self {
            InvalidValue::EmptyNumber => format!("{self}: "),
            InvalidValue::RepeatedStrings(elements) => {
                let shown = quoted(elements, |element| element.as_bytes().to_vec(), ", ");
                format!("{REPEATED} [{shown}] contains duplicates.")
            }
            InvalidValue::RepeatedBinaries(elements) => {
                let shown = quoted(elements, |element| STANDARD.decode(element).unwrap_or_default(), ",");
                format!("{REPEATED} [{shown}]of type BS contains duplicates.")
            }
            InvalidValue::WrappedNumber => OVERFLOW.to_owned(),
            InvalidValue::RepeatedNumbers => format!("{REPEATED} contains duplicates."),
            other => other.to_string(),
        }
    }

    /// Whether the newer words name neither ExpressionAttributeValues nor the key in it.
    pub fn without_place(&self) -> bool {
        matches!(
            self,
            InvalidValue::EmptyNumber
                | InvalidValue::Number(_)
                | InvalidValue::RepeatedStrings(_)
                | InvalidValue::RepeatedBinaries(_)
                | InvalidValue::RepeatedNumbers
                | InvalidValue::WrappedNumber
                | InvalidValue::LongName
                | InvalidValue::TooDeep
        )
    }

    /// Whether ExclusiveStartKey's errors name it before this fault; of the others they repeat the fault alone.
    pub fn names_starting_key(&self) -> bool {
        matches!(
            self,
            InvalidValue::Empty
                | InvalidValue::Several
                | InvalidValue::FalseNull
                | InvalidValue::EmptyStrings
                | InvalidValue::EmptyBinaries
        )
    }
}

/// A set's elements as the newer words repeat them: in the order of their bytes up to the first that is there twice, then as
/// they stand in the request.
fn quoted(elements: &[String], bytes: impl Fn(&String) -> Vec<u8>, between: &str) -> String {
    let twice = |at: &usize| elements.iter().take(*at).any(|earlier| elements.get(*at) == Some(earlier));
    let first = (0..elements.len()).find(twice).unwrap_or(elements.len());
    let (before, rest) = elements.split_at(first);
    let mut before = before.to_vec();
    before.sort_by_key(bytes);
    let shown: Vec<_> = before.iter().chain(rest).map(|element| format!("\"{element}\"")).collect();
    shown.join(between)
}
