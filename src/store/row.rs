//! A row, and the mark of an estimated time in it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Seq;
use crate::clock::BootId;
use crate::model::Name;

/// A row as it stands under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The change that wrote it.
    pub seq: Seq,
    /// The item's image, or a system row's value.
    pub image: Bytes,
    /// An estimated time in it, still to be resolved.
    pub mark: Option<Mark>,
}

/// Says that attributes of a row hold times estimated while the clock was not trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The start of the machine whose offset is not known yet.
    pub boot: BootId,
    /// The attributes to move by the offset.
    pub attributes: Vec<Movable>,
}

/// An attribute that moves with the offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movable {
    /// The attribute's name.
    pub name: Name,
    /// Its unit.
    pub unit: Unit,
}

/// The unit of a movable time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Microseconds (`now_us`).
    Microseconds,
    /// Whole seconds (a TTL that was added).
    Seconds,
}
