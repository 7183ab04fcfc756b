//! How much of the journal is kept for streams: their records of a day, as long as that takes a quarter of the store at
//! most and nobody else needs the room. See `docs/decisions/013-streams-yield.md`.

use std::time::{Duration, Instant};

use super::Seq;
use super::journal::Journal;
use super::shared::Shared;
use crate::model::limits::STREAM_SECONDS;

/// How often it is said in the log that streams give records up early.
const SAY: Duration = Duration::from_secs(3600);
/// What streams may keep is this part of the store.
const PART: u64 = 4;

/// What the journal may be released through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) through: Seq,
    /// Streams have given records up before their day was over.
    pub(super) early: bool,
    /// And that because the store is short of room.
    pub(super) yielded: bool,
}

/// What streams keep; the committer looks whenever more could be released, and now and then.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// When the first change after a sequence was made, in microseconds since 1970: that of the oldest segment that is kept.
    known: Option<(Seq, u64)>,
    /// The last decision, and for what.
    last: Option<(Seq, Kept)>,
    said: Option<Instant>,
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// No upstream and no fold needs anything up to here.
    most: Seq,
    /// No stream has anything up to here.
    streams: Seq,
    /// What streams may keep, in bytes.
    bound: u64,
    /// What the store is short of, in bytes.
    wanted: u64,
}

impl Retention {
    /// Time has passed, or there is less room: the next look is a new one.
    pub(super) fn look_again(&mut self) {
        self.last = None;
    }

    /// What may be released, where without streams it would be everything up to `most`.
    pub(super) fn look(&mut self, shared: &Shared, journal: &Journal, most: Seq) -> Kept {
        if let Some((_, kept)) = self.last.filter(|(of, _)| *of == most) {
            return Kept { yielded: false, ..kept };
        }
        let kept = self.decide(shared, journal, most);
        self.last = Some((most, kept));
        if kept.early && self.said.is_none_or(|at| at.elapsed() >= SAY) {
            self.said = Some(Instant::now());
            let why =
                if kept.yielded { "the store is short of room" } else { "they have a quarter of max_size" };
            tracing::warn!(why, "streams give up records that are not a day old yet");
        }
        kept
    }

    fn decide(&mut self, shared: &Shared, journal: &Journal, most: Seq) -> Kept {
        let now_us = shared.clock.now_us();
        let published = shared.published.load();
        let streams = published.catalog.all().flat_map(|table| &table.options.streams);
        let Some(first) = streams.filter(|stream| stream.is_kept(now_us)).map(|stream| stream.after).min()
        else {
            return Kept { through: most, early: false, yielded: false };
        };
        let segments = journal.segments();
        let wanted = shared.space.wanted(shared.overlay.load().bytes()).journal;
        let need = Need {
            most,
            streams: Seq(first),
            bound: shared.space.max_size() / PART,
            // More than what is missing, so that it is not asked for all the time.
            wanted: if wanted > 0 { wanted + 2 * journal.segment_size() } else { 0 },
        };
        decide(&segments, need, |seq| self.is_old(journal, seq, now_us))
    }

    /// Whether what comes right after a sequence was made more than a day ago: then all before it was, too.
    fn is_old(&mut self, journal: &Journal, seq: Seq, now_us: u64) -> bool {
        let known = self.known.filter(|(of, _)| *of == seq);
        let time_us = known.map(|(_, time_us)| time_us).or_else(|| {
            let mut reader = journal.reader(seq);
            // What can't be read now is looked at again.
            let record = reader.next().ok().flatten()?.find(|record| record.seq > seq)?;
            Some(record.time_us)
        });
        self.known = time_us.map(|time_us| (seq, time_us));
        time_us.is_some_and(|time_us| now_us.saturating_sub(time_us) >= STREAM_SECONDS * 1_000_000)
    }
}

