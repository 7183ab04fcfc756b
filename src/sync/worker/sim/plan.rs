//! A life's plan, drawn from its seed; and what must be at its end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use super::{Disk, Event, Item, Oracle, Seq, Sim, Upstream};
use crate::model::TableId;
use crate::sync::allowance::Allowances;
use crate::sync::worker::tests::table;
use crate::sync::{Endpoint, UpstreamSettings};

/// The tables: number, name, and where they go.
const TABLES: [(u32, &str, Option<&str>); 3] =
    [(256, "readings", Some("fleet")), (257, "events", Some("happenings")), (258, "local", None)];
/// The faults end after this at the latest, in milliseconds.
const TROUBLED: u64 = 120_000;

pub(super) fn upstream_of(table: TableId) -> &'static str {
    TABLES.iter().find(|(id, ..)| *id == table.0).and_then(|(_, _, upstream)| *upstream).unwrap()
}

fn settings(random: &mut fastrand::Rng) -> UpstreamSettings {
    let endpoint = Endpoint::parse("http://upstream").unwrap();
    let mut settings = UpstreamSettings::new("central", endpoint, "eu-west-1");
    let mapped = TABLES.iter().filter_map(|(_, local, upstream)| Some((*local, (*upstream)?)));
    settings.tables = Some(mapped.map(|(local, upstream)| (local.to_owned(), upstream.to_owned())).collect());
    settings.supersede = random.u8(..4) > 0;
    settings.max_in_flight = random.usize(1..5);
    settings.limits.batch_changes = random.usize(1..=25);
    if random.u8(..3) == 0 {
        settings.limits.changes = random.usize(2..40);
    }
    if random.u8(..4) == 0 {
        settings.allowances = Allowances {
            write_units_per_second: random.bool().then(|| random.u64(2..50)),
            bytes_per_second: random.bool().then(|| random.u64(1_000..20_000)),
            ..Allowances::default()
        };
    }
    settings
}

/// Whether all that ever waits fits the window.
fn fits(settings: &UpstreamSettings) -> bool {
    settings.limits.changes >= 10_000
}

impl Sim {
    /// A world with all that will go wrong in it.
    pub(super) fn new(seed: u64) -> Sim {
        let mut random = fastrand::Rng::with_seed(seed);
        let settings = settings(&mut random);
        let strict = settings.supersede && fits(&settings);
        let mut sim = Sim {
            settings,
            now: 0,
            queue: BTreeMap::new(),
            events: 0,
            steps: 0,
            dies_at: random.bool().then(|| random.u64(1..500)),
            spin: (0, 0),
            disk: Arc::new(Mutex::new(Disk::new(TABLES.into_iter().map(|(id, name, _)| table(id, name))))),
            upstream: Upstream::default(),
            oracle: Oracle::new(strict),
            trouble: random.u8(..70),
            clock: (0, random.bool()),
            lives: 0,
            life: None,
            readers: 0,
            requests: BTreeMap::new(),
            writes: VecDeque::new(),
            committed_at: 0,
            poisoned: false,
            told: false,
            random,
        };
        sim.plan();
        sim
    }

    fn plan(&mut self) {
        self.after(0, Event::Start);
        let items = self.random.i64(1..25);
        let refused = if self.random.bool() { 0 } else { self.random.u8(..40) };
        for _ in 0..self.random.usize(5..250) {
            let at = self.random.u64(..TROUBLED / 2);
            let (table, _, _) = TABLES[self.random.usize(..TABLES.len())];
            let item = (self.random.u8(..12) > 0).then(|| (TableId(table), self.random.i64(0..items)));
            let (put, refused) = (self.random.u8(..5) > 0, self.random.u8(..100) < refused);
            // Some come in bursts.
            let at = if self.random.bool() { at } else { at / 10_000 * 10_000 };
            self.after(at, Event::Write(item, put, refused));
        }
        for _ in 0..self.random.usize(..3) {
            self.within(Event::Stop);
        }
        for _ in 0..self.random.usize(..3) {
            self.within(Event::Replay);
        }
        for _ in 0..self.random.usize(..4) {
            self.within(Event::Discard);
        }
        for (_, _, upstream) in TABLES {
            let Some(name) = upstream.filter(|_| self.random.u8(..4) == 0) else { continue };
            self.within(Event::Missing(name.to_owned(), true));
            self.within(Event::Missing(name.to_owned(), false));
        }
        if self.random.u8(..4) == 0 {
            self.within(Event::Pause(true));
            self.within(Event::Pause(false));
        }
        for _ in 0..self.random.usize(..4) {
            let (us, trusted) =
                (self.random.i64(-40_000_000_000_000..40_000_000_000_000), self.random.bool());
            self.within(Event::Jump(us, trusted));
        }
        let wait = self.random.u64(TROUBLED / 2..TROUBLED);
        self.after(wait, Event::Calm);
    }

