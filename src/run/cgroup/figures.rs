//! What a cgroup has counted (cgroup-v2, "Core Interface Files" and the controllers').

use std::time::Duration;

use super::directory::Directory;

/// Counts of one run; `None` where this kernel or this cgroup does not count it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub user: Option<Duration>,
    pub system: Option<Duration>,
    pub throttled: Option<Duration>,
    /// Bytes (Linux 5.19).
    pub peak_memory: Option<u64>,
    /// Init is among them (Linux 6.1).
    pub peak_pids: Option<u64>,
    pub io_read: Option<u64>,
    pub io_written: Option<u64>,
    /// How often memory ran out at this cgroup's own limit.
    pub oom: u64,
    /// How many processes were killed for want of memory, here or elsewhere.
    pub oom_kills: u64,
    pub pids_refused: u64,
}

impl Figures {
    pub fn read(cgroup: &Directory) -> Self {
        let time = |key| cgroup.entry("cpu.stat", key).map(Duration::from_micros);
        let number = |file| cgroup.read(file).ok()?.trim().parse().ok();
        let io = cgroup.read("io.stat").ok();
        Self {
            user: time("user_usec"),
            system: time("system_usec"),
            throttled: time("throttled_usec"),
            peak_memory: number("memory.peak"),
            peak_pids: number("pids.peak"),
            io_read: io.as_deref().map(|stat| total(stat, "rbytes=")),
            io_written: io.as_deref().map(|stat| total(stat, "wbytes=")),
            oom: cgroup.entry("memory.events", "oom").unwrap_or(0),
            oom_kills: cgroup.entry("memory.events", "oom_kill").unwrap_or(0),
            pids_refused: cgroup.entry("pids.events", "max").unwrap_or(0),
        }
    }
}

/// The sum over all devices: `8:0 rbytes=4096 wbytes=0 rios=1 …`, a line each.
fn total(stat: &str, key: &str) -> u64 {
    let words = stat.split_ascii_whitespace();
    words.filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_all_devices_are_added() {
        let stat = "8:0 rbytes=4096 wbytes=1 rios=1\n254:0 rbytes=10 wbytes=2 dbytes=9\n7:0 \n";
        assert_eq!(total(stat, "rbytes="), 4106);
        assert_eq!(total(stat, "wbytes="), 3);
        assert_eq!(total("", "rbytes="), 0);
    }
}
