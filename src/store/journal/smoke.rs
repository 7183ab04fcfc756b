//! The journal on a real disk.

use std::sync::Arc;

use super::disk::RealDisk;
use super::frame::tests::change;
use super::*;
use crate::store::Seq;

fn open(path: &std::path::Path, settings: JournalSettings) -> (Journal, Vec<(u64, Vec<u8>)>) {
    let disk = Arc::new(RealDisk::open(path).unwrap());
    let mut seen = Vec::new();
    let recovered = Survey::of(disk, settings, None).unwrap();
    let recovered = recovered.replay(Seq(0), |frame| {
        seen.extend(frame.map(|record| (record.seq.0, record.image.to_vec())));
        Ok::<_, std::io::Error>(())
    });
    let recovered = recovered.unwrap();
    assert_eq!(recovered.damage, []);
    (recovered.start(StoreId([1; 16])).unwrap(), seen)
}

#[test]
fn a_real_disk() {
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let settings = JournalSettings { segment_size: 64 << 10, reserve: 2, keep_free: 3 };
    let mut expected = Vec::new();
    let mut next = Seq(1);
    for run in 0..4usize {
        let (mut journal, seen) = open(directory.path(), settings);
        assert_eq!(seen, expected);
        let mut reader = journal.reader(Seq(0));
        let mut frame = FrameBuf::default();
        for index in 0..60usize {
            frame.begin(next, 0);
            let image = vec![index as u8; (index * 97 + run) % 5000 + if index == 50 { 100_000 } else { 0 }];
            expected.push((next.0, image.clone()));
            frame.push(&change(256, image)).unwrap();
            next = Seq(frame.last().0 + 1);
            journal.append(&mut frame).unwrap();
        }
        journal.publish();
        let mut read = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            read.extend(frame.map(|record| (record.seq.0, record.image.to_vec())));
        }
        assert_eq!(read, expected);
    }
}
