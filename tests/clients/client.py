"""The low-level boto3 client: tables, items, pages, batches, TTL, errors."""

import sys

import boto3
from botocore.exceptions import ClientError

db = boto3.client("dynamodb", endpoint_url=sys.argv[1])


def refused(code, call, *words):
    try:
        call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        for word in words:
            assert word in error.response["Error"]["Message"], error
        return
    raise AssertionError(f"{code} was expected")


# Tables.
table = db.create_table(
    TableName="machines",
    AttributeDefinitions=[
        {"AttributeName": "site", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
    ],
    KeySchema=[
        {"AttributeName": "site", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ],
    BillingMode="PAY_PER_REQUEST",
)["TableDescription"]
assert table["TableArn"].endswith(":table/machines"), table
db.get_waiter("table_exists").wait(TableName="machines")
assert db.list_tables()["TableNames"] == ["machines", "readings"]
refused("ResourceInUseException", lambda: db.create_table(
    TableName="machines",
    AttributeDefinitions=[{"AttributeName": "site", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "site", "KeyType": "HASH"}],
    BillingMode="PAY_PER_REQUEST",
))

# An item of every type, there and back.
item = {
    "site": {"S": "Zürich ⚙"},
    "at": {"N": "1700000000123456"},
    "n": {"N": "-0.00000000000000000000000000000000000012345678901234567890123456789012345678"},
    "b": {"B": b"\x00\xff raw"},
    "yes": {"BOOL": True},
    "none": {"NULL": True},
    "empty": {"S": ""},
    "list": {"L": [{"N": "1"}, {"S": "two"}, {"L": []}]},
    "map": {"M": {"deep": {"M": {"er": {"BOOL": False}}}}},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": [b"x", b"y"]},
}
db.put_item(TableName="machines", Item=item)
key = {"site": item["site"], "at": item["at"]}
found = db.get_item(TableName="machines", Key=key)["Item"]
for sets in ("ss", "ns", "bs"):
    for kind in found[sets]:
        assert sorted(found[sets][kind]) == sorted(item[sets][kind])
        found[sets][kind] = item[sets][kind]
assert found == item, found
assert "Item" not in db.get_item(TableName="machines", Key={"site": {"S": "none"}, "at": {"N": "1"}})
old = db.put_item(TableName="machines", Item={**key, "v": {"N": "2"}}, ReturnValues="ALL_OLD")["Attributes"]
assert old["map"] == item["map"]
gone = db.delete_item(TableName="machines", Key=key, ReturnValues="ALL_OLD")["Attributes"]
assert gone == {**key, "v": {"N": "2"}}
db.delete_item(TableName="machines", Key=key)

# Batches, pages, key conditions.
for start in range(0, 100, 25):
    answer = db.batch_write_item(RequestItems={"machines": [
        {"PutRequest": {"Item": {"site": {"S": f"s{n % 2}"}, "at": {"N": str(n)}, "pad": {"S": "x" * 20000}}}}
        for n in range(start, start + 25)
    ]})
    assert answer["UnprocessedItems"] == {}
pages = list(db.get_paginator("scan").paginate(TableName="machines"))
assert len(pages) > 1, "2 MB do not fit a page"
assert sum(page["Count"] for page in pages) == 100
conditions = {
    "site": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "s1"}]},
    "at": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "10"}, {"N": "20"}]},
}
page = db.query(TableName="machines", KeyConditions=conditions, ScanIndexForward=False)
assert [item["at"]["N"] for item in page["Items"]] == ["19", "17", "15", "13", "11"], page
walked = []
for page in db.get_paginator("query").paginate(
    TableName="machines",
    KeyConditions={"site": conditions["site"]},
    PaginationConfig={"PageSize": 7},
):
    walked += [int(item["at"]["N"]) for item in page["Items"]]
assert walked == list(range(1, 100, 2)), walked
got = db.batch_get_item(RequestItems={"machines": {"Keys": [
    {"site": {"S": f"s{n % 2}"}, "at": {"N": str(n)}} for n in range(90, 110)
]}})
assert len(got["Responses"]["machines"]) == 10 and got["UnprocessedKeys"] == {}
assert db.scan(TableName="machines", Select="COUNT", Limit=3)["Count"] == 3

# TTL.
db.update_time_to_live(
    TableName="machines", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
)
ttl = db.describe_time_to_live(TableName="machines")["TimeToLiveDescription"]
assert ttl["AttributeName"] == "expires" and ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING"), ttl
db.put_item(TableName="machines", Item={**key, "expires": {"N": "1700000000"}})
assert "Item" not in db.get_item(TableName="machines", Key=key), "it expired in 2023"

# Errors an application catches.
refused("ResourceNotFoundException", lambda: db.get_item(TableName="nothing", Key=key))
refused("ValidationException", lambda: db.get_item(TableName="machines", Key={"site": {"S": "a"}}), "schema")
refused("ValidationException", lambda: db.put_item(TableName="machines", Item={**key, "n": {"N": "1e999"}}))
refused("ConditionalCheckFailedException", lambda: db.put_item(
    TableName="machines", Item=key, ConditionExpression="attribute_exists(nothing)"
))
refused("ValidationException", lambda: db.put_item(
    TableName="machines", Item=key, ConditionExpression="attribute_exists(name)"
), "reserved keyword: name")
# What is not there yet says so, and does nothing else.
refused("ValidationException", lambda: db.scan(TableName="machines", IndexName="by_name"), "does not have the specified index")
refused("ValidationException", lambda: db.execute_statement(Statement="SELECT * FROM machines"), "not supported")
assert db.describe_endpoints()["Endpoints"][0]["Address"]

db.delete_table(TableName="machines")
db.get_waiter("table_not_exists").wait(TableName="machines")
