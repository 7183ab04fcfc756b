//! What may go wrong, one by one: cuts between all steps, damage, full disks, failing syncs, readers left behind.

use std::sync::Arc;

use rustix::io::Errno;

use super::properties::{SETTINGS, STORE, Written, collect, frame, replay};
use super::sim::{Loss, Op, SimDisk};
use super::*;
use crate::store::Seq;

/// A journal with its disk, and what it should hold.
struct Bench {
    disk: SimDisk,
    journal: Journal,
    written: Vec<Written>,
    stamp: u32,
    next: Seq,
}

impl Bench {
    fn new() -> Bench {
        Bench::on(SimDisk::default())
    }

    fn on(disk: SimDisk) -> Bench {
        let (recovered, written) = replay(&disk, Seq(0)).unwrap();
        assert_eq!(recovered.damage, []);
        let next = recovered.next_seq(recovered.highest_epoch);
        Bench { disk, journal: recovered.start(STORE).unwrap(), written, stamp: 0, next }
    }

    fn append(&mut self, length: usize) -> Result<Position, AppendError> {
        let (mut frame, written) = frame(self.next, 1, length, &mut self.stamp);
        let position = self.journal.append(&mut frame)?;
        self.journal.publish();
        self.next = position.last.next();
        self.written.push(written);
        Ok(position)
    }

    fn fill(&mut self, frames: usize, length: usize) -> Vec<Position> {
        (0..frames).map(|_| self.append(length).unwrap()).collect()
    }

    fn last_of(&self, frame: usize) -> Seq {
        self.written[frame].last().unwrap().0
    }
}

fn read_all(reader: &mut Reader) -> Vec<Written> {
    let mut frames = Vec::new();
    while let Some(frame) = reader.next().unwrap() {
        frames.push(collect(frame));
    }
    frames
}

/// Appends, switches of segments, a release, the reuse of a segment, and a large frame, on a given disk; the answer is how
/// many frames were acknowledged.
fn scenario(disk: &SimDisk) -> Result<(usize, Seq), String> {
    let (recovered, _) = replay(disk, Seq(0)).map_err(|error| error.to_string())?;
    let (mut next, mut stamp, mut done) = (Seq(1), 0, (0, Seq(0)));
    let Ok(mut journal) = recovered.start(STORE) else { return Ok(done) };
    for index in 0..22 {
        let (mut frame, _) = frame(next, 2, if index == 9 { 40_000 } else { 9_000 }, &mut stamp);
        if journal.append(&mut frame).is_err() {
            return Ok(done);
        }
        next = frame.next_seq();
        done.0 += 1;
        if index == 7 {
            // Segments hold three of these.
            done.1 = Seq(next.0 - 3);
            journal.release(done.1);
        }
        if journal.maintain().is_err() {
            return Ok(done);
        }
    }
    Ok(done)
}

#[test]
fn power_cuts_between_all_steps() {
    let calm = SimDisk::default();
    assert_eq!(scenario(&calm).unwrap().0, 22);
    let (steps, log) = (calm.steps(), calm.log());
    assert!(
        steps > 60
            && log.iter().any(|step| step.starts_with("rename 00000000000") && step.contains(".segment to"))
    );
    for cut in 1..=steps {
        for (seed, loss) in
            [Loss::Everything, Loss::Nothing, Loss::Some, Loss::Some, Loss::One].into_iter().enumerate()
        {
            let disk = SimDisk::default();
            disk.cut_after(cut);
            let (acknowledged, released) = scenario(&disk).unwrap();
            disk.cut(loss, cut * 10 + seed as u64);
            let at = || format!("{loss:?} at step {cut}: {}", log[cut as usize - 1]);
            let (recovered, frames) = replay(&disk, released).unwrap();
            assert_eq!(recovered.damage, [], "{}", at());
            let last = frames.last().map_or(released, |frame| frame.last().unwrap().0).0;
            let acknowledged = 2 * acknowledged as u64;
            assert!(last == acknowledged || last == acknowledged + 2, "{last}: {}", at());
            assert_eq!(frames.iter().map(Vec::len).sum::<usize>() as u64, last - released.0, "{}", at());
            recovered.start(STORE).unwrap();
        }
    }
}

