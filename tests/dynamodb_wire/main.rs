//! DynamoDB's API over raw HTTP: shapes, texts and headers, against a real store in a temporary folder. What SDKs make of
//! it is tested elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    reason = "a test: panicking is how it fails"
)]

mod batches;
mod client;
mod create_table;
mod expressions;
mod fuzz;
mod index_units;
mod indexes;
mod items;
mod pages;
mod refusals;
mod starting_keys;
mod streams;
mod table_settings;
mod tables;
mod transaction_refusals;
mod transactions;
mod update_sizes;
mod update_table;
mod value_words;
mod wire;
