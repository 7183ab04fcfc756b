//! Reading a surveyed journal from front to back: every whole frame, and a verdict on what is not whole.

use std::sync::Arc;

use super::disk::{Access, Disk, DiskFile};
use super::frame::{HEADER, Head};
use super::recovery::{Link, Stray};
use super::scan::{self, Found, Frames};
use super::segment::{self, FRAMES_AT};
use super::window::Window;
use super::{Cut, Damage, FrameRecords, JournalError, JournalSettings, Survey};
use crate::store::Seq;

/// A journal that has been read, and not yet been written to.
pub struct Recovered {
    /// The last change in it (0: none). The next one is [`Recovered::next_seq`].
    pub last: Seq,
    /// The highest epoch seen anywhere, segments that are set aside included.
    pub highest_epoch: u16,
    /// Frames that were replayed.
    pub frames: u64,
    /// Bytes of these frames.
    pub bytes: u64,
    /// The frame that was cut.
    pub cut: Option<Cut>,
    /// What can't be read. If any of it [stopped](Damage::stopped) the replay, a higher epoch must begin.
    pub damage: Vec<Damage>,

    pub(super) disk: Arc<dyn Disk>,
    pub(super) settings: JournalSettings,
    /// The segments that go on being the journal, oldest first.
    pub(super) chain: Vec<Link>,
    pub(super) next_frame: u64,
    pub(super) next_segment: u64,
    /// Segments that were released.
    pub(super) released: Vec<u64>,
    /// Segments that hold nothing, once a new header has said where the journal ends.
    pub(super) free: Vec<u64>,
    /// Segments that are no longer the journal's, to be moved aside, with their salt if it is known.
    pub(super) aside: Vec<(u64, u64)>,
    /// Segments that stay, of which a copy is set aside because of what is damaged in them.
    pub(super) copies: Vec<(u64, u64)>,
    /// Where the last segment's frames end, if what follows was never acknowledged.
    pub(super) tail: Option<(u64, u64)>,
}

impl Recovered {
    /// Whether sequences after [`Recovered::last`] may have been used: a higher epoch than `highest_epoch` must begin.
    pub fn needs_epoch(&self) -> bool {
        self.damage.iter().any(|damage| damage.stopped)
    }

    /// The first sequence to use, if `epoch` is the one chosen (and [raised](super::EpochFile::raise) durably).
    pub fn next_seq(&self, epoch: u16) -> Seq {
        if self.last.epoch() == epoch { self.last.next() } else { Seq::start_of(epoch).next() }
    }

    fn damaged(&mut self, what: String, stopped: bool) {
        self.damage.push(Damage { what, after: self.last, stopped });
    }
}

