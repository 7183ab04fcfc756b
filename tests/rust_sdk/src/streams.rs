//! The table's stream, read by the streams SDK.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodbstreams::Client as Reader;
use aws_sdk_dynamodbstreams::types::{AttributeValue, OperationType, Record, ShardIteratorType};

use crate::items::key;
use crate::{TABLE, n};

/// All records are those of the writes of before, in order; a record that comes later is found by LATEST.
pub async fn consumed(client: &Client, reader: &Reader) {
    let arn = reader.list_streams().table_name(TABLE).send().await.unwrap().streams()[0]
        .stream_arn()
        .unwrap()
        .to_owned();
    let described = reader.describe_stream().stream_arn(&arn).send().await.unwrap();
    let shard = described.stream_description().unwrap().shards()[0].shard_id().unwrap().to_owned();
    let begin = async |kind| {
        let iterator =
            reader.get_shard_iterator().stream_arn(&arn).shard_id(&shard).shard_iterator_type(kind);
        iterator.send().await.unwrap().shard_iterator
    };

    let records = read(reader, begin(ShardIteratorType::TrimHorizon).await).await;
    let count =
        |kind: OperationType| records.iter().filter(|record| record.event_name() == Some(&kind)).count();
    assert_eq!(count(OperationType::Insert), 101);
    assert_eq!(count(OperationType::Modify), 2);
    assert_eq!(count(OperationType::Remove), 1);
    let number =
        |record: &Record| -> u128 { record.dynamodb().unwrap().sequence_number().unwrap().parse().unwrap() };
    assert!(records.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])));

    let latest = begin(ShardIteratorType::Latest).await;
    let mut item = key("yard", 1);
    item.insert("power".to_owned(), n(5));
    client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
    let records = read(reader, latest).await;
    assert_eq!(records.len(), 1);
    let image = records[0].dynamodb().unwrap().new_image().unwrap();
    assert_eq!(image["power"], AttributeValue::N("5".to_owned()));
}

/// The records from an iterator on, until there are no more.
async fn read(reader: &Reader, mut iterator: Option<String>) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some(at) = iterator.take() {
        let page = reader.get_records().shard_iterator(at).send().await.unwrap();
        if page.records().is_empty() {
            break;
        }
        records.extend_from_slice(page.records());
        iterator = page.next_shard_iterator;
    }
    records
}
