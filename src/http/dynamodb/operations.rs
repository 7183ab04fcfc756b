//! The operations of the service: those that are served, and those that are not there yet, told apart from those that never
//! were.

use super::error::{Kind, WireError};

/// What `dispatch` serves.
const SERVED: &[&str] = &[
    "BatchGetItem",
    "BatchWriteItem",
    "CreateTable",
    "DeleteItem",
    "DeleteTable",
    "DescribeEndpoints",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "ListTables",
    "PutItem",
    "Query",
    "Scan",
    "UpdateTimeToLive",
];

/// The service model's other operations (botocore 1.44, `DynamoDB_20120810` and `DynamoDBStreams_20120810`).
const NOT_YET: &[&str] = &[
    "BatchExecuteStatement",
    "CreateBackup",
    "CreateGlobalTable",
    "DeleteBackup",
    "DeleteResourcePolicy",
    "DescribeBackup",
    "DescribeContinuousBackups",
    "DescribeContributorInsights",
    "DescribeExport",
    "DescribeGlobalTable",
    "DescribeGlobalTableSettings",
    "DescribeImport",
    "DescribeKinesisStreamingDestination",
    "DescribeLimits",
    "DescribeStream",
    "DescribeTableReplicaAutoScaling",
    "DisableKinesisStreamingDestination",
    "EnableKinesisStreamingDestination",
    "ExecuteStatement",
    "ExecuteTransaction",
    "ExportTableToPointInTime",
    "GetRecords",
    "GetResourcePolicy",
    "GetShardIterator",
    "ImportTable",
    "ListBackups",
    "ListContributorInsights",
    "ListExports",
    "ListGlobalTables",
    "ListImports",
    "ListStreams",
    "ListTagsOfResource",
    "PutResourcePolicy",
    "RestoreTableFromBackup",
    "RestoreTableToPointInTime",
    "TagResource",
    "TransactGetItems",
    "TransactWriteItems",
    "UntagResource",
    "UpdateContinuousBackups",
    "UpdateContributorInsights",
    "UpdateGlobalTable",
    "UpdateGlobalTableSettings",
    "UpdateKinesisStreamingDestination",
    "UpdateTable",
    "UpdateTableReplicaAutoScaling",
];

/// An operation's name as metrics have it: one of ours, or `unknown`.
pub(super) fn label(operation: &str) -> &'static str {
    SERVED.iter().find(|served| **served == operation).copied().unwrap_or("unknown")
}

/// UnknownOperationException; for an operation of the service's the text says that it is not there yet.
pub(super) fn unknown(operation: &str) -> WireError {
    let message = NOT_YET
        .contains(&operation)
        .then(|| format!("The operation {operation} is not supported by this version of Forebay"));
    WireError { kind: Kind::UnknownOperation, message, item: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_is_what_is_dispatched() {
        let dispatched: Vec<&str> = include_str!("mod.rs")
            .lines()
            .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\" => ").map(|(name, _)| name))
            .collect();
        assert_eq!(dispatched, SERVED);
        assert_eq!((label("PutItem"), label("Frobnicate")), ("PutItem", "unknown"));
    }
}