type Each<'e> = &'e mut dyn FnMut(FrameRecords<'_>) -> Result<(), JournalError>;

/// See [`Survey::replay`].
pub(super) fn replay(survey: Survey, after: Seq, each: Each<'_>) -> Result<Recovered, JournalError> {
    let Survey { disk, settings, chain, strays, released, highest } = survey;
    let mut replay = Replay {
        after,
        window: Window::default(),
        recovered: Recovered {
            last: Seq(0),
            highest_epoch: 0,
            frames: 0,
            bytes: 0,
            cut: None,
            damage: Vec::new(),
            disk,
            settings,
            chain: Vec::new(),
            next_frame: 1,
            next_segment: highest + 1,
            released,
            free: Vec::new(),
            aside: Vec::new(),
            copies: Vec::new(),
            tail: None,
        },
    };
    replay.chain(&chain, each)?;
    for stray in &strays {
        replay.stray(stray)?;
    }
    let recovered = &mut replay.recovered;
    let seen = chain.iter().map(|link| link.header.after).chain([recovered.last]);
    recovered.highest_epoch = seen.map(Seq::epoch).max().unwrap_or(0).max(recovered.highest_epoch);
    Ok(replay.recovered)
}

struct Replay {
    after: Seq,
    window: Window,
    recovered: Recovered,
}

/// How a segment's frames ended.
enum End {
    /// With the frame that the next segment says is the last, or, in the last segment, with nothing behind.
    Clean,
    /// In what can't be read, beyond what the tree has: the rest of the journal is given up.
    Stop,
}

impl Replay {
    fn chain(&mut self, chain: &[Link], each: Each<'_>) -> Result<(), JournalError> {
        let beyond = chain.partition_point(|link| link.header.after <= self.after);
        let start = beyond.saturating_sub(1);
        let (known, rest) = chain.split_at_checked(start).unwrap_or_default();
        self.recovered.chain.extend_from_slice(known);
        let Some(first) = rest.first() else { return Ok(()) };
        self.recovered.last = first.header.after;
        self.recovered.next_frame = first.header.first_frame;
        // The one before the last may be where the last start found its tail: what it took for whole must be durable.
        for link in rest.iter().rev().take(2) {
            self.settle(link)?;
        }
        let mut rest = rest.iter().enumerate().map(|(index, link)| (link, rest.get(index + 1)));
        while let Some((link, next)) = rest.next() {
            if !self.joins(link) || matches!(self.segment(link, next, each)?, End::Stop) {
                let kept =
                    self.recovered.chain.last().is_some_and(|last| last.header.number == link.header.number);
                let given_up = (!kept).then_some(link).into_iter().chain(rest.map(|(link, _)| link));
                for link in given_up {
                    self.give_up(link)?;
                }
                return Ok(());
            }
        }
        self.drop_empty();
        Ok(())
    }

    /// Whether a segment follows on what was read so far, or the hole before it lies where the tree has everything.
    fn joins(&mut self, link: &Link) -> bool {
        let header = &link.header;
        let first = self.recovered.chain.last().is_none();
        let whole = !link.gap_before && header.first_frame == self.recovered.next_frame;
        // A tree that has nothing takes a journal from wherever that begins.
        let reaches = header.after <= self.after || (first && self.after == Seq(0));
        if whole && (!first || reaches) {
            return true;
        }
        let harmless = reaches || (whole && !first);
        let hole = format!("changes before segment {} are missing from the journal", header.number);
        self.recovered.damaged(hole, !harmless);
        if harmless {
            self.recovered.last = header.after;
            self.recovered.next_frame = header.first_frame;
        } else if first {
            // The new journal follows on the tree.
            self.recovered.last = self.after;
        }
        harmless
    }

    /// What is about to be believed must be on the device: the process that wrote it may have died before its sync.
    fn settle(&self, link: &Link) -> Result<(), JournalError> {
        let name = segment::name(link.header.number);
        let what = || JournalError::io(format!("sync the journal's {name}"));
        let file = self.recovered.disk.open(&name, Access::Write).map_err(what())?;
        // The first call may answer for a failure of the process before.
        file.sync().or_else(|_| file.sync()).map_err(what())
    }

    /// Reads the frames of one segment.
    fn segment(&mut self, link: &Link, next: Option<&Link>, each: Each<'_>) -> Result<End, JournalError> {
        let name = segment::name(link.header.number);
        let what = || JournalError::io(format!("read the journal's {name}"));
        let file = self.recovered.disk.open(&name, Access::Direct).map_err(what())?;
        let frames = Frames { file: &*file, salt: link.header.salt };
        let limit = next.map_or(u64::MAX, |next| next.header.first_frame);
        self.recovered.chain.push(*link);
        self.window.clear();
        let mut end = FRAMES_AT;
        while self.recovered.next_frame < limit {
            let number = self.recovered.next_frame;
            self.window.take_unreadable();
            let found = frames.next(&mut self.window, end, number).map_err(what())?;
            let found = match found.filter(|found| found.head.first > self.recovered.last.0) {
                Some(found) => found,
                None => match self.behind(frames, end, number..limit).map_err(what())? {
                    Behind::Whole(found) => match self.hole(link, end, &found) {
                        End::Clean => found,
                        End::Stop => {
                            self.note_epochs(frames, found.offset).map_err(what())?;
                            return Ok(End::Stop);
                        }
                    },
                    Behind::Nothing { unreadable } if next.is_none() => {
                        return Ok(self.torn(frames, link, end, unreadable));
                    }
                    // The next segment finds the hole.
                    Behind::Nothing { .. } => {
                        self.recovered.copies.push((link.header.number, link.header.salt));
                        return Ok(End::Clean);
                    }
                },
            };
            self.frame(frames, &found, each)?;
            end = found.end();
        }
        if next.is_none() {
            self.recovered.tail = Some((link.header.number, end));
        }
        Ok(End::Clean)
    }

    fn frame(&mut self, frames: Frames<'_>, found: &Found, each: Each<'_>) -> Result<(), JournalError> {
        self.recovered.next_frame = found.head.number + 1;
        self.recovered.last = found.head.last();
        if found.head.last() <= self.after {
            return Ok(());
        }
        self.recovered.frames += 1;
        self.recovered.bytes += u64::from(found.head.length);
        let records = found.records(frames, &mut self.window);
        each(records.map_err(JournalError::io("read a frame again"))?)
    }

    /// What is whole behind a bad frame.
    fn behind(
        &mut self,
        frames: Frames<'_>,
        end: u64,
        numbers: std::ops::Range<u64>,
    ) -> std::io::Result<Behind> {
        let found = frames.search(&mut self.window, end, numbers)?;
        let found = found.filter(|found| found.head.first > self.recovered.last.0);
        let unreadable = self.window.take_unreadable() > 0;
        Ok(found.map_or(Behind::Nothing { unreadable }, Behind::Whole))
    }

    /// A bad frame with a whole one behind it, in one segment.
    fn hole(&mut self, link: &Link, end: u64, found: &Found) -> End {
        let harmless = found.head.first.saturating_sub(1) <= self.after.0;
        let number = link.header.number;
        let first = self.recovered.next_frame;
        let what =
            format!("segment {number} is damaged at byte {end}: frames {first} to {}", found.head.number - 1);
        self.recovered.copies.push((number, link.header.salt));
        self.recovered.damaged(what, !harmless);
        if harmless { End::Clean } else { End::Stop }
    }

    /// A bad frame with nothing behind it, at the journal's end: it was being written when the power went. If blocks can't
    /// even be read, that is not so sure.
    fn torn(&mut self, frames: Frames<'_>, link: &Link, end: u64, unreadable: bool) -> End {
        let number = link.header.number;
        if unreadable {
            self.recovered.copies.push((number, link.header.salt));
            self.recovered.damaged(format!("segment {number} can't be read from byte {end} on"), true);
            return End::Clean;
        }
        self.recovered.tail = Some((number, end));
        let begun = [end.next_multiple_of(super::frame::ALIGN), end.next_multiple_of(super::disk::BLOCK)];
        for offset in begun {
            let bytes = self.window.at(frames.file, offset, HEADER).unwrap_or_default();
            if Head::read(frames.salt, bytes).is_some() {
                self.recovered.cut = Some(Cut { segment: number, offset });
                break;
            }
        }
        End::Clean
    }

    /// The highest epoch in frames that are given up: their sequences were used.
    fn note_epochs(&mut self, frames: Frames<'_>, from: u64) -> std::io::Result<u64> {
        let (mut at, mut count) = (from, 0);
        while let Some(found) = frames.search(&mut self.window, at, 0..u64::MAX)? {
            let epoch = found.head.last().epoch();
            self.recovered.highest_epoch = self.recovered.highest_epoch.max(epoch);
            at = found.end();
            count += 1;
        }
        Ok(count)
    }

    /// A segment behind a hole is not the journal's any more.
    fn give_up(&mut self, link: &Link) -> Result<(), JournalError> {
        let header = &link.header;
        let name = segment::name(header.number);
        let what = || JournalError::io(format!("read the journal's {name}"));
        let file = self.recovered.disk.open(&name, Access::Direct).map_err(what())?;
        self.window.clear();
        let frames = Frames { file: &*file, salt: header.salt };
        let count = self.note_epochs(frames, FRAMES_AT).map_err(what())?;
        if count == 0 {
            self.recovered.free.push(header.number);
            return Ok(());
        }
        self.recovered.aside.push((header.number, header.salt));
        self.recovered
            .damaged(format!("segment {} with {count} frames lies behind a hole", header.number), true);
        Ok(())
    }

    /// Segments at the end that never got a frame: their numbers are not used again, their files are.
    fn drop_empty(&mut self) {
        let recovered = &mut self.recovered;
        let (next, copies) = (recovered.next_frame, &recovered.copies);
        let damaged = |number| copies.iter().any(|(copy, _)| *copy == number);
        let empty = |link: &mut Link| link.header.first_frame == next && !damaged(link.header.number);
        while let Some(link) = recovered.chain.pop_if(empty) {
            recovered.free.push(link.header.number);
            recovered.tail = None;
        }
    }

    /// A file that is not in the chain: left by a start or a new segment that did not get to its end, or damaged.
    fn stray(&mut self, stray: &Stray) -> Result<(), JournalError> {
        let name = segment::name(stray.number);
        let what = || JournalError::io(format!("read the journal's {name}"));
        let file: Arc<dyn DiskFile> = self.recovered.disk.open(&name, Access::Direct).map_err(what())?;
        self.window.clear();
        if stray.foreign {
            self.recovered.aside.push((stray.number, 0));
            self.recovered.damaged(format!("segment {} is another store's", stray.number), false);
            return Ok(());
        }
        let Some(header) = stray.header else {
            return self.headless(stray.number, &*file).map_err(what());
        };
        let frames = Frames { file: &*file, salt: header.salt };
        if self.note_epochs(frames, FRAMES_AT).map_err(what())? == 0 {
            self.recovered.free.push(stray.number);
        } else {
            // Given up before, and not yet moved: the report of that time said so.
            self.recovered.aside.push((stray.number, header.salt));
        }
        Ok(())
    }

    /// A file without a whole header: about to become a segment, or one whose header is damaged. Its salt is not known, but a
    /// segment's frames have higher numbers than whatever its file held in an earlier life.
    fn headless(&mut self, number: u64, file: &dyn DiskFile) -> std::io::Result<()> {
        self.window.take_unreadable();
        let live = self.recovered.chain.first().map_or(1, |first| first.header.first_frame);
        let head = scan::search_unsalted(file, &mut self.window, live..u64::MAX)?;
        if head.is_none() && self.window.take_unreadable() == 0 {
            self.recovered.free.push(number);
            return Ok(());
        }
        self.recovered.aside.push((number, 0));
        let newest = self.recovered.chain.last().is_none_or(|last| last.header.number < number);
        self.recovered.damaged(format!("the header of segment {number} is damaged"), newest);
        if let Some(head) = head {
            // Not checked by anything; epochs are plenty.
            let epoch = head.last().epoch();
            self.recovered.highest_epoch = self.recovered.highest_epoch.max(epoch);
        }
        Ok(())
    }
}

/// What is behind a bad frame.
enum Behind {
    Whole(Found),
    Nothing { unreadable: bool },
}