#[test]
fn power_cuts_during_recovery() {
    for cut in 1..40 {
        for seed in 0..4 {
            let mut bench = Bench::new();
            bench.fill(9, 9_000);
            bench.disk.cut_after(2);
            assert!(bench.append(9_000).is_err());
            bench.disk.cut(Loss::Some, seed);
            let (recovered, before) = replay(&bench.disk, Seq(0)).unwrap();
            bench.disk.cut_after(cut);
            let started = recovered.start(STORE).is_ok();
            bench.disk.cut(Loss::Some, seed);
            let (recovered, after) = replay(&bench.disk, Seq(0)).unwrap();
            assert_eq!(recovered.damage, []);
            assert_eq!(before, after, "started: {started}");
        }
    }
}

#[test]
fn a_torn_frame_that_turns_up_whole_later_stays_cut() {
    let mut bench = Bench::new();
    let last = bench.fill(3, 500)[2];
    let name = bench.disk.list_segments().pop().unwrap();
    bench.disk.fail(Op::Sync, 0, Errno::IO);
    assert!(matches!(bench.append(500), Err(AppendError::Poisoned(_))));
    let whole = bench.disk.contents(&name);
    // What the cache had was whole; what the device has is not.
    bench.disk.kill();
    bench.disk.overwrite(&name, last.offset + 700, &[0; 100]);
    let mut bench = Bench::on(bench.disk.clone());
    let kept = bench.written.len();
    assert_eq!(kept, 3);
    bench.append(10).unwrap();
    bench.disk.overwrite(&name, 0, &whole);
    bench.disk.cut(Loss::Nothing, 0);
    let (recovered, frames) = replay(&bench.disk, Seq(0)).unwrap();
    assert_eq!(recovered.damage, []);
    assert_eq!(frames, bench.written);
}

#[test]
fn damage_stops_the_replay_and_is_kept_aside() {
    let mut bench = Bench::new();
    let positions = bench.fill(10, 9_000);
    let hit = positions[4];
    bench.disk.damage(&segment::name(hit.segment), hit.offset + 500);
    bench.disk.cut(Loss::Nothing, 0);
    let (recovered, frames) = replay(&bench.disk, Seq(0)).unwrap();
    assert_eq!(frames, bench.written[..4]);
    assert!(recovered.needs_epoch() && recovered.cut.is_none());
    assert_eq!(recovered.last, bench.last_of(3));
    let first = recovered.next_seq(recovered.highest_epoch + 1);
    assert_eq!(first, Seq::start_of(1).next());
    drop(recovered.start(STORE).unwrap());
    // All that is left of it, for whoever wants to salvage: a copy of the damaged segment, and what came after it.
    let aside = bench.disk.list_folder(start::DAMAGED);
    assert_eq!(aside.len(), 3, "{aside:?}");

    let mut again = Bench::on(bench.disk.clone());
    assert_eq!(again.written, bench.written[..4], "reported once; the journal goes on from there");
    again.next = first;
    again.fill(5, 9_000);
    again.disk.cut(Loss::Everything, 0);
    let last = Bench::on(again.disk.clone());
    assert_eq!(last.written, again.written);
    assert_eq!(last.disk.list_folder(start::DAMAGED).len(), 3);
}

#[test]
fn damage_in_what_the_tree_has_is_passed_over() {
    for (damaged, beyond) in [(3, 3), (3, 4), (3, 8), (5, 5), (5, 8)] {
        let mut bench = Bench::new();
        let positions = bench.fill(10, 9_000);
        let hit = positions[damaged];
        bench.disk.damage(&segment::name(hit.segment), hit.offset + 40);
        bench.disk.cut(Loss::Nothing, 0);
        let (recovered, frames) = replay(&bench.disk, bench.last_of(beyond)).unwrap();
        assert!(!recovered.needs_epoch());
        assert_eq!(frames, bench.written[beyond + 1..]);
        // A reader from before finds the hole, and goes on behind it.
        let mut reader = recovered.start(STORE).unwrap().reader(Seq(0));
        let mut seen = Vec::new();
        let mut gaps = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(frame)) => seen.push(collect(frame)),
                Ok(None) => break,
                Err(gap) => gaps.push(gap),
            }
        }
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].after, bench.last_of(damaged - 1));
        assert_eq!(gaps[0].resume, Some(bench.last_of(damaged)));
        bench.written.remove(damaged);
        assert_eq!(seen, bench.written);
    }
}

