//! Idempotency tokens of TransactWriteItems (developer guide, "Idempotency"): for ten minutes the same token means the same
//! transaction. A token is a row of the store's own ([`Space::Token`]), written with its transaction: whatever becomes of
//! the machine, both are there or neither is.
//!
//! Rows whose time is over are removed by the transactions that come later: each looks at a few, anywhere, so that there
//! are never many more than ten minutes' worth.

use std::ops::{Bound, ControlFlow};

use xxhash_rust::xxh3::xxh3_128;

use super::{EngineError, RequestToken};
use crate::clock::{BootId, Clock, Stamp};
use crate::store::{Batch, KeyRange, Read, Space, system_key};

/// How long a token holds, in microseconds.
const HOLDS_US: u64 = 600 * 1_000_000;
/// How many rows each transaction looks at.
const LOOKED_AT: usize = 8;
/// About how many bytes are staged for one: its row, and the removals of others.
pub(super) const WEIGHT: usize = 1024;

/// A token that comes with a request, and when.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    key: [u8; 16],
    row: TokenRow,
    token: String,
    stamp: Stamp,
}

/// What is kept of a transaction: 48 bytes, big-endian, and the token behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TokenRow {
    /// Of the request.
    fingerprint: u128,
    /// When it was, by the machine's monotonic clock, which no correction moves …
    boot: BootId,
    since_boot_us: u64,
    /// … and by the calendar, for when the machine has been started again.
    at_us: u64,
}

/// Whether a token is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is not, or not any more.
    Not,
    /// With the same request.
    Same,
    /// With another one.
    Other,
}

impl TokenRow {
    fn encode(&self, token: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(48 + token.len());
        out.extend_from_slice(&self.fingerprint.to_be_bytes());
        out.extend_from_slice(&self.boot.0);
        out.extend_from_slice(&self.since_boot_us.to_be_bytes());
        out.extend_from_slice(&self.at_us.to_be_bytes());
        out.extend_from_slice(token.as_bytes());
        out
    }

    /// The row, and the token's bytes.
    fn decode(value: &[u8]) -> Option<(TokenRow, &[u8])> {
        let (fingerprint, rest) = value.split_first_chunk::<16>()?;
        let (boot, rest) = rest.split_first_chunk::<16>()?;
        let (since_boot, rest) = rest.split_first_chunk::<8>()?;
        let (at, token) = rest.split_first_chunk::<8>()?;
        let row = TokenRow {
            fingerprint: u128::from_be_bytes(*fingerprint),
            boot: BootId(*boot),
            since_boot_us: u64::from_be_bytes(*since_boot),
            at_us: u64::from_be_bytes(*at),
        };
        Some((row, token))
    }

    /// Whether it holds still, when that one comes. A clock that was set back holds it longer, not for ever.
    fn holds(&self, now: &TokenRow) -> bool {
        let age = match self.boot == now.boot {
            true => now.since_boot_us.abs_diff(self.since_boot_us),
            false => now.at_us.abs_diff(self.at_us),
        };
        age < HOLDS_US
    }
}

/// A token, as it comes.
pub(super) fn note(clock: &Clock, token: RequestToken) -> Noted {
    let stamp = clock.stamp();
    let RequestToken { token, fingerprint } = token;
    let row =
        TokenRow { fingerprint, boot: clock.boot(), since_boot_us: clock.since_boot_us(), at_us: stamp.us };
    Noted { key: xxh3_128(token.as_bytes()).to_be_bytes(), row, token, stamp }
}

/// Whether it has come before.
pub(super) fn look(read: &dyn Read, noted: &Noted) -> Result<Known, EngineError> {
    let Some(row) = read.get(&system_key(Space::Token, &noted.key))? else { return Ok(Known::Not) };
    let known = TokenRow::decode(&row.image)
        .filter(|(known, token)| *token == noted.token.as_bytes() && known.holds(&noted.row));
    Ok(match known {
        None => Known::Not,
        Some((known, _)) if known.fingerprint == noted.row.fingerprint => Known::Same,
        Some(_) => Known::Other,
    })
}

