use std::sync::Mutex;

use super::*;
use crate::ingest::tests::{NOW_US, compile, definition, message, readings};
use crate::ingest::{Source, TableSettings};
use crate::model::AttributeValue;
use crate::store::{Movable, Unit};

const RULE: &str = r#"
[[rule]]
topic = "s/{device}"
set = { device = "{device}", ts = "{now_us}" }
"#;

/// An engine of which only the answers are known.
struct Fake<F> {
    answer: F,
    commits: Mutex<Vec<Vec<IngestPut>>>,
}

impl<F: Fn(&Ingest) -> Result<(), EngineError> + Sync> Fake<F> {
    fn new(answer: F) -> Fake<F> {
        Fake { answer, commits: Mutex::new(Vec::new()) }
    }

    /// The devices of the items stored, by commit.
    fn stored(&self) -> Vec<Vec<String>> {
        let device = |put: &IngestPut| match put.item.get("device") {
            Some(AttributeValue::S(device)) => device.to_string(),
            other => panic!("{other:?}"),
        };
        self.commits.lock().unwrap().iter().map(|puts| puts.iter().map(device).collect()).collect()
    }
}

impl<F: Fn(&Ingest) -> Result<(), EngineError> + Sync> Backend for Fake<F> {
    fn table(&self, name: &str) -> Option<Arc<TableDef>> {
        (name == "readings").then(|| definition(&readings()))
    }

    async fn ingest(&self, request: Ingest) -> Result<Ingested, EngineError> {
        assert_eq!((request.origin, request.urgency), (Origin::Mqtt, Urgency::Gather));
        (self.answer)(&request)?;
        let stored = request.puts.len() as u64;
        self.commits.lock().unwrap().push(request.puts);
        Ok(Ingested { stored, repeated: 0 })
    }
}

fn driver(rules: &str, table: TableSettings) -> Driver {
    Driver {
        clock: Clock::manual(NOW_US),
        rules: Arc::new(ArcSwap::from_pointee(compile(rules, vec![table]))),
        metrics: Arc::default(),
        rejected: RejectedList::default(),
    }
}

fn messages(devices: &[&str]) -> Vec<Message> {
    devices.iter().map(|device| message(&format!("s/{device}"), "1")).collect()
}

fn counted(driver: &Driver) -> (u64, u64, u64) {
    let metrics = &driver.metrics;
    (metrics.accepted.get(), metrics.rejected.get(), metrics.skipped.get())
}

fn holds(request: &Ingest, device: &str) -> bool {
    let device = AttributeValue::S(device.into());
    request.puts.iter().any(|put| put.item.get("device") == Some(&device))
}

#[tokio::test]
async fn what_comes_together_is_one_commit() {
    let (driver, fake) = (driver(RULE, readings()), Fake::new(|_| Ok(())));
    let mut offered = messages(&["a", "b"]);
    offered.insert(1, message("other", "1"));
    offered.push(message("s/c", ""));
    let settled = driver.accept(&fake, offered).await;
    assert_eq!(settled, Settled { count: 4, failed: None });
    assert_eq!(fake.stored(), [["a", "b"]]);
    assert_eq!(counted(&driver), (2, 1, 1));
    let rejected = driver.rejected.get();
    assert_eq!((&*rejected[0].topic, &*rejected[0].payload), ("other", &b"1"[..]));
    assert_eq!(rejected[0].source, Source::Listener { client: "client".into() });
    assert_eq!(driver.accept(&fake, Vec::new()).await, Settled { count: 0, failed: None });
}

#[tokio::test]
async fn commits_are_bounded_in_messages_and_bytes() {
    let (driver, fake) = (driver(RULE, readings()), Fake::new(|_| Ok(())));
    let settled = driver.accept(&fake, messages(&["a"; 4_500])).await;
    assert_eq!(settled.count, 4_500);
    let sizes: Vec<_> = fake.stored().iter().map(Vec::len).collect();
    assert_eq!(sizes, [2_000, 2_000, 500]);

    let fake = Fake::new(|_| Ok(()));
    let large = vec![message("s/a", vec![b'x'; 300_000]); 30];
    assert_eq!(driver.accept(&fake, large).await.count, 30);
    let sizes: Vec<_> = fake.stored().iter().map(Vec::len).collect();
    assert_eq!(sizes, [13, 13, 4]);
}

#[tokio::test]
async fn one_message_that_the_store_refuses_does_not_stop_the_others() {
    let refuse = |request: &Ingest| match holds(request, "bad") {
        true => Err(EngineError::Validation("no".into())),
        false => Ok(()),
    };
    for at in 0..9 {
        let (driver, fake) = (driver(RULE, readings()), Fake::new(refuse));
        let mut devices = vec!["a", "b", "c", "d", "e", "f", "g", "h"];
        devices.insert(at, "bad");
        let settled = driver.accept(&fake, messages(&devices)).await;
        assert_eq!(settled, Settled { count: 9, failed: None });
        assert_eq!(fake.stored().concat(), ["a", "b", "c", "d", "e", "f", "g", "h"]);
        assert_eq!(counted(&driver), (8, 1, 0));
        assert_eq!((&*driver.rejected.get()[0].topic, &*driver.rejected.get()[0].reason), ("s/bad", "no"));
    }
}