#[test]
fn a_lost_segment_stops_the_replay() {
    let mut bench = Bench::new();
    let positions = bench.fill(12, 9_000);
    let lost = positions[5].segment;
    bench.disk.damage(&segment::name(lost), 8);
    bench.disk.damage(&segment::name(lost), 2056);
    bench.disk.cut(Loss::Nothing, 0);
    let kept = positions.iter().take_while(|position| position.segment < lost).count();
    let (recovered, frames) = replay(&bench.disk, Seq(0)).unwrap();
    assert_eq!(frames, bench.written[..kept]);
    assert!(recovered.needs_epoch());
    drop(recovered.start(STORE).unwrap());
    assert_eq!(Bench::on(bench.disk.clone()).written, bench.written[..kept]);

    // The newest one: no other header names it, but its frames' numbers tell that it was in use.
    let mut bench = Bench::new();
    let newest = bench.fill(12, 9_000)[11].segment;
    bench.disk.damage(&segment::name(newest), 8);
    bench.disk.damage(&segment::name(newest), 2056);
    bench.disk.cut(Loss::Nothing, 0);
    let (recovered, _) = replay(&bench.disk, Seq(0)).unwrap();
    assert!(recovered.needs_epoch());
    drop(recovered.start(STORE).unwrap());
    assert_eq!(bench.disk.list_folder(start::DAMAGED).len(), 1);
}

#[test]
fn a_journal_that_begins_beyond_the_tree_is_a_gap() {
    let mut bench = Bench::new();
    let positions = bench.fill(12, 9_000);
    bench.journal.release(bench.last_of(7));
    bench.journal.rotate().unwrap();
    bench.append(10).unwrap();
    bench.disk.cut(Loss::Nothing, 0);
    let begins = positions[8].segment;
    let (recovered, frames) = replay(&bench.disk, bench.last_of(2)).unwrap();
    assert_eq!(frames.len(), 0, "segments from {begins} on lie behind a hole");
    assert!(recovered.needs_epoch());
    assert_eq!(recovered.last, bench.last_of(2));
    // With no tree at all there is nothing to be consistent with.
    let (recovered, frames) = replay(&bench.disk, Seq(0)).unwrap();
    assert!(!recovered.needs_epoch() && !frames.is_empty());
    assert_eq!(frames.last(), bench.written.last());
}

#[test]
fn a_block_that_cannot_be_read_is_damage() {
    let mut bench = Bench::new();
    let positions = bench.fill(3, 9_000);
    bench.disk.make_unreadable(&segment::name(positions[2].segment), positions[2].offset + 4096);
    bench.disk.cut(Loss::Nothing, 0);
    let (recovered, frames) = replay(&bench.disk, Seq(0)).unwrap();
    assert_eq!(frames, bench.written[..2]);
    assert!(recovered.needs_epoch(), "it may have been acknowledged");
    drop(recovered.start(STORE).unwrap());
    assert_eq!(Bench::on(bench.disk.clone()).written, bench.written[..2]);
}

#[test]
fn another_stores_segment_is_set_aside() {
    let mut bench = Bench::new();
    bench.fill(4, 9_000);
    let other = SimDisk::default();
    let (recovered, _) = replay(&other, Seq(0)).unwrap();
    let mut journal = recovered.start(StoreId([9; 16])).unwrap();
    while other.list_segments().last().unwrap().as_str() < "000000000009" {
        journal.append(&mut frame(journal.last().next(), 1, 9_000, &mut bench.stamp).0).unwrap();
    }
    bench.disk.put("000000000009.segment", &other.contents("000000000009.segment"));
    bench.disk.put("000000000901.segment", &[0xee; 9000]);
    let (recovered, frames) = replay(&bench.disk, Seq(0)).unwrap();
    assert_eq!(frames, bench.written);
    assert!(!recovered.needs_epoch());
    drop(recovered.start(STORE).unwrap());
    assert_eq!(Bench::on(bench.disk.clone()).written, bench.written);
    assert_eq!(bench.disk.list_folder(start::DAMAGED), ["000000000009-0000000000000000.segment"]);
}

