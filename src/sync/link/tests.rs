use super::*;

const OK: Verdict = Verdict::Taken { back: Vec::new() };

fn link() -> Link {
    Link::new(Duration::from_secs(30))
}

fn gone() -> Verdict {
    Verdict::Table("ResourceNotFoundException: Requested resource not found".to_owned())
}

#[test]
fn offline_until_it_answers_and_again_when_it_stops() {
    let mut link = link();
    assert_eq!(link.state().0, UpstreamState::Offline);
    link.taken([Lane(0)].into_iter());
    assert_eq!(link.state(), (UpstreamState::Online, None));
    link.failed(UpstreamState::Offline, "cut".to_owned(), 1000, 50);
    assert_eq!(link.state(), (UpstreamState::Offline, Some("cut".to_owned())));
    assert!(link.holds(1049) && !link.holds(1050) && link.wake(1000) == Some(1050));
    assert_eq!((link.in_flight(2), link.wants_ping()), (1, true));
    link.taken([].into_iter());
    assert_eq!((link.state().0, link.in_flight(2)), (UpstreamState::Online, 2));
}

#[test]
fn a_missing_table_blocks_itself_alone() {
    let mut link = link();
    let both = BTreeMap::from([(Lane(0), "here".to_owned()), (Lane(1), "gone".to_owned())]);
    link.no_table(&both, "ResourceNotFoundException", 0, 0);
    assert_eq!((link.gate(Lane(0)), link.gate(Lane(1))), (Gate::Alone, Gate::Alone));
    assert_eq!(link.due_check(0), Some((Lane(0), "here".to_owned())));
    assert_eq!(link.due_check(0), Some((Lane(1), "gone".to_owned())));
    assert_eq!(link.due_check(0), None);
    link.described(Lane(0), &OK, 0, 0);
    link.described(Lane(1), &gone(), 0, 700);
    assert_eq!((link.gate(Lane(0)), link.gate(Lane(1))), (Gate::Alone, Gate::Shut));
    let (state, reason) = link.state();
    assert!(state == UpstreamState::Blocked && reason.unwrap().starts_with("table gone: "));
    link.taken([Lane(0)].into_iter());
    assert_eq!((link.gate(Lane(0)), link.state().0), (Gate::Open, UpstreamState::Blocked));
    assert_eq!((link.due_check(699), link.wake(0)), (None, Some(700)));
    assert!(link.due_check(700).is_some());
    link.described(Lane(1), &OK, 700, 0);
    assert_eq!((link.gate(Lane(1)), link.state().0), (Gate::Alone, UpstreamState::Online));
}

#[test]
fn a_table_that_may_not_be_described_is_tried() {
    let mut link = link();
    link.look_at(Lane(0), "t");
    assert!(link.due_check(0).is_some());
    link.described(Lane(0), &Verdict::Table("AccessDeniedException: no".to_owned()), 0, 0);
    assert_eq!(link.gate(Lane(0)), Gate::Open);
    // The write is refused too: the waits grow, although describing says nothing.
    let table = BTreeMap::from([(Lane(0), "t".to_owned())]);
    link.no_table(&table, "AccessDeniedException: no", 0, 1000);
    assert_eq!((link.gate(Lane(0)), link.wake(0)), (Gate::Shut, Some(1000)));
    assert!(link.due_check(1000).is_some());
    link.described(Lane(0), &Verdict::Table("AccessDeniedException: no".to_owned()), 1000, 0);
    assert_eq!(link.gate(Lane(0)), Gate::Alone);
    link.no_table(&table, "AccessDeniedException: no", 1000, 2000);
    assert_eq!(link.wake(1000), Some(3000));
}

#[test]
fn a_retry_forgets_waits_and_troubles_of_the_upstream_and_its_tables() {
    let mut link = link();
    let table = BTreeMap::from([(Lane(0), "gone".to_owned())]);
    link.no_table(&table, "ResourceNotFoundException: no", 0, 900);
    for now in 0..10 {
        link.failed(UpstreamState::Blocked, "wrong key".to_owned(), now, u64::MAX);
    }
    assert!(link.holds(20_000) && link.due_check(0).is_none());
    link.retry();
    assert!(!link.holds(0) && link.wants_ping());
    assert_eq!(link.due_check(0), Some((Lane(0), "gone".to_owned())));
    assert!(link.is_blocked("gone"), "until it is found");
    link.failed(UpstreamState::Offline, "cut".to_owned(), 0, 99);
    assert!(!link.holds(100), "the waits begin at their shortest again");
}
