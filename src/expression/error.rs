//! What is wrong with an expression, in the service's words (captured from DynamoDB Local 1.25, and from what others have
//! captured from the service).

use std::fmt;

use crate::model::ImageError;
use crate::model::dynamodb_json::InvalidValue;

/// The five kinds of expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ConditionExpression.
    Condition,
    /// FilterExpression.
    Filter,
    /// KeyConditionExpression.
    KeyCondition,
    /// UpdateExpression.
    Update,
    /// ProjectionExpression.
    Projection,
}

/// The parameter's name.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Condition => "ConditionExpression",
            Kind::Filter => "FilterExpression",
            Kind::KeyCondition => "KeyConditionExpression",
            Kind::Update => "UpdateExpression",
            Kind::Projection => "ProjectionExpression",
        })
    }
}

/// Why expressions are refused before any item is looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// One of them is wrong.
    #[error("Invalid {0}: {1}")]
    Invalid(Kind, Fault),
    /// A key or a value of ExpressionAttributeNames or ExpressionAttributeValues is wrong.
    #[error("{0} {1}")]
    Placeholder(Placeholder, PlaceholderFault),
    /// Placeholders that no expression uses, as they stand in the request.
    #[error("Value provided in {0} unused in expressions: keys: {{{1}}}")]
    Unused(Placeholder, String),
    /// A KeyConditionExpression that is well-formed, and is none.
    #[error("{0}")]
    KeyCondition(#[from] KeyFault),
}

/// The two maps of placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// ExpressionAttributeNames.
    Names,
    /// ExpressionAttributeValues.
    Values,
}

/// The parameter's name.
impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Placeholder::Names => "ExpressionAttributeNames",
            Placeholder::Values => "ExpressionAttributeValues",
        })
    }
}

/// What is wrong with a map of placeholders.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum PlaceholderFault {
    #[error("must not be empty")]
    Empty,
    #[error("contains invalid key: The expression attribute map contains an empty key;")]
    EmptyKey,
    #[error("contains invalid key: Syntax error; key: \"{0}\"")]
    Key(String),
    #[error("contains invalid value: Empty attribute name for key {0}")]
    EmptyName(String),
    #[error("contains invalid value: Attribute name is too large, must be less than 65536 bytes for key {0}")]
    LongName(String),
    /// The value's fault, and its key.
    #[error("contains invalid value: {0} for key {1}")]
    Value(InvalidValue, String),
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum Fault {
    #[error("Expression size has exceeded the maximum allowed size;")]
    TooLarge,
    /// The size of a condition or a filter, in bytes, is told.
    #[error("Expression size has exceeded the maximum allowed size; expression size: {0}")]
    TestTooLarge(usize),
    #[error("The expression can not be empty;")]
    Empty,
    #[error("Syntax error; token: \"{token}\", near: \"{near}\"")]
    Syntax { token: String, near: String },
    #[error("The expression has redundant parentheses;")]
    RedundantParentheses,
    #[error("Attribute name is a reserved keyword; reserved keyword: {0}")]
    Reserved(String),
    #[error("List index is not within the allowable range; index: [{0}]")]
    Index(String),
    #[error("Invalid function name; function: {0}")]
    UnknownFunction(String),
    #[error("The function is not allowed in a condition expression; function: {0}")]
    NotInCondition(&'static str),
    #[error("The function is not allowed in an update expression; function: {0}")]
    NotInUpdate(&'static str),
    #[error("The function is not allowed to be used this way in an expression; function: {0}")]
    Misused(&'static str),
    #[error("The document path has too many nesting levels; nesting levels: {0}")]
    TooDeep(usize),
    #[error("The \"{0}\" section can only be used once in an update expression;")]
    SectionTwice(&'static str),
    #[error("An expression attribute name used in the document path is not defined; attribute name: {0}")]
    UndefinedName(String),
    #[error("An expression attribute value used in expression is not defined; attribute value: {0}")]
    UndefinedValue(String),
    #[error(
        "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
    )]
    OperandCount { name: &'static str, count: usize },
    #[error("The IN operator is provided with too many operands; number of operands: {0}")]
    TooManyInOperands(usize),
    #[error(
        "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {path}"
    )]
    NotDistinct { operator: &'static str, path: String },
    #[error("Operator or function requires a document path; operator or function: {0}")]
    PathRequired(&'static str),
    #[error(
        "Incorrect operand type for operator or function; operator or function: {name}, operand type: {found}"
    )]
    OperandType { name: &'static str, found: &'static str },
    #[error(
        "Incorrect operand type for operator or function; operator: {clause}, operand type: {found}, typeSet: {set}"
    )]
    ClauseOperandType { clause: &'static str, found: &'static str, set: &'static str },
    #[error("Invalid attribute type name found; type: {0}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}")]
    TypeName(String),
    #[error(
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {low}, upper bound operand: AttributeValue: {high}"
    )]
    BoundTypes { low: String, high: String },
    #[error(
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {low}, upper bound operand: AttributeValue: {high}"
    )]
    BoundOrder { low: String, high: String },
    #[error(
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
    )]
    Overlap { one: String, two: String },
    #[error(
        "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
    )]
    Conflict { one: String, two: String },
    /// Counting stops at the first that is too many.
    #[error("The expression contains too many operators; operator count: {0}")]
    TooManyOperators(usize),
}

/// Why a condition is none on a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum KeyFault {
    #[error("Invalid operator used in KeyConditionExpression: {0}")]
    Operator(&'static str),
    #[error("KeyConditionExpressions cannot contain nested operations")]
    Nested,
    #[error(
        "Invalid condition in KeyConditionExpression: {0} operator must have the key attribute as its first operand"
    )]
    AttributeFirst(&'static str),
    #[error("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")]
    SeveralAttributes,
    #[error("Invalid condition in KeyConditionExpression: No key attribute specified")]
    NoAttribute,
    #[error("KeyConditionExpressions cannot have conditions on nested attributes")]
    NestedAttribute,
    #[error(
        "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key"
    )]
    Repeated,
}

/// Why an update can't be made on an item. The texts are the service's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// A path leads through something that is not there, or is of another type.
    #[error("The document path provided in the update expression is invalid for update")]
    Path,
    /// A value is taken from where there is none.
    #[error("The provided expression refers to an attribute that does not exist in the item")]
    Missing,
    /// Arithmetic on what is no number, sets of two kinds, a list appended to what is none.
    #[error("An operand in the update expression has an incorrect data type")]
    Type,
    /// The same from AttributeUpdates.
    #[error("Type mismatch for attribute to update")]
    LegacyType,
    /// A sum of 1E126 or more.
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    Overflow,
    /// A sum below 1E-130 that is not zero.
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    Underflow,
    /// A sum of more than 38 digits.
    #[error("Attempting to store more than 38 significant digits in a Number")]
    Precision,
    /// The item would have more than 32 levels.
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
    )]
    Nesting,
    /// The item that stands there can't be read.
    #[error(transparent)]
    Image(#[from] ImageError),
}
