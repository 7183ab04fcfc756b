//! The clients by identifier: who is connected, and what is remembered of those who are not (section 4.1): the QoS 2
//! identifiers between PUBREC and PUBREL, and a will that is still delayed. Bounded in number and age. Who has a session is
//! on record in the store as well ([`super::ledger`]); after a restart, deliveries that came before are recognised by the
//! store (`crate::ingest`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::ingest::Message;

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    inner: Mutex<Inner>,
    limit: usize,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    clients: HashMap<Arc<str>, Entry>,
    away: usize,
    claims: u64,
    next_sweep: Option<Instant>,
}

#[derive(Debug)]
enum Entry {
    /// Connected.
    Here {
        claim: u64,
        /// Tells the connection that it is taken over, and whether with a clean start.
        take_over: watch::Sender<Option<bool>>,
        /// Closed once the connection has ended.
        ended: watch::Receiver<()>,
    },
    /// Not connected, but remembered.
    Away(Away),
}

/// What is remembered of a client that is not connected.
#[derive(Debug)]
pub(super) struct Away {
    /// Identifiers between PUBREC and PUBREL.
    pub(super) received: Box<[u16]>,
    /// When its connection ended.
    pub(super) since: Instant,
    /// When it is forgotten.
    pub(super) until: Instant,
    /// A will, and when it is due.
    pub(super) will: Option<(Instant, Message)>,
}

impl Away {
    /// When something is to be done: the will is due, or the session is to be forgotten.
    fn next(&self) -> Instant {
        self.will.as_ref().map_or(self.until, |(due, _)| self.until.min(*due))
    }
}

/// A client identifier in use by one connection.
#[derive(Debug)]
pub(super) struct Claim {
    sessions: Arc<Sessions>,
    client: Arc<str>,
    number: u64,
    /// Becomes `Some` when another connection claims the identifier, with whether that wants a clean start.
    pub(super) taken_over: watch::Receiver<Option<bool>>,
    /// Dropped last: those who wait for the end of this claim see it closed.
    _ended: watch::Sender<()>,
}

/// A claim that succeeded.
#[derive(Debug)]
pub(super) struct Claimed {
    /// The claim.
    pub(super) claim: Claim,
    /// What the session remembered, if there was one and no clean start was wanted.
    pub(super) resumed: Option<Box<[u16]>>,
    /// The will of a session that ended by this claim.
    pub(super) will: Option<Message>,
    /// A session that was remembered ended by this claim.
    pub(super) ended: bool,
}

/// A session that was forgotten to make room.
#[derive(Debug)]
pub(super) struct Evicted {
    /// Whose it was.
    pub(super) client: Arc<str>,
    /// Its will, if it was still delayed.
    pub(super) will: Option<Message>,
}

/// What a sweep found.
#[derive(Debug)]
pub(super) struct Swept {
    /// Wills that are due.
    pub(super) wills: Vec<Message>,
    /// Clients whose sessions have expired.
    pub(super) expired: Vec<Arc<str>>,
    /// When to look again.
    pub(super) next: Option<Instant>,
}

impl Sessions {
    /// Remembers at most so many absent clients.
    pub(super) fn new(limit: usize) -> Arc<Sessions> {
        Arc::new(Sessions { inner: Mutex::default(), limit, changed: Notify::new() })
    }

    /// Remembers clients that an earlier process knew, as if they had just left; gives those there is no room for.
    pub(super) fn restore(&self, clients: Vec<(Arc<str>, Duration)>, now: Instant) -> Vec<Arc<str>> {
        let mut inner = self.lock();
        let mut left_out = Vec::new();
        for (client, kept) in clients {
            if inner.away >= self.limit {
                left_out.push(client);
                continue;
            }
            let away = Away { received: Box::default(), since: now, until: now + kept, will: None };
            inner.clients.insert(client, Entry::Away(away));
            inner.away += 1;
        }
        left_out
    }

