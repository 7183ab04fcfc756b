//! CancellationReasons: what became of each action of a transaction that was cancelled.

use super::json::{Object, list};
use super::throttle;
use crate::engine::Reason;
use crate::model::dynamodb_json::write_image;

/// Appends the list, an entry for each action.
pub(super) fn write(reasons: &[Reason], out: &mut Vec<u8>) {
    let Ok(()) = list(reasons, out, |reason, out| {
        let mut one = Object::open(out);
        if let Reason::ConditionFailed(Some(item)) = reason {
            let member = one.member("Item");
            let before = member.len();
            if write_image(item.as_map(), member).is_err() {
                member.truncate(before);
                member.extend_from_slice(b"null");
            }
        }
        one.text("Code", reason.code());
        match reason {
            Reason::None => {}
            Reason::ConditionFailed(_) => one.text("Message", "The conditional request failed"),
            Reason::Validation(text) => one.text("Message", text),
            Reason::ThroughputExceeded(whose) => one.text("Message", throttle::text(*whose)),
        }
        one.close();
        Ok::<(), std::convert::Infallible>(())
    });
}
