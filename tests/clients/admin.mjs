// dynamodb-admin, the page that people look at their tables with: started against a daemon and used through its own
// routes, as a browser would. Usage: admin.mjs ENDPOINT

import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

const command = createRequire(import.meta.url).resolve("dynamodb-admin/dist/dynamodb-admin.js"); // in NODE_PATH
const admin = spawn(process.execPath, [command, "--host", "127.0.0.1", "--port", "0", "--dynamo-endpoint", process.argv[2]]);
process.on("exit", () => admin.kill("SIGKILL"));
let said = "";
const address = new Promise((found, failed) => {
  const listen = (text) => {
    said += text;
    const line = said.match(/listening on (http:\S+)/);
    if (line) found(line[1]);
  };
  for (const stream of [admin.stdout, admin.stderr]) stream.on("data", listen);
  admin.on("exit", () => failed(new Error(`dynamodb-admin ended: ${said}`)));
});
const url = await address;

async function ask(method, path, body) {
  const answer = await fetch(url + path, {
    method, body: body && JSON.stringify(body), headers: { "content-type": "application/json" },
  });
  const text = await answer.text();
  return { status: answer.status, text };
}
async function page(path) {
  const { status, text } = await ask("GET", path);
  assert.equal(status, 200, text);
  return text;
}
async function done(method, path, body) {
  const { status, text } = await ask(method, path, body);
  assert.ok(status === 200 || status === 204, `${method} ${path}: ${status} ${text}`);
  return text && text !== "OK" ? JSON.parse(text) : undefined;
}
const items = async (query = "") => JSON.parse(await page(`/tables/machines/items?${query}`));

// Tables.
assert.match(await page("/"), /readings/);
const TableDefinition = {
  TableName: "machines", HashAttributeName: "site", HashAttributeType: "S",
  RangeAttributeName: "at", RangeAttributeType: "N", ReadCapacityUnits: 50, WriteCapacityUnits: 50,
};
await done("POST", "/create-table", {
  TableDefinition,
  SecondaryIndexes: [
    { IndexName: "by-state", IndexType: "global", HashAttributeName: "state", HashAttributeType: "S",
      ReadCapacityUnits: 50, WriteCapacityUnits: 50 },
    { IndexName: "by-power", IndexType: "local", HashAttributeName: "site", HashAttributeType: "S",
      RangeAttributeName: "power", RangeAttributeType: "N" },
  ],
});
const tables = JSON.parse(await page("/api/tables"));
assert.deepEqual(tables.map((table) => table.TableName), ["machines", "readings"]);
assert.equal(tables[0].GlobalSecondaryIndexes[0].IndexStatus, "ACTIVE");
assert.equal(tables[0].LocalSecondaryIndexes[0].KeySchema[1].AttributeName, "power");
assert.match(await page("/"), /machines/);
const again = await ask("POST", "/create-table", { TableDefinition });
assert.equal(again.status, 500);
assert.match(again.text, /Table already exists: machines/);

// Items: added, edited, shown.
await page("/tables/machines/add-item");
for (let at = 1; at <= 40; at += 1) {
  const item = { site: "Zürich ⚙", at, state: at % 2 ? "up" : "down", power: at * 1.5, parts: [{ ok: true }, null] };
  assert.deepEqual(await done("PUT", "/tables/machines/add-item", item), { site: item.site, at });
}
const path = `/tables/machines/items/${encodeURIComponent("Zürich ⚙,7")}`;
assert.match(await page(path), /10\.5/);
const edited = { site: "Zürich ⚙", at: 7, state: "gone", note: "sold" };
assert.deepEqual(await done("PUT", path, edited), edited);
assert.match(await page(path), /sold/);
assert.equal((await ask("GET", "/tables/machines/items/nowhere,1")).status, 404);

// The table's page: its parts, then pages of items by scan and query, with filters.
assert.match(await page("/tables/machines"), /by-state/);
const first = await items("pageSize=25");
assert.deepEqual(first.Items.map((item) => item.at), Array.from({ length: 25 }, (_, n) => n + 1));
const second = await items(`pageSize=25&startKey=${first.nextKey}`);
assert.deepEqual(second.Items.map((item) => item.at), Array.from({ length: 15 }, (_, n) => n + 26));
assert.equal(second.nextKey, null);
const filters = (wanted) => `filters=${encodeURIComponent(JSON.stringify(wanted))}`;
const strong = await items(filters({ power: { type: "N", operator: ">", value: "54" }, state: { type: "S", operator: "begins_with", value: "d" } }));
assert.deepEqual(strong.Items.map((item) => item.at), [38, 40]);
const key = { site: { type: "S", operator: "=", value: "Zürich ⚙" }, at: { type: "N", operator: "<=", value: "8" } };
const early = await items(`operationType=query&${filters({ ...key, state: { type: "S", operator: "=", value: "up" } })}`);
assert.deepEqual(early.Items.map((item) => item.at), [1, 3, 5]);
const gone = await items(`operationType=query&queryableSelection=by-state&${filters({ state: { type: "S", operator: "=", value: "gone" } })}`);
assert.deepEqual(gone.Items.map((item) => item.note), ["sold"]);
for (const part of ["meta", "ttl", "get"]) assert.match(await page(`/tables/machines/${part}`), /machines/);

// Away with them: one item, all items, the table.
await done("DELETE", path);
assert.equal((await ask("GET", path)).status, 404);
await done("DELETE", "/tables/machines/all");
assert.deepEqual((await items()).Items, []);
await done("DELETE", "/tables/machines");
assert.doesNotMatch(await page("/"), /machines/);
admin.kill();