#[test]
fn a_full_disk_is_met_before_anything_is_written() {
    let mut bench = Bench::new();
    bench.fill(2, 9_000);
    bench.disk.set_capacity(Some(bench.disk.used()));
    let mut written = 2;
    let error = loop {
        match bench.append(9_000) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        let _ = bench.journal.maintain();
    };
    assert!(matches!(error, AppendError::Full(_)), "{error}");
    assert_eq!(written, 9, "three segments of three: the reserve is there to be used");
    let prepared = || bench.journal.figures().prepared.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(prepared(), 0, "whoever looks at the figures knows");
    assert!(matches!(bench.append(40_000), Err(AppendError::Full(_))));

    // Releasing makes room, even though no header can say so.
    bench.journal.release(bench.last_of(5));
    bench.append(9_000).unwrap();
    bench.disk.set_capacity(None);
    bench.journal.maintain().unwrap();
    bench.append(40_000).unwrap();
    bench.disk.cut(Loss::Everything, 0);
    let (recovered, frames) = replay(&bench.disk, bench.last_of(5)).unwrap();
    assert!(!recovered.needs_epoch());
    assert_eq!(frames, bench.written[6..]);
}

#[test]
fn a_full_disk_does_not_keep_the_journal_from_opening() {
    let mut bench = Bench::new();
    bench.fill(2, 9_000);
    bench.disk.set_capacity(Some(bench.disk.used()));
    for _ in 0..5 {
        bench.disk.cut(Loss::Nothing, 0);
        let mut again = Bench::on(bench.disk.clone());
        assert_eq!(again.written, bench.written);
        if again.append(9_000).is_ok() {
            bench.written = again.written;
        }
        bench.next = again.next;
    }
    bench.disk.set_capacity(None);
    bench.disk.kill();
    Bench::on(bench.disk.clone()).append(9_000).unwrap();
}

#[test]
fn a_failed_sync_poisons_for_good() {
    for op in [Op::Write, Op::Sync] {
        let mut bench = Bench::new();
        bench.fill(2, 100);
        bench.disk.fail(op, 0, Errno::IO);
        assert!(matches!(bench.append(100), Err(AppendError::Poisoned(_))));
        let steps = bench.disk.steps();
        assert!(matches!(bench.append(100), Err(AppendError::Poisoned(_))));
        assert!(matches!(bench.journal.rotate(), Err(AppendError::Poisoned(_))));
        assert!(bench.journal.maintain().is_err());
        assert_eq!(bench.disk.steps(), steps, "nothing more is written");
    }
}

#[test]
fn a_readers_segment_is_not_used_again() {
    let mut bench = Bench::new();
    bench.append(9_000).unwrap();
    let mut reader = bench.journal.reader(Seq(0));
    assert_eq!(reader.next().unwrap().map(collect).as_ref(), Some(&bench.written[0]));
    // Not read yet, not even ahead.
    bench.fill(32, 9_000);
    bench.journal.release(bench.last_of(31));
    for _ in 0..4 {
        bench.journal.rotate().unwrap();
        bench.fill(8, 9_000);
    }
    assert_eq!(reader.next().unwrap().map(collect).as_ref(), Some(&bench.written[1]));
    assert_eq!(reader.next().unwrap().map(collect).as_ref(), Some(&bench.written[2]));
    let gap = reader.next().unwrap_err();
    assert_eq!(gap.after, bench.last_of(2));
    let resume = gap.resume.unwrap();
    assert!(resume > gap.after && resume <= bench.last_of(31));
    let rest = read_all(&mut reader);
    assert_eq!(rest[..], bench.written[bench.written.len() - rest.len()..]);
    assert_eq!(read_all(&mut bench.journal.reader(resume)), rest);
    // Left behind wholly.
    let gap = bench.journal.reader(Seq(0)).next().unwrap_err();
    assert_eq!((gap.after, gap.resume), (Seq(0), Some(resume)));
}

