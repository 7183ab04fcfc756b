//! ListTables.

use std::convert::Infallible;

use bytes::Bytes;

use super::Call;
use super::constraint::Violations;
use super::error::WireError;
use super::json::{Object, list};
use super::request::Wire;
use crate::engine::ListTables;
use crate::model::dynamodb_json::write_string;

/// The most names in an answer.
const MOST: i64 = 100;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut start, mut limit) = (None, None);
    Wire::read(call.body, |wire, name| {
        match name {
            "ExclusiveStartTableName" => start = wire.string()?,
            "Limit" => limit = wire.integer("Integer")?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    let mut violations = Violations::new();
    violations.range("limit", limit, 1, Some(MOST));
    if let Some(start) = &start {
        violations.name("exclusiveStartTableName", start);
    }
    violations.check()?;
    let limit = usize::try_from(limit.unwrap_or(MOST)).unwrap_or_default();
    let names = call.engine().list_tables(call.authorize(ListTables { start, limit }));
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if let Some(last) = names.names.last().filter(|_| names.more) {
        answer.text("LastEvaluatedTableName", last.as_str());
    }
    let _ = list(&names.names, answer.member("TableNames"), |name, out| {
        write_string(name.as_str(), out);
        Ok::<(), Infallible>(())
    });
    answer.close();
    Ok(out.into())
}
