//! Limits as the kernel takes them.

use nix::sys::resource::RLIM_INFINITY;

use crate::plan::Limit;
use crate::profile::{Bounds, Cap, Rlimit as Named};

use super::types::{Rlimit, Setting};

/// The length of time over which cpu.max counts, in microseconds: the kernel's own default.
const CPU_PERIOD: u64 = 100_000;

/// The file of the cgroup, and what to write (Documentation/admin-guide/cgroup-v2.rst).
pub fn setting(step: u16, limit: &Limit) -> Setting {
    let (file, text) = match limit {
        Limit::Memory(size) => ("memory.max", size.0.to_string()),
        Limit::Swap(size) => ("memory.swap.max", size.0.to_string()),
        Limit::Cpus(cpus) => {
            let quota = u64::from(cpus.0) * CPU_PERIOD / 1000;
            ("cpu.max", format!("{quota} {CPU_PERIOD}"))
        }
        Limit::Cpuset(cpus) => ("cpuset.cpus", cpus.to_string()),
        // Init is one more.
        Limit::Pids(count) => ("pids.max", (u64::from(*count) + 1).to_string()),
        Limit::Io { device: (major, minor), read, write, read_ops, write_ops } => {
            let rate = |rate: Option<u64>| rate.map_or("max".to_owned(), |rate| rate.to_string());
            let text = format!(
                "{major}:{minor} rbps={} wbps={} riops={} wiops={}",
                rate(read.map(|size| size.0)),
                rate(write.map(|size| size.0)),
                rate(*read_ops),
                rate(*write_ops),
            );
            ("io.max", text)
        }
    };
    Setting { step, file, text }
}

/// What setrlimit(2) takes.
pub fn rlimit(step: u16, resource: Named, bounds: Bounds) -> Rlimit {
    let number = |bound: Cap<u64>| bound.at().unwrap_or(RLIM_INFINITY);
    let resource = resource.resource();
    Rlimit { step, resource, soft: number(bounds.soft), hard: number(bounds.hard) }
}
