//! The driver around the rules: maps on the caller's task, commits, and says what may be acknowledged.

mod chunk;
#[cfg(test)]
mod stored;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwap;

use self::chunk::Chunk;
use super::mapping;
use super::rejected::{Rejected, RejectedList};
use super::rule_set::{Context, Rejection, RuleSet, Subscriptions};
use super::{Message, Settled};
use crate::clock::Clock;
use crate::engine::{Engine, EngineError, Ingest, IngestPut, Ingested};
use crate::model::{Item, TableDef, TableName};
use crate::security::{Principal, authorize};
use crate::store::{Mark, Origin, Urgency};
use crate::telemetry::IngestMetrics;

/// The one way in; cheap to clone.
#[derive(Clone)]
pub struct Accept {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    driver: Driver,
}

/// All of it but the engine.
struct Driver {
    clock: Clock,
    rules: Arc<ArcSwap<RuleSet>>,
    metrics: Arc<IngestMetrics>,
    rejected: RejectedList,
}

/// What the driver needs of the engine.
trait Backend: Sync {
    fn table(&self, name: &str) -> Option<Arc<TableDef>>;
    fn ingest(&self, request: Ingest) -> impl Future<Output = Result<Ingested, EngineError>> + Send;
}

impl Backend for Engine {
    fn table(&self, name: &str) -> Option<Arc<TableDef>> {
        Engine::table(self, name).ok()
    }

    fn ingest(&self, request: Ingest) -> impl Future<Output = Result<Ingested, EngineError>> + Send {
        Engine::ingest(self, authorize(Principal::Rule, request))
    }
}

impl Accept {
    /// The way into this engine. The rules may be swapped while messages come in: each call uses those it finds.
    pub fn new(
        engine: Engine,
        clock: Clock,
        rules: Arc<ArcSwap<RuleSet>>,
        metrics: Arc<IngestMetrics>,
    ) -> Accept {
        let driver = Driver { clock, rules, metrics, rejected: RejectedList::default() };
        Accept { inner: Arc::new(Inner { engine, driver }) }
    }

    /// Maps and stores messages, in order; resolves after the fsync. Never panics, whatever the bytes.
    pub async fn accept(&self, messages: Vec<Message>) -> Settled {
        self.inner.driver.accept(&self.inner.engine, messages).await
    }

    /// Stores items from REST in one commit, all or nothing; resolves after the fsync. Items that bring no expiry time
    /// get the table's default.
    pub async fn accept_items(
        &self,
        principal: Principal,
        table: TableName,
        items: Vec<Item>,
    ) -> Result<Ingested, EngineError> {
        let definition = self.inner.engine.table(table.as_str())?;
        let puts = self.inner.driver.puts(&definition, &table, items);
        let request = Ingest { puts, origin: Origin::Rest, urgency: Urgency::Now };
        let ingested = self.inner.engine.ingest(authorize(principal, request)).await?;
        self.inner.driver.metrics.accepted.add(ingested.stored);
        Ok(ingested)
    }

    /// The newest rejected messages, oldest first: a thousand, and 1 MiB, at most.
    pub fn rejected(&self) -> Vec<Rejected> {
        self.inner.driver.rejected.get()
    }

    /// What to subscribe to at a broker.
    pub fn subscriptions(&self) -> Subscriptions {
        self.inner.driver.rules.load().subscriptions()
    }
}

