//! How far the journal would have to be released to give back room.

use std::sync::Arc;

use super::Journal;
use super::index::Segment;
use crate::store::Seq;

impl Journal {
    /// The least change through which to release for the journal to take at most so many bytes, the segment that is
    /// written to aside.
    pub fn keeping(&self, bytes: u64) -> Option<Seq> {
        let sizes = sizes(&self.shared.segments());
        let all: u64 = sizes.iter().map(|(_, size)| size).sum();
        giving(&sizes, all.saturating_sub(bytes), Seq(u64::MAX))
    }

    /// Each segment's last sequence before it, and its size; the oldest first.
    pub fn segments(&self) -> Vec<(Seq, u64)> {
        sizes(&self.shared.segments())
    }

    /// Removes what is prepared beyond the reserve: others need the room more.
    pub fn trim(&mut self) {
        self.spares.trim(self.settings.reserve);
        self.update_figures();
    }

    /// How many segments were begun, by their numbers.
    pub fn segments_begun(&self) -> u64 {
        self.next_segment
    }

    /// A segment's usual size.
    pub fn segment_size(&self) -> u64 {
        self.settings.segment_size
    }
}

/// Each segment's last sequence before it, and its size.
fn sizes(segments: &[Arc<Segment>]) -> Vec<(Seq, u64)> {
    segments.iter().map(|segment| (segment.after, segment.size)).collect()
}

/// The least change through which to release for so many bytes, or as many as there are, without going beyond `most`; `None`
/// where nothing can be given back. The segment that is written to, the last one, can't.
pub fn giving(segments: &[(Seq, u64)], bytes: u64, most: Seq) -> Option<Seq> {
    let mut given = 0;
    let mut through = None;
    for ((_, size), (next, _)) in segments.iter().zip(segments.iter().skip(1)) {
        if given >= bytes || *next > most {
            break;
        }
        given += size;
        through = Some(*next);
    }
    through
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_segments_are_given_from_the_oldest_on_but_never_the_last() {
        let segments = [(Seq(0), 4), (Seq(10), 4), (Seq(20), 8), (Seq(30), 4)];
        let most = Seq(u64::MAX);
        assert_eq!(giving(&segments, 0, most), None);
        assert_eq!(giving(&segments, 1, most), Some(Seq(10)));
        assert_eq!(giving(&segments, 5, most), Some(Seq(20)));
        assert_eq!(giving(&segments, 99, most), Some(Seq(30)));
        assert_eq!(giving(&segments, 99, Seq(29)), Some(Seq(20)));
        assert_eq!(giving(&segments, 99, Seq(9)), None);
        assert_eq!(giving(&[], 1, most), None);
    }
}
