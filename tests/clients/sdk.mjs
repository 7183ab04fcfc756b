// The JavaScript SDK v3: the low-level client and the document client, paginators, waiters, error classes.
// Usage: sdk.mjs ENDPOINT

import { strict as assert } from "node:assert";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url); // finds the packages in NODE_PATH
const sdk = require("@aws-sdk/client-dynamodb");
const lib = require("@aws-sdk/lib-dynamodb");

const endpoint = process.argv[2];
const client = new sdk.DynamoDBClient({ endpoint });
const documents = lib.DynamoDBDocumentClient.from(client, {
  marshallOptions: { removeUndefinedValues: true, convertEmptyValues: false },
});
// A client of its own: the options of a document client hold for all that are made from the same one.
const exactly = new sdk.DynamoDBClient({ endpoint });
const big = lib.DynamoDBDocumentClient.from(exactly, { unmarshallOptions: { wrapNumbers: lib.NumberValue.from } });

async function refused(kind, promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof kind, `${error.name}: ${error.message}`);
    assert.equal(error.$fault, "client");
    assert.ok(error.$metadata.requestId, "an error carries the request's id");
    return error;
  }
  assert.fail(`${kind.name} was expected`);
}
async function all(pages, member) {
  const found = [];
  for await (const page of pages) found.push(...(page[member] ?? []));
  return found;
}

// Tables and waiters.
const S = (AttributeName) => ({ AttributeName, AttributeType: "S" });
const N = (AttributeName) => ({ AttributeName, AttributeType: "N" });
const key = (...names) => names.map((AttributeName, n) => ({ AttributeName, KeyType: n ? "RANGE" : "HASH" }));
const TableName = "machines";
const created = await client.send(new sdk.CreateTableCommand({
  TableName,
  AttributeDefinitions: [S("site"), N("at"), S("state")],
  KeySchema: key("site", "at"),
  GlobalSecondaryIndexes: [
    { IndexName: "by-state", KeySchema: key("state", "at"), Projection: { ProjectionType: "ALL" } },
  ],
  BillingMode: "PAY_PER_REQUEST",
}));
assert.ok(created.TableDescription.CreationDateTime instanceof Date);
const waited = await sdk.waitUntilTableExists({ client, maxWaitTime: 60 }, { TableName });
assert.equal(waited.state, "SUCCESS");
await refused(sdk.ResourceInUseException, client.send(new sdk.CreateTableCommand({
  TableName, AttributeDefinitions: [S("site")], KeySchema: key("site"), BillingMode: "PAY_PER_REQUEST",
})));
await refused(sdk.ResourceNotFoundException, client.send(new sdk.DescribeTableCommand({ TableName: "nothing" })));
assert.deepEqual(await all(sdk.paginateListTables({ client, pageSize: 1 }, {}), "TableNames"), ["machines", "readings"]);

// Items: JavaScript's own types there and back.
const saw = {
  site: "Zürich ⚙", at: 1, empty: "", yes: true, none: null, n: -1.5e-7, raw: Uint8Array.of(0, 255),
  list: [1, "two", [], { three: 3 }], map: { deep: { er: false } },
  ss: new Set(["a", "b"]), ns: new Set([1, 2.5]), bs: new Set([Uint8Array.of(1), Uint8Array.of(2)]),
};
const ofSaw = { site: saw.site, at: 1 };
const put = await documents.send(new lib.PutCommand({ TableName, Item: { ...saw, gone: undefined }, ReturnConsumedCapacity: "TOTAL" }));
assert.equal(put.ConsumedCapacity.CapacityUnits, 1);
assert.equal(put.$metadata.httpStatusCode, 200);
const got = await documents.send(new lib.GetCommand({ TableName, Key: ofSaw, ConsistentRead: true }));
assert.deepEqual(got.Item, saw);
const absent = await documents.send(new lib.GetCommand({ TableName, Key: { site: "no", at: 0 } }));
assert.equal(absent.Item, undefined);

// Numbers that JavaScript can't hold.
const huge = "1234567890123456789012345678901234567.8";
await documents.send(new lib.PutCommand({ TableName, Item: { site: "big", at: 9007199254740993n, huge: lib.NumberValue.from(huge) } }));
const exact = await big.send(new lib.GetCommand({ TableName, Key: { site: "big", at: 9007199254740993n } }));
assert.equal(exact.Item.huge.toString(), huge);
assert.equal(exact.Item.at.toBigInt(), 9007199254740993n);
await documents.send(new lib.DeleteCommand({ TableName, Key: { site: "big", at: 9007199254740993n } }));

// Updates and their answers.
const updated = await documents.send(new lib.UpdateCommand({
  TableName, Key: ofSaw,
  UpdateExpression: "SET #s = :s, #l[1] = :two, n = n + :d ADD ss :c, hits :d DELETE ns :one REMOVE #m.deep.er",
  ConditionExpression: "attribute_exists(site) AND size(#l) = :four",
  ExpressionAttributeNames: { "#s": "state", "#l": "list", "#m": "map" },
  ExpressionAttributeValues: {
    ":s": "up", ":two": "zwei", ":c": new Set(["c"]), ":d": 1, ":one": new Set([1]), ":four": 4,
  },
  ReturnValues: "ALL_NEW",
}));
assert.deepEqual(updated.Attributes, {
  ...saw, state: "up", list: [1, "zwei", [], { three: 3 }], ss: new Set(["a", "b", "c"]), hits: 1,
  n: 0.99999985, ns: new Set([2.5]), map: { deep: {} },
});

