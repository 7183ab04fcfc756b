//! The operations of the service that are not there yet: told apart from those that never were.

use super::error::{Kind, WireError};

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
    "DescribeContinuousBackups",
    "DescribeContributorInsights",
    "DescribeExport",
    "DescribeGlobalTable",
    "DescribeGlobalTableSettings",
    "DescribeImport",
    "DescribeKinesisStreamingDestination",
    "DescribeTableReplicaAutoScaling",
    "DisableKinesisStreamingDestination",
    "EnableKinesisStreamingDestination",
    "ExecuteStatement",
    "ExecuteTransaction",
    "ExportTableToPointInTime",
    "GetResourcePolicy",
    "ImportTable",
    "ListBackups",
    "ListBulkOperations",
    "ListContributorInsights",
    "ListExports",
    "ListGlobalTables",
    "ListImports",
    "PutResourcePolicy",
    "RestoreTableFromBackup",
    "RestoreTableToPointInTime",
    "SearchVectors",
    "StartBulkPutItems",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateContinuousBackups",
    "UpdateContributorInsights",
    "UpdateGlobalTable",
    "UpdateGlobalTableSettings",
    "UpdateItem",
    "UpdateKinesisStreamingDestination",
    "UpdateTableReplicaAutoScaling",
];

/// For an operation of the service's a ValidationException that says so: no SDK tries it again, and all of them show its
/// text. For anything else UnknownOperationException.
pub(super) fn unknown(operation: &str) -> WireError {
    if NOT_YET.contains(&operation) {
        let text = format!("The operation {operation} is not supported by this version of Forebay");
        return WireError::validation(text);
    }
    WireError { kind: Kind::UnknownOperation, message: None }
}
