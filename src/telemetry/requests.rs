//! What HTTP was asked, and how long the answers took.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Histogram;

/// A part of the HTTP door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Door {
    /// DynamoDB's API.
    Dynamodb,
    /// REST.
    Rest,
    /// Status, health, metrics, and what is nowhere.
    Other,
}

impl Door {
    /// All of them.
    pub const ALL: [Door; 3] = [Door::Dynamodb, Door::Rest, Door::Other];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Door::Dynamodb => "dynamodb",
            Door::Rest => "rest",
            Door::Other => "other",
        }
    }
}

/// What was asked for: an operation of DynamoDB's, or a method and a route, never a path as a client writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operation {
    /// Where.
    pub door: Door,
    /// `PutItem`, or `GET`.
    pub name: &'static str,
    /// The route; nothing for DynamoDB's.
    pub route: Option<Arc<str>>,
}

/// Requests by operation and status code, and how long they took by door.
#[derive(Debug)]
pub struct RequestMetrics {
    counts: Mutex<HashMap<(Operation, u16), u64>>,
    durations: [Histogram; 3],
}

impl Default for RequestMetrics {
    fn default() -> RequestMetrics {
        RequestMetrics {
            counts: Mutex::default(),
            durations: Door::ALL.map(|_| Histogram::new(Histogram::LATENCY)),
        }
    }
}

impl RequestMetrics {
    /// Counts a request that was answered.
    pub fn answered(&self, operation: Operation, code: u16, took: Duration) {
        if let Some(durations) = self.durations.get(operation.door as usize) {
            durations.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((operation, code)).or_default() += 1;
    }

    /// The counts, in order.
    pub fn counts(&self) -> Vec<((Operation, u16), u64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts: Vec<_> = counts.iter().map(|(key, count)| (key.clone(), *count)).collect();
        counts.sort();
        counts
    }

    /// How long requests took, in microseconds, by door.
    pub fn durations(&self) -> impl Iterator<Item = (Door, &Histogram)> {
        Door::ALL.into_iter().zip(&self.durations)
    }
}
