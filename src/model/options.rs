//! What a table has besides its key: tags, its class, its encryption, when its throughput was changed, its streams.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::limits::STREAM_SECONDS;

/// What a table has besides its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableOptions {
    /// Tags: keys of 1 to 128 characters, values of up to 256; 50 at most.
    pub tags: BTreeMap<String, String>,
    /// STANDARD, or STANDARD_INFREQUENT_ACCESS: kept and shown, it makes no difference here.
    pub infrequent_access: bool,
    /// Whether a class was ever asked for: only then it is shown.
    pub class_given: bool,
    /// When the class was changed, in microseconds since 1970; 0: never.
    pub class_changed_us: u64,
    /// Server-side encryption with a key of the service's KMS: kept and shown, the items are not encrypted here.
    pub kms_key: Option<String>,
    /// When the table last became PAY_PER_REQUEST, in microseconds since 1970; 0: it never was.
    pub on_demand_us: u64,
    /// The most read and write units a second that an on-demand table is to take: kept and shown. −1: no limit.
    pub on_demand_most: Option<(i64, i64)>,
    /// Read and write units a second that the table was once warm for; 0: no more than its billing makes it. See
    /// [`TableOptions::warm_throughput`].
    pub warm: (u64, u64),
    /// When provisioned throughput was last raised, in microseconds since 1970; 0: never.
    pub increased_us: u64,
    /// When it was last lowered.
    pub decreased_us: u64,
    /// How often it was lowered on that day (UTC).
    pub decreases: u32,
    /// The table's streams, the oldest first: the last one may be enabled.
    pub streams: Vec<Stream>,
}

/// What an on-demand table is warm for, in read and write units a second (developer guide, "On-demand capacity mode").
pub const ON_DEMAND_WARM: (u64, u64) = (12_000, 4_000);

/// What a stream's records hold besides the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamView {
    /// Nothing.
    KeysOnly,
    /// The item as it is.
    NewImage,
    /// The item as it was.
    OldImage,
    /// Both.
    NewAndOldImages,
}

impl StreamView {
    /// All of them, in the order in which the service names them.
    pub const ALL: [StreamView; 4] =
        [StreamView::OldImage, StreamView::KeysOnly, StreamView::NewAndOldImages, StreamView::NewImage];

    /// StreamViewType, as the service writes it.
    pub fn name(self) -> &'static str {
        match self {
            StreamView::KeysOnly => "KEYS_ONLY",
            StreamView::NewImage => "NEW_IMAGE",
            StreamView::OldImage => "OLD_IMAGE",
            StreamView::NewAndOldImages => "NEW_AND_OLD_IMAGES",
        }
    }

    /// Whether a record has the item as it is.
    pub fn has_new(self) -> bool {
        matches!(self, StreamView::NewImage | StreamView::NewAndOldImages)
    }

    /// Whether a record has the item as it was.
    pub fn has_old(self) -> bool {
        matches!(self, StreamView::OldImage | StreamView::NewAndOldImages)
    }
}

/// A stream of a table's changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// What tells it from the table's other streams: the time it was made at, `2026-07-01T12:00:00.000`.
    pub label: String,
    /// What its records hold.
    pub view: StreamView,
    /// When it was made, in microseconds since 1970.
    pub created_us: u64,
    /// Changes after this sequence are in it.
    pub after: u64,
    /// The end, once it is disabled.
    pub end: Option<StreamEnd>,
}

/// Where a disabled stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEnd {
    /// The last sequence that may be in it.
    pub last: u64,
    /// When it was disabled, in microseconds since 1970.
    pub time_us: u64,
}

impl Stream {
    /// Whether it can still be read: until a day after its end.
    pub fn is_kept(&self, now_us: u64) -> bool {
        self.end.is_none_or(|end| now_us.saturating_sub(end.time_us) < STREAM_SECONDS * 1_000_000)
    }

    /// Whether a change of its table with this sequence is in it.
    pub fn holds(&self, seq: u64) -> bool {
        seq > self.after && self.end.is_none_or(|end| seq <= end.last)
    }
}

impl TableOptions {
    /// The stream that changes go to.
    pub fn stream(&self) -> Option<&Stream> {
        self.streams.last().filter(|stream| stream.end.is_none())
    }

