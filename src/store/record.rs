//! A record: one change as the journal keeps it.

use super::{Before, Mark, Seq};
use crate::model::TableId;

/// What a change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The row is now this image.
    Put,
    /// The row is gone; the image holds the key attributes only.
    Delete,
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Origin {
    /// A DynamoDB client.
    Dynamodb = 1,
    /// MQTT.
    Mqtt = 2,
    /// The REST door.
    Rest = 3,
    /// The daemon itself, for this gateway only: never sent upstream (the delete half of a resolved time).
    Local = 4,
    /// The daemon, to be sent upstream (the put half of a resolved time).
    Daemon = 5,
    /// Expiry, of a table with a stream: never sent upstream.
    Expiry = 6,
}

impl Origin {
    /// Whether a change is of this gateway only: never sent upstream.
    pub fn is_local(self) -> bool {
        matches!(self, Origin::Local | Origin::Expiry)
    }
}

/// One change, borrowed from its frame.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Its place.
    pub seq: Seq,
    /// The table, or a system space.
    pub table: TableId,
    /// Put or delete.
    pub kind: Kind,
    /// Who made it.
    pub origin: Origin,
    /// When: microseconds since 1970, and whether that is an estimate.
    pub time_us: u64,
    /// The time was estimated.
    pub estimated: bool,
    /// Estimated attributes still to be resolved: not to be sent.
    pub mark: Option<Mark>,
    /// Fingerprint of the MQTT delivery, where a second delivery would make a second item.
    pub delivery: Option<u64>,
    /// The row's key below the table's id, for system rows; empty for items, whose key follows from the image.
    pub system_key: &'a [u8],
    /// The new image (put), the key attributes (delete), or a system row's value.
    pub image: &'a [u8],
    /// What stood there before, only where a stream asks.
    pub before: Option<Before<&'a [u8]>>,
}
