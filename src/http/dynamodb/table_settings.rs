//! What CreateTable and UpdateTable share: billing, protection, class, encryption, stream.

use super::constraint::Violations;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use crate::model::StreamView;
use crate::model::dynamodb_json::DecodeError;

/// The most units of either kind.
const MOST_UNITS: i64 = 1_000_000_000_000;
/// The key that KMS has for DynamoDB where none is named.
const DEFAULT_KEY: &str = "alias/aws/dynamodb";

/// Read and write units, as they are given.
pub(super) type Throughput = (Option<i64>, Option<i64>);

/// Members of the request.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) billing: Option<String>,
    pub(super) throughput: Option<Throughput>,
    pub(super) protection: Option<bool>,
    stream: Option<(Option<bool>, Option<String>)>,
    encryption: Option<Encryption>,
    class: Option<String>,
    on_demand: Option<Throughput>,
    /// The first parameter that would change the result and is not there yet.
    pub(super) not_yet: Option<&'static str>,
}

/// SSESpecification, as it is given.
#[derive(Debug, Default)]
struct Encryption {
    enabled: Option<bool>,
    kind: Option<String>,
    key: Option<String>,
}

impl Settings {
    /// Reads a member, if it is one of these; whether it was.
    pub(super) fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<bool, DecodeError> {
        match name {
            "BillingMode" => self.billing = wire.string()?,
            "ProvisionedThroughput" => {
                let (class, members) = ("ProvisionedThroughput", ["ReadCapacityUnits", "WriteCapacityUnits"]);
                self.throughput = throughput(wire, class, members)?;
            }
            "OnDemandThroughput" => {
                let (class, members) =
                    ("OnDemandThroughput", ["MaxReadRequestUnits", "MaxWriteRequestUnits"]);
                self.on_demand = throughput(wire, class, members)?;
            }
            "DeletionProtectionEnabled" => self.protection = wire.boolean()?,
            "StreamSpecification" => {
                let (mut enabled, mut view) = (None, None);
                let given = wire.object(Expected::Member("StreamSpecification"), |wire, name| {
                    match name {
                        "StreamEnabled" => enabled = wire.boolean()?,
                        "StreamViewType" => view = wire.string()?,
                        _ => wire.skip()?,
                    }
                    Ok(())
                })?;
                self.stream = given.then_some((enabled, view));
            }
            "SSESpecification" => {
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
                self.encryption = given.then_some(read);
            }
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

    /// Whether nothing of it is given.
    pub(super) fn is_empty(&self) -> bool {
        self.billing.is_none()
            && self.throughput.is_none()
            && self.protection.is_none()
            && self.stream.is_none()
            && self.encryption.is_none()
            && self.class.is_none()
            && self.on_demand.is_none()
    }

    /// Constraints of the service model.
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.one_of("billingMode", self.billing.as_deref(), &["PROVISIONED", "PAY_PER_REQUEST"]);
        if let Some((read, write)) = self.throughput {
            for (at, units) in [("writeCapacityUnits", write), ("readCapacityUnits", read)] {
                let at = format!("provisionedThroughput.{at}");
                violations.required(&at, &units);
                violations.range(&at, units, 1, None);
            }
        }
        if let Some((enabled, view)) = &self.stream {
            violations.required("streamSpecification.streamEnabled", enabled);
            let views = StreamView::ALL.map(StreamView::name);
            violations.one_of("streamSpecification.streamViewType", view.as_deref(), &views);
        }
        if let Some(encryption) = &self.encryption {
            violations.one_of("sSESpecification.sSEType", encryption.kind.as_deref(), &["AES256", "KMS"]);
        }
        let classes = ["STANDARD", "STANDARD_INFREQUENT_ACCESS"];
        violations.one_of("tableClass", self.class.as_deref(), &classes);
    }

    /// Provisioned units within their bounds.
    pub(super) fn bounded(read: i64, write: i64) -> Result<(u64, u64), WireError> {
        for (name, units) in [("ReadCapacityUnits", read), ("WriteCapacityUnits", write)] {
            if units > MOST_UNITS {
                return Err(WireError::validation(format!(
                    "Given value {units} for {name} is out of bounds"
                )));
            }
        }
        Ok((read.unsigned_abs(), write.unsigned_abs()))
    }

    /// The stream that is wanted: none given, off, or a view.
    pub(super) fn stream(&self) -> Result<Option<Option<StreamView>>, WireError> {
        let Some((enabled, view)) = &self.stream else { return Ok(None) };
        let known = |name: &String| StreamView::ALL.into_iter().find(|view| view.name() == name);
        match (enabled.unwrap_or(false), view) {
            (true, Some(view)) => known(view).map(Some).map(Some).ok_or_else(super::unreadable),
            (false, None) => Ok(Some(None)),
            (true, None) => Err(WireError::validation(
                "Invalid StreamViewType: Stream ViewType must not be null or empty when enabling streams.",
            )),
            (false, Some(_)) => Err(WireError::validation(
                "Invalid StreamViewType: Stream StreamEnabled was false but a StreamViewType was present.",
            )),
        }
    }

    /// Class STANDARD_INFREQUENT_ACCESS, or STANDARD.
    pub(super) fn infrequent_access(&self) -> Option<bool> {
        self.class.as_deref().map(|class| class == "STANDARD_INFREQUENT_ACCESS")
    }

    /// The key that is wanted: none given, the service's own, or one of KMS.
    pub(super) fn kms_key(&self) -> Result<Option<Option<String>>, WireError> {
        let Some(Encryption { enabled, kind, key }) = &self.encryption else { return Ok(None) };
        let refuse = |what: &str| {
            Err(WireError::validation(format!("One or more parameter values were invalid: {what}")))
        };
        match (enabled.unwrap_or(false), kind.as_deref(), key) {
            (false, None, None) => Ok(Some(None)),
            (false, _, _) => {
                refuse("SSEType and KMSMasterKeyId can only be specified when SSESpecification is enabled")
            }
            (true, Some("AES256"), _) => refuse("SSEType AES256 is not supported; use KMS"),
            (true, _, key) => Ok(Some(Some(key.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned())))),
        }
    }

    /// The most on-demand units a second; −1: no limit.
    pub(super) fn on_demand_most(&self) -> Result<Option<(i64, i64)>, WireError> {
        let Some((read, write)) = self.on_demand else { return Ok(None) };
        for (name, units) in [("MaxReadRequestUnits", read), ("MaxWriteRequestUnits", write)] {
            if units.is_some_and(|units| units != -1 && !(1..=MOST_UNITS).contains(&units)) {
                return Err(WireError::validation(format!(
                    "One or more parameter values were invalid: {name} must be -1 or at least 1"
                )));
            }
        }
        if self.throughput.is_some() {
            return Err(WireError::validation(
                "One or more parameter values were invalid: OnDemandThroughput can only be specified when BillingMode is PAY_PER_REQUEST",
            ));
        }
        Ok(Some((read.unwrap_or(-1), write.unwrap_or(-1))))
    }
}

fn throughput(
    wire: &mut Wire<'_>,
    class: &'static str,
    members: [&str; 2],
) -> Result<Option<Throughput>, DecodeError> {
    let (mut read, mut write) = (None, None);
    let [of_read, of_write] = members;
    let given = wire.object(Expected::Member(class), |wire, name| {
        if name == of_read {
            read = wire.integer("Long")?;
        } else if name == of_write {
            write = wire.integer("Long")?;
        } else {
            wire.skip()?;
        }
        Ok(())
    })?;
    Ok(given.then_some((read, write)))
}
