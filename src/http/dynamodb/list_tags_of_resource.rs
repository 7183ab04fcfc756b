//! ListTagsOfResource: all of them at once, there are 50 at most.

use std::convert::Infallible;

use bytes::Bytes;

use super::error::WireError;
use super::json::{Object, list};
use super::request::Wire;
use super::{Call, tag_list};

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    // Nothing is left for another page: whatever is given as NextToken, the answer is the same.
    let mut arn = None;
    Wire::read(call.body, |wire, name| {
        match name {
            "ResourceArn" => arn = wire.string()?,
            "NextToken" => {
                wire.string()?;
            }
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    let arn = tag_list::check_resource(arn.as_deref())?;
    let table = tag_list::table(arn)?;
    let table = call.engine().table(table.as_str()).map_err(|error| tag_list::not_found(error, arn))?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    let _ = list(&table.options.tags, answer.member("Tags"), |(key, value), out| {
        let mut tag = Object::open(out);
        tag.text("Key", key);
        tag.text("Value", value);
        tag.close();
        Ok::<(), Infallible>(())
    });
    answer.close();
    Ok(out.into())
}
