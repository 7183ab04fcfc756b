//! GetShardIterator.

use bytes::Bytes;

use super::constraint::Violations;
use super::error::{Kind, WireError};
use super::json::Object;
use super::request::Wire;
use super::{Call, shard_iterator, stream_name};
use crate::engine::{GetShardIterator, StreamStart};

/// Members of the request.
#[derive(Debug, Default)]
struct Request {
    arn: Option<String>,
    shard: Option<String>,
    kind: Option<String>,
    number: Option<String>,
}

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut request = Request::default();
    Wire::read(call.body, |wire, name| {
        match name {
            "StreamArn" => request.arn = wire.string()?,
            "ShardId" => request.shard = wire.string()?,
            "ShardIteratorType" => request.kind = wire.string()?,
            "SequenceNumber" => request.number = wire.string()?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    request.check()?;
    let Request { arn: Some(arn), shard: Some(shard), .. } = &request else {
        return Err(super::unreadable());
    };
    let start = request.start()?;
    let stream = stream_name::of_arn(arn)?;
    let described = call.engine().describe_stream(call.authorize(stream.clone()));
    let described = described.map_err(|error| WireError::of_stream(error, arn))?;
    if stream_name::shard(&described.of) != *shard {
        let text = format!("Requested resource not found: Shard: {shard} in Stream: {arn} not found");
        return Err(WireError::new(Kind::ResourceNotFound, text));
    }
    let position = call.engine().get_shard_iterator(call.authorize(GetShardIterator { stream, start }));
    let position = position.map_err(|error| WireError::of_stream(error, arn))?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    answer.text("ShardIterator", &shard_iterator::write(arn, &position));
    answer.close();
    Ok(out.into())
}

impl Request {
    /// Constraints of the service model.
    fn check(&self) -> Result<(), WireError> {
        let mut violations = Violations::new();
        violations.required("streamArn", &self.arn);
        stream_name::check_arn("streamArn", self.arn.as_deref(), &mut violations);
        violations.required("shardId", &self.shard);
        stream_name::check_shard("shardId", self.shard.as_deref(), &mut violations);
        violations.required("shardIteratorType", &self.kind);
        let kinds = ["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"];
        violations.one_of("shardIteratorType", self.kind.as_deref(), &kinds);
        stream_name::check_sequence("sequenceNumber", self.number.as_deref(), &mut violations);
        violations.check()
    }

    fn start(&self) -> Result<StreamStart, WireError> {
        let invalid =
            |what: &str| WireError::validation(format!("One or more parameter values were invalid: {what}"));
        let at = |start: fn(crate::store::Seq) -> StreamStart| {
            let seq = self.number.as_deref().and_then(stream_name::sequence);
            seq.map(start).ok_or_else(|| invalid("Invalid SequenceNumber"))
        };
        match self.kind.as_deref() {
            Some("AT_SEQUENCE_NUMBER") => at(StreamStart::At),
            Some("AFTER_SEQUENCE_NUMBER") => at(StreamStart::After),
            _ if self.number.is_some() => {
                Err(invalid("SequenceNumber should not be passed for this iterator type"))
            }
            Some("LATEST") => Ok(StreamStart::Latest),
            _ => Ok(StreamStart::TrimHorizon),
        }
    }
}
