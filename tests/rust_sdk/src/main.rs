//! AWS's SDK for Rust against a daemon that runs: tables and waiters, items, pages, error types, transactions, streams.
//! Usage: `forebay-rust-sdk ENDPOINT`

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test: panicking is how it fails

mod items;
mod streams;
mod tables;
mod transactions;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;

/// The table that all parts use: `site` (S) and `at` (N), with the index `by-state`.
const TABLE: &str = "machines";

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let endpoint = std::env::args().nth(1).expect("usage: forebay-rust-sdk ENDPOINT");
    let http = aws_smithy_http_client::Builder::new().build_http();
    let credentials = Credentials::new("local", "local", None, None, "test");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(&endpoint)
        .region(Region::new("eu-west-1"))
        .credentials_provider(credentials.clone())
        .http_client(http.clone())
        .build();
    let client = aws_sdk_dynamodb::Client::from_conf(config);
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(aws_sdk_dynamodbstreams::config::BehaviorVersion::latest())
        .endpoint_url(&endpoint)
        .region(aws_sdk_dynamodbstreams::config::Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .http_client(http)
        .build();
    let reader = aws_sdk_dynamodbstreams::Client::from_conf(config);

    tables::create(&client).await;
    items::there_and_back(&client).await;
    items::updated(&client).await;
    items::pages(&client).await;
    transactions::made_and_cancelled(&client).await;
    streams::consumed(&client, &reader).await;
    tables::remove(&client).await;
    println!("the Rust SDK: all is well");
}
