"""PynamoDB, an object mapper: a model with indexes, a version and an expiry, as an application would have it.

Usage: mapped.py ENDPOINT"""

import sys
import time
from datetime import datetime, timedelta, timezone

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import DeleteError, DoesNotExist, PutError, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, LocalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite


class ByState(GlobalSecondaryIndex):
    class Meta:
        index_name = "by-state"
        projection = IncludeProjection(["owner"])

    state = UnicodeAttribute(hash_key=True)
    at = NumberAttribute(range_key=True)


class ByPower(LocalSecondaryIndex):
    class Meta:
        index_name = "by-power"
        projection = AllProjection()

    site = UnicodeAttribute(hash_key=True)
    power = NumberAttribute(range_key=True)


class Owner(MapAttribute):
    name = UnicodeAttribute()
    phone = UnicodeAttribute(null=True)


class Machine(Model):
    class Meta:
        table_name = "machines"
        host = sys.argv[1]
        billing_mode = "PAY_PER_REQUEST"

    site = UnicodeAttribute(hash_key=True)
    at = NumberAttribute(range_key=True)
    state = UnicodeAttribute(null=True)
    power = NumberAttribute(default=0)
    owner = Owner(null=True)
    tags = UnicodeSetAttribute(null=True)
    ports = NumberSetAttribute(null=True)
    steps = ListAttribute(null=True)
    raw = BinaryAttribute(null=True, legacy_encoding=False)
    on = BooleanAttribute(default=False)
    settings = JSONAttribute(null=True)
    built = UTCDateTimeAttribute(null=True)
    until = TTLAttribute(null=True)
    by_state = ByState()
    by_power = ByPower()


class Counted(Model):
    class Meta:
        table_name = "counted"
        host = sys.argv[1]
        read_capacity_units = 5
        write_capacity_units = 5

    id = UnicodeAttribute(hash_key=True)
    n = NumberAttribute(default=0)
    version = VersionAttribute()


def refused(kind, code, call):
    try:
        call()
    except kind as error:
        assert error.cause_response_code == code, error
        return error
    raise AssertionError(f"{code} was expected")


for model in (Machine, Counted):
    assert not model.exists()
    model.create_table(wait=True)
    assert model.exists()
described = Machine.describe_table()
assert described["GlobalSecondaryIndexes"][0]["IndexName"] == "by-state", described
assert described["LocalSecondaryIndexes"][0]["Projection"]["ProjectionType"] == "ALL", described
ttl = Connection(host=sys.argv[1]).client.describe_time_to_live(TableName="machines")
assert ttl["TimeToLiveDescription"]["AttributeName"] == "until", ttl

# There and back, every kind of attribute.
built = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=timezone.utc)
saw = Machine(
    "hall", 1, state="up", power=23.5, owner=Owner(name="Ada"), tags={"wet", "loud"}, ports={1, 2.5},
    steps=[1, "two", {"three": None}], raw=b"\x00\xff", on=True, settings={"a": [1, None]}, built=built,
    until=datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1),
)
saw.save(condition=Machine.site.does_not_exist())
found = Machine.get("hall", 1, consistent_read=True)
for name, value in saw.attribute_values.items():
    back = getattr(found, name)
    # Two maps of a class of their own are never equal in PynamoDB.
    assert back == value or back.as_dict() == value.as_dict(), (name, back, value)
refused(PutError, "ConditionalCheckFailedException", lambda: saw.save(condition=Machine.site.does_not_exist()))
saw.save(condition=(Machine.power > 20) & Machine.tags.contains("wet") & ~Machine.state.is_in("down", "gone"))
saw.save(condition=Machine.owner.name.startswith("A") | (Machine.steps[1] == "three"))
try:
    Machine.get("hall", 2)
    raise AssertionError("an item that is not there was found")
except DoesNotExist:
    pass

# Update actions, and what they answer.
saw.update(
    actions=[
        Machine.power.set(Machine.power + 1),
        Machine.steps.set(Machine.steps.append([4])),
        Machine.owner.phone.set("112"),
        Machine.tags.delete({"loud"}),
        Machine.ports.add({7}),
        Machine.settings.remove(),
        Machine.state.set(Machine.state | "unknown"),
    ],
    condition=Machine.power.between(23, 24) & (Machine.tags.exists()),
)
assert saw.power == 24.5 and saw.steps[3] == 4 and saw.owner.phone == "112", saw.to_simple_dict()
assert saw.tags == {"wet"} and saw.ports == {1, 2.5, 7} and saw.settings is None and saw.state == "up"
refused(UpdateError, "ConditionalCheckFailedException", lambda: saw.update(
    actions=[Machine.power.set(0)], condition=Machine.state.is_type() & (Machine.state == "down")))
