//! The journal against a model, on a disk that loses and tears what was not synced: whatever happens, what was acknowledged
//! is replayed, whole and in order; what was under way is there whole or not at all; and what was not there once the journal
//! had started never comes back.

use std::sync::Arc;

use proptest::prelude::*;
use rustix::io::Errno;

use super::frame::tests::change;
use super::sim::{Loss, Op, SimDisk};
use super::*;
use crate::store::Seq;

pub(super) const SETTINGS: JournalSettings =
    JournalSettings { segment_size: 32 << 10, reserve: 2, keep_free: 3 };
pub(super) const STORE: StoreId = StoreId([7; 16]);

/// A frame as the model knows it: sequences and images.
pub(super) type Written = Vec<(Seq, Vec<u8>)>;

#[derive(Clone, Debug)]
enum Action {
    /// A frame of so many records, of so many bytes each.
    Append {
        records: usize,
        length: usize,
    },
    /// So many of the newest frames are still needed.
    Release {
        keep: usize,
    },
    Maintain,
    Rotate,
    /// The reader reads so many frames.
    Read {
        frames: usize,
    },
    /// The reader is made anew, somewhere.
    Reopen {
        back: usize,
    },
    /// The power goes now.
    Cut {
        loss: Loss,
        seed: u64,
    },
    /// The power goes so many steps later, wherever that is: in an append, or in a recovery.
    CutLater {
        steps: u64,
    },
    /// The process is killed.
    Kill,
    /// An operation fails.
    Fail {
        op: Op,
        after: u32,
        errno: Errno,
    },
    /// The disk has this much room beyond what is used.
    Room {
        segments: u64,
    },
    /// The disk has room again.
    NoLimit,
}

fn loss() -> impl Strategy<Value = Loss> {
    prop::sample::select(vec![Loss::Everything, Loss::Nothing, Loss::Some, Loss::Some, Loss::Some, Loss::One])
}

fn action() -> impl Strategy<Value = Action> {
    let ops =
        vec![Op::Sync, Op::Sync, Op::Write, Op::SyncFolder, Op::Rename, Op::Allocate, Op::Create, Op::Remove];
    let errors = vec![Errno::IO, Errno::IO, Errno::NOSPC];
    let length = prop_oneof![4 => 0..300usize, 4 => 300..6000usize, 1 => 20_000..70_000usize];
    prop_oneof![
        20 => (1..4usize, length).prop_map(|(records, length)| Action::Append { records, length }),
        3 => (0..12usize).prop_map(|keep| Action::Release { keep }),
        3 => Just(Action::Maintain),
        1 => Just(Action::Rotate),
        3 => (1..10usize).prop_map(|frames| Action::Read { frames }),
        1 => (0..20usize).prop_map(|back| Action::Reopen { back }),
        2 => (loss(), any::<u64>()).prop_map(|(loss, seed)| Action::Cut { loss, seed }),
        3 => (1..25u64).prop_map(|steps| Action::CutLater { steps }),
        1 => Just(Action::Kill),
        2 => (prop::sample::select(ops), 0..4u32, prop::sample::select(errors))
            .prop_map(|(op, after, errno)| Action::Fail { op, after, errno }),
        1 => (0..3u64).prop_map(|segments| Action::Room { segments }),
        1 => Just(Action::NoLimit),
    ]
}

/// Makes a frame, and what it holds.
pub(super) fn frame(first: Seq, records: usize, length: usize, stamp: &mut u32) -> (FrameBuf, Written) {
    let mut frame = FrameBuf::default();
    let mut written = Vec::new();
    frame.begin(first, 0);
    for _ in 0..records {
        *stamp += 1;
        let mut image = stamp.to_le_bytes().to_vec();
        image.resize(4 + length / records, *stamp as u8);
        let seq = frame.push(&change(256, image.clone())).unwrap();
        written.push((seq, image));
    }
    (frame, written)
}

pub(super) fn collect(frame: FrameRecords<'_>) -> Written {
    frame.map(|record| (record.seq, record.image.to_vec())).collect()
}

/// Reads a journal, without starting it.
pub(super) fn replay(disk: &SimDisk, after: Seq) -> Result<(Recovered, Vec<Written>), JournalError> {
    let mut frames = Vec::new();
    let survey = Survey::of(Arc::new(disk.clone()), SETTINGS, Some(STORE))?;
    let recovered = survey.replay(after, |frame| {
        frames.push(collect(frame));
        Ok::<_, std::io::Error>(())
    })?;
    Ok((recovered, frames))
}

