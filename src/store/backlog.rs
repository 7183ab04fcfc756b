//! What upstreams hold back: the limits they were given, what they are asked to give up when these, or the store's own, are
//! reached, and which tables are refused meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::watch;

use super::journal::Journal;
use super::room::mib;
use super::{Catalog, Seq};
use crate::model::{TableDef, WhenFull};

/// What one upstream may hold back.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    /// The most of the journal, in bytes, with what is set aside for it; `None`: what the store has room for.
    pub max: Option<u64>,
    /// The tables that it gets, by local name; `None`: all.
    pub tables: Option<BTreeSet<String>>,
    /// What is set aside for it outside the journal, in bytes.
    pub aside: u64,
}

/// What an upstream is asked, so that the journal can be released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// To have settled everything up to here: by writing its cursor, or by giving up what may be given up.
    pub through: Seq,
    /// Whether it can't wait for an upstream that is just catching up.
    pub urgent: bool,
    /// Why, for people.
    pub why: String,
}

/// What each upstream is asked, by name.
pub type Asks = Arc<BTreeMap<String, Asked>>;

/// Tables that take no new items for an upstream's sake.
#[derive(Clone, Debug)]
struct Refusal {
    tables: Option<BTreeSet<String>>,
    what: String,
}

/// Shared by the committer, which looks, and the handle.
#[derive(Debug, Default)]
pub(super) struct Backlogs {
    limits: Mutex<BTreeMap<String, Backlog>>,
    asks: watch::Sender<Asks>,
    refusals: ArcSwap<Vec<Refusal>>,
}

impl Backlogs {
    fn limits(&self) -> MutexGuard<'_, BTreeMap<String, Backlog>> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what an upstream may hold back.
    pub(super) fn set(&self, upstream: &str, backlog: Backlog) {
        self.limits().insert(upstream.to_owned(), backlog);
    }

    /// To be told what is asked.
    pub(super) fn asks(&self) -> watch::Receiver<Asks> {
        self.asks.subscribe()
    }

    /// Looks at every cursor: who has to give something up because the store is short of room (`for_room`), who is close to,
    /// or beyond, a limit of its own.
    pub(super) fn look(&self, journal: &Journal, cursors: &BTreeMap<Bytes, Seq>, for_room: Option<&Asked>) {
        let limits = self.limits();
        let mut asks = BTreeMap::new();
        let mut refusals = Vec::new();
        for (key, cursor) in cursors {
            let name = String::from_utf8_lossy(key.get(4..).unwrap_or_default()).into_owned();
            let mut asked = for_room.cloned();
            if let Some(backlog) = limits.get(&name)
                && let Some(max) = backlog.max
            {
                let held = journal.bytes_after(*cursor) + backlog.aside;
                if let Some(through) = ask(max, held, backlog.aside, journal) {
                    let why = format!("it holds back {} of its max_backlog = {}", mib(held), mib(max));
                    asked = asked
                        .into_iter()
                        .chain([Asked { through, urgent: held > max, why }])
                        .max_by_key(|asked| asked.through);
                }
                if held > max {
                    refusals.push(refusal(&name, max, held, backlog));
                }
            }
            if let Some(asked) = asked.filter(|asked| asked.through > *cursor) {
                asks.insert(name, asked);
            }
        }
        self.asks.send_if_modified(|known| {
            // The words change all the time.
            let matters = |asks: &BTreeMap<String, Asked>| -> Vec<(String, Seq, bool)> {
                asks.iter().map(|(name, asked)| (name.clone(), asked.through, asked.urgent)).collect()
            };
            let changed = matters(known) != matters(&asks);
            if changed {
                *known = Arc::new(asks);
            }
            changed
        });
        if !(refusals.is_empty() && self.refusals.load().is_empty()) {
            self.refusals.store(Arc::new(refusals));
        }
    }

    /// Why a table takes no new items, if an upstream is the cause.
    pub(super) fn refuses(&self, table: &TableDef) -> Option<String> {
        let refusals = self.refusals.load();
        if refusals.is_empty() || table.when_full == WhenFull::DropOldest {
            return None;
        }
        let concerns = |refusal: &&Refusal| {
            refusal.tables.as_ref().is_none_or(|tables| tables.contains(table.name.as_str()))
        };
        refusals.iter().find(concerns).map(|refusal| refusal.what.clone())
    }

    /// The same for any of the tables, for the status.
    pub(super) fn refuses_any(&self, catalog: &Catalog) -> Option<String> {
        if self.refusals.load().is_empty() {
            return None;
        }
        catalog.tables().into_iter().find_map(|table| self.refuses(table))
    }
}

/// Through which change an upstream has to settle to stay away from its limit, if it is close. It is asked before the limit is
/// reached, and for more than what is missing, so that it is not asked all the time.
fn ask(max: u64, held: u64, aside: u64, journal: &Journal) -> Option<Seq> {
    let soft = max - max / 8;
    if held <= soft {
        return None;
    }
    let step = 2 * journal.segment_size();
    journal.keeping(soft.saturating_sub(aside).saturating_sub(step).max(step))
}

fn refusal(name: &str, max: u64, held: u64, backlog: &Backlog) -> Refusal {
    let what = format!(
        "upstream {name} holds back {}, more than its max_backlog = {}; bring it back, raise max_backlog, or let the table \
         lose its oldest unsent changes with when_full = \"drop-oldest\"",
        mib(held),
        mib(max)
    );
    Refusal { tables: backlog.tables.clone(), what }
}
