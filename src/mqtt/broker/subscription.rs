//! What a connection has asked for, and what the broker has confirmed.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::copies::Copies;
use super::filters::{self, Plan};
use super::packets::{self, Granted};
use crate::mqtt::Version;
use crate::mqtt::publish::Publish;

/// How long the broker may take to confirm.
const PATIENCE: Duration = Duration::from_secs(30);

/// The subscription of one connection.
#[derive(Debug, Default)]
pub(super) struct Subscription {
    plan: Plan,
    /// The identifiers of SUBSCRIBEs and of UNSUBSCRIBE until they are confirmed; with the places of the filters.
    subscribing: Vec<(u16, Range<usize>)>,
    unsubscribing: Option<u16>,
    since: Option<Instant>,
    next_id: u16,
    refused: Vec<String>,
    weak: Vec<String>,
    /// Where filters overlap and deliveries name theirs.
    copies: Option<Copies>,
}

impl Subscription {
    /// Asks for what a plan says.
    pub(super) fn ask(
        &mut self,
        plan: Plan,
        retained: bool,
        version: Version,
        now: Instant,
        out: &mut BytesMut,
    ) {
        (self.refused, self.weak, self.subscribing) = (Vec::new(), Vec::new(), Vec::new());
        // A broker may deliver a message for each filter that matches it. In MQTT 5 deliveries can name theirs, if each is
        // subscribed to by itself.
        let one_by_one = version == Version::V5 && overlapping(&plan.subscribe);
        self.copies = one_by_one.then(Copies::default);
        let at_once = if one_by_one { 1 } else { plan.subscribe.len().max(1) };
        for (at, filters) in plan.subscribe.chunks(at_once).enumerate() {
            let (id, first) = (self.id(), at * at_once);
            packets::subscribe(version, id, filters, retained, one_by_one.then_some(at + 1), out);
            self.subscribing.push((id, first..first + filters.len()));
        }
        // First the new, then away with the old: no message may fall between them.
        if !plan.unsubscribe.is_empty() {
            let id = self.id();
            packets::unsubscribe(version, id, &plan.unsubscribe, out);
            self.unsubscribing = Some(id);
        }
        (self.plan, self.since) = (plan, Some(now));
    }

    fn id(&mut self) -> u16 {
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.next_id
    }

    /// SUBACK. Where the broker grants nothing at all, the connection is of no use.
    pub(super) fn suback(&mut self, id: u16, granted: &[Granted]) -> Result<(), String> {
        let Some(at) = self.subscribing.iter().position(|(asked, _)| *asked == id) else { return Ok(()) };
        let (_, range) = self.subscribing.swap_remove(at);
        let filters = self.plan.subscribe.get(range).unwrap_or_default();
        let granted = granted.iter().copied().chain(std::iter::repeat(Granted::No));
        for (filter, granted) in filters.iter().zip(granted) {
            match granted {
                Granted::Yes => {}
                Granted::Qos0 => self.weak.push(filter.clone()),
                Granted::No => self.refused.push(filter.clone()),
            }
        }
        if self.refused.len() == self.plan.subscribe.len() {
            return Err(format!(
                "the broker refuses the subscription to {}: check its access rules for this client",
                self.plan.subscribe.join(", ")
            ));
        }
        Ok(())
    }

    /// UNSUBACK.
    pub(super) fn unsuback(&mut self, id: u16) {
        self.unsubscribing.take_if(|asked| *asked == id);
    }

    /// True once after everything has been confirmed.
    pub(super) fn just_confirmed(&mut self) -> bool {
        self.subscribing.is_empty() && self.unsubscribing.is_none() && self.since.take().is_some()
    }

    /// Something is not confirmed yet.
    pub(super) fn is_open(&self) -> bool {
        self.since.is_some()
    }

    /// What the session is subscribed to.
    pub(super) fn filters(&self) -> &[String] {
        &self.plan.subscribe
    }

    /// What is not as it should be, for the owner.
    pub(super) fn amiss(&self) -> Option<String> {
        match (&self.refused[..], &self.weak[..]) {
            ([], []) if self.plan.subscribe.is_empty() => {
                Some("no rule stores anything, so there is nothing to subscribe to".to_owned())
            }
            ([], []) => None,
            ([], weak) => {
                Some(format!("the broker grants QoS 0 only, so messages may get lost: {}", weak.join(", ")))
            }
            (refused, _) => Some(format!("the broker refuses the subscription to {}", refused.join(", "))),
        }
    }

