//! A store as far as its room goes, in steps: whatever it begins with, and whatever is written, room comes back as long as
//! there is something that may be given up.

use proptest::prelude::*;

use super::*;
use crate::store::Seq;

/// What a generation holds.
const GENERATION: u64 = 4 * MIB;
/// Looks within which room has to come back: an upstream's answer, two folds, what they let go of, once more.
const PATIENCE: usize = 24;

#[derive(Clone, Debug)]
struct Model {
    division: Division,
    now: Situation,
    /// The frozen generation: its newest change, and its bytes.
    frozen: Option<(Seq, u64)>,
    last: Seq,
    /// How much of the segment that is written to is.
    end: u64,
    /// Given back, not to be touched yet.
    released: Vec<u64>,
    asked: Option<Seq>,
    /// What a fold of new items adds to the tree, in percent; the rest replaces older ones.
    new: u64,
    /// Whether the upstream answers.
    online: bool,
}

impl Model {
    fn levels(&mut self) -> &mut Levels {
        &mut self.now.levels
    }

    /// What the journal's figures say.
    fn count(&mut self) {
        let segments: u64 = self.now.segments.iter().map(|(_, size)| size).sum();
        let released = self.released.iter().sum::<u64>();
        let overlay = self.now.active + self.frozen.map_or(0, |(_, bytes)| bytes);
        let levels = self.levels();
        levels.released = released;
        levels.journal = segments + released + levels.prepared;
        levels.overlay = overlay;
    }

    fn full(&mut self) -> Option<Full> {
        self.count();
        self.now.levels.full(&self.division)
    }

    fn begin_segment(&mut self, frame: u64) {
        let usual = self.division.journal.segment_size;
        let size = usual.max(frame + 4096);
        if size == usual && self.now.levels.prepared > 0 {
            self.levels().prepared -= usual;
        }
        self.now.segments.push((self.last, size));
        self.end = 0;
        let most = usual * self.division.journal.keep_free as u64;
        for size in std::mem::take(&mut self.released) {
            if size == usual && self.now.levels.prepared < most {
                self.levels().prepared += usual;
            }
        }
    }

    fn freeze(&mut self) {
        assert!(self.frozen.is_none());
        self.frozen = Some((self.last, std::mem::take(&mut self.now.active)));
    }

    /// A look of the committer's.
    fn look(&mut self) {
        let reserve = self.division.journal.segment_size * self.division.journal.reserve as u64;
        self.levels().prepared = self.now.levels.prepared.max(reserve);
        let through = self.now.slowest.map_or(self.now.folded_before, |at| at.min(self.now.folded_before));
        while self.now.segments.get(1).is_some_and(|(after, _)| *after <= through) {
            self.released.push(self.now.segments.remove(0).1);
        }
        self.count();
        self.now.folding = self.frozen.is_some();
        let remedy = self.now.remedy(&self.division);
        self.asked = remedy.ask.map(|(through, _)| through);
        if remedy.begin {
            self.begin_segment(0);
        }
        self.count();
        if self.now.levels.trims(&self.division) {
            self.levels().prepared = self.now.levels.prepared.min(reserve);
        }
        if remedy.fold {
            self.freeze();
        }
        let levels = self.levels();
        levels.used -= remedy.items.min(levels.used);
        if self.now.active >= GENERATION && self.frozen.is_none() {
            self.freeze();
        }
    }

    /// What is under way comes to its end: the fold, and the upstream's answer.
    fn end_what_is_under_way(&mut self) {
        if let Some((seq, bytes)) = self.frozen.take() {
            self.now.folded_before = std::mem::replace(&mut self.now.folded_to, seq);
            let (new, map) = (self.new, self.division.map);
            let levels = self.levels();
            levels.used = (levels.used + bytes * 13 / 10 * new / 100).min(map);
            levels.file = levels.file.max(levels.used);
        }
        if let Some(cursor) = self.now.slowest {
            let gives = if self.now.drops { self.asked } else { None };
            let sent = if self.online { Some(self.last) } else { None };
            self.now.slowest = gives.into_iter().chain(sent).chain([cursor]).max();
        }
    }