struct World {
    disk: SimDisk,
    journal: Option<Journal>,
    reader: Option<Reader>,
    /// What the reader has yet to read.
    unread: Vec<Written>,
    /// Acknowledged frames, oldest first, those that were released left out.
    acknowledged: Vec<Written>,
    /// A frame of which nobody knows.
    under_way: Option<Written>,
    /// Everything up to here was released.
    released: Seq,
    stamp: u32,
    was_full: bool,
}

impl World {
    fn new() -> World {
        let mut world = World {
            disk: SimDisk::default(),
            journal: None,
            reader: None,
            unread: Vec::new(),
            acknowledged: Vec::new(),
            under_way: None,
            released: Seq(0),
            stamp: 0,
            was_full: false,
        };
        world.open();
        world
    }

    /// Opens the journal, through any number of power cuts, and checks what it holds.
    fn open(&mut self) {
        for attempt in 0.. {
            assert!(attempt < 20, "it does not open");
            match self.try_open() {
                Ok(()) => return,
                Err(_) if self.disk.is_off() => self.disk.cut(Loss::Some, attempt),
                // A failure that was asked for.
                Err(_) => self.disk.kill(),
            }
        }
    }

    fn try_open(&mut self) -> Result<(), JournalError> {
        let (recovered, frames) = replay(&self.disk, self.released)?;
        // A hole below `released` is possible where a full disk made the journal free its oldest segment first.
        assert!(!recovered.needs_epoch(), "{:?}", recovered.damage);
        assert!(self.was_full || recovered.damage.is_empty(), "{:?}", recovered.damage);
        let mut expected = self.acknowledged.clone();
        if frames.len() > expected.len() {
            expected.extend(self.under_way.clone());
        }
        assert_eq!(brief(&frames), brief(&expected));
        let last = expected.last().and_then(|frame| frame.last()).map_or(self.released, |(seq, _)| *seq);
        assert!(recovered.last == last || (expected.is_empty() && recovered.last <= last));
        let journal = recovered.start(STORE)?;
        // Only now is it settled what became of the frame that was under way.
        self.acknowledged = expected;
        self.under_way = None;
        self.reader = Some(journal.reader(self.released));
        self.unread = self.acknowledged.clone();
        self.journal = Some(journal);
        Ok(())
    }

