//! When credentials are renewed. Pure: `now` (microseconds of any monotonic clock) and randomness are arguments. What the
//! system's clock says plays no part: it may be wrong, and jump.

use std::sync::Arc;
use std::time::Duration;

use super::Lasting;
use crate::security::credentials::Credentials;
use crate::sync::connection::NoReply;
use crate::sync::retry::Backoff;

/// The first ceiling of a wait after a failure …
const FIRST: Duration = Duration::from_secs(1);
/// … and the last.
const CAP: Duration = Duration::from_secs(60);
/// What credentials last at least and at most; outside of it one of the times is wrong, and the upstream will tell. (STS issues
/// for 15 minutes to 12 hours.)
const LEAST: Duration = Duration::from_secs(60);
const MOST: Duration = Duration::from_secs(12 * 3600);
/// Without any time to compare with.
const UNKNOWN: Duration = Duration::from_secs(15 * 60);

/// How long credentials last that end then, received now; both by the issuer's clock, in microseconds.
pub(super) fn lifetime(expiration_us: i64, now_us: Option<i64>) -> Duration {
    let Some(now_us) = now_us else { return UNKNOWN };
    let left = u64::try_from(expiration_us.saturating_sub(now_us)).unwrap_or(0);
    Duration::from_micros(left).clamp(LEAST, MOST)
}

/// What to do before a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Sign with these.
    Use(Arc<Credentials>),
    /// The same, and ask for new ones meanwhile.
    UseAndRenew(Arc<Credentials>),
    /// Ask first; if that fails, sign with these, if there are any.
    RenewFirst(Option<Arc<Credentials>>),
}

/// The credentials of one issuer over time.
#[derive(Debug)]
pub(super) struct Renewal {
    held: Option<Held>,
    backoff: Backoff,
    /// Not asked again before, as long as there is something to sign with.
    hold_until: u64,
    /// How often the issuer was asked, and why it gave nothing the last time.
    asked: u64,
    failure: Option<NoReply>,
}

#[derive(Debug)]
struct Held {
    credentials: Arc<Credentials>,
    renew_at: u64,
    ends: u64,
    refused: bool,
}

impl Default for Renewal {
    fn default() -> Renewal {
        Renewal { held: None, backoff: Backoff::new(FIRST, CAP), hold_until: 0, asked: 0, failure: None }
    }
}

impl Renewal {
    pub(super) fn step(&self, now: u64) -> Step {
        match &self.held {
            None => Step::RenewFirst(None),
            // The caller's own backoff keeps this seldom.
            Some(held) if held.refused => Step::RenewFirst(None),
            Some(held) if now < held.renew_at || now < self.hold_until => Step::Use(held.credentials.clone()),
            Some(held) if now < held.ends => Step::UseAndRenew(held.credentials.clone()),
            Some(held) => Step::RenewFirst(Some(held.credentials.clone())),
        }
    }

    /// How often the issuer was asked.
    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    /// What came of it, if it was asked since.
    pub(super) fn outcome_since(&self, asked: u64) -> Option<Result<Arc<Credentials>, NoReply>> {
        if self.asked == asked {
            return None;
        }
        match (&self.failure, &self.held) {
            (Some(failure), _) => Some(Err(failure.clone())),
            (None, held) => held.as_ref().map(|held| Ok(held.credentials.clone())),
        }
    }

    /// The issuer was asked. Whether there is something to say: older credentials serve on after a failure, for another reason
    /// than the last time.
    pub(super) fn landed(&mut self, result: Result<Lasting, NoReply>, now: u64, random: u64) -> bool {
        self.asked += 1;
        match result {
            Ok(Lasting { credentials, lifetime }) => {
                let lifetime = micros(lifetime);
                // Between half and three quarters of their life: many gateways that began together spread, and what is left
                // bridges an outage.
                let early = lifetime / 2 + random % (lifetime / 4 + 1);
                let (renew_at, ends) = (now + early, now + lifetime);
                self.held = Some(Held { credentials, renew_at, ends, refused: false });
                self.failure = None;
                self.backoff.reset();
                false
            }
            Err(failure) => {
                self.hold_until = now + micros(self.backoff.fail(random));
                let news = self.failure.as_ref() != Some(&failure);
                self.failure = Some(failure);
                news && self.held.as_ref().is_some_and(|held| !held.refused)
            }
        }
    }