    /// Claims an identifier; a connection that has it is ended first. `None` if that takes longer than `patience`.
    pub(super) async fn claim(
        self: &Arc<Sessions>,
        client: &Arc<str>,
        clean: bool,
        patience: Duration,
    ) -> Option<Claimed> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let mut ended = match self.try_claim(client, clean) {
                Ok(claimed) => return Some(claimed),
                Err(ended) => ended,
            };
            // It only ever changes by being closed.
            tokio::time::timeout_at(deadline, ended.changed()).await.ok()?.err()?;
        }
    }

    fn try_claim(
        self: &Arc<Sessions>,
        client: &Arc<str>,
        clean: bool,
    ) -> Result<Claimed, watch::Receiver<()>> {
        let mut inner = self.lock();
        if let Some(Entry::Here { take_over, ended, .. }) = inner.clients.get(client) {
            take_over.send_replace(Some(clean));
            return Err(ended.clone());
        }
        inner.claims += 1;
        let number = inner.claims;
        let (take_over, taken_over) = watch::channel(None);
        let (ended_sender, ended) = watch::channel(());
        let before =
            inner.clients.insert(Arc::clone(client), Entry::Here { claim: number, take_over, ended });
        let (mut resumed, mut will, mut ended_before) = (None, None, false);
        if let Some(Entry::Away(away)) = before {
            inner.away -= 1;
            if !clean && away.until > Instant::now() {
                resumed = Some(away.received);
            } else {
                // The session has ended, and with it the wait for its will (section 3.1.3.2.2).
                will = away.will.map(|(_, message)| message);
                ended_before = true;
            }
        }
        let claim = Claim {
            sessions: Arc::clone(self),
            client: Arc::clone(client),
            number,
            taken_over,
            _ended: ended_sender,
        };
        Ok(Claimed { claim, resumed, will, ended: ended_before })
    }

    /// Forgets sessions that have expired; gives the wills that are due, and when to look again.
    pub(super) fn sweep(&self, now: Instant) -> Swept {
        let (mut due, mut expired, mut next): (Vec<Message>, _, Option<Instant>) =
            (Vec::new(), Vec::new(), None);
        let mut inner = self.lock();
        inner.clients.retain(|client, entry| {
            let Entry::Away(away) = entry else { return true };
            let at = away.next();
            if at <= now {
                due.extend(away.will.take().map(|(_, message)| message));
            }
            if away.until <= now {
                expired.push(Arc::clone(client));
                return false;
            }
            let at = away.next();
            next = Some(next.map_or(at, |next| next.min(at)));
            true
        });
        inner.away = inner.clients.values().filter(|entry| matches!(entry, Entry::Away(_))).count();
        inner.next_sweep = next;
        Swept { wills: due, expired, next }
    }

    /// Takes all delayed wills: the process ends, and with it the sessions.
    pub(super) fn take_wills(&self) -> Vec<Message> {
        let mut inner = self.lock();
        let away = inner.clients.values_mut().filter_map(|entry| match entry {
            Entry::Away(away) => away.will.take(),
            Entry::Here { .. } => None,
        });
        away.map(|(_, message)| message).collect()
    }

    /// Resolves when a session has been left that is due before the next sweep that was planned.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Remembered sessions.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.lock().away
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, client: &Arc<str>, number: u64, away: Option<Away>) -> Option<Evicted> {
        let mut inner = self.lock();
        match inner.clients.get(client) {
            Some(Entry::Here { claim, .. }) if *claim == number => {}
            _ => return None,
        }
        let Some(away) = away else {
            inner.clients.remove(client);
            return None;
        };
        let evicted = if inner.away >= self.limit { evict(&mut inner) } else { None };
        let (next, planned) = (away.next(), inner.next_sweep);
        inner.clients.insert(Arc::clone(client), Entry::Away(away));
        inner.away += 1;
        drop(inner);
        if planned.is_none_or(|planned| next < planned) {
            self.changed.notify_one();
        }
        evicted
    }
}

/// Forgets the session that has been away longest.
fn evict(inner: &mut Inner) -> Option<Evicted> {
    let oldest = inner
        .clients
        .iter()
        .filter_map(|(client, entry)| match entry {
            Entry::Away(away) => Some((away.since, client)),
            Entry::Here { .. } => None,
        })
        .min()
        .map(|(_, client)| Arc::clone(client))?;
    inner.away -= 1;
    let will = match inner.clients.remove(&oldest) {
        Some(Entry::Away(away)) => away.will.map(|(_, message)| message),
        _ => None,
    };
    Some(Evicted { client: oldest, will })
}

impl Claim {
    /// The client.
    pub(super) fn client(&self) -> &Arc<str> {
        &self.client
    }

    /// The connection has ended; `away` is what is to be remembered. Gives the session that had to be forgotten for it.
    pub(super) fn leave(self, away: Option<Away>) -> Option<Evicted> {
        self.sessions.leave(&self.client, self.number, away)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Does nothing after `leave`: the entry is not this claim's any more.
        self.sessions.leave(&self.client, self.number, None);
    }
}

#[cfg(test)]
mod tests;
