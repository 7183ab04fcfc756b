//! From a recovered journal to one that is written to: the first moment at which anything is changed.

use std::sync::Arc;

use super::disk::{Access, BLOCK, Disk};
use super::index::{Segment, Shared};
use super::recovery::Link;
use super::segment;
use super::spares::Spares;
use super::writer::Figures;
use super::{AppendError, Journal, JournalError, Recovered, StoreId};

/// Where what is damaged is kept.
pub const DAMAGED: &str = "damaged";

/// A tail is given back to the file system if it is at least this long.
const WORTH_CUTTING: u64 = 64 << 10;

impl Recovered {
    /// Ends the old durably, sets damage aside, begins a new segment. Nothing that was replayed may be shown or sent
    /// before this has returned. A full disk does not fail it: the first append does then.
    pub fn start(self, store: StoreId) -> Result<Journal, JournalError> {
        let aside = self.set_aside_copies();
        let mut spares = Spares::new(self.disk.clone(), self.settings.segment_size, 1);
        spares.adopt_all().map_err(JournalError::io("list the journal's directory"))?;
        let mut journal = Journal {
            settings: self.settings,
            store,
            disk: self.disk.clone(),
            shared: Arc::new(Shared::new(self.disk.clone(), segments(&self), self.next_frame, self.last)),
            figures: Arc::new(Figures::default()),
            spares,
            active: None,
            next_segment: self.next_segment,
            next_frame: self.next_frame,
            last: self.last,
            previous: self.chain.last().map_or(0, |link| link.header.number),
            released: Vec::new(),
            retired: Vec::new(),
            poison: None,
        };
        for number in &self.released {
            journal.free(&segment::name(*number));
        }
        match journal.begin_segment(0) {
            Ok(()) => {}
            // Nothing is acknowledged before a segment has begun: what is written here can be done then, or at the next start.
            Err(AppendError::Full(what)) => {
                tracing::error!(%what, "the journal is full");
                journal.update_figures();
                return Ok(journal);
            }
            Err(error) => {
                return Err(JournalError::io("begin a segment")(std::io::Error::other(error.to_string())));
            }
        }
        // From here on the old files are what the new header says they are.
        self.move_aside();
        if aside {
            self.cut_tail(&journal);
        }
        for number in &self.free {
            journal.free(&segment::name(*number));
        }
        if let Err(error) = journal.maintain() {
            tracing::warn!(%error, "the journal's reserve could not be prepared");
        }
        Ok(journal)
    }

    /// Copies of what is damaged but stays. Whether all is well with them.
    fn set_aside_copies(&self) -> bool {
        let mut well = true;
        for (number, salt) in &self.copies {
            let name = aside_name(*number, *salt);
            if let Err(error) = copy(&*self.disk, &segment::name(*number), &name) {
                tracing::error!(%error, segment = number, "a damaged journal segment could not be copied aside");
                well = false;
            }
        }
        well
    }

    fn move_aside(&self) {
        for (number, salt) in &self.aside {
            let from = segment::name(*number);
            let to = format!("{DAMAGED}/{}", aside_name(*number, *salt));
            let moved = self.disk.make_folder(DAMAGED).and_then(|()| self.disk.rename(&from, &to));
            if let Err(error) = moved {
                tracing::error!(%error, segment = number, "a journal segment could not be set aside");
            }
        }
        if !self.aside.is_empty() {
            let _ = self.disk.sync_folder(DAMAGED).and_then(|()| self.disk.sync_folder(""));
        }
    }

    /// Gives back what the last segment has allocated behind its last frame. The new segment's header has ended it.
    fn cut_tail(&self, journal: &Journal) {
        let Some((number, end)) = self.tail else { return };
        let mut segments = journal.shared.segments();
        let Some(last) = segments.iter_mut().find(|segment| segment.number == number) else { return };
        let end = end.next_multiple_of(BLOCK);
        if last.size < end + WORTH_CUTTING {
            return;
        }
        let file = self.disk.open(&segment::name(number), Access::Write);
        if file.and_then(|file| file.truncate(end)).is_ok() {
            let first = (last.first_frame, last.after, last.end_frame());
            *last = Arc::new(Segment::new(number, last.salt, end, first.0, first.1, first.2));
        }
    }
}

impl Journal {
    /// Takes in a file that holds nothing any more.
    fn free(&mut self, name: &str) {
        let kept = self.spares.count() < self.settings.keep_free;
        let freed = match kept.then(|| self.spares.adopt(name.to_owned())) {
            Some(Ok(true)) => Ok(()),
            _ => self.disk.remove(name),
        };
        if let Err(error) = freed {
            tracing::warn!(%error, name, "a free journal segment could not be removed");
        }
    }
}

/// The chain as the readers know it.
fn segments(recovered: &Recovered) -> Vec<Arc<Segment>> {
    let chain = &recovered.chain;
    let segment = |(index, link): (usize, &Link)| {
        let header = &link.header;
        let end = chain.get(index + 1).map_or(recovered.next_frame, |next| next.header.first_frame);
        let (first_frame, after) = (header.first_frame, header.after);
        Arc::new(Segment::new(header.number, header.salt, link.size, first_frame, after, end))
    };
    chain.iter().enumerate().map(segment).collect()
}

fn aside_name(number: u64, salt: u64) -> String {
    format!("{number:012}-{salt:016x}.segment")
}

/// Copies a segment into the folder of the damaged, unless it was done before.
fn copy(disk: &dyn Disk, from: &str, name: &str) -> std::io::Result<()> {
    disk.make_folder(DAMAGED)?;
    if disk.list(DAMAGED)?.iter().any(|there| there == name) {
        return Ok(());
    }
    let part = format!("{DAMAGED}/{name}.part");
    let _ = disk.remove(&part);
    let source = disk.open(from, Access::Read)?;
    let target = disk.create(&part)?;
    let length = source.length()?;
    let mut window = super::window::Window::default();
    let mut at = 0;
    while at < length {
        let bytes = window.at(&*source, at, 64 << 10)?;
        target.write_at(bytes, at)?;
        at += bytes.len().max(1) as u64;
    }
    target.sync()?;
    disk.rename(&part, &format!("{DAMAGED}/{name}"))?;
    disk.sync_folder(DAMAGED)
}
