//! Words to the service manager: systemd's notification protocol (`sd_notify(3)`), a datagram of `KEY=value` lines.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use crate::clock;

/// How long a word may wait for a service manager that does not read.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to the service manager, or nowhere; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Notifier(Option<Arc<Manager>>);

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

/// One thing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Every door is open, or the reload is done.
    Ready,
    /// A reload begins.
    Reloading,
    /// The end begins.
    Stopping,
    /// One line for people.
    Status(String),
    /// Alive.
    Watchdog,
    /// Starting or stopping takes this much longer.
    Extend(Duration),
}

impl Word {
    fn write(&self, out: &mut String) {
        let line = match self {
            Word::Ready => format!("READY=1\nMAINPID={}", std::process::id()),
            // The time tells the manager which reload it was.
            Word::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic_us()),
            Word::Stopping => "STOPPING=1".to_owned(),
            Word::Status(text) => format!("STATUS={}", text.replace('\n', " ")),
            Word::Watchdog => "WATCHDOG=1".to_owned(),
            Word::Extend(by) => format!("EXTEND_TIMEOUT_USEC={}", by.as_micros()),
        };
        out.push_str(&line);
        out.push('\n');
    }
}

impl Notifier {
    /// The socket that `NOTIFY_SOCKET` names; without one, or if it can't be used, nobody is told.
    pub fn from_environment() -> Notifier {
        let Some(address) = std::env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()) else {
            return Notifier::default();
        };
        Notifier::to(&address).unwrap_or_else(|error| {
            tracing::warn!(?address, %error, "NOTIFY_SOCKET can't be used: the service manager will not be told");
            Notifier::default()
        })
    }

    /// This socket: a path, or a name in the abstract namespace after an `@`.
    pub fn to(address: &OsStr) -> io::Result<Notifier> {
        let address = match address.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(address)?,
            _ => return Err(io::Error::other("it is neither a path nor an abstract name")),
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Notifier(Some(Arc::new(Manager { socket, address }))))
    }

    /// Whether anybody listens.
    pub fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    /// Says all of these in one datagram. That it does not arrive is no reason for anything.
    pub fn say(&self, words: &[Word]) {
        let Some(manager) = &self.0 else { return };
        let mut text = String::new();
        words.iter().for_each(|word| word.write(&mut text));
        if text.is_empty() {
            return;
        }
        if let Err(error) = manager.socket.send_to_addr(text.as_bytes(), &manager.address) {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }
}

/// How often the service manager wants to hear that the process is alive: half of `WATCHDOG_USEC`, as `sd_watchdog_enabled(3)`
/// recommends. Nothing where it does not want to, or means another process.
pub fn watchdog_interval(variable: impl Fn(&str) -> Option<String>, process: u32) -> Option<Duration> {
    if let Some(other) = variable("WATCHDOG_PID")
        && other.parse() != Ok(process)
    {
        return None;
    }
    let microseconds: u64 = variable("WATCHDOG_USEC")?.parse().ok()?;
    (microseconds > 1).then(|| Duration::from_micros(microseconds / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn words_arrive_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("@forebay-test-{}", std::process::id());
        let sockets = [
            (path.clone().into_os_string(), UnixDatagram::bind(&path).unwrap()),
            (
                name.clone().into(),
                UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name[1..]).unwrap()).unwrap(),
            ),
        ];
        for (address, socket) in sockets {
            let notifier = Notifier::to(&address).unwrap();
            assert!(notifier.is_heard());
            notifier.say(&[Word::Ready, Word::Status("two\nlines".to_owned())]);
            assert_eq!(
                heard(&socket),
                format!("READY=1\nMAINPID={}\nSTATUS=two lines\n", std::process::id())
            );
            let before = clock::monotonic_us();
            notifier.say(&[Word::Reloading]);
            let reloading = heard(&socket);
            let at = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
            assert!((before..=clock::monotonic_us()).contains(&at.parse().unwrap()));
            notifier.say(&[Word::Extend(Duration::from_secs(30)), Word::Watchdog, Word::Stopping]);
            assert_eq!(heard(&socket), "EXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1\nSTOPPING=1\n");
        }
    }

    #[test]
    fn a_manager_that_is_gone_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let notifier = Notifier::to(folder.path().join("nobody").as_os_str()).unwrap();
        notifier.say(&[Word::Watchdog]);
        assert!(Notifier::to(OsStr::new("relative")).is_err());
        assert!(!Notifier::default().is_heard());
    }

    #[test]
    fn the_watchdog_is_fed_at_half_the_time_and_only_where_it_is_ours() {
        let interval = |variables: &[(&str, &str)]| {
            let find =
                |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, v)| (*v).to_owned());
            watchdog_interval(find, 42)
        };
        assert_eq!(interval(&[("WATCHDOG_USEC", "60000000")]), Some(Duration::from_secs(30)));
        assert_eq!(
            interval(&[("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "42")]),
            Some(Duration::from_micros(500))
        );
        for none in [
            &[][..],
            &[("WATCHDOG_USEC", "0")],
            &[("WATCHDOG_USEC", "soon")],
            &[("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", "43")],
            &[("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", "x")],
        ] {
            assert_eq!(interval(none), None, "{none:?}");
        }
    }
}
