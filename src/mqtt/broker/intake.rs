//! The store's side: what has been received is offered in batches, one at a time, and acknowledged when it is durable. It
//! goes on while there is no connection.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::time::sleep_until;

use super::queue::{MAX_BATCH, Queue};
use crate::engine::EngineError;
use crate::ingest::{Settled, Source};
use crate::mqtt::Offer;
use crate::mqtt::gather::{Gather, Ready};
use crate::mqtt::publish::Publish;
use crate::mqtt::withhold::Withhold;
use crate::telemetry::BrokerMetrics;

/// Between two offers to a busy store at the end.
const BUSY: Duration = Duration::from_millis(10);

/// A batch that is being committed.
type UnderWay = Pin<Box<dyn Future<Output = Settled> + Send>>;

/// The store failed: whether messages became durable is not known, and the process ends.
#[derive(Debug)]
pub(super) struct OutcomeUnknown;

/// The queue and what is being committed of it.
pub(super) struct Intake<'a, O> {
    offer: O,
    metrics: &'a BrokerMetrics,
    queue: Queue,
    gather: Gather,
    withhold: Withhold<'a>,
    under_way: Option<UnderWay>,
    source: Source,
    max_messages: usize,
    max_bytes: usize,
    broken: bool,
}

impl<'a, O: Offer> Intake<'a, O> {
    /// An empty one.
    pub(super) fn new(offer: O, metrics: &'a BrokerMetrics) -> Intake<'a, O> {
        Intake {
            offer,
            metrics,
            queue: Queue::default(),
            gather: Gather::new(Duration::ZERO),
            withhold: Withhold::new(&metrics.withholding),
            under_way: None,
            source: Source::Broker { url: "".into(), session: 0 },
            max_messages: 1,
            max_bytes: 1,
            broken: false,
        }
    }

    /// A connection begins: where its messages come from, and how many may wait.
    pub(super) fn connected(&mut self, source: Source, max: (usize, usize), gather: Duration) {
        self.source = source;
        (self.max_messages, self.max_bytes) = max;
        self.gather = Gather::new(gather);
    }

    /// The connection has ended.
    pub(super) fn disconnected(&mut self) {
        self.queue.connection_ended();
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        !self.broken && self.queue.has_room(self.max_messages, self.max_bytes)
    }

    /// Takes a publish in.
    pub(super) fn push(&mut self, publish: Publish, now: Instant) {
        self.queue.push(publish, &self.source);
        self.gather.arrived(now);
    }

    /// Takes one in that is only to be acknowledged, in its turn.
    pub(super) fn push_settled(&mut self, packet_id: u16, qos: u8) {
        self.queue.push_settled(packet_id, qos);
    }

    /// Offers the next batch if it is time; else gives when to look again. Acknowledgements go to `out`.
    pub(super) fn offer_if_ready(&mut self, now: Instant, out: &mut BytesMut) -> Option<Instant> {
        self.show();
        if self.under_way.is_some() || self.queue.ready() == 0 || self.broken {
            return None;
        }
        if let Some(again) = self.withhold.until(now) {
            return Some(again);
        }
        // Where nothing more can be read, nothing more can come.
        match self.gather.ready(self.queue.ready(), now) {
            Ready::At(again) if self.has_room() => return Some(again),
            _ => {}
        }
        self.begin(out);
        None
    }

    fn begin(&mut self, out: &mut BytesMut) {
        self.gather.offered();
        let messages = self.queue.begin();
        if messages.is_empty() {
            let acknowledged = self.queue.settle(0, out);
            self.metrics.acknowledged.add(acknowledged);
            return;
        }
        let offer = self.offer.clone();
        self.under_way = Some(Box::pin(async move { offer.offer(messages).await }));
    }

    /// Waits for the end of the batch under way; for ever if there is none.
    pub(super) async fn ended(&mut self) -> Settled {
        match &mut self.under_way {
            Some(future) => future.await,
            None => std::future::pending().await,
        }
    }

    /// A batch has ended: its acknowledgements go to `out`.
    pub(super) fn settled(&mut self, settled: Settled, out: &mut BytesMut) -> Result<(), OutcomeUnknown> {
        self.under_way = None;
        let outstanding = self.queue.unacknowledged();
        let acknowledged = self.queue.settle(settled.count, out);
        if acknowledged > 0 {
            self.gather.acknowledged(outstanding.min(MAX_BATCH), Instant::now());
        }
        self.metrics.acknowledged.add(acknowledged);
        match settled.failed {
            None => self.withhold.ended(&self.source),
            Some(EngineError::OutcomeUnknown(_)) => {
                self.broken = true;
                return Err(OutcomeUnknown);
            }
            Some(EngineError::Busy) => self.withhold.busy(settled.count > 0),
            Some(error) => {
                let dropped = self.queue.drop_qos0();
                self.metrics.dropped_qos0.add(dropped);
                self.withhold.full(settled.count > 0, dropped, &error, &self.source);
            }
        }
        Ok(())
    }

    /// Waits for something else, and goes on storing meanwhile; for when there is no connection.
    pub(super) async fn beside<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        // There is nobody to acknowledge to.
        let mut nowhere = BytesMut::new();
        loop {
            let wake = self.offer_if_ready(Instant::now(), &mut nowhere);
            let wake = async {
                match wake {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                result = &mut other => return result,
                // What that means shows when the process ends.
                settled = self.ended() => drop(self.settled(settled, &mut nowhere)),
                () = wake => {}
            }
        }
    }

    /// Stores what is still queued, until the deadline or until the store can't; what is left stays unacknowledged.
    pub(super) async fn drain(&mut self, deadline: Instant, out: &mut BytesMut) {
        while !self.broken {
            if self.under_way.is_none() {
                if self.queue.len() == 0 {
                    break;
                }
                self.begin(out);
                continue;
            }
            let Ok(settled) = tokio::time::timeout_at(deadline.into(), self.ended()).await else { break };
            let (busy, full) = match &settled.failed {
                None => (false, false),
                Some(EngineError::Busy) => (true, Instant::now() + BUSY > deadline),
                Some(_) => (false, true),
            };
            if self.settled(settled, out).is_err() || full {
                break;
            }
            if busy {
                tokio::time::sleep(BUSY).await;
            }
        }
        self.show();
    }

    /// What waits, for the metrics.
    fn show(&self) {
        self.metrics.queued.set(self.queue.len() as u64);
        self.metrics.queued_bytes.set(self.queue.bytes() as u64);
    }
}
