//! The processor's time stamp counter, where it can be trusted.
#![allow(unsafe_code)]

/// Ticks since some point in the past. Meaningless where [`are_steady`] says no.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub(super) fn read() -> u64 {
    // SAFETY: RDTSC is part of every x86-64 processor, reads no memory and writes two registers. Where a system traps it,
    // `are_steady` has said no.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
pub(super) fn read() -> u64 {
    0
}

/// Whether ticks come at an even rate and agree between processors.
///
/// That is the kernel's to know: it measures them when it starts, watches them as long as it runs, and keeps its own time
/// by them only while they are good. It is asked once.
pub(super) fn are_steady() -> bool {
    const CURRENT: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    cfg!(all(target_arch = "x86_64", target_os = "linux", not(miri)))
        && std::fs::read_to_string(CURRENT).is_ok_and(|source| source.trim() == "tsc")
}