    /// The upstream refused these. Whether there are others by now.
    pub(super) fn refused(&mut self, used: &Credentials) -> bool {
        match &mut self.held {
            Some(held) if *held.credentials == *used => {
                held.refused = true;
                false
            }
            Some(held) => !held.refused,
            None => false,
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::secret::Secret;

    const MINUTE: u64 = 60_000_000;

    fn lasting(key: &str, minutes: u64) -> Lasting {
        let credentials = Arc::new(Credentials::new(key, Secret::new("hush"), None));
        Lasting { credentials, lifetime: Duration::from_secs(minutes * 60) }
    }

    fn lost() -> Result<Lasting, NoReply> {
        Err(NoReply::Lost("away".to_owned()))
    }

    #[test]
    fn credentials_last_from_when_they_came_by_the_issuers_clock() {
        let hour = 3_600_000_000;
        assert_eq!(lifetime(5 * hour, Some(4 * hour)), Duration::from_secs(3600));
        // One of the two is wrong: they are used all the same, and asked for again soon.
        assert_eq!(lifetime(4 * hour, Some(5 * hour)), LEAST);
        assert_eq!(lifetime(i64::MIN, Some(i64::MAX)), LEAST);
        assert_eq!(lifetime(i64::MAX, Some(0)), MOST);
        assert_eq!(lifetime(5 * hour, None), UNKNOWN);
    }

    #[test]
    fn they_are_renewed_between_half_and_three_quarters_of_their_life() {
        let mut moments = Vec::new();
        for random in [0, 7 * MINUTE, u64::MAX] {
            let mut renewal = Renewal::default();
            assert!(!renewal.landed(Ok(lasting("A", 60)), MINUTE, random));
            let due = |minute: &u64| !matches!(renewal.step(minute * MINUTE), Step::Use(_));
            moments.push((1..100).find(due).unwrap());
        }
        assert_eq!(moments[..2], [31, 38]);
        assert!((31..=46).contains(&moments[2]));
    }

    #[test]
    fn a_failure_is_not_repeated_at_once_and_the_old_ones_serve_on() {
        let mut renewal = Renewal::default();
        renewal.landed(Ok(lasting("A", 60)), 0, 0);
        let a = lasting("A", 60).credentials;
        assert_eq!(renewal.step(40 * MINUTE), Step::UseAndRenew(a.clone()));
        let asked = renewal.asked();
        assert!(renewal.landed(lost(), 40 * MINUTE, 999), "the earlier ones are still used");
        assert!(renewal.outcome_since(asked).unwrap().is_err());
        assert_eq!(renewal.step(40 * MINUTE), Step::Use(a.clone()));
        assert_eq!(renewal.step(41 * MINUTE), Step::UseAndRenew(a.clone()));
        // Beyond their end as well.
        assert_eq!(renewal.step(61 * MINUTE), Step::RenewFirst(Some(a.clone())));
        assert!(!renewal.landed(lost(), 61 * MINUTE, 1999), "that was said");
        assert_eq!(renewal.step(61 * MINUTE), Step::Use(a.clone()));
        // Until they are refused.
        assert!(!renewal.refused(&a));
        assert_eq!(renewal.step(61 * MINUTE), Step::RenewFirst(None));
        assert!(!renewal.landed(lost(), 62 * MINUTE, 0));
        renewal.landed(Ok(lasting("B", 60)), 63 * MINUTE, 0);
        assert!(renewal.refused(&a), "there are others");
        assert_eq!(renewal.step(63 * MINUTE), Step::Use(lasting("B", 60).credentials));
    }

    #[test]
    fn waits_grow_to_a_minute() {
        let mut renewal = Renewal::default();
        renewal.landed(Ok(lasting("A", 60)), 0, 0);
        let mut longest = 0;
        for _ in 0..20 {
            renewal.landed(lost(), 0, 60_000);
            longest = longest.max(renewal.hold_until);
        }
        assert_eq!(longest, MINUTE);
    }
}
