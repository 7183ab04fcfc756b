//! A consumer of a table's newest stream, at any endpoint.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::daemon::{dynamodb, streams};

/// Reads on from where it stopped.
pub struct Consumer {
    address: SocketAddr,
    iterator: Value,
    /// All that was read.
    pub records: Vec<Value>,
}

impl Consumer {
    /// One that begins with the oldest record.
    pub fn of(address: SocketAddr, table: &str) -> Consumer {
        let ask = |operation: &str, request: Value| {
            let (status, answer) = streams(address, operation, &request).expect("the endpoint answers");
            assert_eq!(status, 200, "{answer}");
            answer
        };
        let (_, described) = dynamodb(address, "DescribeTable", &json!({"TableName": table})).unwrap();
        let arn = described["Table"]["LatestStreamArn"].clone();
        let description = ask("DescribeStream", json!({"StreamArn": arn}));
        let shards = description["StreamDescription"]["Shards"].as_array().unwrap();
        assert_eq!(shards.len(), 1);
        let request = json!({
            "StreamArn": arn, "ShardId": shards[0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON",
        });
        let iterator = ask("GetShardIterator", request)["ShardIterator"].clone();
        Consumer { address, iterator, records: Vec::new() }
    }

    /// Reads a page; how many records came, `None` where nobody answers.
    pub fn page(&mut self, limit: u64) -> Option<usize> {
        let request = json!({"ShardIterator": self.iterator, "Limit": limit});
        let (status, mut answer) = streams(self.address, "GetRecords", &request)?;
        assert_eq!(status, 200, "{answer}");
        self.iterator = answer["NextShardIterator"].take();
        let records = answer["Records"].as_array().unwrap();
        self.records.extend_from_slice(records);
        Some(records.len())
    }

    /// Reads all there is.
    pub fn drain(&mut self) {
        while self.page(1000).expect("the endpoint answers") > 0 {}
    }
}
