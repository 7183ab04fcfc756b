//! Reading published frames in order, live.

use std::io;
use std::sync::Arc;

use super::FrameRecords;
use super::disk::{Access, DiskFile};
use super::index::{Segment, Shared, holding};
use super::scan::{Found, Frames};
use super::segment::{self, FRAMES_AT};
use super::window::Window;
use crate::store::Seq;

/// Makes readers; cheap to clone, for any thread.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
}

impl Readers {
    pub(super) fn new(shared: Arc<Shared>) -> Readers {
        Readers { shared }
    }

    /// A reader of everything after this sequence.
    pub fn after(&self, after: Seq) -> Reader {
        Reader {
            shared: self.shared.clone(),
            window: Window::default(),
            whole_below: 0,
            place: Place::Unknown,
            last: after,
            failures: 0,
        }
    }

    /// A reader of everything after this sequence that begins to look where another one has stopped. Where the journal has
    /// nothing of that kind there any more, it looks from the beginning of the segment, as [`Readers::after`] does.
    pub fn resume(&self, after: Seq, bookmark: Bookmark) -> Reader {
        let mut reader = self.after(after);
        if let Some(cursor) = self.open(bookmark) {
            // Not read as whole yet: the first look at it fills the window.
            reader.place = Place::In(cursor);
        }
        reader
    }

    fn open(&self, bookmark: Bookmark) -> Option<Cursor> {
        let segments = self.shared.segments();
        let segment = segments.iter().find(|segment| segment.number == bookmark.segment)?.clone();
        let frames = segment.first_frame..=segment.end_frame();
        let fits = segment.salt == bookmark.salt
            && frames.contains(&bookmark.frame)
            && (FRAMES_AT..=segment.size).contains(&bookmark.end);
        if !fits {
            return None;
        }
        let file = self.shared.disk.open(&segment::name(segment.number), Access::Read).ok()?;
        drop(segments);
        Some(Cursor { segment, file, end: bookmark.end, frame: bookmark.frame })
    }

    /// The sequence after which the journal has everything.
    pub fn begins_after(&self) -> Seq {
        self.shared.segments().first().map_or(Seq(0), |first| first.after)
    }

    /// The last published change.
    pub fn published(&self) -> Seq {
        self.shared.published_to().1
    }
}

/// Reads published frames in order. The segment it is in stays readable, even if released meanwhile.
pub struct Reader {
    shared: Arc<Shared>,
    window: Window,
    /// Frames below this number were whole when the window was read.
    whole_below: u64,
    place: Place,
    /// The last change read.
    last: Seq,
    /// How often in a row blocks could not be read.
    failures: u32,
}

/// Where a reader stopped: kept by whoever wants to go on without reading a segment's beginning again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The segment's number.
    pub segment: u64,
    /// Its salt: tells it from another of this number.
    pub salt: u64,
    /// Where the frame before ends.
    pub end: u64,
    /// The number of the frame to go on with.
    pub frame: u64,
}

/// How often a block that can't be read is tried before it counts as damaged.
const PATIENCE: u32 = 5;

/// Where a reader is.
enum Place {
    /// It has yet to look for its segment.
    Unknown,
    /// Before this frame, in a segment that is still to be opened.
    Before { frame: u64 },
    /// In a segment.
    In(Cursor),
}

struct Cursor {
    segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    /// Where the last frame ends.
    end: u64,
    /// The next frame's number.
    frame: u64,
}

/// What the reader wants is no longer there, or damaged: where reading can go on, if anywhere. The reader has already moved
/// there: the next call goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal has a gap after {after:?}: {what}")]
pub struct Gap {
    /// The last sequence before the gap.
    pub after: Seq,
    /// Everything after this sequence is there again (it is what to make a new reader with). `None`: nothing is known to be
    /// lost, but reading failed for now; the reader has not moved, try again later.
    pub resume: Option<Seq>,
    /// What happened.
    pub what: String,
}

