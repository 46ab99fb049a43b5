//! So many bytes and operations a second, of one disk.

use crate::support::{Finished, Machine};

pub fn checks(machine: Machine) -> Machine {
    machine
        .check("probe write-direct file 8192 -- read-direct file 8192", |it| {
            rates(it, 4096.0, f64::INFINITY);
        })
        .check("FLAGS='--io .:write=1M'; inside write-direct file 5120", |it| {
            rates(it, 870.0, 1180.0);
        })
        .check(
            "probe write-direct file 8192; FLAGS='--io .:read=1M'; inside read-direct file 5120",
            |it| {
                rates(it, 870.0, f64::INFINITY);
                let text = it.stdout_text();
                let last =
                    text.lines().last().and_then(|line| line.strip_prefix("ok ")?.parse().ok());
                assert!(last.is_some_and(|rate: f64| rate < 1180.0), "{it:?}");
            },
        )
        // 64 KiB each at most; the kernel may make more of them.
        .check("FLAGS='--io .:write-ops=128'; inside write-direct file 4096", |it| {
            rates(it, 100.0, 9216.0);
        })
        // The other direction is free.
        .check("FLAGS='--io .:read=1M'; inside write-direct file 8192", |it| {
            rates(it, 2048.0, f64::INFINITY);
        })
        .check("FLAGS='--io .:write=1M'; reported write-direct file 2048", |it| {
            let written = it.succeeds().reported("/usage/io_written/value").as_u64();
            assert!(written.is_some_and(|written| written >= 2 << 20), "{it:?}");
        })
        // Memory has no disk below.
        .check("FLAGS='--io /tmp:write=1M --tmpfs /tmp'; inside say started; echo $?", |it| {
            it.succeeds();
        })
        .check("FLAGS='--io /proc:write=1M'; inside say started", |it| {
            it.exits(125).outputs("").says("/proc");
        })
        .check("FLAGS='--io ./missing:write=1M'; inside say started", |it| {
            it.exits(125).outputs("").says("missing");
        })
}

/// KiB a second.
fn rates(it: &Finished, least: f64, most: f64) {
    let text = it.succeeds().stdout_text();
    for line in text.lines() {
        let rate: f64 = line.strip_prefix("ok ").and_then(|rate| rate.parse().ok()).unwrap_or(0.0);
        assert!((least..=most).contains(&rate), "{rate} KiB/s\n{it:?}");
    }
}
