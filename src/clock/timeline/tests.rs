use proptest::prelude::*;

use super::*;
use crate::clock::jump::HELD_US;
use crate::clock::trust::Ntp;

const SECOND: u64 = 1_000_000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;
const BUILD: u64 = 20_000 * DAY;
const NOW: u64 = 20_500 * DAY;
const BOOT: BootId = BootId([1; 16]);
const OTHER: BootId = BootId([2; 16]);

fn synced(system_us: u64) -> Evidence {
    Evidence { system_us, ntp: Ntp::Synchronised, has_chip: false }
}

fn unsynced(system_us: u64) -> Evidence {
    Evidence { system_us, ntp: Ntp::Unsynchronised, has_chip: false }
}

fn timeline(floor_us: u64) -> Timeline {
    Timeline::new(Trust::Auto, BUILD, BOOT, floor_us, SECOND)
}

#[test]
fn before_trust_time_is_estimated_and_nothing_expires() {
    let mut time = timeline(NOW);
    time.observe(SECOND, &unsynced(3 * SECOND));
    assert!(!time.trusted());
    assert_eq!(time.expiry_now(SECOND), None);
    assert_eq!(time.offset_of_this_boot(), None);
    assert_eq!(time.stamp(5 * SECOND), Stamp { us: NOW + 5 * SECOND, estimated: true });
    assert_eq!(time.stamp(5 * SECOND), Stamp { us: NOW + 5 * SECOND + 1, estimated: true });
    assert_eq!(time.now_us(5 * SECOND), NOW + 5 * SECOND + 1);
    assert_eq!(time.floor_us(9 * SECOND), NOW, "an estimate doesn't move the floor");
}

#[test]
fn a_first_start_in_1970_is_not_before_the_build() {
    let mut time = timeline(0);
    time.observe(SECOND, &unsynced(3 * SECOND));
    assert_eq!(time.stamp(SECOND).us, BUILD + SECOND);
    time.at_least(BUILD + DAY, 2 * SECOND);
    assert!(time.stamp(3 * SECOND).us > BUILD + DAY);
}

#[test]
fn trust_gives_the_offset_of_what_was_estimated() {
    let mut time = timeline(NOW);
    let estimated = time.stamp(10 * SECOND);
    time.observe(60 * SECOND, &synced(NOW + HOUR));
    let offset = time.offset_of_this_boot().unwrap();
    assert_eq!(estimated.us.saturating_add_signed(offset), NOW + HOUR - 50 * SECOND);
    time.observe(120 * SECOND, &synced(NOW + HOUR + 61 * SECOND));
    assert_eq!(time.offset_of_this_boot(), Some(offset), "a later correction doesn't change it");
    assert_eq!(time.stamp(120 * SECOND), Stamp { us: NOW + HOUR + 61 * SECOND, estimated: false });
    assert_eq!(time.expiry_now(121 * SECOND), Some((NOW + HOUR) / SECOND + 62));
}

#[test]
fn without_ntp_for_hours_the_last_offset_holds() {
    let mut time = timeline(NOW);
    time.observe(SECOND, &synced(NOW + HOUR));
    time.observe(2 * DAY, &unsynced(3 * SECOND)); // someone set the clock to 1970
    assert!(time.trusted());
    assert_eq!(time.doubt(), Some(Doubt::NoChip));
    assert_eq!(time.stamp(2 * DAY), Stamp { us: NOW + HOUR + 2 * DAY - SECOND, estimated: false });
    assert!(time.expiry_now(2 * DAY).is_some());
}

#[test]
fn a_jump_suspends_expiry_and_the_floor() {
    let mut time = timeline(NOW);
    time.observe(2 * SECOND, &synced(NOW + 3 * DAY));
    assert!(time.trusted());
    assert!(time.jump_doubted());
    assert_eq!(time.expiry_now(2 * SECOND), None);
    assert_eq!(time.floor_us(2 * SECOND), NOW);
    let later = 2 * SECOND + HELD_US;
    time.observe(later, &synced(NOW + 3 * DAY + HELD_US));
    assert_eq!(time.expiry_now(later), Some((NOW + 3 * DAY + HELD_US) / SECOND));
    assert_eq!(time.floor_us(later), NOW + 3 * DAY + HELD_US);
    assert_eq!(time.corrections(), 0);
}

#[test]
fn a_jump_taken_back_takes_the_stamps_with_it() {
    let mut time = timeline(NOW);
    time.observe(SECOND, &synced(NOW + SECOND));
    time.observe(2 * SECOND, &synced(NOW + 900 * DAY));
    assert_eq!(time.stamp(2 * SECOND).us, NOW + 900 * DAY);
    time.observe(3 * SECOND, &synced(NOW + 3 * SECOND));
    assert_eq!(time.corrections(), 1);
    assert_eq!(time.expiry_now(3 * SECOND), Some(NOW / SECOND + 3));
    assert_eq!(time.stamp(4 * SECOND).us, NOW + 4 * SECOND);
}