#[test]
fn a_reader_waits_out_what_may_pass() {
    let mut bench = Bench::new();
    bench.fill(3, 9_000);
    let mut reader = bench.journal.reader(Seq(0));
    bench.disk.fail(Op::Read, 0, Errno::NOMEM);
    let gap = reader.next().unwrap_err();
    assert_eq!((gap.after, gap.resume), (Seq(0), None));
    assert_eq!(read_all(&mut reader), bench.written);
}

#[test]
fn readers_see_only_what_is_published() {
    let mut bench = Bench::new();
    let mut reader = bench.journal.reader(Seq(0));
    assert!(reader.next().unwrap().is_none());
    let (mut first, written) = frame(Seq(1), 3, 100, &mut bench.stamp);
    bench.journal.append(&mut first).unwrap();
    assert!(reader.next().unwrap().is_none());
    bench.journal.publish();
    assert_eq!(bench.journal.readers().published(), Seq(3));
    assert_eq!(reader.next().unwrap().map(collect), Some(written.clone()));
    assert!(reader.next().unwrap().is_none());
    // From the middle of a frame: the whole frame.
    assert_eq!(bench.journal.reader(Seq(1)).next().unwrap().map(collect), Some(written));
    assert!(bench.journal.reader(Seq(3)).next().unwrap().is_none());
}

#[test]
fn readers_follow_a_writer_on_another_thread() {
    let mut bench = Bench::new();
    let readers: Vec<_> = (0..2).map(|_| bench.journal.reader(Seq(0))).collect();
    let (done, end) = crossbeam_channel::bounded::<()>(0);
    let follow = |mut reader: Reader| {
        let end = end.clone();
        std::thread::spawn(move || {
            let mut frames = Vec::new();
            loop {
                // Asked before looking: what is there now is all.
                let over = end.try_recv() == Err(crossbeam_channel::TryRecvError::Disconnected);
                frames.extend(read_all(&mut reader));
                if over {
                    return frames;
                }
                std::thread::yield_now();
            }
        })
    };
    let threads: Vec<_> = readers.into_iter().map(follow).collect();
    for index in 0..400 {
        bench.append(index * 37 % 5000).unwrap();
        bench.journal.maintain().unwrap();
    }
    drop(done);
    for thread in threads {
        assert_eq!(thread.join().unwrap(), bench.written);
    }
}

#[test]
fn restarts_do_not_pile_up_segments() {
    let mut bench = Bench::new();
    bench.fill(4, 9_000);
    bench.journal.maintain().unwrap();
    let used = bench.disk.used();
    for _ in 0..20 {
        bench.disk.kill();
        let again = Bench::on(bench.disk.clone());
        assert_eq!(again.written, bench.written);
    }
    // One more segment, and one more kept free than the reserve has.
    assert!(bench.disk.used() <= used + 2 * SETTINGS.segment_size, "{} of {used}", bench.disk.used());
}

#[test]
fn epochs_go_on_over_restarts() {
    let mut bench = Bench::new();
    bench.fill(2, 100);
    bench.next = Seq::start_of(3).next();
    bench.fill(2, 100);
    assert!(matches!(
        {
            bench.next = Seq(9);
            bench.append(1)
        },
        Err(AppendError::Order { .. })
    ));
    bench.disk.cut(Loss::Everything, 0);
    let (recovered, frames) = replay(&bench.disk, Seq(0)).unwrap();
    assert_eq!(frames, bench.written);
    assert_eq!(recovered.highest_epoch, 3);
    assert_eq!(recovered.next_seq(3), Seq(Seq::start_of(3).0 + 3));
    assert_eq!(recovered.next_seq(4), Seq(Seq::start_of(4).0 + 1));
}

#[test]
fn settings_may_change_between_runs() {
    let bench = &mut Bench::new();
    bench.fill(5, 9_000);
    let larger = JournalSettings { segment_size: 64 << 10, ..SETTINGS };
    let survey = Survey::of(Arc::new(bench.disk.clone()), larger, None).unwrap();
    assert_eq!(survey.store_id(), Some(STORE));
    let journal = survey.replay(Seq(0), |_| Ok::<_, std::io::Error>(())).unwrap().start(STORE).unwrap();
    assert_eq!(read_all(&mut journal.reader(Seq(0))), bench.written);
    let figures = journal.figures();
    let on_disk = figures.bytes_on_disk.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(on_disk, bench.disk.used());
}