/// Stages it, and the removal of some whose time is over.
pub(super) fn stage(read: &dyn Read, batch: &mut Batch, noted: &Noted) -> Result<(), EngineError> {
    let from = fastrand::u128(..).to_be_bytes();
    for key in over(read, &from, noted)? {
        batch.set_system(Space::Token, &key, None, noted.stamp);
    }
    batch.set_system(Space::Token, &noted.key, Some(noted.row.encode(&noted.token)), noted.stamp);
    Ok(())
}

/// Keys, within the space, of rows whose time is over, among the next few from a place on.
fn over(read: &dyn Read, from: &[u8], noted: &Noted) -> Result<Vec<Vec<u8>>, EngineError> {
    let range = KeyRange {
        start: Bound::Included(system_key(Space::Token, from).as_slice().to_vec()),
        end: Bound::Excluded((Space::Token as u32 + 1).to_be_bytes().to_vec()),
    };
    let (mut over, mut looked_at) = (Vec::new(), 0);
    read.scan(&range, crate::store::Direction::Forward, &mut |key, row| {
        let holds = TokenRow::decode(row.image).is_some_and(|(known, _)| known.holds(&noted.row));
        if let Some(key) = key.get(4..).filter(|key| !holds && **key != noted.key) {
            over.push(key.to_vec());
        }
        looked_at += 1;
        if looked_at < LOOKED_AT { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(over)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, StoreSettings, Urgency};

    const SECOND: u64 = 1_000_000;

    fn row(boot: u8, since_boot_us: u64, at_us: u64) -> TokenRow {
        TokenRow { fingerprint: 7, boot: BootId([boot; 16]), since_boot_us, at_us }
    }

    #[test]
    fn ten_minutes_are_counted_by_the_machine_and_across_its_starts_by_the_calendar() {
        let then = row(1, 100 * SECOND, 5_000 * SECOND);
        // The calendar was corrected by years meanwhile.
        assert!(then.holds(&row(1, 699 * SECOND, 9_000_000 * SECOND)));
        assert!(!then.holds(&row(1, 700 * SECOND, 5_000 * SECOND)));
        assert!(then.holds(&row(2, 0, 5_599 * SECOND)));
        assert!(!then.holds(&row(2, 0, 5_600 * SECOND)));
        // Begun again without a clock, a little behind.
        assert!(then.holds(&row(2, 0, 4_900 * SECOND)));
        assert!(!then.holds(&row(2, 0, 100 * SECOND)));
    }

    #[test]
    fn a_row_comes_back_with_its_token() {
        let there = row(3, 12, 34);
        assert_eq!(TokenRow::decode(&there.encode("token")), Some((there, &b"token"[..])));
        assert_eq!(TokenRow::decode(&[0; 47]), None);
    }

    /// Notes a token and stages it as a transaction does; how many rows are there then.
    async fn transact(store: &Store, clock: &Clock, token: String) -> usize {
        let noted = note(clock, RequestToken { token, fingerprint: 1 });
        let done = store.submit(Urgency::Now, WEIGHT, move |read, batch| stage(read, batch, &noted)).await;
        done.unwrap().unwrap();
        let range = KeyRange {
            start: Bound::Included(system_key(Space::Token, &[]).as_slice().to_vec()),
            end: Bound::Excluded((Space::Token as u32 + 1).to_be_bytes().to_vec()),
        };
        let mut rows = 0;
        let mut count = |_: &[u8], _: crate::store::RowRef<'_>| {
            rows += 1;
            ControlFlow::Continue(())
        };
        store.view().unwrap().scan(&range, crate::store::Direction::Forward, &mut count).unwrap();
        rows
    }

    #[tokio::test]
    async fn old_tokens_go_as_new_ones_come() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual(1_800_000_000 * SECOND);
        let mut settings = StoreSettings::new(directory.path().join("store"));
        settings.max_size = 64 << 20;
        let store = Store::open(&settings, &clock).unwrap();
        for n in 0..150 {
            assert_eq!(transact(&store, &clock, format!("old {n}")).await, n + 1);
        }
        clock.set(clock.now_us() + 600 * SECOND, true);
        let mut rows = 0;
        for n in 0..150 {
            rows = transact(&store, &clock, format!("new {n}")).await;
        }
        assert!((150..180).contains(&rows), "{rows} rows are left");
    }
}