    /// Begins a stream of what comes after a sequence; those that can't be read any more are forgotten.
    pub fn enable_stream(
        &mut self,
        view: StreamView,
        label: impl Fn(u64) -> String,
        now_us: u64,
        after: u64,
    ) {
        self.streams.retain(|stream| stream.is_kept(now_us));
        let mut created_us = now_us;
        // Two within a millisecond still have two labels.
        while self.streams.iter().any(|stream| stream.label == label(created_us)) {
            created_us += 1000;
        }
        self.streams.push(Stream { label: label(created_us), view, created_us, after, end: None });
    }

    /// Ends the enabled stream, if there is one.
    pub fn disable_stream(&mut self, now_us: u64, last: u64) {
        if let Some(stream) = self.streams.last_mut().filter(|stream| stream.end.is_none()) {
            stream.end = Some(StreamEnd { last, time_us: now_us });
        }
    }

    /// What the service calls warm throughput, of the table or of an index with these units: the most that it ever had,
    /// by being provisioned, on-demand, or warmed. Kept to be shown, it makes no difference here.
    pub fn warm_throughput(&self, once: (u64, u64), provisioned: Option<(u64, u64)>) -> (u64, u64) {
        let on_demand = if self.on_demand_us > 0 { ON_DEMAND_WARM } else { (0, 0) };
        let of_all = [once, provisioned.unwrap_or_default(), on_demand];
        of_all.into_iter().fold((0, 0), |most, units| (most.0.max(units.0), most.1.max(units.1)))
    }

    /// Notes a change of provisioned throughput, for what DescribeTable says of it.
    pub fn note_throughput(&mut self, old: (u64, u64), new: (u64, u64), now_us: u64) {
        const DAY: u64 = 86_400 * 1_000_000;
        if new.0 > old.0 || new.1 > old.1 {
            self.increased_us = now_us;
        }
        if new.0 < old.0 || new.1 < old.1 {
            let same_day = self.decreased_us / DAY == now_us / DAY;
            self.decreases = if same_day { self.decreases.saturating_add(1) } else { 1 };
            self.decreased_us = now_us;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_holds_what_comes_between_its_ends_and_is_kept_for_a_day() {
        let mut options = TableOptions::default();
        let label = |us: u64| format!("{}", us / 1000);
        options.enable_stream(StreamView::KeysOnly, label, 5_000, 7);
        assert!(options.stream().is_some_and(|stream| !stream.holds(7) && stream.holds(8)));
        options.disable_stream(6_000, 9);
        assert_eq!(options.stream(), None);
        let ended = options.streams[0].clone();
        assert!(ended.holds(9) && !ended.holds(10));
        let day = STREAM_SECONDS * 1_000_000;
        assert!(ended.is_kept(6_000 + day - 1) && !ended.is_kept(6_000 + day));
        options.enable_stream(StreamView::NewImage, label, 5_100, 9);
        let labels: Vec<&str> = options.streams.iter().map(|stream| stream.label.as_str()).collect();
        assert_eq!(labels, ["5", "6"]);
        options.disable_stream(7_000, 9);
        options.enable_stream(StreamView::NewImage, label, 8_000 + day, 9);
        assert_eq!(options.streams.len(), 1);
    }

    #[test]
    fn warm_throughput_never_goes_down() {
        let mut options = TableOptions::default();
        assert_eq!(options.warm_throughput((0, 0), Some((5, 7))), (5, 7));
        assert_eq!(options.warm_throughput((9, 1), Some((5, 7))), (9, 7));
        options.on_demand_us = 1;
        assert_eq!(options.warm_throughput((0, 5000), Some((13_000, 7))), (13_000, 5000));
        assert_eq!(options.warm_throughput((0, 0), None), ON_DEMAND_WARM);
    }

    #[test]
    fn decreases_are_counted_by_day() {
        let day = 86_400 * 1_000_000;
        let mut options = TableOptions::default();
        options.note_throughput((5, 5), (4, 6), day);
        options.note_throughput((4, 6), (3, 6), day + 1);
        assert_eq!((options.decreases, options.increased_us, options.decreased_us), (2, day, day + 1));
        options.note_throughput((3, 6), (2, 6), 2 * day);
        assert_eq!(options.decreases, 1);
    }
}
