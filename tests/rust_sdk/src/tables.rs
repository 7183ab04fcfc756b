//! Tables, waiters, and the errors of tables.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, IndexStatus, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};

use crate::TABLE;

const PATIENCE: Duration = Duration::from_secs(120);

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

fn key(names: [&str; 2]) -> Vec<KeySchemaElement> {
    let element = |(name, kind): (&str, KeyType)| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    names.into_iter().zip([KeyType::Hash, KeyType::Range]).map(element).collect()
}

/// Makes the table, waits for it, and makes it again in vain.
pub async fn create(client: &Client) {
    let projection = Projection::builder().projection_type(ProjectionType::All).build();
    let index = GlobalSecondaryIndex::builder()
        .index_name("by-state")
        .set_key_schema(Some(key(["state", "at"])))
        .projection(projection)
        .build()
        .unwrap();
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()
        .unwrap();
    let request = client
        .create_table()
        .table_name(TABLE)
        .attribute_definitions(attribute("site", ScalarAttributeType::S))
        .attribute_definitions(attribute("at", ScalarAttributeType::N))
        .attribute_definitions(attribute("state", ScalarAttributeType::S))
        .set_key_schema(Some(key(["site", "at"])))
        .global_secondary_indexes(index)
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream);
    let made = request.clone().send().await.unwrap();
    assert!(made.request_id().is_some());
    assert!(made.table_description().unwrap().creation_date_time().unwrap().secs() > 1_700_000_000);
    client.wait_until_table_exists().table_name(TABLE).wait(PATIENCE).await.unwrap();
    let table = client.describe_table().table_name(TABLE).send().await.unwrap().table.unwrap();
    assert_eq!(table.table_status(), Some(&TableStatus::Active));
    assert_eq!(table.global_secondary_indexes()[0].index_status(), Some(&IndexStatus::Active));

    let error = request.send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_in_use_exception(), "{error:?}");
    let error = client.describe_table().table_name("nothing").send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    assert!(error.request_id().is_some() && error.message().is_some());

    let mut names = client.list_tables().into_paginator().page_size(1).items().send();
    let mut found = Vec::new();
    while let Some(name) = names.next().await {
        found.push(name.unwrap());
    }
    assert!(found.iter().any(|name| name == TABLE), "{found:?}");

    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("until").build().unwrap();
    client.update_time_to_live().table_name(TABLE).time_to_live_specification(ttl).send().await.unwrap();
    let ttl = client.describe_time_to_live().table_name(TABLE).send().await.unwrap();
    let status = ttl.time_to_live_description().unwrap().time_to_live_status().unwrap().clone();
    assert!(matches!(status, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling), "{status:?}");
}

/// Removes the table and waits until it is gone.
pub async fn remove(client: &Client) {
    client.delete_table().table_name(TABLE).send().await.unwrap();
    client.wait_until_table_not_exists().table_name(TABLE).wait(PATIENCE).await.unwrap();
}
