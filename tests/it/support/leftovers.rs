//! What a jail must not leave behind.

use std::fs;
use std::time::{Duration, Instant};

use super::running::PATIENCE;

/// All mounts that this process sees, one line each.
pub fn mounts_now() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    text.lines().map(str::to_string).collect()
}

/// The processes with this text among their arguments or in their environment; this one
/// is not counted, nor is one that has ended and only waits to be reaped.
pub fn processes_named(marker: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != std::process::id() && has(*pid, marker)).collect()
}

/// Waits for something that no event tells of; fails after the usual patience.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited for {PATIENCE:?}: {what}");
        // Nothing to wait on: the end of a stranger's process or mount is not announced.
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn has(pid: u32, marker: &str) -> bool {
    // A process that ends while it is looked at has no files any more.
    ["cmdline", "environ"].iter().any(|file| {
        let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        text.windows(marker.len()).any(|part| part == marker.as_bytes())
    })
}
