#!/usr/bin/env bash
# The AWS CLI as the README shows it.
set -euo pipefail
db() { aws --endpoint-url "$url" dynamodb "$@"; }
fail() { echo "$*" >&2; exit 1; }
same() { [ "$1" = "$2" ] || fail "expected $2, got $1"; }
url=$1

db create-table --table-name tools --attribute-definitions AttributeName=id,AttributeType=S \
  --key-schema AttributeName=id,KeyType=HASH --billing-mode PAY_PER_REQUEST >/dev/null
db wait table-exists --table-name tools
same "$(db list-tables --query 'join(`,`, TableNames)' --output text)" readings,tools

db put-item --table-name tools --item '{"id": {"S": "saw"}, "teeth": {"N": "23.20"}}'
same "$(db get-item --table-name tools --key '{"id": {"S": "saw"}}' --query Item.teeth.N --output text)" 23.2

for ts in 1 2 3; do
  db put-item --table-name readings --item "{\"device\": {\"S\": \"hall\"}, \"ts\": {\"N\": \"$ts\"}}"
done
conditions='{"device": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "hall"}]}}'
same "$(db query --table-name readings --key-conditions "$conditions" --no-scan-index-forward \
  --query 'join(`,`, Items[].ts.N)' --output text)" 3,2,1
same "$(db scan --table-name readings --max-items 2 --query 'length(Items)' --output text)" 2
db delete-item --table-name readings --key '{"device": {"S": "hall"}, "ts": {"N": "2"}}'
same "$(db scan --table-name readings --select COUNT --query Count --output text)" 2

if db get-item --table-name nothing --key '{"id": {"S": "a"}}' 2>"$HOME/error"; then fail "a missing table was found"; fi
grep -q ResourceNotFoundException "$HOME/error" || fail "$(cat "$HOME/error")"

db transact-write-items --client-request-token fetch --transact-items '[
  {"Delete": {"TableName": "tools", "Key": {"id": {"S": "saw"}}, "ConditionExpression": "attribute_exists(id)"}},
  {"Put": {"TableName": "tools", "Item": {"id": {"S": "axe"}}}}]'
same "$(db transact-get-items --transact-items '[{"Get": {"TableName": "tools", "Key": {"id": {"S": "saw"}}}},
  {"Get": {"TableName": "tools", "Key": {"id": {"S": "axe"}}}}]' --query 'Responses[].Item.id.S' --output text)" axe
if db transact-write-items --transact-items '[{"Delete": {"TableName": "tools", "Key": {"id": {"S": "saw"}},
  "ConditionExpression": "attribute_exists(id)"}}]' 2>"$HOME/error"; then fail "a transaction was not cancelled"; fi
grep -q 'TransactionCanceledException.*\[ConditionalCheckFailed\]' "$HOME/error" || fail "$(cat "$HOME/error")"

db delete-table --table-name tools >/dev/null
db wait table-not-exists --table-name tools