    fn next_seq(&self) -> Seq {
        let last = self.acknowledged.last().and_then(|frame| frame.last());
        last.map_or(self.released, |(seq, _)| *seq).next()
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Append { records, length } => self.append(records, length),
            Action::Release { keep } => self.release(keep),
            Action::Maintain => self.with_journal(|journal| journal.maintain().is_ok()),
            Action::Rotate => self.with_journal(|journal| journal.rotate().is_ok()),
            Action::Read { frames } => self.read(frames),
            Action::Reopen { back } => {
                let (Some(journal), at) = (&self.journal, self.acknowledged.len().saturating_sub(back))
                else {
                    return;
                };
                let after = self
                    .acknowledged
                    .get(at)
                    .map_or(Seq(self.next_seq().0 - 1), |frame| Seq(frame[0].0.0 - 1));
                self.reader = Some(journal.reader(after));
                self.unread = self.acknowledged[at..].to_vec();
            }
            Action::Cut { loss, seed } => {
                self.disk.cut(loss, seed);
                self.open();
            }
            Action::CutLater { steps } => self.disk.cut_after(steps),
            Action::Kill => {
                self.disk.kill();
                self.open();
            }
            Action::Fail { op, after, errno } => {
                self.was_full |= errno == Errno::NOSPC;
                self.disk.fail(op, after, errno);
            }
            Action::Room { segments } => {
                self.was_full = true;
                self.disk.set_capacity(Some(self.disk.used() + segments * SETTINGS.segment_size));
            }
            Action::NoLimit => self.disk.set_capacity(None),
        }
    }

    fn append(&mut self, records: usize, length: usize) {
        let (mut frame, written) = frame(self.next_seq(), records, length, &mut self.stamp);
        let Some(journal) = &mut self.journal else { return };
        match journal.append(&mut frame) {
            Ok(position) => {
                assert_eq!(position.last, frame.last());
                journal.publish();
                self.unread.push(written.clone());
                self.acknowledged.push(written);
            }
            Err(AppendError::Full(_)) => {}
            Err(AppendError::Poisoned(_)) => {
                assert!(matches!(journal.append(&mut frame), Err(AppendError::Poisoned(_))), "for good");
                self.under_way = Some(written);
                self.crashed();
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The process ends, as it must after an error that it can't explain.
    fn crashed(&mut self) {
        if self.disk.is_off() {
            self.disk.cut(Loss::Some, u64::from(self.stamp));
        } else {
            self.disk.kill();
        }
        self.open();
    }

    fn release(&mut self, keep: usize) {
        let Some(journal) = &mut self.journal else { return };
        let gone = self.acknowledged.len().saturating_sub(keep);
        // What is unread is needed.
        let gone = gone.min(self.acknowledged.len() - self.unread.len().min(self.acknowledged.len()));
        let Some(last) = gone.checked_sub(1).map(|at| &self.acknowledged[at]) else { return };
        self.released = last[last.len() - 1].0;
        self.acknowledged.drain(..gone);
        journal.release(self.released);
    }

    fn with_journal(&mut self, step: impl FnOnce(&mut Journal) -> bool) {
        let Some(journal) = &mut self.journal else { return };
        if !step(journal) && self.disk.is_off() {
            self.crashed();
        }
    }

    fn read(&mut self, frames: usize) {
        let Some(reader) = &mut self.reader else { return };
        for _ in 0..frames {
            if self.disk.is_off() {
                return;
            }
            let expected = (!self.unread.is_empty()).then(|| self.unread.remove(0));
            assert_eq!(reader.next().unwrap().map(collect), expected);
        }
    }
}

/// To be told apart when printed.
fn brief(frames: &[Written]) -> Vec<(u64, Vec<usize>, Vec<u8>)> {
    let bytes = |frame: &Written| frame.iter().flat_map(|(_, image)| image[..4].to_vec()).collect();
    let lengths = |frame: &Written| frame.iter().map(|(_, image)| image.len()).collect();
    frames.iter().map(|frame| (frame[0].0.0, lengths(frame), bytes(frame))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_replayed(actions in prop::collection::vec(action(), 1..80)) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
        }
        world.disk.set_capacity(None);
        world.disk.cut(Loss::Everything, 0);
        world.open();
        let unread = world.unread.len();
        world.read(unread + 1);
        world.append(2, 100);
        world.disk.cut(Loss::Some, 1);
        world.open();
    }

    /// Whatever is written over a journal: nothing that was not written comes out, nothing is skipped in silence, and it
    /// goes on from there.
    #[test]
    fn damage_is_noticed(
        lengths in prop::collection::vec(prop_oneof![0..500usize, 500..9000usize], 1..30),
        file: prop::sample::Index,
        from: prop::sample::Index,
        length in prop_oneof![1..64usize, 64..9000usize],
        zeros: bool,
    ) {
        let disk = SimDisk::default();
        let mut journal = replay(&disk, Seq(0)).unwrap().0.start(STORE).unwrap();
        let (mut written, mut places, mut stamp, mut next) = (Vec::new(), Vec::new(), 0, Seq(1));
        for length in lengths {
            let (mut frame, records) = frame(next, 1, length, &mut stamp);
            let position = journal.append(&mut frame).unwrap();
            next = frame.next_seq();
            places.push((segment::name(position.segment), position.offset, frame.len() as u64));
            written.push(records);
        }
        let names = disk.list_segments();
        let name = file.get(&names);
        let mut bytes = disk.contents(name);
        let from = from.index(bytes.len());
        let to = (from + length).min(bytes.len());
        bytes[from..to].iter_mut().for_each(|byte| *byte = if zeros { 0 } else { !*byte });
        disk.overwrite(name, from as u64, &bytes[from..to]);
        disk.cut(Loss::Nothing, 0);

        let (recovered, frames) = replay(&disk, Seq(0)).unwrap();
        // Where there is no tree to be consistent with, a lost beginning does not take the rest with it.
        let start = frames.first().map_or(0, |first| (first[0].0.0 - 1) as usize);
        prop_assert!(start == 0 || (!recovered.damage.is_empty() && name == &names[0]));
        let known = start + frames.len();
        prop_assert_eq!(brief(&frames), brief(&written[start..known]));
        if !recovered.needs_epoch() {
            for (segment, offset, length) in &places[known..] {
                let hit = segment == name && from as u64 <= offset + length && to as u64 >= *offset;
                prop_assert!(hit, "frame at {} of {} is gone without a word", offset, segment);
            }
        }
        let epoch = recovered.highest_epoch + u16::from(recovered.needs_epoch());
        let next = recovered.next_seq(epoch);
        let mut journal = recovered.start(STORE).unwrap();
        let (mut frame, records) = frame(next, 2, 700, &mut stamp);
        journal.append(&mut frame).unwrap();
        journal.publish();
        let mut written = written[start..known].to_vec();
        written.push(records);
        let mut reader = journal.reader(Seq(start as u64));
        let mut seen = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            seen.push(collect(frame));
        }
        prop_assert_eq!(brief(&seen), brief(&written));
        disk.cut(Loss::Everything, 0);
        let (recovered, frames) = replay(&disk, Seq(0)).unwrap();
        prop_assert_eq!(brief(&frames), brief(&written));
        prop_assert!(!recovered.needs_epoch(), "{:?}", recovered.damage);
    }
}
