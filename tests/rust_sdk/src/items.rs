//! Items of every type, updates, batches and pages.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, PutRequest, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, WriteRequest,
};

use crate::{TABLE, n, s};

type Item = HashMap<String, AttributeValue>;

fn item<const N: usize>(members: [(&str, AttributeValue); N]) -> Item {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A key of the table.
pub fn key(site: &str, at: u32) -> Item {
    item([("site", s(site)), ("at", n(at))])
}

/// An item of every type is put and got, and a condition that fails gives it back.
pub async fn there_and_back(client: &Client) {
    let blob = |bytes: &[u8]| Blob::new(bytes);
    let mut saw = item([
        ("n", n("-0.00000000000000000000000000000000000012345678901234567890123456789012345678")),
        ("b", AttributeValue::B(blob(&[0, 255]))),
        ("yes", AttributeValue::Bool(true)),
        ("none", AttributeValue::Null(true)),
        ("empty", s("")),
        ("list", AttributeValue::L(vec![n(1), s("two"), AttributeValue::L(vec![])])),
        (
            "map",
            AttributeValue::M(item([(
                "deep",
                AttributeValue::M(item([("er", AttributeValue::Bool(false))])),
            )])),
        ),
        ("ss", AttributeValue::Ss(vec!["a".into()])),
        ("ns", AttributeValue::Ns(vec!["2.5".into()])),
        ("bs", AttributeValue::Bs(vec![blob(b"x")])),
        ("state", s("up")),
    ]);
    saw.extend(key("Zürich ⚙", 1));
    let put = client
        .put_item()
        .table_name(TABLE)
        .set_item(Some(saw.clone()))
        .condition_expression("attribute_not_exists(site)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    let made = put.clone().send().await.unwrap();
    let capacity = made.consumed_capacity().unwrap();
    assert_eq!(capacity.capacity_units(), Some(2.0), "the table and its index");
    assert_eq!(capacity.global_secondary_indexes().unwrap()["by-state"].capacity_units(), Some(1.0));
    let got = client.get_item().table_name(TABLE).set_key(Some(key("Zürich ⚙", 1))).consistent_read(true);
    assert_eq!(got.send().await.unwrap().item, Some(saw.clone()));
    let got = client.get_item().table_name(TABLE).set_key(Some(key("nowhere", 1))).send().await.unwrap();
    assert_eq!(got.item, None);

    let error = put.send().await.unwrap_err().into_service_error();
    assert!(error.is_conditional_check_failed_exception(), "{error:?}");
    assert_eq!(error.message(), Some("The conditional request failed"));
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = error
    else {
        panic!("another error: {error:?}")
    };
    assert_eq!(failed.item, Some(saw));
    let error = client
        .get_item()
        .table_name(TABLE)
        .key("site", s("a"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(error.code(), Some("ValidationException"), "{error:?}");
}

/// An update with all four clauses answers with what has changed.
pub async fn updated(client: &Client) {
    let answer = client
        .update_item()
        .table_name(TABLE)
        .set_key(Some(key("Zürich ⚙", 1)))
        .update_expression("SET #l[1] = :two ADD hits :one, ss :b DELETE ns :half REMOVE #m.deep.er")
        .condition_expression("size(#l) = :three AND #s IN (:up, :down)")
        .expression_attribute_names("#l", "list")
        .expression_attribute_names("#m", "map")
        .expression_attribute_names("#s", "state")
        .expression_attribute_values(":two", s("zwei"))
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":three", n(3))
        .expression_attribute_values(":b", AttributeValue::Ss(vec!["b".into()]))
        .expression_attribute_values(":half", AttributeValue::Ns(vec!["2.50".into()]))
        .expression_attribute_values(":up", s("up"))
        .expression_attribute_values(":down", s("down"))
        .return_values(ReturnValue::AllNew)
        .send()
        .await
        .unwrap();
    let new = answer.attributes.unwrap();
    assert_eq!(new["list"], AttributeValue::L(vec![n(1), s("zwei"), AttributeValue::L(vec![])]));
    assert_eq!(new["hits"], n(1));
    assert_eq!(new["map"], AttributeValue::M(item([("deep", AttributeValue::M(HashMap::new()))])));
    assert_eq!(new["ss"].as_ss().unwrap().len(), 2);
    assert!(!new.contains_key("ns"), "the last element takes the set with it");
}

/// Batches in, pages out: by table and by index.
pub async fn pages(client: &Client) {
    for start in (0..100).step_by(25) {
        let writes = (start..start + 25).map(|at| {
            let mut item = key("hall", at);
            item.extend([
                ("state".to_owned(), s(if at % 2 == 0 { "down" } else { "up" })),
                ("pad".to_owned(), s(&"x".repeat(20_000))),
            ]);
            let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        let answer = client.batch_write_item().request_items(TABLE, writes.collect()).send().await.unwrap();
        assert!(answer.unprocessed_items().unwrap().is_empty());
    }
    let keys = KeysAndAttributes::builder()
        .set_keys(Some([7, 99, 700].map(|at| key("hall", at)).to_vec()))
        .projection_expression("#a")
        .expression_attribute_names("#a", "at")
        .build()
        .unwrap();
    let answer = client.batch_get_item().request_items(TABLE, keys).send().await.unwrap();
    assert_eq!(answer.responses().unwrap()[TABLE].len(), 2);
    assert!(answer.unprocessed_keys().unwrap().is_empty());

    let mut scan = client.scan().table_name(TABLE).into_paginator().send();
    let (mut pages, mut items) = (0, 0);
    while let Some(page) = scan.next().await {
        pages += 1;
        items += page.unwrap().count();
    }
    assert!(items == 101 && pages > 1, "{items} items in {pages} pages: 2 MB do not fit one");

    let query = client
        .query()
        .table_name(TABLE)
        .index_name("by-state")
        .key_condition_expression("#s = :up AND #a BETWEEN :low AND :high")
        .filter_expression("site = :hall")
        .expression_attribute_names("#s", "state")
        .expression_attribute_names("#a", "at")
        .expression_attribute_values(":up", s("up"))
        .expression_attribute_values(":low", n(1))
        .expression_attribute_values(":high", n(50))
        .expression_attribute_values(":hall", s("hall"))
        .scan_index_forward(false);
    let mut items = query.into_paginator().page_size(7).items().send();
    let mut found = Vec::new();
    while let Some(item) = items.next().await {
        found.push(item.unwrap()["at"].as_n().unwrap().parse::<u32>().unwrap());
    }
    assert_eq!(found, (1..50).rev().step_by(2).collect::<Vec<_>>());
}
