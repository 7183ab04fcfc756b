//! Finding frames in a segment: the next one, or, behind a bad one, the next that is whole.

use std::io;
use std::ops::Range;

use super::FrameRecords;
use super::disk::{BLOCK, DiskFile};
use super::frame::{ALIGN, HEADER, Head};
use super::window::Window;

/// How much of a file is searched at once.
const STEP: usize = 16 << 10;

/// A segment's frames, as they lie in its file.
#[derive(Clone, Copy)]
pub(super) struct Frames<'a> {
    pub(super) file: &'a dyn DiskFile,
    pub(super) salt: u64,
}

/// A frame that was found, and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) offset: u64,
    pub(super) head: Head,
}

impl Found {
    /// Where it ends.
    pub(super) fn end(&self) -> u64 {
        self.offset + u64::from(self.head.length)
    }

    /// Its records, from the window that found it (and has read nothing since).
    pub(super) fn records<'w>(
        &self,
        frames: Frames<'_>,
        window: &'w mut Window,
    ) -> io::Result<FrameRecords<'w>> {
        let bytes = window.at(frames.file, self.offset, self.head.length as usize)?;
        Ok(FrameRecords::trusted(self.head, bytes))
    }
}

/// The header of the first thing in a file that looks like a frame with one of these numbers. Without the file's salt
/// nothing vouches for it.
pub(super) fn search_unsalted(
    file: &dyn DiskFile,
    window: &mut Window,
    numbers: Range<u64>,
) -> io::Result<Option<Head>> {
    let mut at = BLOCK;
    loop {
        let bytes = window.at(file, at, STEP + HEADER)?;
        if bytes.len() < HEADER {
            return Ok(None);
        }
        let starts = (0..STEP.min(bytes.len())).step_by(ALIGN as usize);
        let mut heads = starts.filter_map(|start| bytes.get(start..).and_then(Head::read_unchecked));
        if let Some(head) = heads.find(|head| numbers.contains(&head.number)) {
            return Ok(Some(head));
        }
        at += STEP as u64;
    }
}

impl Frames<'_> {
    /// The frame with this number, if it stands whole behind one that ends at `end`.
    pub(super) fn next(&self, window: &mut Window, end: u64, number: u64) -> io::Result<Option<Found>> {
        let here = end.next_multiple_of(ALIGN);
        let next_block = end.next_multiple_of(BLOCK);
        for offset in [here, next_block] {
            if let Some(found) = self.whole(window, offset, number..number.saturating_add(1))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first whole frame from this offset on that has one of these numbers.
    pub(super) fn search(
        &self,
        window: &mut Window,
        from: u64,
        numbers: Range<u64>,
    ) -> io::Result<Option<Found>> {
        let mut at = from.next_multiple_of(ALIGN);
        loop {
            // Candidates are collected before they are checked: checking moves the window.
            let bytes = window.at(self.file, at, STEP + HEADER)?;
            if bytes.len() < HEADER {
                return Ok(None);
            }
            let last = (bytes.len() - HEADER).min(STEP - ALIGN as usize);
            let looks_right = |start: &usize| {
                let head = bytes.get(*start..).and_then(|bytes| Head::read(self.salt, bytes));
                head.is_some_and(|head| numbers.contains(&head.number))
            };
            let candidates: Vec<usize> = (0..=last).step_by(ALIGN as usize).filter(looks_right).collect();
            for start in candidates {
                if let Some(found) = self.whole(window, at + start as u64, numbers.clone())? {
                    return Ok(Some(found));
                }
            }
            at += STEP as u64;
        }
    }

    /// The frame at this offset, if it is whole and has one of these numbers.
    fn whole(&self, window: &mut Window, offset: u64, numbers: Range<u64>) -> io::Result<Option<Found>> {
        let head = Head::read(self.salt, window.at(self.file, offset, HEADER)?);
        let Some(head) = head.filter(|head| numbers.contains(&head.number)) else { return Ok(None) };
        let bytes = window.at(self.file, offset, head.length as usize)?;
        Ok(FrameRecords::check(self.salt, bytes).map(|_| Found { offset, head }))
    }
}
