//! TransactWriteItems: up to 100 actions on as many items, all of them or none, in one commit. Decided like any other write,
//! one after another, so that transactions never conflict here.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::invalid;
use super::prepare::{self, PreparedDelete, PreparedPut, Preparing};
use super::throughput::{Exceeded, Gate};
use super::transact_token::{self, Known};
use super::update_item::{Measure, PreparedUpdate};
use super::{
    Action, CheckItem, EngineError, OnlyIf, Reason, TransactWrite, Transacted, TransactedTable, Written,
    delete_item, index_writes, keys, only_if, put_item, update_item,
};
use crate::clock::Clock;
use crate::model::{RowKey, TableDef, limits};
use crate::store::{Batch, Read};

/// A condition on an item that is not written.
struct PreparedCheck {
    table: Arc<TableDef>,
    key: RowKey,
    only_if: OnlyIf,
}

enum PreparedAction {
    Put(PreparedPut, Option<OnlyIf>),
    Update(PreparedUpdate),
    Delete(PreparedDelete, Option<OnlyIf>),
    Check(PreparedCheck),
}

/// A transaction ready to be decided.
pub(super) struct PreparedTransaction {
    actions: Vec<PreparedAction>,
    token: Option<transact_token::Noted>,
}

impl PreparedAction {
    fn table(&self) -> &Arc<TableDef> {
        match self {
            PreparedAction::Put(put, _) => &put.table,
            PreparedAction::Update(update) => update.table(),
            PreparedAction::Delete(delete, _) => &delete.table,
            PreparedAction::Check(check) => &check.table,
        }
    }

    fn key(&self) -> &RowKey {
        match self {
            PreparedAction::Put(put, _) => &put.key,
            PreparedAction::Update(update) => update.key(),
            PreparedAction::Delete(delete, _) => &delete.key,
            PreparedAction::Check(check) => &check.key,
        }
    }

    fn weight(&self) -> usize {
        match self {
            PreparedAction::Put(put, _) => put.weight(),
            PreparedAction::Update(update) => update.weight(),
            PreparedAction::Delete(delete, _) => delete.weight(),
            PreparedAction::Check(check) => check.key.as_slice().len(),
        }
    }
}

impl PreparedTransaction {
    /// About how many bytes will be staged.
    pub(super) fn weight(&self) -> usize {
        self.actions.iter().map(PreparedAction::weight).sum::<usize>() + transact_token::WEIGHT
    }

    /// The table of each action.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.actions.iter().map(PreparedAction::table)
    }
}

/// On the caller's task. What can be known to be wrong from the request alone refuses it; but a key that does not go with
/// its table cancels the transaction, and the first such key is the only one that is told of.
pub(super) fn prepare(
    preparing: &Preparing,
    clock: &Clock,
    request: TransactWrite,
) -> Result<PreparedTransaction, EngineError> {
    let TransactWrite { actions, payload, token } = request;
    let count = actions.len();
    let mut prepared = Vec::with_capacity(count);
    let mut cancelled = None;
    for (at, action) in actions.into_iter().enumerate() {
        match prepare_one(preparing, action) {
            Ok(action) => prepared.push(action),
            Err(EngineError::Unfit(text)) => {
                cancelled.get_or_insert((at, text));
            }
            Err(error) => return Err(error),
        }
    }
    if payload > limits::TRANSACTION {
        return Err(too_large(payload));
    }
    refuse_duplicates(prepared.iter().map(PreparedAction::key))?;
    if let Some((at, text)) = cancelled {
        return Err(cancelled_by(count, at, text));
    }
    Ok(PreparedTransaction {
        actions: prepared,
        token: token.map(|token| transact_token::note(clock, token)),
    })
}

/// A transaction whose one action is wrong.
pub(super) fn cancelled_by(count: usize, at: usize, text: String) -> EngineError {
    let mut reasons = vec![Reason::None; count];
    if let Some(reason) = reasons.get_mut(at) {
        *reason = Reason::Validation(text);
    }
    EngineError::Cancelled(reasons)
}

/// More than a transaction may hold.
pub(super) fn too_large(payload: usize) -> EngineError {
    invalid(format!("Transaction payload size cannot exceed 4MB. Payload Size: {payload}"))
}

/// No two actions are about one item.
pub(super) fn refuse_duplicates<'k>(keys: impl Iterator<Item = &'k RowKey>) -> Result<(), EngineError> {
    let mut seen = HashSet::new();
    for key in keys {
        if !seen.insert(key) {
            return Err(invalid("Transaction request cannot include multiple operations on one item"));
        }
    }
    Ok(())
}

