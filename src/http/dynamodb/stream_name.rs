//! How the operations on streams name things: ARNs, shards, sequence numbers.

use super::constraint::Violations;
use super::error::WireError;
use crate::engine::{StreamName, StreamOf};
use crate::store::Seq;

/// Added to a sequence, so that its text has 21 digits like the service's, and is in the order of the sequences.
const BASE: u128 = 100_000_000_000_000_000_000;

/// The length of a stream's ARN, in characters.
const ARN: (usize, usize) = (37, 1024);
/// The length of a shard's identifier.
const SHARD: (usize, usize) = (28, 65);
/// The length of a sequence number.
const SEQUENCE: (usize, usize) = (21, 40);

/// Constraint of a stream's ARN.
pub(super) fn check_arn(at: &str, arn: Option<&str>, violations: &mut Violations) {
    violations.text(at, arn, ARN.0, ARN.1);
}

/// Constraint of a shard's identifier.
pub(super) fn check_shard(at: &str, shard: Option<&str>, violations: &mut Violations) {
    violations.text(at, shard, SHARD.0, SHARD.1);
}

/// Constraint of a sequence number.
pub(super) fn check_sequence(at: &str, number: Option<&str>, violations: &mut Violations) {
    violations.text(at, number, SEQUENCE.0, SEQUENCE.1);
}

/// The stream that an ARN names: `arn:aws:dynamodb:region:account:table/name/stream/label`.
pub(super) fn of_arn(arn: &str) -> Result<StreamName, WireError> {
    let parse = || {
        let (head, rest) = arn.split_once(":table/")?;
        let mut head = head.split(':');
        let is_dynamodb = head.next() == Some("arn") && head.nth(1) == Some("dynamodb");
        let (table, label) = rest.split_once("/stream/")?;
        let whole = is_dynamodb && head.count() == 2 && !table.contains('/') && !label.is_empty();
        whole.then(|| StreamName { table: table.to_owned(), label: label.to_owned() })
    };
    parse().ok_or_else(|| WireError::validation(format!("Invalid StreamArn: {arn}")))
}

/// A sequence, as the wire has it.
pub(super) fn number(seq: Seq) -> String {
    (BASE + u128::from(seq.0)).to_string()
}

/// The sequence that a text stands for; none if it can't be one.
pub(super) fn sequence(text: &str) -> Option<Seq> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u128 = text.parse().ok().filter(|_| digits)?;
    u64::try_from(number.checked_sub(BASE)?).ok().filter(|seq| *seq > 0).map(Seq)
}

/// The identifier of a stream's one shard.
pub(super) fn shard(of: &StreamOf) -> String {
    let hash = xxhash_rust::xxh3::xxh3_64(format!("{}/{}", of.table.uuid, of.stream.label).as_bytes()) as u32;
    format!("shardId-{:020}-{hash:08x}", of.stream.created_us / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_have_21_digits_and_are_in_order() {
        let numbers = [1, 2, 1 << 48, u64::MAX].map(|seq| number(Seq(seq)));
        assert!(numbers.iter().all(|number| number.len() == 21));
        assert!(numbers.is_sorted());
        for text in &numbers {
            assert_eq!(&number(sequence(text).unwrap()), text);
        }
        for text in ["", "1", "000000000000000000002", "x00000000000000000001", "+00000000000000000001"] {
            assert_eq!(sequence(text), None, "{text}");
        }
        assert_eq!(sequence(&"9".repeat(40)), None);
        assert_eq!(sequence(&BASE.to_string()), None);
    }

    #[test]
    fn arns_name_a_table_and_a_label() {
        let name =
            of_arn("arn:aws:dynamodb:eu-west-1:000000000000:table/readings/stream/2026-07-01T12:00:00.000");
        let name = name.unwrap();
        assert_eq!((name.table.as_str(), name.label.as_str()), ("readings", "2026-07-01T12:00:00.000"));
        for arn in [
            "sdfadfsdfnlfkajakfgjalksfgklasjklasdjfklasdfasdfgasf",
            "arn:aws:dynamodb:eu-west-1:000000000000:table/readings",
            "arn:aws:dynamodb:eu-west-1:000000000000:table/readings/stream/",
            "arn:aws:s3:eu-west-1:000000000000:table/readings/stream/2026-07-01T12:00:00.000",
        ] {
            assert!(of_arn(arn).is_err(), "{arn}");
        }
    }
}
