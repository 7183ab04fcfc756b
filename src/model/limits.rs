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
/// The same of a value that only an expression in a transaction uses. Measured from outside: 33 levels are taken, 41 not.
pub const TRANSACTION_VALUE_NESTING: usize = NESTING + 1;
/// Significant digits of a number.
pub const NUMBER_DIGITS: u32 = 38;
/// The exponent of a number's first digit, at most: magnitudes are below 1E126.
pub const NUMBER_MAX_EXPONENT: i16 = 125;
/// The exponent of a number's first digit, at least: magnitudes are 1E-130 or more.
pub const NUMBER_MIN_EXPONENT: i16 = -130;
/// A table's name, in characters, at least.
pub const TABLE_NAME_MIN: usize = 3;
/// A table's name, in characters, at most.
pub const TABLE_NAME_MAX: usize = 255;
/// How long ago an expiry time may be and still expire its item, in seconds: five years, of 365 days.
pub const TTL_PAST_SECONDS: u64 = 5 * 365 * 86_400;
/// How long a stream's records are kept, in seconds.
pub const STREAM_SECONDS: u64 = 86_400;
/// A table's tags.
pub const TAGS: usize = 50;
/// What a request for more tags than that is told.
pub const TOO_MANY_TAGS: &str = "Number of Tags exceed the current limit for the provided ResourceArn";
/// A read unit.
pub const READ_UNIT: usize = 4096;
/// A page of Query or Scan, before filters: the item that makes it full is the last.
pub const PAGE: usize = 1024 * 1024;
/// What a page may hold at most.
pub const FULL_PAGE: usize = PAGE + ITEM_SIZE;
/// Puts and deletes in a BatchWriteItem.
pub const BATCH_WRITES: usize = 25;
/// Keys in a BatchGetItem.
pub const BATCH_GETS: usize = 100;
/// A request's or an answer's body.
pub const BODY: usize = 16 * 1024 * 1024;
/// Actions of a transaction.
pub const TRANSACTION_ACTIONS: usize = 100;
/// What a transaction holds.
pub const TRANSACTION: usize = 4 * 1024 * 1024;
/// A client's token for a transaction, in characters.
pub const REQUEST_TOKEN: usize = 36;
