//! A histogram: how many values were at most so large.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts whole numbers (microseconds, changes) in buckets.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is beyond the last.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramFigures {
    /// The buckets' upper bounds, inclusive, ascending.
    pub bounds: &'static [u64],
    /// Values in each bucket alone, and at the end those beyond the last bound.
    pub buckets: Vec<u64>,
    /// All values together.
    pub sum: u64,
}

impl Histogram {
    /// Microseconds: from half a millisecond to ten seconds.
    pub const LATENCY: &'static [u64] = &[
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 10_000_000,
    ];
    /// Numbers of things: one to ten thousand.
    pub const COUNT: &'static [u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

    /// An empty one with these bounds, which ascend.
    pub fn new(bounds: &'static [u64]) -> Histogram {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram { bounds, buckets, sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn observe(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn figures(&self) -> HistogramFigures {
        HistogramFigures {
            bounds: self.bounds,
            buckets: self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_that_holds_it() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, 1000] {
            histogram.observe(value);
        }
        let figures = histogram.figures();
        assert_eq!((figures.buckets, figures.sum), (vec![2, 2, 2], 1024));
    }
}