    /// Whether a retained copy on this topic answers a renewed subscription: it came when that was new.
    pub(super) fn has_had(&self, topic: &str) -> bool {
        !self.plan.new.iter().any(|filter| filters::matches(filter, topic))
    }

    /// Whether this is a further copy of a message that another filter brought.
    pub(super) fn is_copy(&mut self, publish: &Publish) -> bool {
        self.copies.as_mut().is_some_and(|copies| copies.is_copy(publish))
    }

    /// Nothing could be read until now.
    pub(super) fn wait_longer(&mut self, now: Instant) {
        if self.since.is_some() {
            self.since = Some(now);
        }
    }

    /// Gives up on a broker that does not confirm; gives when to look again.
    pub(super) fn check_time(&self, now: Instant) -> Result<Option<Instant>, String> {
        match self.since.map(|since| since + PATIENCE) {
            Some(until) if now >= until => Err("the broker does not confirm the subscription".to_owned()),
            until => Ok(until),
        }
    }
}

/// Whether any two of them overlap.
fn overlapping(filters: &[String]) -> bool {
    let mut rest = filters;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| filters::overlap(first, other)) {
            return true;
        }
        rest = others;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Subscription {
        let mut subscription = Subscription::default();
        let wanted = ["a".to_owned(), "b/#".to_owned()];
        let plan = filters::plan(&wanted, &["a".to_owned(), "old".to_owned()]);
        subscription.ask(plan, false, Version::V4, Instant::now(), &mut BytesMut::new());
        subscription
    }

    #[test]
    fn is_confirmed_once_both_answers_are_there() {
        let mut subscription = asked();
        subscription.suback(7, &[Granted::Yes, Granted::Yes]).unwrap();
        subscription.suback(1, &[Granted::Yes, Granted::Yes]).unwrap();
        assert!(!subscription.just_confirmed() && subscription.is_open());
        subscription.unsuback(2);
        assert!(subscription.just_confirmed());
        assert!(!subscription.just_confirmed() && !subscription.is_open());
        assert_eq!(subscription.amiss(), None);
    }

    #[test]
    fn refusals_are_told_and_all_of_them_end_the_connection() {
        let mut subscription = asked();
        subscription.suback(1, &[Granted::Yes, Granted::No]).unwrap();
        assert!(subscription.amiss().unwrap().contains("refuses the subscription to b/#"));
        let mut subscription = asked();
        subscription.suback(1, &[Granted::Qos0, Granted::Yes]).unwrap();
        assert!(subscription.amiss().unwrap().contains("QoS 0 only"));
        assert!(asked().suback(1, &[Granted::No, Granted::No]).unwrap_err().contains("a, b/#"));
    }

    #[test]
    fn retained_copies_of_renewed_subscriptions_have_come_before() {
        let subscription = asked();
        assert!(subscription.has_had("a"));
        assert!(!subscription.has_had("b/c"));
    }

    #[test]
    fn a_broker_that_does_not_confirm_is_given_up() {
        let mut subscription = asked();
        let now = Instant::now();
        assert!(subscription.check_time(now).unwrap().is_some());
        assert!(subscription.check_time(now + 2 * PATIENCE).is_err());
        subscription.wait_longer(now + 2 * PATIENCE);
        assert!(subscription.check_time(now + 2 * PATIENCE).is_ok());
    }

    #[test]
    fn overlapping_filters_are_asked_for_one_by_one_in_mqtt_5() {
        let wanted = ["a/+/c", "a/b/#", "d"].map(str::to_owned);
        let ask = |wanted: &[String], version| {
            let mut subscription = Subscription::default();
            let plan = filters::plan(wanted, &[]);
            subscription.ask(plan, false, version, Instant::now(), &mut BytesMut::new());
            subscription
        };
        let mut subscription = ask(&wanted, Version::V5);
        assert_eq!(subscription.subscribing.len(), 3);
        subscription.suback(3, &[Granted::Yes]).unwrap();
        subscription.suback(1, &[Granted::No]).unwrap();
        assert!(!subscription.just_confirmed());
        subscription.suback(2, &[Granted::Yes]).unwrap();
        assert!(subscription.just_confirmed());
        assert!(subscription.amiss().unwrap().ends_with("a/+/c"));
        assert_eq!(ask(&wanted, Version::V4).subscribing.len(), 1);
        assert_eq!(ask(&wanted[1..], Version::V5).subscribing.len(), 1);
    }
}