impl Reader {
    /// The next published frame; `None` where there is none yet. Never past what is published. Blocking file reads: not
    /// for a runtime's thread. The first frame may hold changes that are not after the wanted sequence: skip them.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<FrameRecords<'_>>, Gap> {
        let after = self.last;
        let found = loop {
            match self.step() {
                Ok(Step::Frame(found)) if found.head.last() <= after => {}
                Ok(Step::Frame(found)) => break found,
                Ok(Step::Moved) => {}
                Ok(Step::Nothing) => return Ok(None),
                Ok(Step::Gap(gap)) => return Err(gap),
                Err(error) => return Err(Gap { after, resume: None, what: error.to_string() }),
            }
        };
        self.last = found.head.last();
        let Place::In(cursor) = &self.place else { return Ok(None) };
        let frames = Frames { file: &*cursor.file, salt: cursor.segment.salt };
        match found.records(frames, &mut self.window) {
            Ok(records) => Ok(Some(records)),
            Err(error) => Err(Gap { after, resume: None, what: error.to_string() }),
        }
    }

    /// Where it stands, before the next frame; `None` before it has found its place.
    pub fn bookmark(&self) -> Option<Bookmark> {
        let Place::In(cursor) = &self.place else { return None };
        let Cursor { segment, end, frame, .. } = cursor;
        Some(Bookmark { segment: segment.number, salt: segment.salt, end: *end, frame: *frame })
    }

    /// The last change of the frame read last; before any, what the reader was made with.
    pub fn last(&self) -> Seq {
        self.last
    }

    fn step(&mut self) -> io::Result<Step> {
        let published = self.shared.published_frame();
        match &mut self.place {
            Place::Unknown => self.find(),
            Place::Before { frame } => {
                let frame = *frame;
                if frame >= published { Ok(Step::Nothing) } else { self.enter(frame) }
            }
            Place::In(cursor) if cursor.frame >= published => Ok(Step::Nothing),
            Place::In(cursor) if cursor.frame >= cursor.segment.end_frame() => {
                self.place = Place::Before { frame: cursor.frame };
                Ok(Step::Moved)
            }
            Place::In(_) => self.read(published),
        }
    }

    /// Looks for the segment in which what comes after `last` begins.
    fn find(&mut self) -> io::Result<Step> {
        let segments = self.shared.segments();
        let Some(first) = segments.first() else { return Ok(Step::Nothing) };
        let start = holding(&segments, self.last).unwrap_or(first);
        let (frame, begins_after) = (start.first_frame, start.after);
        drop(segments);
        self.place = Place::Before { frame };
        if begins_after <= self.last {
            return Ok(Step::Moved);
        }
        Ok(Step::Gap(self.jump(begins_after, "the journal no longer reaches back so far")))
    }

    /// Opens the segment that holds a frame.
    fn enter(&mut self, frame: u64) -> io::Result<Step> {
        // Under the lock, so that the file keeps its name until the segment is held.
        let segments = self.shared.segments();
        let index = segments.partition_point(|segment| segment.end_frame() <= frame);
        let Some(segment) = segments.get(index).cloned() else { return Ok(Step::Nothing) };
        if segment.first_frame > frame {
            drop(segments);
            self.place = Place::Before { frame: segment.first_frame };
            return Ok(Step::Gap(self.jump(segment.after, "segments are missing, or were released")));
        }
        let file = self.shared.disk.open(&segment::name(segment.number), Access::Read)?;
        drop(segments);
        self.window.clear();
        // What precedes the frame in its segment is read again, and skipped.
        let frame = segment.first_frame;
        self.place = Place::In(Cursor { segment, file, end: FRAMES_AT, frame });
        Ok(Step::Moved)
    }

    /// Reads the next frame of the segment it is in.
    fn read(&mut self, published: u64) -> io::Result<Step> {
        let Place::In(cursor) = &mut self.place else { return Ok(Step::Moved) };
        if cursor.frame >= self.whole_below {
            self.window.clear();
            self.whole_below = published;
        }
        let frames = Frames { file: &*cursor.file, salt: cursor.segment.salt };
        if let Some(found) = frames.next(&mut self.window, cursor.end, cursor.frame)? {
            cursor.end = found.end();
            cursor.frame += 1;
            self.failures = 0;
            return Ok(Step::Frame(found));
        }
        self.pass_damage()
    }

    /// What stands whole behind a damaged frame is still to be had.
    fn pass_damage(&mut self) -> io::Result<Step> {
        let Place::In(cursor) = &mut self.place else { return Ok(Step::Moved) };
        self.window.clear();
        if self.window.take_unreadable() > 0 && self.failures < PATIENCE {
            self.failures += 1;
            return Err(io::Error::from(rustix::io::Errno::IO));
        }
        let (published, published_seq) = self.shared.published_to();
        let limit = cursor.segment.end_frame().min(published);
        let what = format!("frame {} of segment {} is damaged", cursor.frame, cursor.segment.number);
        let frames = Frames { file: &*cursor.file, salt: cursor.segment.salt };
        let resume = match frames.search(&mut self.window, cursor.end, cursor.frame..limit)? {
            Some(found) => {
                cursor.end = found.offset;
                cursor.frame = found.head.number;
                Seq(found.head.first - 1)
            }
            None => {
                cursor.frame = limit;
                let segments = self.shared.segments();
                let next = segments.iter().find(|segment| segment.first_frame >= limit);
                next.map_or(published_seq, |segment| segment.after)
            }
        };
        self.whole_below = limit;
        Ok(Step::Gap(self.jump(resume, &what)))
    }

    fn jump(&mut self, resume: Seq, what: &str) -> Gap {
        let after = std::mem::replace(&mut self.last, resume);
        Gap { after, resume: Some(resume), what: what.to_owned() }
    }
}

/// What became of one step.
enum Step {
    Frame(Found),
    Moved,
    Nothing,
    Gap(Gap),
}
