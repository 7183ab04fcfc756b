"""The boto3 resource: Python's own types, the batch writer, items across a restart of the client."""

import sys
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr, Key
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

# Expressions, as boto3's conditions build them.
page = readings.query(
    KeyConditionExpression=Key("device").eq("hall") & Key("ts").between(1, 3),
    FilterExpression=Attr("temperature").gt(Decimal("0.1")),
    ProjectionExpression="ts",
)
assert page["Items"] == [{"ts": 2}, {"ts": 3}] and page["ScannedCount"] == 3, page
changed = readings.update_item(
    Key={"device": "hall", "ts": 4},
    UpdateExpression="SET temperature = temperature + :d, tags = list_append(if_not_exists(tags, :none), :t)",
    ConditionExpression=Attr("tags").not_exists(),
    ExpressionAttributeValues={":d": Decimal("0.5"), ":none": [], ":t": ["x"]},
    ReturnValues="UPDATED_NEW",
)
assert changed["Attributes"] == {"temperature": Decimal("0.9"), "tags": ["x"]}, changed
try:
    readings.delete_item(Key={"device": "hall", "ts": 4}, ConditionExpression=Attr("tags").size().gt(1),
                         ReturnValuesOnConditionCheckFailure="ALL_OLD")
    raise AssertionError("the condition does not hold")
except db.meta.client.exceptions.ConditionalCheckFailedException as error:
    assert error.response["Item"]["tags"] == {"L": [{"S": "x"}]}, error.response

# Every condition that boto3 builds, in one scan's filter.
with readings.batch_writer(overwrite_by_pkeys=["device", "ts"]) as batch:
    for n in range(200):
        batch.put_item(Item={"device": "yard", "ts": n % 100, "n": n, "name": f"n{n % 10}", "parts": ["a", n], "on": {"deep": n % 2 == 0}})
    batch.delete_item(Key={"device": "yard", "ts": 99})
wanted = [n for n in range(100, 199) if n < 180 and n != 150 and n % 10 in (1, 2, 4) and n % 2 == 0]
built = (
    Attr("n").gte(100) & Attr("n").lt(180) & Attr("n").ne(150) & Attr("n").between(0, 199)
    & (Attr("name").is_in(["n1", "n2"]) | Attr("name").begins_with("n4") & Attr("parts").contains("a"))
    & Attr("on.deep").eq(True) & Attr("parts").size().lte(2) & Attr("parts[1]").attribute_type("N")
    & ~Attr("gone").exists() & Attr("device").eq("yard")
)
found = [
    int(item["n"])
    for page in db.meta.client.get_paginator("scan").paginate(
        TableName="readings", FilterExpression=built, PaginationConfig={"PageSize": 13}
    )
    for item in page["Items"]
]
assert found == wanted, (found, wanted)
page = readings.query(KeyConditionExpression=Key("device").eq("yard"), Limit=98, ScanIndexForward=False)
page = readings.query(
    KeyConditionExpression=Key("device").eq("yard"), ScanIndexForward=False, ExclusiveStartKey=page["LastEvaluatedKey"]
)
assert [int(item["ts"]) for item in page["Items"]] == [0] and "LastEvaluatedKey" not in page, page
assert sorted(one.name for one in db.tables.all()) == ["inventory", "readings"]
assert [one.name for one in db.tables.filter(ExclusiveStartTableName="inventory").limit(1)] == ["readings"]

table.delete()
table.wait_until_not_exists()
