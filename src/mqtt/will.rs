//! Wills (section 3.1.2.5): a will is a message like any other, offered when its connection ends badly. It is not
//! acknowledged to anyone, so it is kept until it is stored.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::Offer;
use super::connect::WillPacket;
use super::end::End;
use crate::engine::EngineError;
use crate::ingest::{Message, Source};
use crate::telemetry::ListenerMetrics;

/// Between two offers to a busy store.
const BUSY: Duration = Duration::from_millis(20);
/// Between two offers to a full store.
const FULL: Duration = Duration::from_secs(2);

/// What is to become of a will.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: there is none, or it was withdrawn.
    Dropped,
    /// It is due.
    Now(WillPacket),
    /// It is due if the client has not come back by then.
    After(Duration, WillPacket),
}

/// Decides by how the connection ended. `session_expiry` is in seconds.
pub(super) fn fate(end: End, will: Option<WillPacket>, session_expiry: u32) -> Fate {
    let Some(will) = will else { return Fate::Dropped };
    let delay = will.delay.min(session_expiry);
    match end {
        End::Disconnected => Fate::Dropped,
        // Nobody could wait for it.
        End::ShuttingDown => Fate::Now(will),
        // The client has come back, before a delay could pass.
        End::TakenOver { clean: false } if delay > 0 => Fate::Dropped,
        End::TakenOver { .. } => Fate::Now(will),
        _ if delay > 0 => Fate::After(Duration::from_secs(delay.into()), will),
        _ => Fate::Now(will),
    }
}

/// As [`crate::ingest`] takes it.
pub(super) fn message(will: WillPacket, source: &Source) -> Message {
    Message {
        topic: will.topic,
        payload: will.payload,
        qos: will.qos,
        retained: will.retain,
        dup: false,
        packet_id: None,
        source: source.clone(),
    }
}

/// Offers a will until it is stored or `deadline`; gives it back if that fails, or the store is full.
pub(super) async fn publish<O: Offer>(
    offer: &O,
    will: Message,
    deadline: Instant,
    metrics: &ListenerMetrics,
) -> Result<(), Message> {
    loop {
        let Ok(settled) = timeout_at(deadline, offer.offer(vec![will.clone()])).await else {
            return Err(will);
        };
        if settled.count > 0 {
            metrics.wills.add(1);
            return Ok(());
        }
        if settled.failed != Some(EngineError::Busy) || Instant::now() + BUSY > deadline {
            return Err(will);
        }
        sleep(BUSY).await;
    }
}

/// Hands a will to [`keep_trying`].
pub(super) fn later(queue: &mpsc::Sender<Message>, will: Message, metrics: &ListenerMetrics) {
    if let Err(error) = queue.try_send(will) {
        lost(&error.into_inner(), metrics);
    }
}

/// Offers wills that the store could not take, in order, until it can. At the end of the process each gets one more try,
/// `drain` at most in all.
pub(super) async fn keep_trying<O: Offer>(
    offer: O,
    mut queue: mpsc::Receiver<Message>,
    mut shutdown: watch::Receiver<bool>,
    drain: Duration,
    metrics: &ListenerMetrics,
) {
    let mut deadline = None;
    while let Some(mut will) = queue.recv().await {
        loop {
            let until = deadline.unwrap_or_else(|| Instant::now() + drain);
            match publish(&offer, will, until, metrics).await {
                Ok(()) => break,
                Err(back) => will = back,
            }
            if deadline.is_some() {
                lost(&will, metrics);
                break;
            }
            tokio::select! {
                () = sleep(FULL) => {}
                _ = shutdown.wait_for(|stop| *stop) => deadline = Some(Instant::now() + drain),
            }
        }
    }
}

fn lost(will: &Message, metrics: &ListenerMetrics) {
    metrics.wills_lost.add(1);
    tracing::error!(topic = %will.topic, source = ?will.source, "a will is lost: the store could not take it");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn will(delay: u32) -> WillPacket {
        WillPacket { topic: "t".into(), payload: Bytes::new(), qos: 1, retain: false, delay }
    }

    #[test]
    fn a_will_is_due_when_the_connection_ends_badly() {
        let cases = [
            (End::Disconnected, 0, 0, Fate::Dropped),
            (End::DisconnectedWithWill, 0, 0, Fate::Now(will(0))),
            (End::Closed, 0, 0, Fate::Now(will(0))),
            (End::Silent, 30, 0, Fate::Now(will(30))),
            (End::Closed, 30, 60, Fate::After(Duration::from_secs(30), will(30))),
            (End::Closed, 30, 10, Fate::After(Duration::from_secs(10), will(30))),
            (End::TakenOver { clean: false }, 30, 60, Fate::Dropped),
            (End::TakenOver { clean: true }, 30, 60, Fate::Now(will(30))),
            (End::TakenOver { clean: false }, 0, 60, Fate::Now(will(0))),
            (End::ShuttingDown, 30, 60, Fate::Now(will(30))),
        ];
        for (end, delay, expiry, expected) in cases {
            assert_eq!(fate(end, Some(will(delay)), expiry), expected, "{end:?}");
        }
        assert_eq!(fate(End::Closed, None, 0), Fate::Dropped);
    }
}
