//! DynamoDB's limits (developer guide, "Quotas"; "Constraints"). All in bytes unless they say otherwise.

/// An item, by DynamoDB's accounting.
pub const ITEM_SIZE: usize = 400 * 1024;
/// A partition key's value.
pub const PARTITION_KEY: usize = 2048;
/// A sort key's value.
pub const SORT_KEY: usize = 1024;
/// An attribute's name.
pub const ATTRIBUTE_NAME: usize = 65_535;
/// The name of a key attribute, in characters.
pub const KEY_ATTRIBUTE_NAME: usize = 255;
/// Levels of lists and maps within a value.
pub const NESTING: usize = 32;
/// Significant digits of a number.
pub const NUMBER_DIGITS: u32 = 38;
/// A page of Query or Scan, before filters.
pub const PAGE: usize = 1024 * 1024;
/// Puts and deletes in a BatchWriteItem.
pub const BATCH_WRITES: usize = 25;
/// Keys in a BatchGetItem.
pub const BATCH_GETS: usize = 100;
/// A request's or an answer's body.
pub const BODY: usize = 16 * 1024 * 1024;
