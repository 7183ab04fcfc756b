//! UpdateTimeToLive.

use bytes::Bytes;

use super::constraint::Violations;
use super::error::WireError;
use super::json::Object;
use super::mismatch::Expected;
use super::request::Wire;
use super::{Call, named_table};
use crate::engine::UpdateTimeToLive;
use crate::model::limits;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut table, mut specification) = (None, None);
    Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            "TimeToLiveSpecification" => {
                let (mut attribute, mut enabled) = (None, None);
                let given = wire.object(Expected::Member("TimeToLiveSpecification"), |wire, name| {
                    match name {
                        "AttributeName" => attribute = wire.string()?,
                        "Enabled" => enabled = wire.boolean()?,
                        _ => wire.skip()?,
                    }
                    Ok(())
                })?;
                specification = given.then_some((attribute, enabled));
            }
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    let table = named_table::required(table.as_deref())?;
    let mut violations = Violations::new();
    violations.required("timeToLiveSpecification", &specification);
    if let Some((attribute, enabled)) = &specification {
        let at = "timeToLiveSpecification.attributeName";
        violations.required(at, attribute);
        violations.text(at, attribute.as_deref(), 1, limits::KEY_ATTRIBUTE_NAME);
        violations.required("timeToLiveSpecification.enabled", enabled);
    }
    violations.check()?;
    let Some((Some(attribute), Some(enabled))) = specification else {
        return Err(super::unreadable());
    };
    let request = UpdateTimeToLive { table, attribute: attribute.clone(), enabled };
    call.engine().update_time_to_live(call.authorize(request)).await.map_err(WireError::of_table)?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    let mut changed = answer.object("TimeToLiveSpecification");
    changed.text("AttributeName", &attribute);
    changed.plain("Enabled", enabled);
    changed.close();
    answer.close();
    Ok(out.into())
}
