//! The only place that asks the system: its clocks, NTP's state, the clock chip, the boot.

use rustix::time::{ClockId, clock_gettime};

use super::BootId;
use super::trust::{Evidence, Ntp};

/// When this version was made, if the build doesn't say: no later than the release, in seconds since 1970.
const RELEASE: u64 = 1_767_225_600; // 2026-01-01

/// When the program was built, by the build's word for it (reproducible builds set it), in microseconds since 1970.
pub(super) fn build_us() -> u64 {
    let seconds = option_env!("SOURCE_DATE_EPOCH").and_then(|text| text.parse::<u64>().ok());
    seconds.unwrap_or(RELEASE).saturating_mul(1_000_000)
}

/// Microseconds since the machine started, its sleep included.
pub(super) fn since_boot_us() -> u64 {
    read(ClockId::Boottime)
}

/// Microseconds since the machine started, its sleep left out.
pub(super) fn monotonic_us() -> u64 {
    read(ClockId::Monotonic)
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000)
}

/// A look at the system's clock.
pub(super) fn evidence() -> Evidence {
    Evidence { system_us: read(ClockId::Realtime), ntp: ntp(), has_chip: has_chip() }
}

/// A PC has a clock chip even where no driver shows it: the kernel itself reads it at boot.
fn has_chip() -> bool {
    cfg!(any(target_arch = "x86_64", target_arch = "x86"))
        || std::fs::read_dir("/sys/class/rtc").is_ok_and(|mut chips| chips.next().is_some())
}

/// The kernel's `STA_UNSYNC`: on from boot until a daemon has set the clock, and again when it hasn't for hours.
#[allow(unsafe_code, reason = "adjtimex has no safe wrapper among our dependencies")]
fn ntp() -> Ntp {
    let mut state = std::mem::MaybeUninit::<libc::timex>::zeroed();
    // SAFETY: `timex` is integers alone, for which zeros are values; with `modes` zero the kernel changes nothing of
    // the clock's and fills the struct, which outlives the call.
    let (answer, state) = unsafe { (libc::adjtimex(state.as_mut_ptr()), state.assume_init()) };
    match answer {
        -1 => Ntp::Unknown,
        _ if state.status & libc::STA_UNSYNC == 0 => Ntp::Synchronised,
        _ => Ntp::Unsynchronised,
    }
}

/// The kernel's id of this boot. Where it can't be read, every process is a boot of its own.
pub(super) fn boot_id() -> BootId {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    parse_uuid(&text).unwrap_or_else(|| {
        let mut id = [0; 16];
        if getrandom::fill(&mut id).is_err() {
            let parts = [u64::from(std::process::id()), read(ClockId::Realtime)].map(u64::to_be_bytes);
            for (to, from) in id.iter_mut().zip(parts.iter().flatten()) {
                *to = *from;
            }
        }
        BootId(id)
    })
}

fn parse_uuid(text: &str) -> Option<BootId> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&digits, 16).ok().map(|id| BootId(id.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_answers() {
        assert!(since_boot_us() > 0);
        assert!(evidence().system_us > 0);
        assert!(build_us() >= RELEASE * 1_000_000 || option_env!("SOURCE_DATE_EPOCH").is_some());
        assert_ne!(boot_id(), BootId([0; 16]));
    }

    #[test]
    fn boot_ids() {
        let id = parse_uuid("11cc2519-b6a6-472c-862a-42644e9330fc\n").unwrap();
        assert_eq!(id.0[..3], [0x11, 0xCC, 0x25]);
        for text in
            ["", "11cc2519", "11cc2519-b6a6-472c-862a-42644e9330fcx", "+1cc2519-b6a6-472c-862a-42644e9330fc"]
        {
            assert_eq!(parse_uuid(text), None, "{text}");
        }
    }
}
