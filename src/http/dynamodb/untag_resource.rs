//! UntagResource: tags that are not there are no error; the answer's body is empty.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::request::Wire;
use super::{Call, tag_list};
use crate::engine::TagTable;
use crate::model::limits;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut arn, mut keys) = (None, None);
    Wire::read(call.body, |wire, name| {
        match name {
            "ResourceArn" => arn = wire.string()?,
            "TagKeys" => {
                let mut read = Vec::new();
                let given = wire.list(|wire| {
                    read.push(wire.string()?);
                    Ok(())
                })?;
                keys = given.then_some(read);
            }
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    let arn = tag_list::check_resource(arn.as_deref())?;
    let mut violations = Violations::new();
    violations.required("tagKeys", &keys);
    violations.check()?;
    let table = tag_list::table(arn)?;
    let keys = keys.unwrap_or_default();
    keys.iter().try_for_each(|key| tag_list::check_key(key.as_deref()))?;
    let remove: Vec<String> = keys.into_iter().flatten().collect();
    if remove.is_empty() {
        return Err(WireError::validation("Atleast one Tag Key needs to be provided as Input."));
    }
    if remove.len() > limits::TAGS {
        return Err(WireError::validation(limits::TOO_MANY_TAGS));
    }
    let request = TagTable { table, set: BTreeMap::new(), remove };
    let untagged = call.engine().tag_table(call.authorize(request)).await;
    untagged.map_err(|error| tag_list::not_found(error, arn))?;
    Ok(Bytes::new())
}
