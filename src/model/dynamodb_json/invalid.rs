//! What is wrong with a value whose shape is right, in the service's words, misspellings included.

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
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl InvalidValue {
    /// The words of the operations that write one item, which quote what they repeat (captured from the service in 2026;
    /// the others have kept the older words).
    pub fn quoted(&self) -> String {
        let quote = |elements: &[String], between: &str| {
            let quoted: Vec<_> = elements.iter().map(|element| format!("\"{element}\"")).collect();
            quoted.join(between)
        };
        const REPEATED: &str = "One or more parameter values were invalid: Input collection";
        match self {
            InvalidValue::EmptyNumber => format!("{self}: "),
            InvalidValue::RepeatedStrings(elements) => {
                format!("{REPEATED} [{}] contains duplicates.", quote(elements, ", "))
            }
            InvalidValue::RepeatedBinaries(elements) => {
                format!("{REPEATED} [{}]of type BS contains duplicates.", quote(elements, ","))
            }
            other => other.to_string(),
        }
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
