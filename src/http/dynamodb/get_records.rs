//! GetRecords.

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::json::{Object, list};
use super::request::Wire;
use super::{Call, shard_iterator, stream_name};
use crate::engine::{GetRecords, StreamOf, StreamRecord};
use crate::http::memory::Share;
use crate::model::dynamodb_json::{write_image, write_item};
use crate::model::{ImageError, limits};
use crate::store::Event;

/// The most records in an answer.
const MOST: usize = 1000;
/// What an answer may need while it is made: records and their text.
const ANSWER: usize = 4 * (limits::PAGE + 2 * limits::ITEM_SIZE);

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut iterator, mut limit) = (None, None);
    Wire::read(call.body, |wire, name| {
        match name {
            "ShardIterator" => iterator = wire.string()?,
            "Limit" => limit = wire.integer("Integer")?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    let mut violations = Violations::new();
    violations.range("limit", limit, 1, None);
    violations.check()?;
    let limit = usize::try_from(limit.unwrap_or(MOST as i64)).unwrap_or(usize::MAX);
    if limit > MOST {
        return Err(WireError::validation(
            "One or more parameter values were invalid: Limit should be less than or equal to 1000",
        ));
    }
    let (arn, position) = shard_iterator::read(iterator.as_deref().unwrap_or_default())?;
    let stream = stream_name::of_arn(arn)?;
    let share = call.answers().take(ANSWER).await?;
    let found = call.engine().get_records(call.authorize(GetRecords { stream, position, limit })).await;
    let found = found.map_err(|error| WireError::of_stream(error, arn))?;
    let next = found.next.map(|position| shard_iterator::write(arn, &position));
    answer(call, &found.of, &found.records, next, share)
}

fn answer(
    call: &Call<'_>,
    of: &StreamOf,
    records: &[StreamRecord],
    next: Option<String>,
    share: Share,
) -> Result<Bytes, WireError> {
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if let Some(next) = next {
        answer.text("NextShardIterator", &next);
    }
    list(records, answer.member("Records"), |record, out| write(call, of, record, out))?;
    answer.close();
    Ok(share.cover(out))
}

fn write(call: &Call<'_>, of: &StreamOf, record: &StreamRecord, out: &mut Vec<u8>) -> Result<(), ImageError> {
    let mut one = Object::open(out);
    one.text("awsRegion", call.region);
    let mut stream = one.object("dynamodb");
    stream.plain("ApproximateCreationDateTime", record.time_us / 1_000_000);
    write_item(&record.keys, stream.member("Keys"));
    if let Some(new) = &record.new {
        write_image(new.as_map(), stream.member("NewImage"))?;
    }
    if let Some(old) = &record.old {
        write_image(old.as_map(), stream.member("OldImage"))?;
    }
    stream.text("SequenceNumber", &stream_name::number(record.seq));
    stream.plain("SizeBytes", record.size);
    stream.text("StreamViewType", of.stream.view.name());
    stream.close();
    one.text("eventID", &event_id(of, record));
    one.text(
        "eventName",
        match record.event {
            Event::Insert => "INSERT",
            Event::Modify => "MODIFY",
            Event::Remove => "REMOVE",
        },
    );
    one.text("eventSource", "aws:dynamodb");
    one.text("eventVersion", "1.1");
    if record.by_expiry {
        let mut identity = one.object("userIdentity");
        identity.text("PrincipalId", "dynamodb.amazonaws.com");
        identity.text("Type", "Service");
        identity.close();
    }
    one.close();
    Ok(())
}

/// The same whenever the record is read, and no other record's.
fn event_id(of: &StreamOf, record: &StreamRecord) -> String {
    let id = format!("{}/{}/{}", of.table.uuid, of.stream.label, record.seq.0);
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(id.as_bytes()))
}
