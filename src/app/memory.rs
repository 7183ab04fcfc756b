//! The allocator's settings: memory that a burst took is given back.

/// Allocations from this size on are mapped by themselves, in bytes. glibc raises the threshold with every large block that
/// is freed, up to 32 MiB, and then keeps them: after a few 16 MB bodies the process held 160 MB for ever. Fixed, it
/// held 23 MB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MMAP_THRESHOLD: libc::c_int = 256 * 1024;

/// Heaps that threads share, at most: each keeps what its threads once used.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: libc::c_int = 4;

/// Applies them; to be called before there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "mallopt has no safe wrapper; without it bursts stay resident")]
pub(super) fn settle() {
    // SAFETY: mallopt takes two integers, and is called while there is one thread. A refusal changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

/// Other C libraries give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn settle() {}
