//! A stream of lines: written in small commits as they come, whatever the length of the whole.
//!
//! A line that is no item ends the stream; what came before it is written, and the answer says where it was and how many
//! items were.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;

use super::Rest;
use super::content::{self, Media};
use super::parameter::Form;
use super::problem::{Kind, Problem};
use super::write::check;
use crate::http::body::{self, BodyError, piece};
use crate::http::encoding::{self, Encoding};
use crate::http::memory::Share;
use crate::model::{Item, TableDef, limits};

/// Items of one commit, at most.
const ITEMS: usize = 512;
/// Bytes of lines of one commit, about.
const GATHERED: usize = 64 * 1024;
/// The longest line, in bytes: an item of 400 KB, each byte of it escaped.
const LINE: usize = 6 * limits::ITEM_SIZE + 64 * 1024;
/// How long a commit waits for more lines.
const LINGER: Duration = Duration::from_millis(20);

/// Writes the items of a stream; returns how many.
pub(super) async fn write(
    rest: &Rest,
    table: &TableDef,
    form: Form,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<u64, Problem> {
    let mut stream = Stream::new(rest, table, form);
    let read = if encoding::of_request(headers).map_err(BodyError::from)? == Encoding::Identity {
        stream.read(body).await
    } else {
        let body = body::whole(&rest.bodies, headers, std::mem::take(body), limits::BODY, rest.pace).await?;
        stream.all(&body.bytes).await
    };
    stream.end(read).await
}

struct Stream<'a> {
    rest: &'a Rest,
    table: &'a TableDef,
    form: Form,
    /// The line that has begun and not ended.
    begun: Vec<u8>,
    /// The memory of a long line.
    share: Option<Share>,
    gathered: Vec<Item>,
    /// Bytes of the lines gathered.
    bytes: usize,
    /// Lines that have ended.
    line: u64,
    written: u64,
}

impl<'a> Stream<'a> {
    fn new(rest: &'a Rest, table: &'a TableDef, form: Form) -> Stream<'a> {
        Stream {
            rest,
            table,
            form,
            begun: Vec::new(),
            share: None,
            gathered: Vec::new(),
            bytes: 0,
            line: 0,
            written: 0,
        }
    }

    /// Reads to the end. What has been gathered does not wait for lines that do not come.
    async fn read(&mut self, body: &mut Body) -> Result<(), Problem> {
        loop {
            let next = piece(body, self.rest.pace.idle);
            let next = if self.gathered.is_empty() {
                next.await
            } else {
                match tokio::time::timeout(LINGER, next).await {
                    Ok(next) => next,
                    Err(_) => {
                        self.commit().await?;
                        continue;
                    }
                }
            };
            match next? {
                Some(bytes) => self.take(&bytes).await?,
                None => return Ok(()),
            }
        }
    }

    /// Takes the next bytes.
    async fn take(&mut self, mut bytes: &[u8]) -> Result<(), Problem> {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(at);
            bytes = rest.get(1..).unwrap_or_default();
            if self.begun.is_empty() {
                self.one(line)?;
            } else {
                self.begin(line).await?;
                self.finish()?;
            }
            self.commit_if_enough().await?;
        }
        self.begin(bytes).await
    }

    /// Takes all there is, at once.
    async fn all(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        for line in bytes.split(|byte| *byte == b'\n') {
            self.one(line)?;
            self.commit_if_enough().await?;
        }
        Ok(())
    }

    /// Keeps the beginning of a line.
    async fn begin(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let length = self.begun.len() + bytes.len();
        if length > LINE {
            let text = format!("a line is longer than {LINE} bytes");
            return Err(Problem::new(Kind::TooLarge, text));
        }
        if length > GATHERED && self.share.is_none() {
            self.share = Some(self.rest.bodies.take(LINE).await?);
        }
        self.begun.extend_from_slice(bytes);
        Ok(())
    }

    /// The line that has begun is whole.
    fn finish(&mut self) -> Result<(), Problem> {
        let line = std::mem::take(&mut self.begun);
        self.one(&line)?;
        if self.share.is_none() {
            self.begun = line;
            self.begun.clear();
        }
        Ok(())
    }

    /// One line: an item, or nothing.
    fn one(&mut self, line: &[u8]) -> Result<(), Problem> {
        if line.trim_ascii().is_empty() {
            self.line += 1;
            return Ok(());
        }
        let mut item = content::item(Media::Lines, self.form, line)?;
        if self.form == Form::Plain {
            content::binary_keys(self.table, &mut item);
        }
        self.gathered.push(check(self.table, item)?);
        self.bytes += line.len();
        self.line += 1;
        Ok(())
    }

    async fn commit_if_enough(&mut self) -> Result<(), Problem> {
        if self.gathered.len() >= ITEMS || self.bytes >= GATHERED {
            self.commit().await?;
        }
        Ok(())
    }

    /// Writes what has been gathered.
    async fn commit(&mut self) -> Result<(), Problem> {
        let items = std::mem::take(&mut self.gathered);
        self.bytes = 0;
        self.written += self.rest.write(self.table, items).await?;
        if self.begun.is_empty() {
            self.share = None;
        }
        Ok(())
    }

    /// The last line needs no end; after an error, what came before it is still written.
    async fn end(mut self, read: Result<(), Problem>) -> Result<u64, Problem> {
        let ended = match read {
            Ok(()) if !self.begun.is_empty() => self.finish(),
            other => other,
        };
        let line = self.line + 1;
        match (ended, self.commit().await) {
            (Ok(()), Ok(())) => Ok(self.written),
            (Err(problem), _) | (Ok(()), Err(problem)) => Err(problem.at_line(line, self.written)),
        }
    }
}