saw.refresh()
assert saw.power == 24.5

# Batches, pages, indexes.
with Machine.batch_write() as batch:
    for n in range(2, 62):
        state = ["up", "down", None][n % 3]
        batch.save(Machine("hall", n, state=state, power=n * n % 100, owner=Owner(name=f"o{n}")))
    batch.save(Machine("yard", 1))
with Machine.batch_write() as batch:
    batch.delete(Machine("yard", 1))
got = list(Machine.batch_get([("hall", n) for n in range(1, 121)]))
assert sorted(machine.at for machine in got) == list(range(1, 62))
got = list(Machine.batch_get([("hall", 5)], attributes_to_get=["power"], consistent_read=True))
assert got[0].power == 25 and got[0].owner is None
assert Machine.count("hall") == 61 and Machine.count("hall", Machine.at >= 60) == 2
page = Machine.query("hall", Machine.at.between(10, 40), Machine.state == "up", scan_index_forward=False, page_size=4)
assert [machine.at for machine in page] == list(range(39, 9, -3))
page = Machine.query("hall", limit=3)
assert [machine.at for machine in page] == [1, 2, 3]
page = Machine.query("hall", limit=2, last_evaluated_key=page.last_evaluated_key)
assert [machine.at for machine in page] == [4, 5]
down = list(Machine.by_state.query("down", Machine.at < 30, page_size=3))
assert [machine.at for machine in down] == list(range(4, 30, 3)) and down[0].owner.name == "o4"
assert Machine.by_state.count("up") == 21 and len(list(Machine.by_state.scan())) == 41
strong = list(Machine.by_power.query("hall", Machine.power >= 90, consistent_read=True, attributes_to_get=["power"]))
wanted = sorted(n * n % 100 for n in range(2, 62) if n * n % 100 >= 90)
assert [machine.power for machine in strong] == wanted
scanned = [machine for part in range(3) for machine in Machine.scan(Machine.power > 50, segment=part, total_segments=3)]
assert len(scanned) == len([n for n in range(2, 62) if n * n % 100 > 50])
assert len(list(Machine.scan(page_size=10, rate_limit=100_000))) == 61

# A version: who saves an old copy is refused.
one = Counted("one")
one.save()
copy = Counted.get("one")
one.update(actions=[Counted.n.add(1)])
assert one.version == 2 and one.n == 1
refused(PutError, "ConditionalCheckFailedException", copy.save)
refused(DeleteError, "ConditionalCheckFailedException", copy.delete)

# Transactions.
connection = Connection(host=sys.argv[1])
with TransactWrite(connection=connection, client_request_token="start-7") as write:
    write.condition_check(Counted, "one", condition=Counted.n == 1)
    write.update(saw, actions=[Machine.state.set("down")], condition=Machine.state == "up")
    write.save(Counted("two", n=2), return_values="ALL_OLD")
    write.delete(Machine("hall", 61))
try:
    with TransactWrite(connection=connection) as write:
        write.condition_check(Counted, "one", condition=Counted.n == 1)
        write.update(saw, actions=[Machine.state.set("gone")], condition=Machine.state == "up",
                     return_values="ALL_OLD")
        write.save(Counted("three"))
    raise AssertionError("a transaction whose condition does not hold was made")
except TransactWriteError as error:
    assert error.cause_response_code == "TransactionCanceledException"
    # PynamoDB sends the updates last.
    assert [reason and reason.code for reason in error.cancellation_reasons] == [None, None, "ConditionalCheckFailed"]
    assert error.cancellation_reasons[2].raw_item["state"] == {"S": "down"}, error.cancellation_reasons
with TransactGet(connection=connection) as get:
    two, gone = get.get(Counted, "two"), get.get(Machine, "hall", 61)
    first = get.get(Machine, "hall", 1)
assert two.get().n == 2 and first.get().state == "down"
try:
    gone.get()
    raise AssertionError("a deleted item was found")
except DoesNotExist:
    pass

# What is past its time is not there.
saw.update(actions=[Machine.until.set(datetime.fromtimestamp(time.time() - 60, timezone.utc))])
assert [machine.at for machine in Machine.query("hall", limit=1)] == [2]

one.delete(condition=Counted.n == 1)
assert [left.id for left in Counted.scan()] == ["two"]
for model in (Machine, Counted):
    model.delete_table()
    assert not model.exists()
