//! DynamoDB's API over raw HTTP: shapes, texts and headers, against a real store in a temporary folder. What SDKs make of
//! it is tested elsewhere.

mod batches;
mod client;
mod fuzz;
mod items;
mod pages;
mod tables;
mod wire;