    /// At some moment while there is trouble.
    fn within(&mut self, event: Event) {
        let wait = self.random.u64(..TROUBLED / 2);
        self.after(wait, event);
    }

    /// Whether all that waited is settled.
    fn is_settled(&mut self) -> bool {
        let counts = self.disk().counts.clone();
        let Some(life) = self.life.as_mut() else { return false };
        let settled = life.worker.look().settled.unwrap();
        let idle = life.under_way == 0 && !self.poisoned;
        idle && life.worker.window.is_empty() && counts == settled
    }

    /// Lives to the end of all faults, and until both ends agree.
    pub(super) fn live(&mut self) {
        while self.disk().trouble || self.poisoned {
            self.next();
        }
        // Whoever paused it lets it go on, some day.
        self.after(0, Event::Pause(false));
        self.until(Sim::is_settled);
        self.agree(true);
        // What was refused is put right, and goes again.
        self.upstream.lenient = true;
        self.after(0, Event::Replay);
        self.until(|sim| sim.is_settled() && sim.letters() == 0);
        self.agree(false);
        // All is settled: a gateway that stops cleanly sends nothing again.
        self.after(0, Event::Stop);
        let lives = self.lives;
        self.until(|sim| sim.lives > lives);
        let writes = self.oracle.writes;
        self.until(Sim::is_settled);
        for _ in 0..20 {
            self.next();
        }
        assert_eq!(self.oracle.writes, writes, "a clean stop is followed by writes");
    }

    fn until(&mut self, so: impl Fn(&mut Sim) -> bool) {
        // What was ordered must have been heard.
        self.next();
        while !so(self) {
            self.next();
        }
    }

    fn letters(&self) -> usize {
        self.life.as_ref().map_or(usize::MAX, |life| life.board.letters().count())
    }

    /// Both ends are the same, but for what was refused and is a dead letter.
    fn agree(&self, refused: bool) {
        let disk = self.disk();
        let mut local: BTreeMap<Item, &super::disk::Record> = BTreeMap::new();
        for record in &disk.journal {
            if let Some(item) = record.item.filter(|(table, _)| table.0 != 258) {
                local.insert(item, record);
                // Where the window is small, one that the upstream fails at may become a letter, and be withdrawn.
                let every = !self.settings.supersede && fits(&self.settings) && !record.refused;
                assert!(!every || self.oracle.applied.contains(&record.seq), "{:?} was left out", record.seq);
            }
        }
        let letters = self.life.as_ref().unwrap().board.letters();
        for ((table, sort), record) in local {
            let (name, seq) = (upstream_of(table), record.seq);
            if refused && letters.contains(seq) || self.oracle.is_discarded(seq) {
                continue;
            }
            let there = self.upstream.tables.get(name).and_then(|rows| rows.get(&sort)).copied();
            assert_eq!(there, record.value, "{name} {sort}: both ends differ");
            let last = self.oracle.last(&(name.to_owned(), sort));
            assert_eq!(last, Some(seq), "{name} {sort}: the last change was not the last to arrive");
        }
        drop(letters);
    }

    /// The figures of a life: writes that the upstream applied, how many of them again, and how many gateways lived.
    pub(super) fn figures(&self) -> (u64, u64, u64, u64, Seq) {
        let newest = self.disk().journal.last().map_or(Seq(0), |record| record.seq);
        (self.oracle.writes, self.oracle.again, self.lives, self.now, newest)
    }
}
