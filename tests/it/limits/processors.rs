//! So much processor time a second, and on these processors only.

use crate::support::{Finished, Machine};

pub fn checks(machine: Machine) -> Machine {
    machine
        .check("probe spin 2 2000", |it| {
            assert!(shares(it)[0] > 150.0, "{it:?}");
        })
        .check("FLAGS='--cpus 0.5'; inside spin 2 4000", |it| near(it, 50.0))
        .check("FLAGS='--cpus 150%'; inside spin 3 4000", |it| near(it, 150.0))
        // Each jail has its own.
        .check(
            "FLAGS='--cpus 0.5'; inside spin 1 5000 >../other & inside spin 1 5000; \
             wait; cat ../other",
            |it| {
                assert_eq!(shares(it).len(), 2, "{it:?}");
                near(it, 50.0);
            },
        )
        // All processes of a jail together.
        .check(
            "jail --cpus 0.5 --read /share -- \
             sh -c '/share/probe spin 1 5000 & /share/probe spin 1 5000; wait'",
            |it| {
                let shares = shares(it);
                assert_eq!(shares.len(), 2, "{it:?}");
                close(it, shares.iter().sum(), 50.0);
            },
        )
        .check("FLAGS='--cpus 0.5'; reported spin 2 2000", |it| {
            let throttled = it.succeeds().reported("/usage/throttled/value");
            assert!(throttled.as_f64().is_some_and(|time| time > 0.0), "{it:?}");
        })
        .check("FLAGS='--memory 900M'; reported spin 2 500", |it| {
            let throttled = it.succeeds().reported("/usage/throttled");
            assert!(throttled.is_null() || throttled["value"].as_f64() == Some(0.0), "{it:?}");
        })
}

/// Only where the controller is delegated.
pub fn cpuset(machine: Machine) -> Machine {
    machine
        .check("probe affinity -- set-affinity 0", |it| {
            it.outputs("ok 0,1\nok\n");
        })
        .check("FLAGS='--cpuset 1'; inside affinity -- set-affinity 0", |it| {
            it.refused("EINVAL").output_has("ok 1\n");
        })
        .check("FLAGS='--cpuset 0'; inside spin 2 1000", |it| near(it, 100.0))
        .check("FLAGS='--cpuset 0-1'; inside affinity", |it| {
            it.answers("0,1");
        })
        .check("FLAGS='--cpuset 7'; inside say started", |it| {
            it.exits(125).outputs("").says("processor");
        })
}

/// How many processors each probe got, in hundredths.
fn shares(it: &Finished) -> Vec<f64> {
    let text = it.succeeds().stdout_text();
    let shares = text.lines().filter_map(|line| line.strip_prefix("ok ")?.parse().ok());
    shares.collect()
}

fn near(it: &Finished, wanted: f64) {
    assert!(!shares(it).is_empty(), "{it:?}");
    shares(it).into_iter().for_each(|share| close(it, share, wanted));
}

fn close(it: &Finished, share: f64, wanted: f64) {
    assert!((share - wanted).abs() <= wanted / 10.0, "{share}, not {wanted}\n{it:?}");
}
