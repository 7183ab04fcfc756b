//! Messages that share a commit.

use crate::engine::IngestPut;
use crate::ingest::Message;
use crate::ingest::mapping::ITEM_OVERHEAD;
use crate::ingest::rule_set::{Context, Outcome, Rejection, RuleSet};

/// The most messages of a commit. On a slow disk their number for each fsync is the rate; they hold up others for as long as
/// they take to be decided.
pub(super) const MESSAGES: usize = 2_000;
/// The most bytes of a commit, unless a single message has more.
pub(super) const BYTES: usize = 4 * 1024 * 1024;

/// Messages that share a commit, mapped; indices count from the chunk's first message.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    puts: Vec<IngestPut>,
    /// How many messages it covers.
    pub(super) taken: usize,
    /// How many of them have items.
    pub(super) mapped: usize,
    /// The first one that has.
    pub(super) first_mapped: Option<usize>,
    /// Those that can't be items.
    pub(super) rejections: Vec<(usize, Rejection)>,
    /// Those of which nothing is to be stored.
    pub(super) skipped: Vec<usize>,
}

impl Chunk {
    /// Maps messages from the front, as many as fit.
    pub(super) fn map(rules: &RuleSet, context: &Context<'_>, messages: &[Message]) -> Chunk {
        let mut chunk = Chunk { puts: Vec::with_capacity(messages.len().min(MESSAGES)), ..Chunk::default() };
        let mut bytes = 0;
        for (index, message) in messages.iter().enumerate().take(MESSAGES) {
            let start = chunk.puts.len();
            match rules.apply(message, context, &mut chunk.puts) {
                Outcome::Items(size) => {
                    bytes += size + ITEM_OVERHEAD;
                    if bytes > BYTES && chunk.mapped > 0 {
                        // It opens the next commit.
                        chunk.puts.truncate(start);
                        break;
                    }
                    chunk.mapped += 1;
                    chunk.first_mapped.get_or_insert(index);
                }
                Outcome::Drop | Outcome::Skip(_) => chunk.skipped.push(index),
                Outcome::Reject(rejection) => chunk.rejections.push((index, rejection)),
            }
            chunk.taken = index + 1;
        }
        chunk
    }

    /// Takes the items out.
    pub(super) fn take_puts(&mut self) -> Vec<IngestPut> {
        std::mem::take(&mut self.puts)
    }

    /// Rejects a message after the fact.
    pub(super) fn reject(&mut self, index: usize, rejection: Rejection) {
        self.rejections.push((index, rejection));
    }
}
