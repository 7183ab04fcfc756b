"""Secondary indexes with boto3, as a user would have them. Usage: indexes.py ENDPOINT"""

import sys

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

dynamodb = boto3.resource("dynamodb", endpoint_url=sys.argv[1])
client = dynamodb.meta.client


def attribute(name, kind="S"):
    return {"AttributeName": name, "AttributeType": kind}


def schema(partition, sort=None):
    key = [{"AttributeName": partition, "KeyType": "HASH"}]
    return key + ([{"AttributeName": sort, "KeyType": "RANGE"}] if sort else [])


table = dynamodb.create_table(
    TableName="music",
    KeySchema=schema("artist", "song"),
    AttributeDefinitions=[attribute("artist"), attribute("song"), attribute("year", "N"), attribute("genre")],
    LocalSecondaryIndexes=[
        {"IndexName": "by-year", "KeySchema": schema("artist", "year"), "Projection": {"ProjectionType": "ALL"}}
    ],
    GlobalSecondaryIndexes=[
        {
            "IndexName": "by-genre",
            "KeySchema": schema("genre", "year"),
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["price"]},
        }
    ],
    BillingMode="PAY_PER_REQUEST",
)
table.wait_until_exists()

with table.batch_writer() as batch:
    for n in range(200):
        item = {"artist": f"a{n % 4}", "song": f"s{n:03}", "year": 1900 + n, "price": n, "long": "x" * 500}
        if n % 3:
            item["genre"] = ["rock", "folk"][n % 2]
        batch.put_item(Item=item)

by_year = table.query(
    IndexName="by-year",
    KeyConditionExpression=Key("artist").eq("a1") & Key("year").between(1950, 1970),
    ScanIndexForward=False,
    ConsistentRead=True,
)["Items"]
assert [int(item["year"]) for item in by_year] == [1969, 1965, 1961, 1957, 1953], by_year
assert "long" in by_year[0]

pages = client.get_paginator("query").paginate(
    TableName="music",
    IndexName="by-genre",
    KeyConditionExpression="genre = :g AND #y >= :y",
    FilterExpression="price <> :p",
    ExpressionAttributeNames={"#y": "year"},
    ExpressionAttributeValues={":g": "folk", ":y": 1950, ":p": 53},
    PaginationConfig={"PageSize": 7},
)
found = [item for page in pages for item in page["Items"]]
wanted = [n for n in range(50, 200) if n % 3 and n % 2 and n != 53]
assert [int(item["year"]) - 1900 for item in found] == wanted
assert set(found[0]) == {"artist", "song", "genre", "year", "price"}

segments = [table.scan(IndexName="by-genre", Segment=n, TotalSegments=4)["Count"] for n in range(4)]
assert sum(segments) == len([n for n in range(200) if n % 3])

table.update_item(
    Key={"artist": "a1", "song": "s001"},
    UpdateExpression="SET genre = :g",
    ExpressionAttributeValues={":g": "jazz"},
)
jazz = table.query(IndexName="by-genre", KeyConditionExpression=Key("genre").eq("jazz"))
assert jazz["Count"] == 1 and jazz["Items"][0]["song"] == "s001"
table.delete_item(Key={"artist": "a1", "song": "s001"})
assert table.query(IndexName="by-genre", KeyConditionExpression=Key("genre").eq("jazz"))["Count"] == 0


def indexes():
    return {i["IndexName"]: i for i in client.describe_table(TableName="music")["Table"]["GlobalSecondaryIndexes"]}


definitions = [attribute(n, k) for n, k in [("artist", "S"), ("song", "S"), ("year", "N"), ("genre", "S"), ("price", "N")]]
keys = schema("artist", "price") + [{"AttributeName": "year", "KeyType": "RANGE"}]
client.update_table(
    TableName="music",
    AttributeDefinitions=definitions,
    GlobalSecondaryIndexUpdates=[
        {"Create": {"IndexName": "by-price", "KeySchema": keys, "Projection": {"ProjectionType": "KEYS_ONLY"}}}
    ],
)
while indexes()["by-price"]["IndexStatus"] != "ACTIVE":
    pass
cheap = table.query(
    IndexName="by-price",
    KeyConditionExpression="artist = :a AND price = :p AND #y > :y",
    ExpressionAttributeNames={"#y": "year"},
    ExpressionAttributeValues={":a": "a2", ":p": 6, ":y": 1900},
)
assert [item["song"] for item in cheap["Items"]] == ["s006"], cheap
cheap = table.query(IndexName="by-price", KeyConditionExpression=Key("artist").eq("a2") & Key("price").lt(20))
assert [int(item["price"]) for item in cheap["Items"]] == [2, 6, 10, 14, 18]

client.update_table(TableName="music", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-price"}}])
while "by-price" in indexes():
    assert indexes().get("by-price", {"IndexStatus": "DELETING"})["IndexStatus"] == "DELETING"
try:
    table.query(IndexName="by-price", KeyConditionExpression=Key("artist").eq("a2"))
    raise AssertionError("a removed index was read")
except ClientError as error:
    assert error.response["Error"]["Code"] == "ValidationException", error
assert table.scan(IndexName="by-genre", FilterExpression=Attr("price").gt(190))["Count"] > 0
table.delete()
