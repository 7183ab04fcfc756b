//! The process as the kernel sees it, by `/proc/self` (`proc(5)`).

use std::fs;

/// What can be known of the process; what can't be read is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProcessFigures {
    /// User and system time, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Resident memory, in bytes.
    pub resident_bytes: Option<u64>,
    /// Address space, in bytes: the store's map counts wholly.
    pub virtual_bytes: Option<u64>,
    /// Open descriptors.
    pub open_fds: Option<u64>,
    /// Their limit.
    pub max_fds: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// When it started, in seconds since 1970, by the kernel's clock.
    pub start_seconds: Option<f64>,
}

/// The figures now.
pub fn read() -> ProcessFigures {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let figures = of_stat(&stat, rustix::param::clock_ticks_per_second(), rustix::param::page_size() as u64);
    let booted = field(&fs::read_to_string("/proc/stat").unwrap_or_default(), "btime ");
    ProcessFigures {
        open_fds: fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64),
        max_fds: max_fds(&fs::read_to_string("/proc/self/limits").unwrap_or_default()),
        start_seconds: figures.start_seconds.zip(booted).map(|(since, booted)| since + booted as f64),
        ..figures
    }
}

/// `/proc/self/stat`; the start is in seconds since boot.
fn of_stat(stat: &str, ticks: u64, page: u64) -> ProcessFigures {
    // The second field is the name, in parentheses; it may hold anything. The third is at 0 here.
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let fields: Vec<u64> = rest.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let at = |number: usize| fields.get(number - 3).copied();
    let seconds = |number: usize| at(number).map(|value| value as f64 / ticks.max(1) as f64);
    ProcessFigures {
        cpu_seconds: seconds(14).zip(seconds(15)).map(|(user, system)| user + system),
        threads: at(20),
        start_seconds: seconds(22),
        virtual_bytes: at(23),
        resident_bytes: at(24).map(|pages| pages * page),
        ..ProcessFigures::default()
    }
}

fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The number behind this at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells() {
        let figures = read();
        assert!(figures.resident_bytes > Some(1 << 20) && figures.virtual_bytes > figures.resident_bytes);
        assert!(figures.open_fds >= Some(3) && figures.max_fds > figures.open_fds);
        assert!(figures.threads >= Some(1) && figures.cpu_seconds.is_some());
        assert!(figures.start_seconds > Some(1.0e9), "{figures:?}");
    }

    #[test]
    fn a_name_may_hold_anything() {
        let fields = (4..=24).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        let figures = of_stat(&format!("1 (a) b) S {fields} 25"), 2, 4096);
        assert_eq!(figures.cpu_seconds, Some(14.5));
        assert_eq!((figures.threads, figures.virtual_bytes), (Some(20), Some(23)));
        assert_eq!((figures.start_seconds, figures.resident_bytes), (Some(11.0), Some(24 * 4096)));
        assert_eq!(of_stat("", 100, 4096), ProcessFigures::default());
    }
}
