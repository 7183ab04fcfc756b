//! Keeps the service manager informed while the daemon runs: feeds its watchdog for as long as the committer's heart beats, and
//! shows the state in one line.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Upstreams;
use super::notify::{Notifier, Word};
use crate::store::{Heartbeat, Store};
use crate::telemetry::UpstreamStatus;

/// How often the line is looked at; it is sent when it has changed.
const LOOK: Duration = Duration::from_secs(10);

/// What is supervised.
pub struct Supervision {
    /// Who is told.
    pub notifier: Notifier,
    /// How often the watchdog is fed, if there is one.
    pub watchdog: Option<Duration>,
    /// Whose committer must be alive.
    pub store: Store,
    /// The links.
    pub upstreams: Upstreams,
}

impl Supervision {
    /// Runs until it is dropped: the watchdog is fed while the daemon drains as well.
    pub async fn run(self) {
        if !self.notifier.is_heard() {
            return;
        }
        let Supervision { notifier, watchdog, store, upstreams } = self;
        let line = {
            let store = store.clone();
            move || {
                let (store, upstreams) = (store.clone(), upstreams.clone());
                tokio::task::spawn_blocking(move || describe(&store, &upstreams))
            }
        };
        let shown = async {
            let mut last = String::new();
            let mut look = every(LOOK);
            loop {
                look.tick().await;
                let Ok(line) = line().await else { continue };
                if line != last {
                    notifier.say(&[Word::Status(line.clone())]);
                    last = line;
                }
            }
        };
        let fed = async {
            match watchdog {
                Some(interval) => feed(&notifier, interval, || store.heartbeat()).await,
                None => std::future::pending().await,
            }
        };
        tokio::join!(shown, fed);
    }
}

fn every(interval: Duration) -> tokio::time::Interval {
    let mut ticks = interval_at(Instant::now(), interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Feeds the watchdog while the heart beats.
async fn feed(notifier: &Notifier, interval: Duration, feel: impl Fn() -> Heartbeat) {
    let mut ticks = every(interval);
    let mut feeding = Feeding::default();
    loop {
        ticks.tick().await;
        notifier.say(&feeding.next(feel()));
    }
}

/// Whether the watchdog is being fed.
#[derive(Default)]
struct Feeding {
    starving: bool,
}

impl Feeding {
    /// What to say about this heartbeat.
    fn next(&mut self, heartbeat: Heartbeat) -> Vec<Word> {
        if heartbeat.is_alive() {
            self.starving = false;
            return vec![Word::Watchdog];
        }
        if std::mem::replace(&mut self.starving, true) {
            return Vec::new();
        }
        let Heartbeat { doing, lasting } = heartbeat;
        let seconds = lasting.as_secs();
        tracing::error!(?doing, seconds, "the committer is stuck: the watchdog is not fed any more");
        vec![Word::Status(format!(
            "stuck: the committer has been {doing:?} for {seconds} s; the watchdog will restart forebay"
        ))]
    }
}

/// The state in one line.
fn describe(store: &Store, upstreams: &Upstreams) -> String {
    let (items, changes) = store.folded_items();
    line(items, changes, store.full(), &upstreams.statuses())
}

fn line(items: u64, changes: u64, full: Option<String>, upstreams: &[UpstreamStatus]) -> String {
    let mut line = format!("{items} items folded, {changes} changes since");
    for upstream in upstreams {
        let state = format!("{:?}", upstream.state).to_lowercase();
        line.push_str(&format!("; {}: {state}", upstream.name));
        if upstream.pending > 0 {
            line.push_str(&format!(", {} pending", upstream.pending));
        }
        if upstream.dead_letters > 0 {
            line.push_str(&format!(", {} dead letters", upstream.dead_letters));
        }
    }
    match full {
        Some(what) => format!("FULL: {what}; {line}"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::store::Doing;
    use crate::telemetry::UpstreamState;

    fn beat(alive: bool) -> Heartbeat {
        let lasting = if alive { Duration::ZERO } else { Duration::from_secs(3600) };
        Heartbeat { doing: Doing::Deciding, lasting }
    }

    #[test]
    fn a_stuck_committer_is_said_once_and_not_fed() {
        let mut feeding = Feeding::default();
        assert_eq!(feeding.next(beat(true)), [Word::Watchdog]);
        let said = feeding.next(beat(false));
        assert!(
            matches!(&said[..], [Word::Status(text)] if text.contains("Deciding for 3600 s")),
            "{said:?}"
        );
        assert_eq!(feeding.next(beat(false)), []);
        assert_eq!(feeding.next(beat(true)), [Word::Watchdog]);
    }

    #[tokio::test]
    async fn the_socket_hears_nothing_more_once_the_heart_stops() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str()).unwrap();
        let alive = AtomicBool::new(true);
        let fed = feed(&notifier, Duration::from_millis(1), || beat(alive.load(Ordering::SeqCst)));
        let (next, mut nexts) = tokio::sync::mpsc::channel(64);
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            loop {
                let length = socket.recv(&mut buffer).unwrap();
                if next.blocking_send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                    return;
                }
            }
        });
        let test = async {
            for _ in 0..3 {
                assert_eq!(nexts.recv().await.unwrap(), "WATCHDOG=1\n");
            }
            alive.store(false, Ordering::SeqCst);
            // Those that were on their way; then the word that it is stuck, and no other before it lives again.
            let stuck = loop {
                let word = nexts.recv().await.unwrap();
                if word != "WATCHDOG=1\n" {
                    break word;
                }
            };
            assert!(stuck.starts_with("STATUS=stuck"), "{stuck}");
            notifier.say(&[Word::Ready]);
            let ready = nexts.recv().await.unwrap();
            assert!(ready.starts_with("READY=1\n"), "{ready:?}");
            alive.store(true, Ordering::SeqCst);
            assert_eq!(nexts.recv().await.unwrap(), "WATCHDOG=1\n");
        };
        tokio::select! {
            () = fed => unreachable!("it feeds for ever"),
            () = test => {}
        }
    }

    #[test]
    fn the_line_says_what_there_is_to_know() {
        let upstream = UpstreamStatus {
            name: "central".to_owned(),
            state: UpstreamState::Offline,
            pending: 7,
            dead_letters: 1,
            ..UpstreamStatus::default()
        };
        assert_eq!(line(3, 0, None, &[]), "3 items folded, 0 changes since");
        assert_eq!(
            line(3, 2, Some("the disk".to_owned()), &[upstream]),
            "FULL: the disk; 3 items folded, 2 changes since; central: offline, 7 pending, 1 dead letters"
        );
    }
}
