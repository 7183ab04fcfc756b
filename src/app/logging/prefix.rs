//! Lines with a priority in front, `<N>`, as the journal takes them from standard error (`sd-daemon(3)`).

use std::io::{self, Write};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// The syslog priority of a level.
pub(super) fn priority(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Standard error, each line with its priority.
#[derive(Clone, Copy)]
pub(super) struct Stderr;

/// One event's line.
pub(super) struct Prefixed(u8);

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Prefixed;

    fn make_writer(&'a self) -> Prefixed {
        Prefixed(priority(&Level::INFO))
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Prefixed {
        Prefixed(priority(metadata.level()))
    }
}

impl Write for Prefixed {
    /// The subscriber writes an event in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut whole = format!("<{}>", self.0).into_bytes();
        whole.extend_from_slice(line);
        io::stderr().lock().write_all(&whole)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
