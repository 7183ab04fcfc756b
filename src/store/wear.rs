//! What LMDB writes: it writes on the calling thread, so the kernel's own count of that thread's writes is exact.

use std::fs;

/// What a call is assumed to write beside its pages where the kernel does not count: free list, branch pages, meta page.
const PAGES_BESIDE: u64 = 12;
const PAGE: u64 = 4096;

/// Runs a write of LMDB's on this thread; gives back what it wrote. `pages` is the estimate for kernels that do not tell.
pub(super) fn measured<R>(pages: usize, write: impl FnOnce() -> R) -> (R, u64) {
    let before = thread_wrote();
    let result = write();
    let written = match (before, thread_wrote()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => (pages as u64 + PAGES_BESIDE) * PAGE,
    };
    (result, written)
}

/// Bytes this thread has handed to `write` and its like.
fn thread_wrote() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("wchar:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let write = || fs::write(directory.path().join("x"), vec![0; 8192]).unwrap();
        let ((), written) = measured(2, write);
        assert!((8192..100_000).contains(&written), "{written}");
    }
}
