//! What CreateTable and UpdateTable share: billing, protection, class, encryption, stream.

use super::constraint::Violations;
use super::encryption::Encryption;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use super::units::{self, Throughput, When};
use crate::model::StreamView;
use crate::model::dynamodb_json::DecodeError;

/// StreamSpecification, as it is given.
type Stream = (Option<bool>, Option<String>);

/// Members of the request.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) billing: Option<String>,
    pub(super) throughput: Option<Throughput>,
    pub(super) protection: Option<bool>,
    pub(super) stream: Option<Stream>,
    pub(super) encryption: Option<Encryption>,
    pub(super) class: Option<String>,
    /// OnDemandThroughput and WarmThroughput; a structure without members is as good as none.
    pub(super) on_demand: Option<Throughput>,
    pub(super) warm: Option<Throughput>,
    /// The first parameter that would change the result and is not there yet.
    pub(super) not_yet: Option<&'static str>,
}

impl Settings {
    /// Reads a member, if it is one of these; whether it was.
    pub(super) fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<bool, DecodeError> {
        match name {
            "BillingMode" => self.billing = wire.string()?,
            "ProvisionedThroughput" => self.throughput = units::provisioned(wire)?,
            "OnDemandThroughput" => self.on_demand = units::members(units::on_demand(wire)?),
            "WarmThroughput" => self.warm = units::members(units::warm(wire)?),
            "DeletionProtectionEnabled" => self.protection = wire.boolean()?,
            "StreamSpecification" => self.stream = stream(wire)?,
            "SSESpecification" => self.encryption = Encryption::read(wire)?,
            "TableClass" => self.class = wire.string()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads a member that is not there yet.
    pub(super) fn refuse(&mut self, wire: &mut Wire<'_>, parameter: &'static str) -> Result<(), DecodeError> {
        if wire.given()? {
            self.not_yet = self.not_yet.or(Some(parameter));
        }
        Ok(())
    }

    /// Constraints of the service model.
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.one_of("billingMode", self.billing.as_deref(), &["PROVISIONED", "PAY_PER_REQUEST"]);
        units::check(self.throughput, "provisionedThroughput", violations);
        if let Some((enabled, view)) = &self.stream {
            violations.required("streamSpecification.streamEnabled", enabled);
            let views = StreamView::ALL.map(StreamView::name);
            violations.one_of("streamSpecification.streamViewType", view.as_deref(), &views);
        }
        if let Some(encryption) = &self.encryption {
            encryption.check(violations);
        }
    }

    /// The stream that is wanted: none given, off, or a view.
    pub(super) fn stream(&self, when: When) -> Result<Option<Option<StreamView>>, WireError> {
        let Some((enabled, view)) = &self.stream else { return Ok(None) };
        let known = |name: &String| StreamView::ALL.into_iter().find(|view| view.name() == name);
        let what = match (enabled.unwrap_or(false), view, when) {
            (true, Some(view), _) => return known(view).map(Some).map(Some).ok_or_else(super::unreadable),
            (false, None, _) => return Ok(Some(None)),
            (true, None, When::New) => {
                "Table is being created with a stream enabled, UpdateViewType is required"
            }
            (false, Some(_), When::New) => {
                "Table is being created with a stream disabled, UpdateViewType should not be specified"
            }
            (true, None, When::Update) => "If stream is being enabled then UpdateViewType is required",
            (false, Some(_), When::Update) => {
                "If stream is being disabled, then UpdateViewType must not be specified"
            }
        };
        Err(WireError::invalid(what))
    }

    /// Class STANDARD_INFREQUENT_ACCESS, or STANDARD.
    pub(super) fn infrequent_access(&self) -> Result<Option<bool>, WireError> {
        match self.class.as_deref() {
            None => Ok(None),
            Some("STANDARD") => Ok(Some(false)),
            Some("STANDARD_INFREQUENT_ACCESS") => Ok(Some(true)),
            Some(_) => Err(WireError::validation(
                "Invalid table-class parameter provided. Please try again with a valid table-class value: [STANDARD, STANDARD_INFREQUENT_ACCESS].",
            )),
        }
    }

    /// The key that is wanted: none given, the service's own, or one of KMS.
    pub(super) fn kms_key(&self) -> Result<Option<Option<String>>, WireError> {
        self.encryption.as_ref().map(Encryption::key).transpose()
    }
}

fn stream(wire: &mut Wire<'_>) -> Result<Option<Stream>, DecodeError> {
    let (mut enabled, mut view) = (None, None);
    let given = wire.object(Expected::Member("StreamSpecification"), |wire, name| {
        match name {
            "StreamEnabled" => enabled = wire.boolean()?,
            "StreamViewType" => view = wire.string()?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    Ok(given.then_some((enabled, view)))
}
