//! DynamoDB's own API (JSON 1.0), for any AWS SDK and the AWS CLI. One file per operation; the wire's shapes stay here.

mod attribute_updates;
mod batch_get_item;
mod batch_write_item;
mod cancellation;
mod capacity;
mod collections;
mod comparison;
mod constraint;
mod create_table;
mod delete_item;
mod delete_table;
mod describe_endpoints;
mod describe_limits;
mod describe_stream;
mod describe_table;
mod describe_time_to_live;
mod door;
mod encryption;
mod error;
mod expected;
mod expressions;
mod fingerprint;
mod get_item;
mod get_records;
mod get_shard_iterator;
mod index_description;
mod index_key;
mod index_schema;
mod index_updates;
mod java_order;
mod json;
mod key_conditions;
mod list_streams;
mod list_tables;
mod list_tags_of_resource;
mod mismatch;
mod named_table;
mod new_indexes;
mod nothing_there;
mod one_item;
mod operations;
mod page;
mod parameter;
mod put_item;
mod query;
mod request;
mod request_items;
mod response;
mod scan;
mod shard_iterator;
mod shown;
mod stream_name;
mod table_description;
mod table_schema;
mod table_settings;
mod tag_list;
mod tag_resource;
mod throttle;
mod transact_action;
mod transact_get_items;
mod transact_write_items;
mod units;
mod untag_resource;
mod update_conflicts;
mod update_item;
mod update_table;
mod update_time_to_live;
mod updated_table;
mod written;

pub use door::DynamodbSettings;
pub(super) use door::{Door, answer, asked};

use bytes::Bytes;

use crate::engine::Engine;
use crate::http::memory::Memory;
use crate::security::{Authorized, Principal, authorize};
use error::{Kind, WireError};

/// One call of an operation.
struct Call<'a> {
    door: &'a Door,
    /// The request's JSON.
    body: &'a [u8],
    /// The region the client signs for, or the configured one.
    region: &'a str,
    /// The request's Host header.
    host: &'a str,
}

impl Call<'_> {
    fn engine(&self) -> &Engine {
        &self.door.engine
    }

    fn answers(&self) -> &Memory {
        &self.door.answers
    }

    /// With `auth = "off"` every caller is the local one.
    fn authorize<T>(&self, request: T) -> Authorized<T> {
        authorize(Principal::Local, request)
    }

    fn stream_arn(&self, table: &str, label: &str) -> String {
        format!("{}/stream/{label}", self.table_arn(table))
    }

    /// The ARN of a key that a request names by identifier, alias or ARN.
    fn kms_arn(&self, key: &str) -> String {
        let kind = if key.starts_with("arn:") {
            return key.to_owned();
        } else if key.starts_with("alias/") {
            ""
        } else {
            "key/"
        };
        format!("arn:aws:kms:{}:{}:{kind}{key}", self.region, self.door.settings.account_id)
    }

    fn table_arn(&self, table: &str) -> String {
        format!("arn:aws:dynamodb:{}:{}:table/{table}", self.region, self.door.settings.account_id)
    }
}

/// Runs the operation that `X-Amz-Target` names.
async fn dispatch(operation: &str, call: &Call<'_>) -> Result<Bytes, WireError> {
    match operation {
        "BatchGetItem" => batch_get_item::run(call).await,
        "BatchWriteItem" => batch_write_item::run(call).await,
        "CreateTable" => create_table::run(call).await,
        "DeleteItem" => delete_item::run(call).await,
        "DeleteTable" => delete_table::run(call).await,
        "DescribeContinuousBackups" => nothing_there::continuous_backups(call).await,
        "DescribeContributorInsights" => nothing_there::contributor_insights(call).await,
        "DescribeEndpoints" => describe_endpoints::run(call).await,
        "DescribeKinesisStreamingDestination" => nothing_there::kinesis_destinations(call).await,
        "DescribeLimits" => describe_limits::run(call).await,
        "DescribeTable" => describe_table::run(call).await,
        "DescribeTimeToLive" => describe_time_to_live::run(call).await,
        "GetItem" => get_item::run(call).await,
        "GetResourcePolicy" => nothing_there::resource_policy(call).await,
        "ListBackups" => nothing_there::list(call, "BackupSummaries").await,
        "ListContributorInsights" => nothing_there::list(call, "ContributorInsightsSummaries").await,
        "ListExports" => nothing_there::list(call, "ExportSummaries").await,
        "ListGlobalTables" => nothing_there::list(call, "GlobalTables").await,
        "ListImports" => nothing_there::list(call, "ImportSummaryList").await,
        "ListTables" => list_tables::run(call).await,
        "ListTagsOfResource" => list_tags_of_resource::run(call).await,
        "PutItem" => put_item::run(call).await,
        "Query" => query::run(call).await,
        "Scan" => scan::run(call).await,
        "TagResource" => tag_resource::run(call).await,
        "TransactGetItems" => transact_get_items::run(call).await,
        "TransactWriteItems" => transact_write_items::run(call).await,
        "UntagResource" => untag_resource::run(call).await,
        "UpdateItem" => update_item::run(call).await,
        "UpdateTable" => update_table::run(call).await,
        "UpdateTimeToLive" => update_time_to_live::run(call).await,
        other => Err(operations::unknown(other)),
    }
}

/// The same for streams, which are a service of their own.
async fn dispatch_streams(operation: &str, call: &Call<'_>) -> Result<Bytes, WireError> {
    match operation {
        "DescribeStream" => describe_stream::run(call).await,
        "GetRecords" => get_records::run(call).await,
        "GetShardIterator" => get_shard_iterator::run(call).await,
        "ListStreams" => list_streams::run(call).await,
        other => Err(operations::unknown(other)),
    }
}

/// A request that passed its constraints and still can't be read: a constraint is missing.
fn unreadable() -> WireError {
    WireError::new(Kind::InternalServerError, "a request was not checked enough")
}
