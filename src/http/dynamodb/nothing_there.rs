//! Questions about what Forebay does not have, with a true answer all the same: there is none. Tools that look after a table
//! ask them about every one.

use bytes::Bytes;

use super::error::{Kind, WireError};
use super::json::Object;
use super::request::Wire;
use super::{Call, named_table, tag_list};
use crate::engine::EngineError;
use crate::model::TableName;

/// A list with nothing in it.
pub(super) async fn list(call: &Call<'_>, member: &str) -> Result<Bytes, WireError> {
    Wire::read(call.body, |wire, _| wire.skip())?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    answer.member(member).extend_from_slice(b"[]");
    answer.close();
    Ok(out.into())
}

/// DescribeContinuousBackups: enabled, as every table of the service's is from its creation on (the model's word on the
/// operation), and no point to recover to.
pub(super) async fn continuous_backups(call: &Call<'_>) -> Result<Bytes, WireError> {
    let table = named_table::read(call.body)?;
    call.engine().table(table.as_str()).map_err(|error| match error {
        EngineError::ResourceNotFound(name) => {
            WireError::new(Kind::TableNotFound, format!("Table not found: {name}"))
        }
        other => other.into(),
    })?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    let mut backups = answer.object("ContinuousBackupsDescription");
    backups.text("ContinuousBackupsStatus", "ENABLED");
    let mut recovery = backups.object("PointInTimeRecoveryDescription");
    recovery.text("PointInTimeRecoveryStatus", "DISABLED");
    recovery.close();
    backups.close();
    answer.close();
    Ok(out.into())
}

/// DescribeContributorInsights: nobody looks.
pub(super) async fn contributor_insights(call: &Call<'_>) -> Result<Bytes, WireError> {
    let table = known(call)?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    answer.text("ContributorInsightsStatus", "DISABLED");
    answer.text("TableName", table.as_str());
    answer.close();
    Ok(out.into())
}

/// DescribeKinesisStreamingDestination: there is none.
pub(super) async fn kinesis_destinations(call: &Call<'_>) -> Result<Bytes, WireError> {
    let table = known(call)?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    answer.member("KinesisDataStreamDestinations").extend_from_slice(b"[]");
    answer.text("TableName", table.as_str());
    answer.close();
    Ok(out.into())
}

/// GetResourcePolicy: no table has one.
pub(super) async fn resource_policy(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut arn = None;
    Wire::read(call.body, |wire, name| match name {
        "ResourceArn" => {
            arn = wire.string()?;
            Ok(())
        }
        _ => wire.skip(),
    })?;
    let arn = tag_list::check_resource(arn.as_deref())?;
    let table = tag_list::table(arn)?;
    call.engine().table(table.as_str()).map_err(|error| tag_list::not_found(error, arn))?;
    let text = format!("Resource-based policy not found for the provided ResourceArn: {arn}");
    Err(WireError::new(Kind::PolicyNotFound, text))
}

/// The table that the request names, which must be there.
fn known(call: &Call<'_>) -> Result<TableName, WireError> {
    let table = named_table::read(call.body)?;
    call.engine().table(table.as_str()).map_err(WireError::of_table)?;
    Ok(table)
}
