//! What single writes answer.

use bytes::Bytes;

use super::capacity::{Report, Units, index_units};
use super::error::WireError;
use super::json::Object;
use crate::engine::Written;
use crate::model::dynamodb_json;

/// Attributes and ConsumedCapacity. Without local secondary indexes there are no ItemCollectionMetrics.
pub(super) fn answer(written: &Written, returns_old: bool, report: Report) -> Result<Bytes, WireError> {
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if let Some(old) = written.old.as_ref().filter(|_| returns_old) {
        dynamodb_json::write_image(old.as_map(), answer.member("Attributes"))?;
    }
    if report != Report::None {
        let units = Units::write(written.size);
        let (table, indexes) = (written.table.name.as_str(), index_units(&written.indexes));
        report.write_with(table, units, &indexes, answer.member("ConsumedCapacity"));
    }
    answer.close();
    Ok(out.into())
}
