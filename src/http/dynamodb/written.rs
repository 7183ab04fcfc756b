//! What single writes answer.

use bytes::Bytes;

use super::Call;
use super::capacity::{Report, Units, index_units};
use super::collections::Collections;
use super::error::WireError;
use super::json::Object;
use crate::engine::Written;
use crate::model::dynamodb_json;

/// Attributes, ConsumedCapacity and ItemCollectionMetrics.
pub(super) async fn answer(
    call: &Call<'_>,
    written: &Written,
    returns_old: bool,
    report: Report,
    collections: &Collections,
) -> Result<Bytes, WireError> {
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
    collections.write_one(call, &mut answer).await?;
    answer.close();
    Ok(out.into())
}
