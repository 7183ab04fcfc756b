//! ListStreams.

use std::convert::Infallible;

use bytes::Bytes;

use super::constraint::{Violations, name_of};
use super::error::WireError;
use super::json::{Object, list};
use super::request::Wire;
use super::{Call, stream_name};
use crate::engine::{ListStreams, StreamOf};
use crate::model::TableName;

/// The most streams in an answer.
pub(super) const MOST: usize = 100;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut table, mut limit, mut start) = (None, None, None);
    Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            "Limit" => limit = wire.integer("Integer")?,
            "ExclusiveStartStreamArn" => start = wire.string()?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    let mut violations = Violations::new();
    let table = table.as_deref().map(name_of);
    if let Some(table) = table {
        violations.name("tableName", table);
    }
    violations.range("limit", limit, 1, None);
    stream_name::check_arn("exclusiveStartStreamArn", start.as_deref(), &mut violations);
    violations.check()?;
    let limit = usize::try_from(limit.unwrap_or(MOST as i64)).unwrap_or(usize::MAX);
    if limit > MOST {
        return Err(WireError::validation(
            "One or more parameter values were invalid: Limit cannot be greater than the maximum allowed size: 100",
        ));
    }
    let start = start.as_deref().map(stream_name::of_arn).transpose()?;
    let request = ListStreams { table: table.and_then(TableName::new), start, limit };
    let found = call.engine().list_streams(call.authorize(request));
    let arn = |stream: &StreamOf| call.stream_arn(stream.table.name.as_str(), &stream.stream.label);
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if let Some(last) = found.streams.last().filter(|_| found.more) {
        answer.text("LastEvaluatedStreamArn", &arn(last));
    }
    let _ = list(&found.streams, answer.member("Streams"), |stream, out| {
        let mut one = Object::open(out);
        one.text("StreamArn", &arn(stream));
        one.text("StreamLabel", &stream.stream.label);
        one.text("TableName", stream.table.name.as_str());
        one.close();
        Ok::<(), Infallible>(())
    });
    answer.close();
    Ok(out.into())
}
