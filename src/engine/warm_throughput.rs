//! Throughput that is kept only to be shown: what a table or an index is warm for, and its limits on demand.

use super::EngineError;
use super::error::invalid;

/// Read and write units a second, as far as they are asked for.
pub(super) type Asked<T> = (Option<T>, Option<T>);

/// What is warm for more units from now on; less is refused. `of` is `table`, or `index` and its name.
pub(super) fn raise(current: (u64, u64), asked: Asked<u64>, of: &str) -> Result<(u64, u64), EngineError> {
    for (member, current, asked) in
        [("ReadUnitsPerSecond", current.0, asked.0), ("WriteUnitsPerSecond", current.1, asked.1)]
    {
        if asked.is_some_and(|asked| asked < current) {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Requested {member} for WarmThroughput for {of} is lower than current WarmThroughput, decreasing WarmThroughput is not supported"
            )));
        }
    }
    Ok((asked.0.unwrap_or(current.0), asked.1.unwrap_or(current.1)))
}

/// Other limits on demand; −1 and none: no limit.
pub(super) fn limit(current: &mut Option<(i64, i64)>, asked: Asked<i64>) {
    let (read, write) = current.unwrap_or((-1, -1));
    let limits = (asked.0.unwrap_or(read), asked.1.unwrap_or(write));
    *current = (limits != (-1, -1)).then_some(limits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_warm_is_not_cooled() {
        assert_eq!(raise((5, 5), (Some(7), None), "table").unwrap(), (7, 5));
        let refused = raise((5, 5), (None, Some(4)), "index by-kind").unwrap_err().to_string();
        assert!(refused.contains("WriteUnitsPerSecond for WarmThroughput for index by-kind is"), "{refused}");
    }

    #[test]
    fn limits_are_set_and_lifted_one_by_one() {
        let mut limits = None;
        limit(&mut limits, (Some(10), None));
        assert_eq!(limits, Some((10, -1)));
        limit(&mut limits, (None, Some(20)));
        assert_eq!(limits, Some((10, 20)));
        limit(&mut limits, (Some(-1), Some(-1)));
        assert_eq!(limits, None);
    }
}