impl Driver {
    async fn accept<B: Backend>(&self, backend: &B, messages: Vec<Message>) -> Settled {
        let rules = self.rules.load_full();
        let tables: Vec<_> = rules.tables().iter().map(|table| backend.table(table.name.as_str())).collect();
        let mut count = 0;
        let mut limit = chunk::MESSAGES;
        while let Some(rest) = messages.get(count..).filter(|rest| !rest.is_empty()) {
            let mut chunk = self.map(&rules, &tables, rest.get(..limit).unwrap_or(rest));
            let puts = chunk.take_puts();
            if puts.is_empty() {
                count += self.settle(rest, &chunk, chunk.taken);
                continue;
            }
            let request = Ingest { puts, origin: Origin::Mqtt, urgency: Urgency::Gather };
            let error = match backend.ingest(request).await {
                Ok(ingested) => {
                    self.metrics.accepted.add(ingested.stored);
                    self.metrics.skipped.add(ingested.repeated);
                    count += self.settle(rest, &chunk, chunk.taken);
                    limit = (limit * 2).min(chunk::MESSAGES);
                    continue;
                }
                Err(error) => error,
            };
            match (blame(&error), chunk.mapped) {
                // One of them spoils it for all: look for it, by halves.
                (Blame::Message, 2..) => limit = (chunk.taken / 2).max(1),
                (Blame::Message, _) => {
                    let at = chunk.first_mapped.unwrap_or(0);
                    chunk.reject(at, Rejection { rule: None, reason: error.to_string() });
                    count += self.settle(rest, &chunk, chunk.taken);
                }
                // A smaller commit may still fit.
                (Blame::Space, 2..) => limit = 1,
                (Blame::Space | Blame::Moment, _) => {
                    count += self.settle(rest, &chunk, chunk.first_mapped.unwrap_or(0));
                    return Settled { count, failed: Some(error) };
                }
            }
        }
        Settled { count, failed: None }
    }

    /// Maps messages from the front, as many as one commit may have.
    fn map(&self, rules: &RuleSet, tables: &[Option<Arc<TableDef>>], messages: &[Message]) -> Chunk {
        let stamp = || self.clock.stamp();
        let context = Context { tables, boot: self.clock.boot(), stamp: &stamp };
        Chunk::map(rules, &context, messages)
    }

    /// Counts and keeps what became of the first `count` messages of a chunk without the store; gives their number.
    fn settle(&self, messages: &[Message], chunk: &Chunk, count: usize) -> usize {
        for (index, rejection) in chunk.rejections.iter().filter(|(index, _)| *index < count) {
            self.metrics.rejected.add(1);
            if let Some(message) = messages.get(*index) {
                let time = self.clock.stamp();
                self.rejected.push(message, rejection.clone(), time, self.clock.since_boot_us());
            }
        }
        self.metrics.skipped.add(chunk.skipped.iter().filter(|index| **index < count).count() as u64);
        count
    }

    /// REST's items, with the table's default time to live.
    fn puts(&self, definition: &TableDef, table: &TableName, items: Vec<Item>) -> Vec<IngestPut> {
        let seconds = self.rules.load().ttl_default(table.as_str());
        let ttl = definition.ttl.as_ref().zip(seconds);
        let put = |mut item: Item| {
            let mut mark = None;
            if let Some((ttl, seconds)) = ttl
                && item.get(&ttl.attribute).is_none()
            {
                let (expires, movable) = mapping::expiry(self.clock.stamp(), seconds, &ttl.attribute);
                item.insert(ttl.attribute.clone(), expires);
                mark = movable.map(|movable| Mark { boot: self.clock.boot(), attributes: vec![movable] });
            }
            IngestPut { table: table.clone(), item, mark, delivery: None, dup: false }
        };
        items.into_iter().map(put).collect()
    }
}

/// What a failed commit is to be put down to.
enum Blame {
    /// A message that no store would take.
    Message,
    /// A lack of space.
    Space,
    /// The moment, or the store itself.
    Moment,
}

fn blame(error: &EngineError) -> Blame {
    match error {
        EngineError::ResourceNotFound(_)
        | EngineError::IndexNotFound(_)
        | EngineError::LimitExceeded(_)
        | EngineError::ResourceInUse(_)
        | EngineError::Validation(_)
        | EngineError::Unfit(_)
        | EngineError::ThroughputExceeded(_)
        | EngineError::ConditionFailed(_)
        | EngineError::Cancelled(_)
        | EngineError::TokenReused
        | EngineError::DeletionProtected(_) => Blame::Message,
        EngineError::Full(_) => Blame::Space,
        EngineError::Busy
        | EngineError::OutcomeUnknown(_)
        | EngineError::Internal(_)
        | EngineError::Stream(_) => Blame::Moment,
    }
}
