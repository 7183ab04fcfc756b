//! Expressions: conditions, filters, key conditions, updates and projections, and the legacy parameters in the same form.
//!
//! An expression is parsed once, checked, bound to the request's placeholders, and then asked of items as often as there
//! are items: over their images, in place. Knows no table: what a key is, and what may be done to it, is the engine's
//! affair.
//!
//! The way of a text: `lexer` → `parser` → `syntax` (as written) → `check` (whatever placeholders stand for) →
//! `bind`, `update`, `projection` (placeholders looked up, operands checked) → `condition`, `apply` (items).
//! Refusals come in the service's order, which is that of these steps.

mod apply;
mod bind;
mod check;
mod condition;
mod constant;
mod cost;
mod error;
mod key_condition;
mod legacy;
mod lexer;
mod limits;
mod parser;
mod path;
mod placeholders;
mod projection;
mod reserved;
mod syntax;
#[cfg(test)]
mod tests;
mod trie;
mod update;

pub use condition::Condition;
pub use error::{ExpressionError, Fault, KeyFault, Kind, Placeholder, PlaceholderFault, UpdateError};
pub use key_condition::{KeyCondition, KeyTest, SortCondition};
pub use legacy::{Comparison, LegacyAction};
pub use placeholders::Placeholders;
pub use projection::Projection;
pub use update::Update;

/// Makes a ConditionExpression or a FilterExpression ready, as `kind` says.
pub fn condition(
    kind: Kind,
    text: &str,
    placeholders: &mut Placeholders,
) -> Result<Condition, ExpressionError> {
    test(text, placeholders, kind)
        .map(|test| Condition { test, legacy: false })
        .map_err(|fault| ExpressionError::Invalid(kind, fault))
}

/// Makes a KeyConditionExpression ready.
pub fn key_condition(text: &str, placeholders: &mut Placeholders) -> Result<KeyTest, ExpressionError> {
    let kind = Kind::KeyCondition;
    test(text, placeholders, kind).map(KeyTest).map_err(|fault| ExpressionError::Invalid(kind, fault))
}

fn test(text: &str, placeholders: &mut Placeholders, kind: Kind) -> Result<condition::Test, Fault> {
    check::text(kind, text)?;
    let parsed = parser::condition(text)?;
    let counted = check::condition(&parsed)?;
    let bound = bind::condition(&parsed, placeholders)?;
    counted.check()?;
    Ok(bound)
}

/// Makes an UpdateExpression ready.
pub fn update(text: &str, placeholders: &mut Placeholders) -> Result<Update, ExpressionError> {
    let mut ready = || {
        check::text(Kind::Update, text)?;
        let parsed = parser::update(text)?;
        let counted = check::update(&parsed)?;
        let bound = update::bind(&parsed, placeholders)?;
        counted.check()?;
        Ok(bound)
    };
    ready().map_err(|fault| ExpressionError::Invalid(Kind::Update, fault))
}

/// Makes a ProjectionExpression ready.
pub fn projection(text: &str, placeholders: &mut Placeholders) -> Result<Projection, ExpressionError> {
    let mut ready = || {
        check::text(Kind::Projection, text)?;
        let parsed = parser::projection(text)?;
        check::projection(&parsed)?;
        projection::bind(&parsed, placeholders)
    };
    ready().map_err(|fault| ExpressionError::Invalid(Kind::Projection, fault))
}
