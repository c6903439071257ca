//! What a buffer takes up of the system's memory. A file of its own: with an allocator that counts, all of a buffer is touched.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "the parts of a test are tests")]

#[path = "support/exporters.rs"]
mod exporters;

use exporters::{batched, noting, record, soon, unscheduled};

/// Bytes of the process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")).unwrap();
    kib.trim().parse::<usize>().unwrap() << 10
}

#[test]
fn a_large_buffer_takes_up_memory_only_as_it_fills() {
    // What the sanitizers keep of each allocation would count as well.
    if ["ASAN_OPTIONS", "TSAN_OPTIONS"].iter().any(|options| std::env::var_os(options).is_some()) {
        return;
    }
    const BUFFER: usize = 256 << 20;
    let (sizes, exporter) = noting();
    let before = resident();
    let provider = batched(exporter, unscheduled().with_max_bytes(1 << 30).with_thread_bytes(BUFFER));
    // The buffers of threads, and the one that the few records of each are gathered in, are used again.
    for _ in 0..3 {
        std::thread::scope(|scope| scope.spawn(|| record(&provider, 10)).join().unwrap());
        record(&provider, 10);
        provider.flush(soon()).unwrap();
    }
    let more = resident().saturating_sub(before);
    assert!(more < BUFFER / 4, "{more} bytes for a few spans");
    assert!(provider.states()[0].buffer_bytes >= BUFFER as u64);
    assert_eq!(sizes.lock().unwrap().iter().sum::<usize>(), 60);
}
