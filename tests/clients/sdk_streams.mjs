// The JavaScript SDK's streams client: a consumer as an application would write it. Usage: sdk_streams.mjs ENDPOINT

import { strict as assert } from "node:assert";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url); // finds the packages in NODE_PATH
const sdk = require("@aws-sdk/client-dynamodb");
const lib = require("@aws-sdk/lib-dynamodb");
const streaming = require("@aws-sdk/client-dynamodb-streams");

const endpoint = process.argv[2];
const client = new sdk.DynamoDB({ endpoint });
const documents = lib.DynamoDBDocument.from(client);
const streams = new streaming.DynamoDBStreams({ endpoint });

const TableName = "machines";
await client.createTable({
  TableName,
  AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
  KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  BillingMode: "PAY_PER_REQUEST",
  StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
});
await sdk.waitUntilTableExists({ client, maxWaitTime: 60 }, { TableName });
const [{ StreamArn }] = (await streams.listStreams({ TableName })).Streams;
assert.equal(StreamArn, (await client.describeTable({ TableName })).Table.LatestStreamArn);

const before = Date.now();
await documents.put({ TableName, Item: { id: "a", n: 1, raw: Uint8Array.of(1, 2) } });
await documents.put({ TableName, Item: { id: "a", n: 1, raw: Uint8Array.of(1, 2) } });
await documents.update({ TableName, Key: { id: "a" }, UpdateExpression: "ADD n :one", ExpressionAttributeValues: { ":one": 1 } });
await documents.transactWrite({ TransactItems: [
  { Delete: { TableName, Key: { id: "a" } } }, { Put: { TableName, Item: { id: "b" } } },
] });

async function consume(ShardIteratorType, SequenceNumber) {
  const records = [];
  for (const { ShardId } of (await streams.describeStream({ StreamArn })).StreamDescription.Shards) {
    let { ShardIterator } = await streams.getShardIterator({ StreamArn, ShardId, ShardIteratorType, SequenceNumber });
    while (ShardIterator) {
      const page = await streams.getRecords({ ShardIterator, Limit: 3 });
      if (page.Records.length === 0) break;
      records.push(...page.Records);
      ShardIterator = page.NextShardIterator;
    }
  }
  return records;
}

const records = await consume("TRIM_HORIZON");
assert.deepEqual(records.map((record) => record.eventName), ["INSERT", "MODIFY", "REMOVE", "INSERT"]);
const modified = records[1];
assert.equal(modified.eventSource, "aws:dynamodb");
assert.deepEqual(modified.dynamodb.Keys, { id: { S: "a" } });
assert.deepEqual([modified.dynamodb.OldImage.n, modified.dynamodb.NewImage.n], [{ N: "1" }, { N: "2" }]);
assert.deepEqual(modified.dynamodb.NewImage.raw.B, Uint8Array.of(1, 2));
const when = modified.dynamodb.ApproximateCreationDateTime;
assert.ok(when instanceof Date && Math.abs(when - before) < 3600_000, `${when}`);
const numbers = records.map((record) => record.dynamodb.SequenceNumber);
assert.equal((await consume("AFTER_SEQUENCE_NUMBER", numbers[1])).length, 2);
assert.equal((await consume("AT_SEQUENCE_NUMBER", numbers[1])).length, 3);
assert.equal((await consume("LATEST")).length, 0);

await assert.rejects(
  streams.describeStream({ StreamArn: StreamArn.replace("machines", "nothing") }),
  (error) => error instanceof streaming.ResourceNotFoundException,
);
await client.deleteTable({ TableName });
assert.equal((await consume("TRIM_HORIZON")).length, 4);
for (const one of [client, streams]) one.destroy();
