//! Whether the system's time is believed: a function of the evidence.

use super::Trust;

/// What the kernel says of time synchronisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ntp {
    /// Something (chrony, ntpd, timesyncd) has set the clock and keeps it.
    Synchronised,
    /// Nothing has, or not for so long that the kernel gave up on it.
    Unsynchronised,
    /// The kernel may not be asked.
    Unknown,
}

/// What there is to judge the system's clock by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    /// The system's time, in microseconds since 1970.
    pub system_us: u64,
    /// The kernel's word on it.
    pub ntp: Ntp,
    /// Whether the machine has a clock chip, which the kernel took the time from at boot.
    pub has_chip: bool,
}

/// Why the system's time is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    /// `trust = "ntp"`, and NTP has not set it.
    #[error("NTP has not set the clock")]
    NotSynchronised,
    /// NTP has not set it, and no chip keeps the time while the power is off.
    #[error("NTP has not set the clock, and the machine has no clock chip")]
    NoChip,
    /// The chip's time is before the latest time that was ever trusted.
    #[error("the clock chip's time is before a time already reached; its battery may be empty")]
    BeforeFloor,
    /// The chip's time is before this binary was made.
    #[error("the clock chip's time is before this program was built; its battery may be empty")]
    BeforeBuild,
}

/// How far a chip's time may lie behind the floor: chips count whole seconds, and drift while the power is off.
pub(super) const CHIP_SLACK_US: u64 = 60_000_000;

/// Judges the system's time.
pub(super) fn judge(trust: Trust, evidence: &Evidence, floor_us: u64, build_us: u64) -> Result<(), Doubt> {
    match trust {
        Trust::Always => Ok(()),
        _ if evidence.ntp == Ntp::Synchronised => Ok(()),
        Trust::Ntp => Err(Doubt::NotSynchronised),
        Trust::Auto if !evidence.has_chip => Err(Doubt::NoChip),
        Trust::Auto if evidence.system_us < build_us => Err(Doubt::BeforeBuild),
        Trust::Auto if evidence.system_us.saturating_add(CHIP_SLACK_US) < floor_us => Err(Doubt::BeforeFloor),
        Trust::Auto => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: u64 = 1_000_000_000_000;
    const FLOOR: u64 = 2_000_000_000_000;

    fn verdict(trust: Trust, system_us: u64, ntp: Ntp, has_chip: bool) -> Result<(), Doubt> {
        judge(trust, &Evidence { system_us, ntp, has_chip }, FLOOR, BUILD)
    }

    #[test]
    fn ntp_is_believed_whatever_the_time() {
        for trust in [Trust::Auto, Trust::Ntp, Trust::Always] {
            assert_eq!(verdict(trust, 0, Ntp::Synchronised, false), Ok(()));
        }
    }

    #[test]
    fn without_ntp_a_chip_is_believed_by_auto_only() {
        for ntp in [Ntp::Unsynchronised, Ntp::Unknown] {
            assert_eq!(verdict(Trust::Auto, FLOOR, ntp, true), Ok(()));
            assert_eq!(verdict(Trust::Auto, FLOOR, ntp, false), Err(Doubt::NoChip));
            assert_eq!(verdict(Trust::Ntp, FLOOR, ntp, true), Err(Doubt::NotSynchronised));
            assert_eq!(verdict(Trust::Always, 0, ntp, false), Ok(()));
        }
    }

    #[test]
    fn a_chip_that_lost_its_time_is_not_believed() {
        let chip = |system_us| verdict(Trust::Auto, system_us, Ntp::Unsynchronised, true);
        assert_eq!(chip(0), Err(Doubt::BeforeBuild));
        assert_eq!(chip(BUILD), Err(Doubt::BeforeFloor));
        assert_eq!(chip(FLOOR - CHIP_SLACK_US - 1), Err(Doubt::BeforeFloor));
        assert_eq!(chip(FLOOR - CHIP_SLACK_US), Ok(()));
    }
}
