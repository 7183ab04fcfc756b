"""boto3's dynamodbstreams client against a daemon: a consumer as an application would write it."""

import sys
import time

import boto3

url = sys.argv[1]
db = boto3.client("dynamodb", endpoint_url=url)
streams = boto3.client("dynamodbstreams", endpoint_url=url)


def consume(arn, kind="TRIM_HORIZON"):
    """All records of a stream that are there now, by shards and pages."""
    records, shards = [], []
    description = streams.describe_stream(StreamArn=arn, Limit=1)["StreamDescription"]
    shards += description["Shards"]
    while "LastEvaluatedShardId" in description:
        description = streams.describe_stream(
            StreamArn=arn, ExclusiveStartShardId=description["LastEvaluatedShardId"]
        )["StreamDescription"]
        shards += description["Shards"]
    for shard in shards:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType=kind
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator, Limit=7)
            records += page["Records"]
            iterator = page.get("NextShardIterator")
            if not page["Records"]:
                break
    return records


created = db.create_table(
    TableName="machines",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    BillingMode="PAY_PER_REQUEST",
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    Tags=[{"Key": "site", "Value": "north"}],
)["TableDescription"]
arn = created["LatestStreamArn"]
assert streams.list_streams(TableName="machines")["Streams"][0]["StreamArn"] == arn
assert consume(arn) == []

for n in range(20):
    db.put_item(TableName="machines", Item={"id": {"S": str(n)}, "n": {"N": "1"}})
    db.put_item(TableName="machines", Item={"id": {"S": str(n)}, "n": {"N": "1.0"}})
    db.put_item(TableName="machines", Item={"id": {"S": str(n)}, "n": {"N": "2"}})
db.delete_item(TableName="machines", Key={"id": {"S": "0"}})
db.batch_write_item(RequestItems={"machines": [
    {"DeleteRequest": {"Key": {"id": {"S": "1"}}}},
    {"PutRequest": {"Item": {"id": {"S": "new"}}}},
]})
records = consume(arn)
names = [record["eventName"] for record in records]
assert names == ["INSERT", "MODIFY"] * 20 + ["REMOVE", "REMOVE", "INSERT"], names
numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
assert numbers == sorted(set(numbers))
first = records[1]["dynamodb"]
assert first["Keys"] == {"id": {"S": "0"}} and first["OldImage"]["n"] == {"N": "1"}
assert first["NewImage"]["n"] == {"N": "2"} and first["StreamViewType"] == "NEW_AND_OLD_IMAGES"
assert abs(first["ApproximateCreationDateTime"].timestamp() - time.time()) < 3600
assert consume(arn, "LATEST") == []

# What expires is removed by the service, without anyone touching it.
db.update_time_to_live(
    TableName="machines", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
)
db.put_item(TableName="machines", Item={"id": {"S": "mortal"}, "until": {"N": str(int(time.time()) + 1)}})
give_up = time.monotonic() + 120
while True:
    assert time.monotonic() < give_up, "nothing was removed"
    last = consume(arn)[-1]
    if last["eventName"] == "REMOVE":
        break
    time.sleep(0.1)
assert last["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}, last
assert last["dynamodb"]["OldImage"]["id"] == {"S": "mortal"}, last

# A table's settings and tags, as infrastructure tools ask for them.
table_arn = created["TableArn"]
db.tag_resource(ResourceArn=table_arn, Tags=[{"Key": "owner", "Value": "ops"}])
db.untag_resource(ResourceArn=table_arn, TagKeys=["site"])
assert db.list_tags_of_resource(ResourceArn=table_arn)["Tags"] == [{"Key": "owner", "Value": "ops"}]
assert db.describe_limits()["TableMaxReadCapacityUnits"] == 40000
db.update_table(TableName="machines", DeletionProtectionEnabled=True)
try:
    db.delete_table(TableName="machines")
    raise AssertionError("a protected table was deleted")
except db.exceptions.ClientError as error:
    assert error.response["Error"]["Code"] == "ValidationException", error
db.update_table(TableName="machines", DeletionProtectionEnabled=False)
db.update_table(
    TableName="machines",
    BillingMode="PROVISIONED",
    ProvisionedThroughput={"ReadCapacityUnits": 10, "WriteCapacityUnits": 10},
)

# The stream ends, and can still be read; the next one is another.
db.update_table(TableName="machines", StreamSpecification={"StreamEnabled": False})
ended = streams.describe_stream(StreamArn=arn)["StreamDescription"]
assert ended["StreamStatus"] == "DISABLED"
assert "EndingSequenceNumber" in ended["Shards"][0]["SequenceNumberRange"]
assert len(consume(arn)) == len(records) + 2
db.update_table(
    TableName="machines", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
)
second = db.describe_table(TableName="machines")["Table"]["LatestStreamArn"]
assert second != arn
db.delete_table(TableName="machines")
assert {s["StreamArn"] for s in streams.list_streams(TableName="machines")["Streams"]} == {arn, second}
try:
    streams.get_records(ShardIterator="x")
    raise AssertionError("no iterator, and no error")
except streams.exceptions.ClientError as error:
    assert error.response["Error"]["Code"] == "ValidationException", error
