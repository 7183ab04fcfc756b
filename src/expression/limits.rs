//! Limits of expressions (developer guide, "Constraints": expression parameters).

/// An expression's text, in bytes.
pub(super) const SIZE: usize = 4096;
/// Operators and functions in one expression.
pub(super) const OPERATORS: usize = 300;
/// Operands of one IN.
pub(super) const IN_OPERANDS: usize = 100;
/// Steps of one path.
pub(super) const PATH_STEPS: usize = crate::model::limits::NESTING;
/// A list index, at most.
pub(super) const INDEX: usize = i32::MAX as usize;
