//! What UpdateTable may be asked for at once.

use super::error::WireError;
use super::table_settings::Settings;

/// What a request has of GlobalSecondaryIndexUpdates.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Indexes {
    /// The list is there.
    pub(super) given: bool,
    /// It has no element.
    pub(super) empty: bool,
    /// It makes an index.
    pub(super) create: bool,
    /// It makes one or removes one.
    pub(super) online: bool,
}

/// Refuses a request for nothing, and for what does not go together.
pub(super) fn check(settings: &Settings, indexes: Indexes) -> Result<(), WireError> {
    let units = settings.throughput.is_some() || settings.billing.as_deref() == Some("PROVISIONED");
    let given = [
        settings.throughput.is_some(),
        settings.billing.is_some(),
        settings.stream.is_some(),
        settings.encryption.is_some(),
        settings.class.is_some(),
        settings.protection.is_some(),
        settings.on_demand.is_some(),
        settings.warm.is_some(),
        indexes.given,
    ];
    let count = given.iter().filter(|given| **given).count();
    if count == 0 || count == 1 && indexes.given && indexes.empty {
        return Err(WireError::validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required",
        ));
    }
    let several = count > 1;
    let with_billing = 1 + usize::from(settings.billing.is_some());
    let rules = [
        (
            settings.encryption.is_some() && several,
            "Server-Side Encryption modification must be the only operation in the request",
        ),
        (
            settings.class.is_some() && several,
            "TableClass modification must be the only operation in the request",
        ),
        (
            settings.protection.is_some() && several,
            "DeletionProtection modification must be the only operation in the request",
        ),
        (
            settings.warm.is_some() && indexes.create,
            "Create global secondary index cannot be specified when updating WarmThroughput",
        ),
        (settings.warm.is_some() && several, "WarmThroughput must be the only operation in the request"),
        (
            settings.on_demand.is_some() && count > with_billing,
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ),
        (settings.stream.is_some() && units, "You cannot modify stream status while updating table IOPS"),
        (
            indexes.online && settings.throughput.is_some(),
            "You cannot create or delete index while updating table IOPS",
        ),
        (
            indexes.online && settings.stream.is_some(),
            "You cannot create or delete index while changing stream status",
        ),
        (indexes.given && indexes.empty, "List of GlobalSecondaryIndexUpdates is empty"),
    ];
    match rules.into_iter().find(|(broken, _)| *broken) {
        None => Ok(()),
        Some((_, text)) => Err(WireError::invalid(text)),
    }
}
