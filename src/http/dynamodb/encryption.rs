//! SSESpecification: kept and shown, the items are not encrypted here.

use super::constraint::Violations;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use crate::model::dynamodb_json::DecodeError;

/// The key that KMS has for DynamoDB where none is named.
const DEFAULT_KEY: &str = "alias/aws/dynamodb";

/// SSESpecification, as it is given.
#[derive(Debug, Default)]
pub(super) struct Encryption {
    enabled: Option<bool>,
    kind: Option<String>,
    key: Option<String>,
}

impl Encryption {
    /// Reads it.
    pub(super) fn read(wire: &mut Wire<'_>) -> Result<Option<Encryption>, DecodeError> {
        let mut read = Encryption::default();
        let given = wire.object(Expected::Member("SSESpecification"), |wire, name| {
            match name {
                "Enabled" => read.enabled = wire.boolean()?,
                "SSEType" => read.kind = wire.string()?,
                "KMSMasterKeyId" => read.key = wire.string()?,
                _ => wire.skip()?,
            }
            Ok(())
        })?;
        Ok(given.then_some(read))
    }

    /// Constraints of the service model.
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.one_of("sSESpecification.sSEType", self.kind.as_deref(), &["AES256", "KMS"]);
        violations.text("sSESpecification.kMSMasterKeyId", self.key.as_deref(), 1, usize::MAX);
    }

    /// The key that is wanted: the service's own, or one of KMS.
    pub(super) fn key(&self) -> Result<Option<String>, WireError> {
        let refuse = |what: &str| Err(WireError::invalid(what));
        match (self.enabled, self.kind.as_deref(), &self.key) {
            (Some(false), Some(_), _) => refuse("SSEType can not be specified if Enabled is false"),
            (Some(false), None, Some(_)) => refuse("KMSMasterKeyId can not be specified if Enabled is false"),
            (Some(false), None, None) | (None, None, None) => Ok(None),
            (_, Some("AES256"), _) => refuse("SSEType AES256 is not supported"),
            (_, None, Some(_)) => refuse("SSEType KMS is required if KMSMasterKeyId is specified"),
            (_, _, key) => Ok(Some(key.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned()))),
        }
    }
}
