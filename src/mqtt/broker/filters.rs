//! What to subscribe to and what to give up, from what is wanted and what the session has. Pure.

/// What to ask the broker for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// To subscribe to: everything wanted, known to the session or not. A broker may have come back with a session from
    /// before a subscription; to subscribe again costs nothing, not to be subscribed costs messages.
    pub(super) subscribe: Vec<String>,
    /// Of these: what the session does not have yet. Only they bring retained copies that have not come before.
    pub(super) new: Vec<String>,
    /// To unsubscribe from.
    pub(super) unsubscribe: Vec<String>,
}

/// Plans from what is wanted and what the session is known to have (nothing, where the broker has none).
pub(super) fn plan(wanted: &[String], known: &[String]) -> Plan {
    let lacking = |of: &[String], among: &[String]| -> Vec<String> {
        of.iter().filter(|filter| !among.contains(filter)).cloned().collect()
    };
    Plan { subscribe: wanted.to_vec(), new: lacking(wanted, known), unsubscribe: lacking(known, wanted) }
}

/// Whether a topic matches a filter (MQTT 3.1.1, section 4.7).
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

/// Whether a topic may match both filters: brokers may then deliver a message for each.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "+" || b == "+" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_is_gone_is_unsubscribed() {
        let plan = plan(&list(&["a/#", "b"]), &list(&["b", "c/+"]));
        assert_eq!(plan.subscribe, ["a/#", "b"]);
        assert_eq!(plan.new, ["a/#"]);
        assert_eq!(plan.unsubscribe, ["c/+"]);
    }

    #[test]
    fn without_a_session_all_is_new() {
        let wanted = list(&["a", "b"]);
        assert_eq!(
            plan(&wanted, &[]),
            Plan { subscribe: wanted.clone(), new: wanted, unsubscribe: Vec::new() }
        );
    }

    #[test]
    fn filters_match_as_the_specification_says() {
        for (filter, topic, expected) in [
            ("a/+/c", "a/b/c", true),
            ("a/+/c", "a//c", true),
            ("a/+", "a", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a/b", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("a", "a/b", false),
            ("a/b", "a", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn filters_overlap_where_a_topic_matches_both() {
        for (a, b, expected) in [
            ("a/+/c", "a/b/#", true),
            ("a/+", "+/b", true),
            ("a/#", "a", true),
            ("a/+", "b/+", false),
            ("a/+", "a/b/c", false),
            ("a/b", "a/c", false),
        ] {
            assert_eq!((overlap(a, b), overlap(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
