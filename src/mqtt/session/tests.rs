use bytes::Bytes;

use super::*;
use crate::ingest::Source;

const LONG: Duration = Duration::from_secs(60);

fn client(name: &str) -> Arc<str> {
    Arc::from(name)
}

fn message(topic: &str) -> Message {
    Message {
        topic: topic.into(),
        payload: Bytes::new(),
        qos: 0,
        retained: false,
        dup: false,
        packet_id: None,
        source: Source::Listener { client: client("c") },
    }
}

fn away(received: &[u16], will: Option<(Instant, Message)>) -> Option<Away> {
    let now = Instant::now();
    Some(Away { received: received.into(), since: now, until: now + LONG, will })
}

#[tokio::test]
async fn a_session_is_resumed_unless_a_clean_start_is_wanted() {
    let sessions = Sessions::new(10);
    let claimed = sessions.claim(&client("a"), false, LONG).await.unwrap();
    assert!(claimed.resumed.is_none());
    claimed.claim.leave(away(&[3], None));
    assert_eq!(sessions.remembered(), 1);
    let claimed = sessions.claim(&client("a"), false, LONG).await.unwrap();
    assert_eq!(claimed.resumed.as_deref(), Some(&[3][..]));
    assert_eq!(sessions.remembered(), 0);
    claimed.claim.leave(away(&[3], None));
    assert!(sessions.claim(&client("a"), true, LONG).await.unwrap().resumed.is_none());
}

#[tokio::test]
async fn a_second_connection_waits_for_the_end_of_the_first() {
    let sessions = Sessions::new(10);
    let mut first = sessions.claim(&client("a"), false, LONG).await.unwrap().claim;
    let second = tokio::spawn({
        let sessions = Arc::clone(&sessions);
        async move { sessions.claim(&client("a"), false, LONG).await }
    });
    first.taken_over.changed().await.unwrap();
    assert_eq!(*first.taken_over.borrow(), Some(false));
    first.leave(away(&[8], None));
    assert_eq!(second.await.unwrap().unwrap().resumed.as_deref(), Some(&[8][..]));
}

#[tokio::test]
async fn a_first_that_does_not_end_is_not_waited_for_for_ever() {
    let sessions = Sessions::new(10);
    let _first = sessions.claim(&client("a"), false, LONG).await.unwrap();
    assert!(sessions.claim(&client("a"), false, Duration::from_millis(1)).await.is_none());
}

#[tokio::test]
async fn a_dropped_claim_frees_the_identifier() {
    let sessions = Sessions::new(10);
    drop(sessions.claim(&client("a"), false, LONG).await.unwrap());
    assert!(sessions.claim(&client("a"), false, LONG).await.is_some());
}

#[tokio::test]
async fn wills_are_due_in_time_dropped_by_return_and_published_by_a_clean_start() {
    let sessions = Sessions::new(10);
    let now = Instant::now();
    let due = now + Duration::from_secs(5);
    for name in ["a", "b", "c"] {
        let claim = sessions.claim(&client(name), false, LONG).await.unwrap().claim;
        claim.leave(away(&[], Some((due, message(name)))));
    }
    assert!(sessions.claim(&client("b"), false, LONG).await.unwrap().will.is_none());
    assert_eq!(&*sessions.claim(&client("c"), true, LONG).await.unwrap().will.unwrap().topic, "c");
    let Swept { wills: none, next, .. } = sessions.sweep(now);
    assert_eq!((none.len(), next), (0, Some(due)));
    let wills = sessions.sweep(due).wills;
    assert_eq!(wills.iter().map(|will| &*will.topic).collect::<Vec<_>>(), ["a"]);
    assert!(sessions.take_wills().is_empty());
}

#[tokio::test]
async fn sessions_are_bounded_in_number_and_age() {
    let sessions = Sessions::new(2);
    let now = Instant::now();
    for (name, age) in [("a", 1), ("b", 3), ("c", 2)] {
        let claim = sessions.claim(&client(name), false, LONG).await.unwrap().claim;
        let since = now - Duration::from_secs(age);
        let evicted = claim.leave(Some(Away {
            received: Box::default(),
            since,
            until: now + LONG,
            will: Some((now + LONG, message(name))),
        }));
        let evicted = evicted.map(|evicted| (evicted.client.to_string(), evicted.will.unwrap().topic));
        assert_eq!(evicted, (name == "c").then(|| ("b".to_owned(), "b".into())));
    }
    assert_eq!(sessions.remembered(), 2);
    assert_eq!(sessions.sweep(now + LONG).wills.len(), 2);
    assert_eq!(sessions.sweep(now + LONG).next, None);
    assert_eq!(sessions.remembered(), 0);
}

#[tokio::test]
async fn a_will_delayed_beyond_the_end_of_its_session_is_due_with_that() {
    let sessions = Sessions::new(10);
    let now = Instant::now();
    for name in ["a", "b"] {
        let claim = sessions.claim(&client(name), false, LONG).await.unwrap().claim;
        let until = if name == "a" { now + LONG } else { now };
        claim.leave(Some(Away {
            received: Box::default(),
            since: now,
            until,
            will: Some((now + LONG * 2, message(name))),
        }));
    }
    assert_eq!(&*sessions.claim(&client("b"), false, LONG).await.unwrap().will.unwrap().topic, "b");
    assert_eq!(sessions.sweep(now).next, Some(now + LONG));
    assert_eq!(sessions.sweep(now + LONG).wills.len(), 1);
}
