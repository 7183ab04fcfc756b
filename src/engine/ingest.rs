//! Items from MQTT and REST: one commit, all or nothing. Nothing is read: a put needs no old row.

use super::prepare::{PreparedPut, Preparing};
use super::{EngineError, Ingest, Ingested, keys};
use crate::store::{Batch, Read};

/// Items ready to be staged.
pub(super) struct PreparedIngest(Vec<(PreparedPut, bool)>);

impl PreparedIngest {
    /// About how many bytes will be staged.
    pub(super) fn weight(&self) -> usize {
        self.0.iter().map(|(put, _)| put.weight()).sum()
    }
}

/// On the caller's task.
pub(super) fn prepare(preparing: &Preparing, request: Ingest) -> Result<PreparedIngest, EngineError> {
    let mut puts = Vec::with_capacity(request.puts.len());
    for put in request.puts {
        let mut prepared = preparing.put(&put.table, &put.item, request.origin)?;
        prepared.about.mark = put.mark;
        prepared.about.delivery = put.delivery;
        puts.push((prepared, put.dup));
    }
    Ok(PreparedIngest(puts))
}

/// On the committer's thread. A delivery that says it may be a second one, and is, makes no second item.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    puts: PreparedIngest,
) -> Result<Ingested, EngineError> {
    for (put, _) in &puts.0 {
        keys::still_there(read.catalog(), &put.table)?;
    }
    let mut done = Ingested::default();
    for (put, dup) in puts.0 {
        if dup && put.about.delivery.is_some_and(|delivery| read.delivered(delivery)) {
            done.repeated += 1;
            continue;
        }
        batch.put(put.table.id, put.key, put.image, put.about);
        done.stored += 1;
    }
    Ok(done)
}
