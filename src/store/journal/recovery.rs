//! From the files of a directory to a journal: survey, replay, start. Only the last of these writes.

use std::io;
use std::sync::Arc;

use super::disk::{Access, Disk};
use super::segment::{self, Block, FRAMES_AT, Header};
use super::window::Window;
use super::{FrameRecords, JournalSettings, StoreId};
use crate::store::Seq;

pub use super::replay::Recovered;

/// The journal can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system said no.
    #[error("can't {what}: {source}")]
    Io {
        /// What was tried, on which file.
        what: String,
        /// The system's word.
        source: io::Error,
    },
    /// Segments of a newer format than this binary knows.
    #[error("the journal has format {found}, this forebay knows up to {known}")]
    Newer {
        /// The segments' format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The one who replays said stop.
    #[error("replaying the journal: {0}")]
    Replay(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl JournalError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> JournalError {
        let what = what.into();
        move |source| JournalError::Io { what, source }
    }
}

/// Something acknowledged that can't be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is damaged, and where what is left of it is kept: for people.
    pub what: String,
    /// The last sequence before it.
    pub after: Seq,
    /// Replay stopped here: later changes may exist, but are not part of the store any more.
    pub stopped: bool,
}

/// A frame that was being written when the power went: never acknowledged, and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment's number.
    pub segment: u64,
    /// Where the frame began.
    pub offset: u64,
}

/// A segment of the chain, as its header has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) header: Header,
    /// Its file's length.
    pub(super) size: u64,
    /// The segment before it is missing, or its header is damaged.
    pub(super) gap_before: bool,
}

/// A file that is named like a segment, and not in the chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stray {
    pub(super) number: u64,
    /// Its header, if it is whole and of this store.
    pub(super) header: Option<Header>,
    /// Its header is whole, but another store's.
    pub(super) foreign: bool,
}

/// What the segments' headers say. Nothing has been written or replayed.
pub struct Survey {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) settings: JournalSettings,
    /// Oldest first.
    pub(super) chain: Vec<Link>,
    pub(super) strays: Vec<Stray>,
    /// Segments that were released: their files are free.
    pub(super) released: Vec<u64>,
    /// The highest number that a segment's file has.
    pub(super) highest: u64,
}

impl Survey {
    /// Reads the headers of the directory's segments. Where the store's identity is known already, segments of other stores
    /// are strangers; else the newest segment says whose journal it is.
    pub fn of(
        disk: Arc<dyn Disk>,
        settings: JournalSettings,
        expected: Option<StoreId>,
    ) -> Result<Survey, JournalError> {
        let names = disk.list("").map_err(JournalError::io("list the journal's directory"))?;
        let mut files = Vec::new();
        let mut window = Window::with_chunk(FRAMES_AT as usize);
        for number in names.iter().filter_map(|name| segment::parse_name(name)) {
            files.push(File::read(&*disk, number, &mut window)?);
        }
        files.sort_by_key(|file| file.number);
        let highest = files.last().map_or(0, |file| file.number);
        let ours = |header: &Header| expected.is_none_or(|store| store == header.store);
        let head = files.iter().rev().find_map(|file| file.header.filter(ours));
        let (chain, left) = link(files, head);
        let live_from = head.map_or(0, |head| head.live_from);
        let store = expected.or(head.map(|head| head.store));
        let foreign = |file: &File| file.header.is_some_and(|header| Some(header.store) != store);
        let free = |file: &File| match file.vacated {
            Some(by) => Some(by) == store,
            None => file.number < live_from && !foreign(file),
        };
        let (released, strays): (Vec<_>, Vec<_>) = left.into_iter().partition(free);
        let stray = |file: File| Stray {
            number: file.number,
            header: file.header.filter(|header| Some(header.store) == store),
            foreign: foreign(&file),
        };
        Ok(Survey {
            disk,
            settings,
            chain,
            strays: strays.into_iter().map(stray).collect(),
            released: released.into_iter().map(|file| file.number).collect(),
            highest,
        })
    }

    /// Whose journal it is; `None` if there is none.
    pub fn store_id(&self) -> Option<StoreId> {
        self.chain.last().map(|link| link.header.store)
    }

    /// Everything after this sequence should be there (0: from the first change on).
    pub fn begins_after(&self) -> Seq {
        self.chain.first().map_or(Seq(0), |link| link.header.after)
    }

    /// Calls back with every whole frame that has a change after `after` (which the tree has; `Seq(0)`: all there is), in
    /// order. Segments wholly at or below it are not read. A torn tail ends it quietly; damage at or below `after` is
    /// passed over, damage beyond stops it: see [`Recovered::damage`]. Blocking, and past the page cache.
    pub fn replay<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        self,
        after: Seq,
        mut each: impl FnMut(FrameRecords<'_>) -> Result<(), E>,
    ) -> Result<Recovered, JournalError> {
        super::replay::replay(self, after, &mut |frame| {
            each(frame).map_err(|error| JournalError::Replay(error.into()))
        })
    }
}

/// A file that is named like a segment.
struct File {
    number: u64,
    size: u64,
    header: Option<Header>,
    /// It was free when the process died: the store whose journal was about to use it.
    vacated: Option<StoreId>,
}

impl File {
    fn read(disk: &dyn Disk, number: u64, window: &mut Window) -> Result<File, JournalError> {
        let name = segment::name(number);
        let what = || JournalError::io(format!("read the journal's {name}"));
        let file = disk.open(&name, Access::Direct).map_err(what())?;
        let size = file.length().map_err(what())?;
        window.clear();
        let block = window.at(&*file, 0, FRAMES_AT as usize).map_err(what())?;
        let header = match Header::read(block) {
            Block::Segment(header) => Some(header),
            Block::Newer(found) => return Err(JournalError::Newer { found, known: segment::FORMAT }),
            Block::Unknown => None,
        };
        // A free file that is about to become a later segment has that one's header for a moment.
        let vacated = header.filter(|header| header.number > number).map(|header| header.store);
        let header = header.filter(|header| header.number == number);
        Ok(File { number, size, header, vacated })
    }
}

/// Follows the chain from its head down; the files that are not in it are the second half of the answer.
fn link(mut files: Vec<File>, head: Option<Header>) -> (Vec<Link>, Vec<File>) {
    let mut chain: Vec<Link> = Vec::new();
    let Some(head) = head else { return (chain, files) };
    let mut wanted = head.number;
    while wanted > 0 && wanted >= head.live_from {
        let below = chain.last().map_or(u64::MAX, |above| above.header.first_frame);
        let fits = |file: &File| {
            file.header.is_some_and(|header| header.store == head.store && header.first_frame <= below)
        };
        // Its own name first; where that is missing, what comes next below it.
        let eligible = |file: &File| (head.live_from..=wanted).contains(&file.number) && fits(file);
        let found = files.iter().rposition(eligible);
        let missing = found.and_then(|at| files.get(at)).is_none_or(|file| file.number != wanted);
        if let Some(above) = chain.last_mut() {
            above.gap_before = missing;
        }
        let Some(file) = found.map(|at| files.remove(at)) else { break };
        let Some(header) = file.header else { break };
        chain.push(Link { header, size: file.size, gap_before: false });
        wanted = header.previous.min(file.number.saturating_sub(1));
    }
    chain.reverse();
    (chain, files)
}
