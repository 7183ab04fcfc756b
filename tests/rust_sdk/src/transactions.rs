//! Transactions: made once by their token, cancelled with reasons as types.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Get, ReturnValuesOnConditionCheckFailure, TransactGetItem, TransactWriteItem,
    Update,
};

use crate::items::key;
use crate::{TABLE, n, s};

fn shift(client: &Client, state: &str) -> TransactWriteItemsFluentBuilder {
    let update = Update::builder()
        .table_name(TABLE)
        .set_key(Some(key("hall", 1)))
        .update_expression("SET #s = :s ADD shifts :one")
        .condition_expression("#s <> :s")
        .expression_attribute_names("#s", "state")
        .expression_attribute_values(":s", s(state))
        .expression_attribute_values(":one", n(1))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .unwrap();
    let delete = Delete::builder().table_name(TABLE).set_key(Some(key("hall", 99))).build().unwrap();
    let check = ConditionCheck::builder()
        .table_name(TABLE)
        .set_key(Some(key("hall", 98)))
        .condition_expression("attribute_exists(site)")
        .build()
        .unwrap();
    client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().update(update).build())
        .transact_items(TransactWriteItem::builder().delete(delete).build())
        .transact_items(TransactWriteItem::builder().condition_check(check).build())
}

/// One transaction twice with its token, one that is cancelled, and a read of both items.
pub async fn made_and_cancelled(client: &Client) {
    for _ in 0..2 {
        shift(client, "down").client_request_token("shift-1").send().await.unwrap();
    }
    let error = shift(client, "down").send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("another error: {error:?}")
    };
    let reasons = cancelled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["ConditionalCheckFailed", "None", "None"]);
    assert_eq!(reasons[0].item().unwrap()["shifts"], n(1), "the token's transaction was made once");
    let error =
        shift(client, "up").client_request_token("shift-1").send().await.unwrap_err().into_service_error();
    assert!(error.is_idempotent_parameter_mismatch_exception(), "{error:?}");

    let get = |at| {
        let get = Get::builder().table_name(TABLE).set_key(Some(key("hall", at))).build().unwrap();
        TransactGetItem::builder().get(get).build()
    };
    let read =
        client.transact_get_items().transact_items(get(1)).transact_items(get(99)).send().await.unwrap();
    assert_eq!(read.responses()[0].item().unwrap()["state"], s("down"));
    assert_eq!(read.responses()[1].item(), None);
}