#[tokio::test]
async fn a_full_store_settles_what_fits_in_front() {
    let room = |request: &Ingest| match request.puts.len() > 2 || holds(request, "d") {
        true => Err(EngineError::Full("the journal is full".into())),
        false => Ok(()),
    };
    let (driver, fake) = (driver(RULE, readings()), Fake::new(room));
    let mut offered = messages(&["a", "b", "c", "d", "e"]);
    offered.insert(3, message("s/skipped", ""));
    offered.insert(5, message("other", "1"));
    let settled = driver.accept(&fake, offered.clone()).await;
    assert_eq!(settled.count, 4, "a, b, c and the skipped one");
    assert!(matches!(settled.failed, Some(EngineError::Full(_))));
    assert_eq!(fake.stored().concat(), ["a", "b", "c"]);
    assert_eq!(counted(&driver), (3, 0, 1), "what is not settled is not counted");

    // Offered again later.
    let fake = Fake::new(|_| Ok(()));
    let settled = driver.accept(&fake, offered.split_off(4)).await;
    assert_eq!(settled, Settled { count: 3, failed: None });
    assert_eq!(fake.stored(), [["d", "e"]]);
    assert_eq!(counted(&driver), (5, 1, 1));
}

#[tokio::test]
async fn an_unknown_outcome_settles_nothing_more() {
    for error in
        [EngineError::Busy, EngineError::OutcomeUnknown("x".into()), EngineError::Internal("x".into())]
    {
        let fake =
            Fake::new(|request: &Ingest| if holds(request, "b") { Err(error.clone()) } else { Ok(()) });
        let driver = driver(RULE, readings());
        let mut offered = vec![message("other", "1")];
        offered.extend(messages(&["a"; 2_000]));
        offered.extend(messages(&["b"]));
        let settled = driver.accept(&fake, offered).await;
        assert_eq!(settled, Settled { count: 2_000, failed: Some(error.clone()) }, "the first commit");
        assert_eq!(counted(&driver), (1_999, 1, 0));
    }
}

#[tokio::test]
async fn a_table_that_is_gone_rejects() {
    let table = TableSettings { name: TableName::new("gone").unwrap(), ..readings() };
    let (driver, fake) = (driver(RULE, table), Fake::new(|_| Ok(())));
    assert_eq!(driver.accept(&fake, messages(&["a"])).await, Settled { count: 1, failed: None });
    assert_eq!(counted(&driver), (0, 1, 0));
}

#[tokio::test]
async fn new_rules_are_used_from_the_next_call_on() {
    let (driver, fake) = (driver(RULE, readings()), Fake::new(|_| Ok(())));
    driver.rules.store(Arc::new(compile("[[rule]]\ntopic = \"{x..}\"\ndrop = true", vec![readings()])));
    assert_eq!(driver.accept(&fake, messages(&["a"])).await.count, 1);
    assert_eq!(counted(&driver), (0, 0, 1));
}

#[test]
fn rests_items_get_the_tables_time_to_live() {
    let table = TableSettings { ttl_default: Some(std::time::Duration::from_secs(60)), ..readings() };
    let driver = driver(RULE, table);
    let item = |json| crate::ingest::tests::item(json);
    let own = item(r#"{"device":{"S":"a"},"expires_at":{"N":"5"}}"#);
    let none = item(r#"{"device":{"S":"a"}}"#);
    let put = || {
        let name = TableName::new("readings").unwrap();
        driver.puts(&definition(&readings()), &name, vec![own.clone(), none.clone()])
    };
    let puts = put();
    assert_eq!((&puts[0].item, &puts[0].mark), (&own, &None));
    assert_eq!(puts[1].item.get("expires_at"), Some(&AttributeValue::N((NOW_US / 1_000_000 + 60).into())));
    assert_eq!(puts[1].mark, None);
    driver.clock.set(NOW_US, false);
    let puts = put();
    assert_eq!(puts[0].mark, None);
    let moved = vec![Movable { name: "expires_at".into(), unit: Unit::Seconds }];
    assert_eq!(puts[1].mark.as_ref().map(|mark| &mark.attributes), Some(&moved));
}

/// The doors spawn what they accept.
#[allow(dead_code)]
fn futures_can_be_spawned(accept: Accept, messages: Vec<Message>) {
    fn spawnable(_: impl Future + Send) {}
    spawnable(accept.accept(messages));
    spawnable(accept.accept_items(Principal::Local, TableName::new("readings").unwrap(), Vec::new()));
}