#[test]
fn a_correction_backwards_resets_the_floor() {
    let mut time = timeline(NOW + 30 * DAY);
    time.observe(SECOND, &synced(NOW));
    assert_eq!(time.corrections(), 1);
    assert_eq!(time.floor_us(SECOND), NOW);
    assert_eq!(time.stamp(2 * SECOND).us, NOW + SECOND);
    // Less than a second is slewed.
    time.observe(3 * SECOND, &synced(NOW + SECOND / 2));
    assert_eq!(time.corrections(), 1);
    assert_eq!(time.stamp(3 * SECOND).us, NOW + SECOND + 1);
}

#[test]
fn a_store_from_days_ago_is_a_jump_but_a_fresh_one_is_not() {
    let mut fresh = timeline(0);
    fresh.observe(SECOND, &synced(NOW));
    fresh.at_least(0, SECOND);
    fresh.observe(SECOND, &synced(NOW));
    assert!(!fresh.jump_doubted());
    let mut old = timeline(0);
    old.observe(SECOND, &synced(NOW));
    old.at_least(NOW - 2 * DAY, SECOND);
    old.observe(SECOND, &synced(NOW));
    assert!(old.jump_doubted());
    assert!(old.confirm_jump());
    assert_eq!(old.expiry_now(SECOND), Some(NOW / SECOND));
}

#[test]
fn a_restarted_process_estimates_as_the_one_before() {
    let mut first = timeline(NOW);
    first.at_least(NOW + HOUR, 2 * SECOND); // records of an earlier, untrusted boot
    let kept = first.checkpoint(3 * SECOND);
    let before = first.stamp(10 * SECOND);
    let mut second = Timeline::new(Trust::Auto, BUILD, BOOT, 0, 50 * SECOND);
    second.at_least(before.us, 51 * SECOND);
    second.resume(&kept, 52 * SECOND);
    assert_eq!(second.stamp(60 * SECOND).us, before.us + 50 * SECOND);
    second.observe(70 * SECOND, &synced(NOW + 5 * HOUR));
    let offset = second.offset_of_this_boot().unwrap();
    assert_eq!(before.us.saturating_add_signed(offset), NOW + 5 * HOUR - 60 * SECOND);
    // And the third process, which never saw an estimate, knows it still.
    let kept = second.checkpoint(71 * SECOND);
    let mut third = Timeline::new(Trust::Auto, BUILD, BOOT, 0, 80 * SECOND);
    third.resume(&kept, 81 * SECOND);
    assert!(third.trusted(), "the kernel may have lost trust; the offset holds");
    assert_eq!(third.offset_of_this_boot(), Some(offset));
}

#[test]
fn another_boot_takes_the_floor_alone() {
    let mut first = timeline(0);
    first.observe(SECOND, &synced(NOW));
    let kept = first.checkpoint(2 * SECOND);
    assert_eq!(kept.floor_us, NOW + SECOND);
    let text = serde_json::to_string(&kept).unwrap();
    let kept = serde_json::from_str(&text).unwrap();
    let mut second = Timeline::new(Trust::Auto, BUILD, OTHER, 0, SECOND);
    second.resume(&kept, SECOND);
    assert!(!second.trusted());
    assert_eq!(second.stamp(2 * SECOND), Stamp { us: NOW + 3 * SECOND, estimated: true });
}

#[test]
fn a_doubt_outlives_the_process() {
    let mut first = timeline(NOW);
    first.observe(SECOND, &synced(NOW + 9 * DAY));
    let kept = first.checkpoint(SECOND);
    assert_eq!(kept.floor_us, NOW);
    let mut second = timeline(0);
    second.resume(&kept, HOUR);
    second.observe(HOUR, &unsynced(0));
    assert!(second.trusted() && second.jump_doubted());
    assert_eq!(second.expiry_now(HOUR), None);
    second.observe(SECOND + HELD_US, &synced(NOW + 9 * DAY + HELD_US));
    assert!(second.expiry_now(SECOND + HELD_US).is_some());
}

