//! The end of a connection: what has been received is settled and acknowledged, the client is told why, the will and the
//! session get their due.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::connection::{Connection, wait_for};
use super::end::End;
use super::session::Away;
use super::will::Fate;
use super::{Offer, Version, answer, will};
use crate::engine::EngineError;

/// How long settling may take where the client is gone, or has broken the protocol.
const SETTLE: Duration = Duration::from_secs(5);
/// How long the last answers may take to be written.
const LAST_WRITE: Duration = Duration::from_secs(1);
/// Between two offers to a busy store.
const BUSY: Duration = Duration::from_millis(10);

/// Ends a connection.
pub(super) async fn wind_down<O: Offer>(mut connection: Connection<'_, O>, end: End) {
    report(&connection, end);
    let patience = match end {
        End::ShuttingDown => connection.shared.settings.drain.mul_f64(0.8),
        _ => SETTLE,
    };
    let deadline = Instant::now() + patience;
    if end != End::OutcomeUnknown {
        settle(&mut connection, deadline).await;
    }
    say_goodbye(&mut connection, end).await;
    leave(connection, end, deadline).await;
}

fn report<O: Offer>(connection: &Connection<'_, O>, end: End) {
    let (metrics, source, peer) = (&connection.shared.metrics, &connection.source, connection.peer);
    match end {
        End::TooLarge => metrics.too_large.add(1),
        End::Silent => metrics.silent.add(1),
        End::TakenOver { .. } => metrics.taken_over.add(1),
        end if end.is_breach() => metrics.malformed.add(1),
        _ => {}
    }
    if end.is_breach() || matches!(end, End::Deaf | End::Memory | End::OutcomeUnknown) {
        tracing::warn!(?source, %peer, reason = end.text(), "an MQTT connection is closed");
    } else {
        tracing::debug!(?source, %peer, reason = end.text(), "an MQTT connection ends");
    }
}

/// Offers what is still queued: a QoS 0 message has no other chance, and the others were sent before the end. What the
/// store can't take now stays unacknowledged, for the client to send again.
async fn settle<O: Offer>(connection: &mut Connection<'_, O>, deadline: Instant) {
    loop {
        if connection.under_way.is_none() {
            if connection.queue.len() == 0 {
                return;
            }
            connection.begin();
            continue;
        }
        let Ok(settled) = timeout_at(deadline, wait_for(&mut connection.under_way)).await else { return };
        let again = match &settled.failed {
            None => true,
            Some(EngineError::Busy) => Instant::now() + BUSY < deadline,
            Some(_) => false,
        };
        let busy = settled.failed.is_some();
        if connection.settled(settled).is_err() || !again {
            return;
        }
        if busy {
            sleep(BUSY).await;
        }
    }
}

/// The last acknowledgements, and DISCONNECT with the reason where the protocol has that.
async fn say_goodbye<O: Offer>(connection: &mut Connection<'_, O>, end: End) {
    if let Some((code, text)) = end.reason()
        && connection.connect.version == Version::V5
    {
        let before = connection.out.len();
        answer::disconnect(code, text, &mut connection.out);
        if connection.out.len() - before > connection.connect.max_packet_size {
            connection.out.truncate(before);
        }
    }
    let write = connection.stream.write_all(&connection.out);
    if timeout(LAST_WRITE, write).await.is_err() {
        tracing::debug!(source = ?connection.source, "the last answers could not be written");
    }
}

/// Publishes or delays the will, then leaves the session, so that the will comes before what a next connection says.
async fn leave<O: Offer>(connection: Connection<'_, O>, end: End, deadline: Instant) {
    let Connection { shared, connect, source, claim, queue, session_expiry, .. } = connection;
    let mut delayed = None;
    match will::fate(end, connect.will, session_expiry) {
        Fate::Dropped => {}
        Fate::After(delay, will) => {
            delayed = Some((std::time::Instant::now() + delay, will::message(will, &source)));
        }
        Fate::Now(will) => {
            let message = will::message(will, &source);
            // The time for settling may be used up: a will gets at least a moment.
            let deadline = deadline.max(Instant::now() + LAST_WRITE);
            if let Err(back) = will::publish(&shared.offer, message, deadline, &shared.metrics).await {
                will::later(&shared.wills, back, &shared.metrics);
            }
        }
    }
    let now = std::time::Instant::now();
    let kept = Duration::from_secs(session_expiry.into()).min(shared.settings.max_session_expiry);
    let away = (session_expiry > 0).then(|| Away {
        received: queue.into_received(),
        since: now,
        until: now + kept,
        will: delayed,
    });
    let ended = away.is_none() && connect.session_expiry > 0;
    if let (true, Some(ledger)) = (ended, &shared.ledger) {
        ledger.end(std::slice::from_ref(claim.client())).await;
    }
    let Some(evicted) = claim.leave(away) else { return };
    if let Some(will) = evicted.will {
        will::later(&shared.wills, will, &shared.metrics);
    }
    if let Some(ledger) = &shared.ledger {
        ledger.end(&[evicted.client]).await;
    }
}
