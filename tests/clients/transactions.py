"""Transactions with boto3, as a user would have them. Usage: transactions.py ENDPOINT"""

import sys
from decimal import Decimal

import boto3
from botocore.exceptions import ClientError

resource = boto3.resource("dynamodb", endpoint_url=sys.argv[1])
client = boto3.client("dynamodb", endpoint_url=sys.argv[1])


def key_only(name):
    table = resource.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    return table


stock, orders = key_only("stock"), key_only("orders")
stock.put_item(Item={"id": "bolt", "left": 3})


def order(number, count):
    """An order is placed where there is enough: with the resource's client, values are Python's own."""
    return resource.meta.client.transact_write_items(
        TransactItems=[
            {
                "Update": {
                    "TableName": "stock",
                    "Key": {"id": "bolt"},
                    "UpdateExpression": "SET #l = #l - :count",
                    "ConditionExpression": "#l >= :count",
                    "ExpressionAttributeNames": {"#l": "left"},
                    "ExpressionAttributeValues": {":count": count},
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            {
                "Put": {
                    "TableName": "orders",
                    "Item": {"id": number, "count": count},
                    "ConditionExpression": "attribute_not_exists(id)",
                }
            },
        ],
        ReturnConsumedCapacity="TOTAL",
    )


answer = order("one", 2)
assert [(one["TableName"], one["WriteCapacityUnits"]) for one in answer["ConsumedCapacity"]] == [
    ("stock", 2.0),
    ("orders", 2.0),
], answer
# boto3 makes up a token for each call: the same call again is another transaction.
for number, codes in [("two", ["ConditionalCheckFailed", "None"]), ("one", ["ConditionalCheckFailed"] * 2)]:
    try:
        order(number, 2)
        raise SystemExit("an order beyond the stock was placed")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "TransactionCanceledException", error.response
        reasons = error.response["CancellationReasons"]
        assert [reason["Code"] for reason in reasons] == codes, reasons
        assert reasons[0]["Item"] == {"id": {"S": "bolt"}, "left": {"N": "1"}}, reasons
        assert str(codes[0]) in error.response["Error"]["Message"]
assert stock.get_item(Key={"id": "bolt"})["Item"]["left"] == Decimal(1)

got = resource.meta.client.transact_get_items(
    TransactItems=[
        {"Get": {"TableName": "orders", "Key": {"id": "one"}}},
        {"Get": {"TableName": "orders", "Key": {"id": "two"}}},
        {"Get": {"TableName": "stock", "Key": {"id": "bolt"}, "ProjectionExpression": "id"}},
    ]
)
assert [one.get("Item") for one in got["Responses"]] == [{"id": "one", "count": 2}, None, {"id": "bolt"}], got

# The low-level client, with a token of one's own.
restock = {
    "ClientRequestToken": "delivery-7",
    "TransactItems": [
        {
            "Update": {
                "TableName": "stock",
                "Key": {"id": {"S": "bolt"}},
                "UpdateExpression": "ADD #l :more",
                "ExpressionAttributeNames": {"#l": "left"},
                "ExpressionAttributeValues": {":more": {"N": "10"}},
            }
        },
        {
            "ConditionCheck": {
                "TableName": "orders",
                "Key": {"id": {"S": "one"}},
                "ConditionExpression": "attribute_exists(id)",
            }
        },
    ],
}
for _ in range(3):
    client.transact_write_items(**restock)
assert stock.get_item(Key={"id": "bolt"})["Item"]["left"] == Decimal(11)
restock["TransactItems"].pop()
try:
    client.transact_write_items(**restock)
    raise SystemExit("the token of another request was taken")
except client.exceptions.IdempotentParameterMismatchException:
    pass
try:
    client.transact_write_items(
        TransactItems=[{"Delete": {"TableName": "orders", "Key": {"id": {"S": "one"}}}}] * 2
    )
    raise SystemExit("two actions on one item were taken")
except ClientError as error:
    assert error.response["Error"]["Code"] == "ValidationException", error.response
try:
    client.transact_write_items(TransactItems=[{"Delete": {"TableName": "absent", "Key": {"id": {"S": "one"}}}}])
    raise SystemExit("a table that is not there was taken")
except client.exceptions.ResourceNotFoundException:
    pass
