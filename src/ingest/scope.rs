//! What a rule's sources see of a message, and what they give.

use std::cell::Cell;

use super::topic::Captures;
use crate::clock::Stamp;
use crate::model::AttributeValue;

/// What sources see while one item is made.
pub(super) struct Scope<'a> {
    /// The topic.
    pub(super) topic: &'a str,
    /// Where its placeholders are.
    pub(super) captures: &'a Captures,
    /// The whole payload.
    pub(super) payload: &'a AttributeValue,
    /// The element, where the rule makes an item of each.
    pub(super) element: Option<Element<'a>>,
    /// The gateway's time.
    pub(super) now: &'a Now<'a>,
}

/// One element of an array, or member of an object.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    /// The element.
    pub(super) value: &'a AttributeValue,
    /// The member's name.
    pub(super) key: Option<&'a str>,
    /// Its place, from 0.
    pub(super) index: usize,
}

/// The gateway's time for one item: the same stamp however often it is asked for, none if it is not.
pub(super) struct Now<'a> {
    stamp: &'a dyn Fn() -> Stamp,
    made: Cell<Option<Stamp>>,
}

impl<'a> Now<'a> {
    pub(super) fn new(stamp: &'a dyn Fn() -> Stamp) -> Now<'a> {
        Now { stamp, made: Cell::new(None) }
    }

    pub(super) fn get(&self) -> Stamp {
        let stamp = self.made.get().unwrap_or_else(|| (self.stamp)());
        self.made.set(Some(stamp));
        stamp
    }
}

/// A source's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    /// The value.
    pub(super) value: AttributeValue,
    /// What of it is the gateway's time.
    pub(super) now: NowUse,
}

/// What of a value is the gateway's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NowUse {
    /// Nothing.
    No,
    /// A part of a text.
    Part,
    /// All of it: microseconds, as a number.
    Whole,
}

impl Found {
    pub(super) fn plain(value: AttributeValue) -> Found {
        Found { value, now: NowUse::No }
    }

    pub(super) fn now(stamp: Stamp) -> Found {
        Found { value: AttributeValue::N(stamp.us.into()), now: NowUse::Whole }
    }
}