    /// Waits for room; whether it comes.
    fn waits(&mut self) -> bool {
        for _ in 0..PATIENCE {
            self.look();
            if self.full().is_none() {
                // What is kept prepared has not led beyond it either.
                assert!(self.now.levels.together(&self.division) <= self.division.max_size, "{self:?}");
                return true;
            }
            self.end_what_is_under_way();
        }
        false
    }

    /// One frame.
    fn write(&mut self, frame: u64) {
        let (_, size) = *self.now.segments.last().unwrap();
        if self.end + frame > size {
            self.begin_segment(frame);
        }
        self.end += frame;
        self.last = self.last.next();
        self.now.active += frame;
    }

    /// Whether room may come back at all: what refuses is the owner's choice.
    fn may_have_room(&self) -> bool {
        let Situation { levels, drops, slowest, active, .. } = &self.now;
        let waiting = active + self.frozen.map_or(0, |(_, bytes)| bytes);
        // What waits is folded before it is due from two segments on.
        let tree = levels.used + waiting * 13 / 10 * self.new / 100 + 3 * self.division.journal.segment_size;
        let tree = tree + self.division.reserve;
        *drops || tree <= self.division.map && (slowest.is_none() || self.online)
    }
}

/// Sizes that are allowed, in MiB: small ones, where there is least to choose from, and large ones.
fn max_size() -> impl Strategy<Value = u64> {
    prop_oneof![Just(16), 16..128u64, 64..4096u64]
}

prop_compose! {
    /// A share of something, in a thousandth parts: often all or nothing of it.
    fn share()(share in prop_oneof![Just(0u64), Just(1000), 0..1000u64]) -> u64 {
        share
    }
}

prop_compose! {
    fn model()(
        max_size in max_size(),
        (used, file, folded, before, cursor) in (share(), share(), share(), share(), proptest::option::of(share())),
        segments in prop::collection::vec((1..2000u64, prop_oneof![9 => Just(0), 1 => 0..(32 * MIB)]), 1..80),
        (prepared, released) in (0..7u64, prop::collection::vec(prop_oneof![9 => Just(0), 1 => 0..(32 * MIB)], 0..8)),
        (active, frozen) in (0..GENERATION, proptest::option::of(0..GENERATION)),
        (drops, online, new) in (any::<bool>(), any::<bool>(), 0..=100u64),
    ) -> Model {
        let division = Division::of(max_size * MIB);
        let usual = division.journal.segment_size;
        let mut last = Seq(0);
        let segments: Vec<(Seq, u64)> = segments
            .into_iter()
            .map(|(changes, size)| {
                let after = last;
                last = Seq(last.0 + changes);
                (after, size.max(usual))
            })
            .collect();
        let of = |share: u64, whole: u64| whole / 1000 * share + whole % 1000 * share / 1000;
        let folded_to = Seq(of(folded, last.0));
        let file = of(file, division.map);
        let levels = Levels {
            used: of(used, file),
            file,
            prepared: prepared * usual,
            disk_free: 1 << 50,
            ..Levels::default()
        };
        let now = Situation {
            levels,
            segments,
            folded_to,
            folded_before: Seq(of(before, folded_to.0)),
            slowest: cursor.map(|share| Seq(of(share, last.0))),
            folding: false,
            active,
            drops,
            starved: false,
        };
        let frozen = frozen.map(|bytes| (Seq(folded_to.0.midpoint(last.0)), bytes));
        let released = released.into_iter().map(|size| size.max(usual)).collect();
        Model { division, now, frozen, last, end: 0, released, asked: None, new, online }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn room_comes_back_whatever_takes_it(mut model in model(), frames in prop::collection::vec(1..200u64, 0..300)) {
        prop_assume!(model.may_have_room());
        prop_assert!(model.waits(), "{:?}: {:?}", model.full(), model);
        // Then it goes on, a frame now and then as large as they may be.
        let most = [2 * MIB, MIB, 64 << 10, 4096];
        for (at, frame) in frames.into_iter().enumerate() {
            if !model.may_have_room() {
                break;
            }
            prop_assert!(model.waits(), "frame {at}: {:?}: {:?}", model.full(), model);
            model.write(frame * most[at % 4] / 200 + 1);
            if at % 3 == 0 {
                model.end_what_is_under_way();
            }
        }
    }
}
