"""The boto3 resource: Python's own types, the batch writer, items across a restart of the client."""

import sys
from decimal import Decimal

import boto3
from boto3.dynamodb.types import Binary

db = boto3.resource("dynamodb", endpoint_url=sys.argv[1])
table = db.create_table(
    TableName="inventory",
    KeySchema=[{"AttributeName": "serial", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "serial", "AttributeType": "B"}],
    BillingMode="PAY_PER_REQUEST",
)
table.wait_until_exists()
table.reload()
assert table.table_status == "ACTIVE"

item = {
    "serial": Binary(b"\x01\x02"),
    "price": Decimal("23.20"),
    "count": 3,
    "tags": {"indoor", "spare"},
    "sizes": {Decimal("1"), Decimal("2.5")},
    "parts": [{"name": "fan", "ok": True}, None, "x"],
}
table.put_item(Item=item)
found = table.get_item(Key={"serial": Binary(b"\x01\x02")})["Item"]
assert found == item, found

with table.batch_writer() as batch:
    for n in range(60):
        batch.put_item(Item={"serial": Binary(bytes([9, n])), "n": n})
    for n in range(10):
        batch.delete_item(Key={"serial": Binary(bytes([9, n]))})
items = table.scan()["Items"]
assert len(items) == 51, len(items)
assert {int(item["n"]) for item in items if "n" in item} == set(range(10, 60))

readings = db.Table("readings")
for ts in range(5):
    readings.put_item(Item={"device": "hall", "ts": ts, "temperature": Decimal(ts) / 10})
page = readings.query(
    KeyConditions={
        "device": {"ComparisonOperator": "EQ", "AttributeValueList": ["hall"]},
        "ts": {"ComparisonOperator": "GE", "AttributeValueList": [2]},
    },
    Limit=2,
)
assert [int(item["ts"]) for item in page["Items"]] == [2, 3], page
assert page["LastEvaluatedKey"] == {"device": "hall", "ts": 3}, page
got = db.batch_get_item(RequestItems={"readings": {"Keys": [{"device": "hall", "ts": 4}]}})
assert got["Responses"]["readings"] == [{"device": "hall", "ts": 4, "temperature": Decimal("0.4")}], got

table.delete()
table.wait_until_not_exists()
