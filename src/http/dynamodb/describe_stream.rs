//! DescribeStream: a stream has one shard, open until the stream ends.

use std::convert::Infallible;

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::json::{Object, list};
use super::list_streams::MOST;
use super::mismatch::Expected;
use super::request::Wire;
use super::table_description::{keys, seconds, write_schema};
use super::{Call, stream_name};
use crate::engine::StreamDescribed;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut arn, mut limit, mut start, mut filter) = (None, None, None, None);
    Wire::read(call.body, |wire, name| {
        match name {
            "StreamArn" => arn = wire.string()?,
            "Limit" => limit = wire.integer("Integer")?,
            "ExclusiveStartShardId" => start = wire.string()?,
            "ShardFilter" => {
                let (mut kind, mut shard) = (None, None);
                let given = wire.object(Expected::Member("ShardFilter"), |wire, name| {
                    match name {
                        "Type" => kind = wire.string()?,
                        "ShardId" => shard = wire.string()?,
                        _ => wire.skip()?,
                    }
                    Ok(())
                })?;
                filter = given.then_some((kind, shard));
            }
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    let Some(arn) = arn else { return Err(WireError::validation("Invalid StreamArn")) };
    let mut violations = Violations::new();
    stream_name::check_arn("streamArn", Some(&arn), &mut violations);
    violations.range("limit", limit, 1, None);
    stream_name::check_shard("exclusiveStartShardId", start.as_deref(), &mut violations);
    if let Some((kind, shard)) = &filter {
        violations.one_of("shardFilter.type", kind.as_deref(), &["CHILD_SHARDS"]);
        stream_name::check_shard("shardFilter.shardId", shard.as_deref(), &mut violations);
    }
    violations.check()?;
    if limit.is_some_and(|limit| limit > MOST as i64) {
        return Err(WireError::validation(
            "One or more parameter values were invalid: Limit cannot be greater than the maximum: 100",
        ));
    }
    let name = stream_name::of_arn(&arn)?;
    let described = call.engine().describe_stream(call.authorize(name));
    let described = described.map_err(|error| WireError::of_stream(error, &arn))?;
    // The one shard has no children, and nothing comes behind it.
    let shown = filter.is_none() && start.is_none_or(|start| stream_name::shard(&described.of) > start);
    Ok(answer(call, &described, shown))
}

fn answer(call: &Call<'_>, described: &StreamDescribed, shown: bool) -> Bytes {
    let StreamDescribed { of, first, last } = described;
    let (table, stream) = (&of.table, &of.stream);
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    let mut description = answer.object("StreamDescription");
    description.plain("CreationRequestDateTime", seconds(stream.created_us));
    write_schema(keys(table), description.member("KeySchema"));
    let _ = list(shown.then_some(()), description.member("Shards"), |(), out| {
        let mut shard = Object::open(out);
        let mut range = shard.object("SequenceNumberRange");
        if let Some(last) = last {
            range.text("EndingSequenceNumber", &stream_name::number(*last));
        }
        range.text("StartingSequenceNumber", &stream_name::number(*first));
        range.close();
        shard.text("ShardId", &stream_name::shard(of));
        shard.close();
        Ok::<(), Infallible>(())
    });
    description.text("StreamArn", &call.stream_arn(table.name.as_str(), &stream.label));
    description.text("StreamLabel", &stream.label);
    description.text("StreamStatus", if stream.end.is_some() { "DISABLED" } else { "ENABLED" });
    description.text("StreamViewType", stream.view.name());
    description.text("TableName", table.name.as_str());
    description.close();
    answer.close();
    out.into()
}
