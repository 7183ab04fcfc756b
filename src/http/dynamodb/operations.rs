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
    "DescribeContinuousBackups",
    "DescribeContributorInsights",
    "DescribeEndpoints",
    "DescribeKinesisStreamingDestination",
    "DescribeLimits",
    "DescribeTable",
    "DescribeTimeToLive",
    "GetItem",
    "GetResourcePolicy",
    "ListBackups",
    "ListContributorInsights",
    "ListExports",
    "ListGlobalTables",
    "ListImports",
    "ListTables",
    "ListTagsOfResource",
    "PutItem",
    "Query",
    "Scan",
    "TagResource",
    "TransactGetItems",
    "TransactWriteItems",
    "UntagResource",
    "UpdateItem",
    "UpdateTable",
    "UpdateTimeToLive",
    "DescribeStream",
    "GetRecords",
    "GetShardIterator",
    "ListStreams",
];

/// The service model's other operations (botocore 1.44, `DynamoDB_20120810` and `DynamoDBStreams_20120810`).
const NOT_YET: &[&str] = &[
    "BatchExecuteStatement",
    "CancelBulkOperation",
    "CreateBackup",
    "CreateGlobalTable",
    "DeleteBackup",
    "DeleteResourcePolicy",
    "DescribeBackup",
    "DescribeBulkOperation",
    "DescribeExport",
    "DescribeGlobalTable",
    "DescribeGlobalTableSettings",
    "DescribeImport",
    "DescribeTableReplicaAutoScaling",
    "DisableKinesisStreamingDestination",
    "EnableKinesisStreamingDestination",
    "ExecuteStatement",
    "ExecuteTransaction",
    "ExportTableToPointInTime",
    "ImportTable",
    "ListBulkOperations",
    "PutResourcePolicy",
    "RestoreTableFromBackup",
    "RestoreTableToPointInTime",
    "SearchVectors",
    "StartBulkPutItems",
    "UpdateContinuousBackups",
    "UpdateContributorInsights",
    "UpdateGlobalTable",
    "UpdateGlobalTableSettings",
    "UpdateKinesisStreamingDestination",
    "UpdateTableReplicaAutoScaling",
];

/// An operation's name as metrics have it: one of ours, or `unknown`.
pub(super) fn label(operation: &str) -> &'static str {
    SERVED.iter().find(|served| **served == operation).copied().unwrap_or("unknown")
}

/// For an operation of the service's a ValidationException that says so: no SDK tries it again, and all of them show its
/// text. For anything else UnknownOperationException.
pub(super) fn unknown(operation: &str) -> WireError {
    if NOT_YET.contains(&operation) {
        let text = format!("The operation {operation} is not supported by this version of Forebay");
        return WireError::validation(text);
    }
    WireError::wordless(Kind::UnknownOperation)
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
