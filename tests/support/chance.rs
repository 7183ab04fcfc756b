//! Chance that can be repeated: the same seed gives the same sequence (SplitMix64).

/// A sequence of numbers.
pub struct Chance(u64);

impl Chance {
    /// The sequence of `FOREBAY_SEED`, else of this seed; printed, so that a failure can be repeated.
    pub fn seeded(default: u64) -> Chance {
        let seed = std::env::var("FOREBAY_SEED").ok().map_or(default, |text| text.parse().unwrap());
        println!("FOREBAY_SEED={seed}");
        Chance(seed)
    }

    /// The sequence of this seed: for one of several that go on at once.
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len() as u64) as usize]
    }
}
