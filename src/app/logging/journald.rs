//! The journal's native protocol (systemd's `JOURNAL_NATIVE_PROTOCOL`): a datagram of fields for each event.
//!
//! The message is the whole line, so that `journalctl -u forebay` shows what the fields say; the fields are there as well, as
//! `FOREBAY_…`, to select by. A journal that does not keep up (its card stalls) must not hold up the daemon: what it
//! does not take at once is counted, and the number said with the next event.

use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::event::Taken;
use super::prefix::priority;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// Bytes of a value that are kept: a datagram must stay below the socket's buffer.
const LONGEST: usize = 32 << 10;
/// Bytes of a field's name; the journal drops longer ones.
const LONGEST_NAME: usize = 64;

/// The sink.
pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    lost: AtomicU64,
}

impl Journal {
    /// The system's journal, if there is one.
    pub(super) fn open() -> Option<Journal> {
        Journal::at(Path::new(SOCKET)).ok()
    }

    fn at(path: &Path) -> std::io::Result<Journal> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        // An empty datagram carries no entry; it shows whether somebody is there.
        socket.send_to(&[], path)?;
        Ok(Journal { socket, path: path.to_owned(), lost: AtomicU64::new(0) })
    }

    /// Hands an entry over, which says how many were lost before it. The socket is not connected: a journal that was
    /// restarted is found again.
    fn send(&self, entry: &[u8], line: &str, priority: u8, lost: u64) {
        let Err(error) = self.socket.send_to(entry, &self.path) else { return };
        if error.kind() == ErrorKind::WouldBlock {
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        } else {
            let _ = writeln!(std::io::stderr().lock(), "<{priority}>{}", line.replace('\n', " "));
        }
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let priority = priority(metadata.level());
        let mut taken = Taken::of(event);
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            taken.message = format!("({lost} lines before this one were lost) {}", taken.message);
        }
        let line = taken.line();
        let entry = entry(priority, metadata.target(), &line, &taken);
        self.send(&entry, &line, priority, lost);
    }
}

fn entry(priority: u8, target: &str, line: &str, taken: &Taken) -> Vec<u8> {
    let mut entry = Vec::with_capacity(256);
    put(&mut entry, "PRIORITY", &priority.to_string());
    put(&mut entry, "SYSLOG_IDENTIFIER", "forebay");
    put(&mut entry, "MESSAGE", line);
    put(&mut entry, "FOREBAY_TARGET", target);
    for (name, value) in &taken.fields {
        put(&mut entry, &field_name(name), &value.text());
    }
    entry
}

/// `FOREBAY_` and the field's name, in the letters that the journal allows.
fn field_name(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    "FOREBAY_".chars().chain(name.chars().map(letter)).take(LONGEST_NAME).collect()
}

/// `NAME=value`, or, where the value has lines, `NAME`, its length in 64 bits, little endian, and the value.
fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    let end = (0..=value.len().min(LONGEST)).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    let value = value.get(..end).unwrap_or_default();
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn an_event_arrives_with_its_fields_and_priority() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let socket = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::at(&path).unwrap();
        assert_eq!(heard(&socket), "");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journal), || {
            tracing::warn!(target: "forebay::x", upstream = "central", pending = 7, "it is away");
            tracing::error!(error = %"a\nb", "failed");
        });
        assert_eq!(
            heard(&socket),
            "PRIORITY=4\nSYSLOG_IDENTIFIER=forebay\nMESSAGE=it is away upstream=central pending=7\n\
             FOREBAY_TARGET=forebay::x\nFOREBAY_UPSTREAM=central\nFOREBAY_PENDING=7\n"
        );
        let second = heard(&socket);
        assert!(second.starts_with("PRIORITY=3\n"), "{second}");
        assert!(second.ends_with("FOREBAY_ERROR\n\x03\0\0\0\0\0\0\0a\nb\n"), "{second:?}");
    }

    #[test]
    fn what_a_busy_journal_does_not_take_is_counted_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let socket = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::at(&path).unwrap();
        let log = tracing_subscriber::registry().with(journal);
        let mut sent = 0;
        tracing::subscriber::with_default(log, || {
            // Until its queue is full, and well beyond it.
            for _ in 0..20_000 {
                tracing::info!("noise");
                sent += 1;
            }
            socket.set_nonblocking(true).unwrap();
            let mut buffer = [0; 4096];
            let mut taken = 0;
            while socket.recv(&mut buffer).is_ok() {
                taken += 1;
            }
            tracing::info!("again");
            // Of what was taken, one was the empty datagram.
            let lost = sent - (taken - 1);
            let again = heard(&socket);
            assert!(again.contains(&format!("({lost} lines before this one were lost) again")), "{again}");
        });
    }

    #[test]
    fn names_and_lengths_stay_in_bounds() {
        assert_eq!(field_name("r#type.x"), "FOREBAY_R_TYPE_X");
        assert_eq!(field_name(&"x".repeat(100)).len(), 64);
        let mut entry = Vec::new();
        put(&mut entry, "MESSAGE", &"ü".repeat(LONGEST));
        assert!(entry.len() <= LONGEST + 10 && std::str::from_utf8(&entry).is_ok());
    }

    #[test]
    fn without_a_journal_there_is_none() {
        assert!(Journal::at(Path::new("/nonexistent/journal")).is_err());
    }
}
