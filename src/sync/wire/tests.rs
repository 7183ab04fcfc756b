use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::model::{AttributeValue, KeyAttribute, KeySchema, KeyType, Map, RowKey, TableId};
use crate::store::Seq;
use crate::sync::batch::Change;
use crate::sync::route::{Attributes, Handling, Lane, Route};

fn picked(id: u64, lane: u32, kind: Kind, text: &str) -> Picked {
    let partition = KeyAttribute { name: "k".into(), key_type: KeyType::S };
    let mut item = Map::new();
    item.insert("k", AttributeValue::S(id.to_string().as_str().into()));
    if kind == Kind::Put {
        item.insert("text", AttributeValue::S(text.into()));
    }
    let route = Route {
        lane: Lane(lane),
        upstream: format!("t{lane}"),
        keys: KeySchema { partition, sort: None },
        handling: Handling::default(),
    };
    let change = Change {
        seq: Seq(id),
        key: RowKey(id.to_string().into()),
        table: TableId(300),
        route: Arc::new(route),
        kind,
        image: Image::encode(&item).bytes().clone(),
        time_us: 0,
    };
    Picked { id, attempts: 0, faults: 0, change }
}

#[test]
fn a_request_of_two_tables() {
    let batch =
        [picked(1, 0, Kind::Put, "a\"b"), picked(2, 1, Kind::Delete, ""), picked(3, 0, Kind::Put, "c")];
    let body = batch_write(&batch, 10_000);
    assert_eq!(
        String::from_utf8(body.bytes).unwrap(),
        concat!(
            r#"{"RequestItems":{"t0":["#,
            r#"{"PutRequest":{"Item":{"k":{"S":"1"},"text":{"S":"a\"b"}}}},"#,
            r#"{"PutRequest":{"Item":{"k":{"S":"3"},"text":{"S":"c"}}}}],"#,
            r#""t1":[{"DeleteRequest":{"Key":{"k":{"S":"2"}}}}]}}"#
        )
    );
    assert_eq!(body.taken, [0, 2, 1]);
}

#[test]
fn unprocessed_items_are_found_in_the_batch() {
    let batch = [picked(1, 0, Kind::Put, "a"), picked(2, 0, Kind::Delete, ""), picked(3, 0, Kind::Put, "c")];
    let body = br#"{"UnprocessedItems":{"t0":[
        {"PutRequest":{"Item":{"text":{"S":"c"},"k":{"S":"3"}}},"DeleteRequest":null},
        {"DeleteRequest":{"Key":{"k":{"S":"2"}}}}]},"ConsumedCapacity":[{"x":1}]}"#;
    assert_eq!(unprocessed(body, &batch), Ok(vec![1, 2]));
    let unknown = br#"{"UnprocessedItems":{"t9":[{"DeleteRequest":{"Key":{"k":{"S":"2"}}}}]}}"#;
    assert_eq!(unprocessed(unknown, &batch), Ok(vec![0, 1, 2]));
    assert!(unprocessed(b"{}", &batch).is_err());
}

#[test]
fn what_is_held_back_is_not_sent_and_what_comes_back_is_known() {
    let mut batch =
        [picked(1, 0, Kind::Put, "a"), picked(2, 0, Kind::Put, "b"), picked(3, 0, Kind::Delete, "")];
    let held = |attributes| Handling { attributes, ..Handling::default() };
    for (place, attributes) in
        [Attributes::Without(["text".into()].into()), Attributes::Only(["text".into()].into())]
            .into_iter()
            .enumerate()
    {
        let route = Route { handling: held(attributes), ..(*batch[place].change.route).clone() };
        batch[place].change.route = Arc::new(route);
    }
    batch[2].change.route =
        Arc::new(Route { handling: held(Attributes::Only([].into())), ..(*batch[2].change.route).clone() });
    let body = batch_write(&batch, 10_000);
    assert_eq!(
        String::from_utf8(body.bytes).unwrap(),
        concat!(
            r#"{"RequestItems":{"t0":["#,
            r#"{"PutRequest":{"Item":{"k":{"S":"1"}}}},"#,
            r#"{"PutRequest":{"Item":{"k":{"S":"2"},"text":{"S":"b"}}}},"#,
            r#"{"DeleteRequest":{"Key":{"k":{"S":"3"}}}}]}}"#
        )
    );
    let answer = br#"{"UnprocessedItems":{"t0":[{"PutRequest":{"Item":{"k":{"S":"1"}}}}]}}"#;
    assert_eq!(unprocessed(answer, &batch), Ok(vec![0]));
}

#[test]
fn an_image_that_cannot_be_read_does_not_spoil_the_request() {
    let mut batch = [picked(1, 0, Kind::Put, "a"), picked(2, 0, Kind::Put, "b")];
    batch[0].change.image = vec![0xff, 0x00].into();
    let body = batch_write(&batch, 10_000);
    assert_eq!((body.unreadable, body.taken), (vec![0], vec![1]));
    assert!(serde_json::from_slice::<serde_json::Value>(&body.bytes).is_ok());
}

proptest! {
    #[test]
    fn requests_are_json_within_the_limit(
        changes in prop::collection::vec((0..3u32, any::<bool>(), 0..200usize), 1..25),
        limit in 100..3000usize,
    ) {
        let batch: Vec<_> = changes.iter().enumerate().map(|(id, (lane, put, length))| {
            let kind = if *put { Kind::Put } else { Kind::Delete };
            picked(id as u64, *lane, kind, &"x".repeat(*length))
        }).collect();
        let body = batch_write(&batch, limit);
        prop_assert!(body.bytes.len() <= limit || body.taken.len() == 1);
        let value: serde_json::Value = serde_json::from_slice(&body.bytes).unwrap();
        let sent: usize = value["RequestItems"].as_object().unwrap().values()
            .map(|requests| requests.as_array().unwrap().len()).sum();
        prop_assert_eq!(sent, body.taken.len());
        prop_assert!(!body.taken.is_empty());
    }
}