fn prepare_one(preparing: &Preparing, action: Action) -> Result<PreparedAction, EngineError> {
    Ok(match action {
        Action::Put(put) => {
            let (put, only_if, _) = put_item::prepare(preparing, put)?;
            PreparedAction::Put(put, only_if)
        }
        Action::Update(update) => PreparedAction::Update(update_item::prepare(preparing, update)?),
        Action::Delete(delete) => {
            let (delete, only_if) = delete_item::prepare(preparing, delete)?;
            PreparedAction::Delete(delete, only_if)
        }
        Action::Check(CheckItem { table, key, only_if }) => {
            let table = Arc::clone(keys::table(&preparing.catalog, table.as_str())?);
            let key = keys::of_key(preparing.keys, &table, &key)?;
            only_if::condition_of_table(&table, Some(&only_if.condition))?;
            PreparedAction::Check(PreparedCheck { table, key, only_if })
        }
    })
}

/// On the committer's thread. All conditions are looked at, so that each action gets its reason.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    prepared: PreparedTransaction,
    now: Option<u64>,
    gate: Option<&Gate>,
) -> Result<Transacted, EngineError> {
    let PreparedTransaction { actions, token } = prepared;
    for action in &actions {
        keys::still_there(read.catalog(), action.table())?;
    }
    if let Some(token) = &token {
        match transact_token::look(read, token)? {
            Known::Not => {}
            Known::Same => return repeated(read, &actions, now),
            Known::Other => return Err(EngineError::TokenReused),
        }
    }
    let mut staged = Batch::default();
    let mut reasons = Vec::with_capacity(actions.len());
    let mut done = Transacted::default();
    for action in actions {
        let reason = match act(read, &mut staged, action, now) {
            Ok(written) if gate.is_some_and(|gate| !gate.admits(&written.table, &written.indexes)) => {
                Reason::ThroughputExceeded(Exceeded::Index)
            }
            Ok(written) => {
                done.add(&written.table, written.size, written.indexes);
                Reason::None
            }
            Err(EngineError::ConditionFailed(item)) => Reason::ConditionFailed(item),
            Err(EngineError::Unfit(text)) => Reason::Validation(text),
            Err(error) => return Err(error),
        };
        reasons.push(reason);
    }
    if reasons.iter().any(|reason| *reason != Reason::None) {
        return Err(EngineError::Cancelled(reasons));
    }
    if let Some(token) = &token {
        transact_token::stage(read, &mut staged, token)?;
    }
    batch.append(staged);
    Ok(done)
}

fn act(
    read: &dyn Read,
    staged: &mut Batch,
    action: PreparedAction,
    now: Option<u64>,
) -> Result<Written, EngineError> {
    match action {
        PreparedAction::Put(put, only_if) => put_item::decide(read, staged, (put, only_if, true), now),
        PreparedAction::Delete(delete, only_if) => delete_item::decide(read, staged, (delete, only_if), now),
        PreparedAction::Update(update) => {
            let updated = update_item::decide(read, staged, update, Measure::Item, now)?;
            let (table, old, size, indexes) = (updated.table, updated.old, updated.size, updated.indexes);
            Ok(Written { table, old, size, indexes })
        }
        PreparedAction::Check(PreparedCheck { table, key, only_if }) => {
            let old = prepare::visible(read, &table, &key, now)?;
            only_if::check(Some(&only_if), old.as_ref())?;
            let size = old.as_ref().map_or(0, prepare::image_size);
            let indexes = index_writes::of(&table, None, None);
            Ok(Written { table, old, size, indexes })
        }
    }
}

/// The same request again: it has been done, and costs what reading its items costs.
fn repeated(
    read: &dyn Read,
    actions: &[PreparedAction],
    now: Option<u64>,
) -> Result<Transacted, EngineError> {
    let mut done = Transacted { repeated: true, ..Transacted::default() };
    for action in actions {
        let item = prepare::visible(read, action.table(), action.key(), now)?;
        done.add(action.table(), item.as_ref().map_or(0, prepare::image_size), Vec::new());
    }
    Ok(done)
}

impl Transacted {
    /// Adds what an action has cost.
    fn add(&mut self, table: &Arc<TableDef>, size: usize, indexes: Vec<super::IndexWrite>) {
        let at = self.tables.iter().position(|known| known.table.id == table.id);
        let known = match at.and_then(|at| self.tables.get_mut(at)) {
            Some(known) => known,
            None => {
                let new =
                    TransactedTable { table: Arc::clone(table), sizes: Vec::new(), indexes: Vec::new() };
                self.tables.push(new);
                match self.tables.last_mut() {
                    Some(known) => known,
                    None => return,
                }
            }
        };
        known.sizes.push(size);
        known.indexes.extend(indexes);
    }
}