#[test]
fn a_long_stop_within_a_boot_is_no_jump() {
    let mut first = timeline(NOW);
    first.observe(SECOND, &synced(NOW + SECOND));
    let kept = first.checkpoint(SECOND);
    let later = 9 * DAY;
    let mut second = Timeline::new(Trust::Auto, BUILD, BOOT, 0, later);
    second.at_least(NOW + SECOND, later);
    second.resume(&kept, later);
    second.observe(later, &synced(NOW + 9 * DAY));
    assert!(!second.jump_doubted());
    assert_eq!(second.expiry_now(later), Some((NOW + 9 * DAY) / SECOND));
}

/// What may happen to a gateway.
#[derive(Clone, Debug)]
enum Event {
    Pass(u64),
    Look,
    Stamp,
    Sync(bool),
    /// The process ends and starts again.
    Restart,
    /// The machine is off for so long; no chip keeps its time.
    PowerCut(u64),
    /// The system's clock shows a wrong time, and nobody says so until the next sync.
    Set(u64),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..3 * HOUR).prop_map(Event::Pass),
        4 => Just(Event::Look),
        8 => Just(Event::Stamp),
        2 => any::<bool>().prop_map(Event::Sync),
        1 => Just(Event::Restart),
        1 => (1..20 * DAY).prop_map(Event::PowerCut),
        1 => (0..2 * NOW).prop_map(Event::Set),
    ]
}

/// A gateway without a clock chip, and the real time.
struct World {
    real_us: u64,
    boot_us: u64,
    boots: u8,
    system_us: u64,
    synced: bool,
    time: Timeline,
    kept: Checkpoint,
    newest_us: u64,
    corrections: u64,
    /// Of this boot: estimated stamps, and when they really were.
    estimated: Vec<(u64, u64)>,
}

impl World {
    fn new() -> World {
        let mut time = Timeline::new(Trust::Auto, BUILD, BootId([0; 16]), 0, SECOND);
        let kept = time.checkpoint(SECOND);
        World {
            real_us: NOW,
            boot_us: SECOND,
            boots: 0,
            system_us: 5 * SECOND,
            synced: false,
            time,
            kept,
            newest_us: 0,
            corrections: 0,
            estimated: Vec::new(),
        }
    }

    fn start(&mut self) {
        self.time = Timeline::new(Trust::Auto, BUILD, BootId([self.boots; 16]), 0, self.boot_us);
        self.corrections = 0;
        self.time.at_least(self.newest_us, self.boot_us);
        self.time.resume(&self.kept, self.boot_us);
        self.look();
        self.kept = self.time.checkpoint(self.boot_us);
    }

    fn look(&mut self) {
        let system_us = if self.synced { self.real_us } else { self.system_us };
        let ntp = if self.synced { Ntp::Synchronised } else { Ntp::Unsynchronised };
        self.time.observe(self.boot_us, &Evidence { system_us, ntp, has_chip: false });
    }

    fn pass(&mut self, us: u64) {
        self.real_us += us;
        self.boot_us += us;
        self.system_us += us;
    }

    fn step(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match *event {
            Event::Pass(us) => self.pass(us),
            Event::Look => self.look(),
            Event::Sync(on) => {
                self.synced = on;
                self.system_us = if on { self.real_us } else { self.system_us };
                self.look();
            }
            Event::Set(us) => self.system_us = us,
            Event::Restart => {
                self.kept = self.time.checkpoint(self.boot_us);
                self.start();
            }
            Event::PowerCut(us) => {
                self.real_us += us;
                self.boots += 1;
                self.boot_us = SECOND;
                self.system_us = 5 * SECOND;
                self.synced = false;
                self.estimated.clear();
                self.start();
            }
            Event::Stamp => {
                let stamp = self.time.stamp(self.boot_us);
                if self.time.corrections() == self.corrections {
                    prop_assert!(stamp.us > self.newest_us);
                }
                self.corrections = self.time.corrections();
                self.newest_us = stamp.us;
                if stamp.estimated {
                    self.estimated.push((stamp.us, self.real_us));
                } else {
                    prop_assert!(stamp.us.abs_diff(self.real_us) <= SLEWED_US + 100);
                }
            }
        }
        if let Some(now) = self.time.expiry_now(self.boot_us) {
            prop_assert_eq!(now, self.real_us / SECOND);
        }
        prop_assert!(self.time.floor_us(self.boot_us) <= self.real_us);
        if let Some(offset) = self.time.offset_of_this_boot() {
            for (stamp, real) in &self.estimated {
                // A stamp is a little later than its time where several fell into one microsecond.
                let off_by = stamp.saturating_add_signed(offset).abs_diff(*real);
                prop_assert!(off_by <= 100, "off by {}", off_by);
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn whatever_happens_time_is_right_or_marked(events in prop::collection::vec(any_event(), 1..120)) {
        let mut world = World::new();
        for event in &events {
            world.step(event)?;
        }
    }
}
