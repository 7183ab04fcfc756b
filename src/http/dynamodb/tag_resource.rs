//! TagResource: the tags hold with the answer, whose body is empty.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::request::Wire;
use super::{Call, tag_list};
use crate::engine::TagTable;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut arn, mut tags) = (None, None);
    Wire::read(call.body, |wire, name| {
        match name {
            "ResourceArn" => arn = wire.string()?,
            "Tags" => tags = tag_list::read(wire)?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    let arn = tag_list::check_resource(arn.as_deref())?;
    let mut violations = Violations::new();
    violations.required("tags", &tags);
    violations.check()?;
    let table = tag_list::table(arn)?;
    let set: BTreeMap<_, _> = tag_list::by_key(tags.unwrap_or_default())?;
    if set.is_empty() {
        return Err(WireError::validation("Atleast one Tag needs to be provided as Input."));
    }
    let request = TagTable { table, set, remove: Vec::new() };
    let tagged = call.engine().tag_table(call.authorize(request)).await;
    tagged.map_err(|error| tag_list::not_found(error, arn))?;
    Ok(Bytes::new())
}
