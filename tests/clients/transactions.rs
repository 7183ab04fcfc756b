//! Transactions at both endpoints: what is told of them one by one, and random ones, whose outcomes, reasons and traces must
//! be the same.

use serde_json::{Value, json};

use crate::requests::{Differs, Request};
use crate::support::chance::Chance;

use Differs::{Altogether, InAnswer, InText, Nowhere};

const TOP: &str = "DynamoDB Local refuses the request; the service cancels the transaction, with a reason";
const WORDS: &str = "DynamoDB Local has words of its own";
const NEEDED: &str = "DynamoDB Local takes an Update without its expression";
const SHORT: &str = "DynamoDB Local takes an empty token";
const COST: &str =
    "DynamoDB Local counts an Update and a ConditionCheck twice over; the service, each action once, doubled";
const TABLES: &str = "DynamoDB Local looks for duplicates before it looks for the tables";
const MAKES: &str = "DynamoDB Local makes an item of an Update that only removes, in transactions only";
const FIRST: &str = "DynamoDB Local tells of every key that does not fit; the service of the first";

type Row = (&'static str, Value, Differs);

fn key(id: &str) -> Value {
    json!({"id": {"S": id}})
}

fn action(kind: &str, id: &str, more: Value) -> Value {
    let member = if kind == "Put" { "Item" } else { "Key" };
    let mut action = json!({"TableName": "accounts"});
    action[member] = key(id);
    for (name, value) in more.as_object().into_iter().flatten() {
        match (kind, name.as_str()) {
            ("Put", "n") => action["Item"]["n"] = value.clone(),
            _ => action[name] = value.clone(),
        }
    }
    json!({kind: action})
}

fn write(items: impl Into<Vec<Value>>) -> Value {
    json!({"TransactItems": items.into()})
}

fn with(mut body: Value, more: Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

fn get(id: &str, more: Value) -> Value {
    json!({"Get": with(json!({"TableName": "accounts", "Key": key(id)}), more)})
}

/// All of them.
pub(crate) fn requests() -> Vec<Request> {
    let mut all = writes();
    all.extend(refused());
    all.extend(tokens());
    all.extend(reads());
    let request = |(operation, body, differs)| Request { operation, body, differs };
    all.into_iter().map(request).collect()
}

/// The table that they are about.
pub(crate) fn create() -> Value {
    json!({
        "TableName": "accounts", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    })
}

fn writes() -> Vec<Row> {
    let set = json!({"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "5"}}});
    let new = json!({"ConditionExpression": "attribute_not_exists(id)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
    let there = json!({"ConditionExpression": "attribute_exists(id)"});
    let row = |body, differs| ("TransactWriteItems", body, differs);
    vec![
        row(write([action("Put", "a", json!({"n": {"N": "1"}}))]), Nowhere),
        row(write([action("Update", "b", set.clone()), action("Delete", "none", Value::Null)]), Nowhere),
        row(write([action("Put", "c", new.clone()), action("ConditionCheck", "b", there.clone())]), Nowhere),
        row(
            write([
                action("Put", "d", Value::Null),
                action("Put", "a", new.clone()),
                action("Delete", "x", there.clone()),
            ]),
            Nowhere,
        ),
        row(
            write([
                action("Update", "a", with(set.clone(), json!({"ConditionExpression": "n = :n"}))),
                action(
                    "ConditionCheck",
                    "b",
                    with(there.clone(), json!({"ReturnValuesOnConditionCheckFailure": "ALL_OLD"})),
                ),
            ]),
            Nowhere,
        ),
        row(
            with(
                write([action("Put", "e", Value::Null), action("Delete", "c", Value::Null)]),
                json!({"ReturnConsumedCapacity": "TOTAL"}),
            ),
            Nowhere,
        ),
        row(
            with(write([action("ConditionCheck", "e", there)]), json!({"ReturnConsumedCapacity": "INDEXES"})),
            InAnswer(COST),
        ),
        (
            "TransactGetItems",
            write(["a", "b", "c", "d", "e", "none", "x"].map(|id| get(id, Value::Null))),
            Nowhere,
        ),
    ]
}

fn refused() -> Vec<Row> {
    let row = |body, differs| ("TransactWriteItems", body, differs);
    let named = |name: &str| json!({"Put": {"TableName": name, "Item": key("a")}});
    let number = |n: &str| json!({"Put": {"TableName": "accounts", "Item": {"id": {"N": n}}}});
    let expression = |text: &str| json!({"UpdateExpression": text});
    vec![
        row(json!({}), InText(WORDS)),
        row(write([]), InText(WORDS)),
        row(write([json!({})]), Nowhere),
        row(write([json!({"Put": {"TableName": "accounts", "Item": key("a")}, "Delete": {"TableName": "accounts", "Key": key("b")}})]), Nowhere),
        row(write([named("absent")]), Nowhere),
        row(write([action("Put", "a", Value::Null), action("Delete", "a", Value::Null), named("absent")]), Altogether(TABLES)),
        row(write([action("Put", "a", Value::Null), action("Delete", "a", Value::Null)]), Nowhere),
        row(write([action("ConditionCheck", "a", Value::Null)]), InText(WORDS)),
        row(write([action("Update", "b", Value::Null)]), Altogether(NEEDED)),
        row(write([action("Put", "", Value::Null)]), Nowhere),
        row(write([number("1"), number("2")]), InText(FIRST)),
        row(write([number("1")]), Nowhere),
        row(write([json!({"Delete": {"TableName": "accounts", "Key": {}}})]), Altogether(TOP)),
        row(write([json!({"Put": {"TableName": "accounts", "Item": {"x": {"S": "a"}}}})]), Altogether(TOP)),
        row(write([action("Update", "none", expression("SET a = b"))]), Altogether(TOP)),
        row(write([action("Update", "none", expression("SET id = id"))]), Nowhere),
        row(write([action("Update", "none", expression("SET a ="))]), Nowhere),
        row(write([action("Update", "none", expression(""))]), Nowhere),
        row(write([action("Put", "a", json!({"ConditionExpression": "a = :v"}))]), Nowhere),
        row(write([action("Put", "a", json!({"ExpressionAttributeNames": {"#n": "n"}}))]), Nowhere),
        row(write((0..101).map(|at| action("Put", &at.to_string(), Value::Null)).collect::<Vec<_>>()), InText(WORDS)),
        row(
            write((0..11).map(|at| json!({"Put": {"TableName": "accounts", "Item": {"id": {"S": at.to_string()}, "x": {"S": "x".repeat(400_000)}}}})).collect::<Vec<_>>()),
            Nowhere,
        ),
        ("TransactGetItems", write(["a", "b", "c", "d", "e", "none", "x"].map(|id| get(id, Value::Null))), Nowhere),
        row(write([action("Update", "gone", expression("REMOVE n"))]), Nowhere),
        ("GetItem", json!({"TableName": "accounts", "Key": key("gone")}), InAnswer(MAKES)),
    ]
}

fn tokens() -> Vec<Row> {
    let row = |body, differs| ("TransactWriteItems", body, differs);
    let add = |by: &str| {
        let update =
            json!({"UpdateExpression": "ADD n :by", "ExpressionAttributeValues": {":by": {"N": by}}});
        write([action("Update", "token", update)])
    };
    let token = |body, token: &str| {
        with(body, json!({"ClientRequestToken": token, "ReturnConsumedCapacity": "TOTAL"}))
    };
    vec![
        row(token(add("1"), "first"), InAnswer(COST)),
        row(token(add("1"), "first"), Nowhere),
        row(token(add("2"), "first"), InText(WORDS)),
        row(token(add("2"), "second"), InAnswer(COST)),
        row(token(add("2"), &"t".repeat(37)), InText(WORDS)),
        row(token(add("1"), ""), Altogether(SHORT)),
        ("GetItem", json!({"TableName": "accounts", "Key": key("second")}), Nowhere),
    ]
}

fn reads() -> Vec<Row> {
    let row = |body, differs| ("TransactGetItems", body, differs);
    let total = json!({"ReturnConsumedCapacity": "TOTAL"});
    vec![
        row(
            with(
                write([
                    get("a", Value::Null),
                    get("none", Value::Null),
                    get("b", json!({"ProjectionExpression": "n"})),
                ]),
                total,
            ),
            Nowhere,
        ),
        row(json!({}), InText(WORDS)),
        row(write([get("a", Value::Null), get("a", Value::Null)]), Nowhere),
        row(write([get("a", json!({"ProjectionExpression": "!!!"}))]), Nowhere),
        row(write([get("a", json!({"ProjectionExpression": "id.x"}))]), Nowhere),
        row(write([json!({"Get": {"TableName": "absent", "Key": key("a")}})]), Nowhere),
        row(write([get("", Value::Null)]), Nowhere),
    ]
}

/// Random transactions on a few items, most of them valid; every tenth request looks at the whole table.
pub(crate) fn random(chance: &mut Chance, count: usize) -> Vec<Request> {
    let mut all = Vec::with_capacity(count);
    for at in 0..count {
        let (operation, body) = if at % 10 == 9 {
            (
                "TransactGetItems",
                write((0..6).map(|id| get(&format!("r{id}"), Value::Null)).collect::<Vec<_>>()),
            )
        } else {
            ("TransactWriteItems", write(actions(chance)))
        };
        all.push(Request { operation, body, differs: Nowhere });
    }
    all
}

fn actions(chance: &mut Chance) -> Vec<Value> {
    let mut ids: Vec<_> = (0..6).map(|id| format!("r{id}")).collect();
    let count = 1 + chance.below(4);
    let chosen =
        (0..count).map(|_| ids.swap_remove(chance.below(ids.len() as u64) as usize)).collect::<Vec<_>>();
    chosen.iter().map(|id| random_action(chance, id)).collect()
}

fn random_action(chance: &mut Chance, id: &str) -> Value {
    let n = json!({"N": chance.below(4).to_string()});
    let kind = *chance.pick(&["Put", "Update", "Delete", "ConditionCheck"]);
    let mut more = json!({});
    let mut values = json!({});
    if kind == "Put" {
        more["n"] = n.clone();
    }
    if kind == "Update" {
        let update =
            *chance.pick(&["SET n = :n", "ADD n :n", "SET m = :n, n = :n", "SET l = list_append(:l, :l)"]);
        more["UpdateExpression"] = json!(update);
        if update.contains(":n") {
            values[":n"] = n.clone();
        }
        if update.contains(":l") {
            values[":l"] = json!({"L": [n]});
        }
    }
    if kind == "ConditionCheck" || chance.below(2) == 0 {
        let conditions = [
            "attribute_exists(id)",
            "attribute_not_exists(id)",
            "n >= :c",
            "n <> :c OR attribute_not_exists(n)",
        ];
        let condition = *chance.pick(&conditions);
        more["ConditionExpression"] = json!(condition);
        if condition.contains(":c") {
            values[":c"] = json!({"N": chance.below(3).to_string()});
        }
        if chance.below(2) == 0 {
            more["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
        }
    }
    if values.as_object().is_some_and(|values| !values.is_empty()) {
        more["ExpressionAttributeValues"] = values;
    }
    action(kind, id, more)
}