// Batches and pages.
for (let start = 0; start < 100; start += 25) {
  const wave = Array.from({ length: 25 }, (_, n) => ({
    PutRequest: { Item: { site: "hall", at: start + n, state: n % 2 ? "up" : "down", pad: "x".repeat(20000) } },
  }));
  const answer = await documents.send(new lib.BatchWriteCommand({ RequestItems: { [TableName]: wave } }));
  assert.deepEqual(answer.UnprocessedItems, {});
}
const batch = await documents.send(new lib.BatchGetCommand({
  RequestItems: { [TableName]: { Keys: [ofSaw, { site: "hall", at: 7 }, { site: "hall", at: 700 }], ProjectionExpression: "#a", ExpressionAttributeNames: { "#a": "at" } } },
}));
assert.deepEqual(batch.Responses[TableName].map((item) => item.at).sort(), [1, 7]);
assert.deepEqual(batch.UnprocessedKeys, {});
const scanned = [];
let pages = 0;
for await (const page of lib.paginateScan({ client: documents }, { TableName })) {
  pages += 1;
  scanned.push(...page.Items);
}
assert.equal(scanned.length, 101);
assert.ok(pages > 1, "2 MB do not fit a page");
const backwards = await all(lib.paginateQuery({ client: documents, pageSize: 7 }, {
  TableName, KeyConditionExpression: "site = :s AND #a BETWEEN :low AND :high", FilterExpression: "#st <> :up",
  ExpressionAttributeNames: { "#a": "at", "#st": "state" },
  ExpressionAttributeValues: { ":s": "hall", ":low": 10, ":high": 40, ":up": "up" }, ScanIndexForward: false,
}), "Items");
const wanted = Array.from({ length: 31 }, (_, n) => 40 - n).filter((at) => at % 25 % 2 === 0);
assert.deepEqual(backwards.map((item) => item.at), wanted);
const byState = await all(lib.paginateQuery({ client: documents, pageSize: 9 }, {
  TableName, IndexName: "by-state", KeyConditionExpression: "#st = :up", ProjectionExpression: "site",
  ExpressionAttributeNames: { "#st": "state" }, ExpressionAttributeValues: { ":up": "up" },
}), "Items");
assert.equal(byState.length, 49);

// Error classes, with what they carry.
const failed = await refused(sdk.ConditionalCheckFailedException, documents.send(new lib.PutCommand({
  TableName, Item: ofSaw, ConditionExpression: "attribute_not_exists(site)", ReturnValuesOnConditionCheckFailure: "ALL_OLD",
})));
assert.equal(failed.message, "The conditional request failed");
assert.deepEqual(failed.Item.state, { S: "up" });
const invalid = await refused(sdk.DynamoDBServiceException, documents.send(new lib.GetCommand({ TableName, Key: { site: "hall" } })));
assert.equal(invalid.name, "ValidationException");
assert.equal(invalid.$metadata.httpStatusCode, 400);

// Transactions.
const move = (state, ClientRequestToken) => documents.send(new lib.TransactWriteCommand({
  ClientRequestToken,
  TransactItems: [
    { Update: {
      TableName, Key: ofSaw, UpdateExpression: "SET #s = :s", ConditionExpression: "#s <> :s",
      ExpressionAttributeNames: { "#s": "state" }, ExpressionAttributeValues: { ":s": state },
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    } },
    { Put: { TableName, Item: { site: "log", at: 1, state } } },
    { Delete: { TableName, Key: { site: "hall", at: 99 } } },
    { ConditionCheck: { TableName, Key: { site: "hall", at: 98 }, ConditionExpression: "attribute_exists(site)" } },
  ],
}));
await move("down", "shift-1");
await move("down", "shift-1"); // the same token: made once
const cancelled = await refused(sdk.TransactionCanceledException, move("down"));
assert.deepEqual(cancelled.CancellationReasons.map((reason) => reason.Code), ["ConditionalCheckFailed", "None", "None", "None"]);
assert.equal(cancelled.CancellationReasons[0].Message, "The conditional request failed");
assert.deepEqual(cancelled.CancellationReasons[0].Item.state, { S: "down" });
await refused(sdk.IdempotentParameterMismatchException, move("up", "shift-1"));
const read = await documents.send(new lib.TransactGetCommand({
  TransactItems: [{ site: "log", at: 1 }, { site: "hall", at: 99 }].map((Key) => ({ Get: { TableName, Key } })),
}));
assert.deepEqual(read.Responses.map((one) => one.Item), [{ site: "log", at: 1, state: "down" }, undefined]);

// The aggregated clients, as much code calls them.
const whole = new sdk.DynamoDB({ endpoint });
assert.equal((await lib.DynamoDBDocument.from(whole).get({ TableName, Key: { site: "log", at: 1 } })).Item.state, "down");
await whole.updateTimeToLive({ TableName, TimeToLiveSpecification: { Enabled: true, AttributeName: "until" } });
assert.equal((await whole.describeTimeToLive({ TableName })).TimeToLiveDescription.AttributeName, "until");

await client.send(new sdk.DeleteTableCommand({ TableName }));
await sdk.waitUntilTableNotExists({ client, maxWaitTime: 60 }, { TableName });
for (const one of [client, exactly, whole]) one.destroy();