/// Releases segment by segment, the oldest first: each ends where the next begins.
fn decide(segments: &[(Seq, u64)], need: Need, mut is_old: impl FnMut(Seq) -> bool) -> Kept {
    // Segments that only streams still need, each with the sequence it ends at.
    let ends = segments.iter().zip(segments.iter().skip(1)).map(|((_, size), (end, _))| (*end, *size));
    let loose: Vec<(Seq, u64)> = ends.take_while(|(end, _)| *end <= need.most).collect();
    let mut kept: u64 = loose.iter().map(|(_, size)| size).sum();
    let mut through = Seq(0);
    let mut given = 0;
    let (mut early, mut yielded) = (false, false);
    for (end, size) in loose {
        let unneeded = end <= need.streams || is_old(end);
        let short = given < need.wanted;
        if !unneeded && !short && kept <= need.bound {
            return Kept { through, early, yielded };
        }
        early |= !unneeded;
        yielded |= !unneeded && short;
        (through, kept, given) = (end, kept - size, given + size);
    }
    // Nothing is kept for streams alone.
    Kept { through: through.max(need.most), early, yielded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StreamView;
    use crate::store::CommitError;
    use crate::store::testing::*;

    const SEGMENTS: [(Seq, u64); 5] = [(Seq(0), 4), (Seq(10), 4), (Seq(20), 4), (Seq(30), 4), (Seq(40), 4)];

    fn need() -> Need {
        Need { most: Seq(35), streams: Seq(0), bound: 100, wanted: 0 }
    }

    fn through(need: Need, old: u64) -> (u64, bool) {
        let Kept { through, yielded, .. } = decide(&SEGMENTS, need, |seq| seq.0 <= old);
        (through.0, yielded)
    }

    #[test]
    fn a_days_records_are_kept_and_no_more() {
        assert_eq!(through(need(), 0), (0, false));
        assert_eq!(through(need(), 10), (10, false));
        assert_eq!(through(need(), 25), (20, false));
        assert_eq!(through(need(), 99), (35, false), "nothing is kept for streams");
        assert_eq!(through(Need { most: Seq(5), ..need() }, 99), (5, false), "what others need stays");
    }

    #[test]
    fn what_came_before_every_stream_is_not_kept() {
        assert_eq!(through(Need { streams: Seq(20), ..need() }, 0), (20, false));
        assert_eq!(through(Need { streams: Seq(19), ..need() }, 0), (10, false));
    }

    #[test]
    fn streams_keep_a_part_of_the_store_and_yield_where_it_is_short() {
        assert_eq!(through(Need { bound: 8, ..need() }, 0), (10, false));
        assert_eq!(through(Need { wanted: 5, ..need() }, 0), (20, true));
        assert_eq!(through(Need { wanted: 99, ..need() }, 0), (35, true));
        assert_eq!(
            through(Need { wanted: 4, ..need() }, 10),
            (10, false),
            "what nobody needs is given first"
        );
    }

    /// A store with a stream whose journal is folded and released soon.
    async fn streamed() -> Bench {
        let mut bench = Bench::empty();
        bench.settings.max_size = 16 << 20;
        (bench.tuning.generation, bench.tuning.unfolded) = (256 << 10, 1 << 20);
        let bench = bench.open();
        let mut table = table();
        table.options.enable_stream(StreamView::NewAndOldImages, |us| us.to_string(), 1, 0);
        bench.define(table).await;
        bench
    }

    /// Writes so many items of 100 KB over a few others, slowly enough for the folds.
    async fn write(bench: &Bench, count: i64) {
        let text = "x".repeat(100_000);
        for ts in 0..count {
            while let Err(error) = bench.put(item("a", ts % 5, &text)).await {
                assert!(matches!(error, CommitError::Busy), "{error}");
            }
            assert_eq!(bench.store().status().full, None);
        }
    }

    #[tokio::test]
    async fn the_journal_is_kept_for_a_day_across_folds_and_restarts() {
        let bench = streamed().await;
        let begins = bench.store().journal_begins_after();
        write(&bench, 10).await;
        let bench = bench.close().await.open();
        write(&bench, 2).await;
        let bench = bench.close().await.open();
        assert_eq!(bench.store().journal_begins_after(), begins, "all of it is there still");
        bench.clock.set((NOW + STREAM_SECONDS + 60) * 1_000_000, true);
        // The committer looks now and then, when something is written.
        while bench.store().journal_begins_after() == begins {
            bench.put(item("b", 1, "now")).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_store_with_streams_is_never_full_for_their_sake() {
        let bench = streamed().await;
        let begins = bench.store().journal_begins_after();
        // Twice what the store may be, and old images with it.
        write(&bench, 320).await;
        assert!(bench.store().journal_begins_after() > begins);
        let mut reader = bench.store().reader(bench.store().journal_begins_after());
        assert!(reader.next().unwrap().is_some(), "and what is left can be read");
    }
}
