//! The command line of pasta(1).

use std::ffi::CString;

use crate::plan::Nat;

/// The arguments, but for those that name the namespaces.
///
/// What is not asked for is switched off by name: without these pasta forwards every port that
/// anybody listens on, in both directions, and lends the gateway's address to the host's loopback
/// interface.
pub fn arguments(nat: &Nat) -> Vec<CString> {
    let mut words: Vec<String> = [
        // It ends when we end it, and says when it is ready by writing its number.
        "--foreground",
        "--no-netns-quit",
        "--pid",
        "/proc/self/fd/1",
        "--quiet",
        // Addresses and routes are set before that; nobody has to ask for them.
        "--config-net",
        "--no-dhcp",
        "--no-dhcpv6",
        "--no-ra",
        "--ns-ifname",
        "eth0",
        "--tcp-ns",
        "none",
        "--udp-ns",
        "none",
        // Ports are published by ourselves.
        "--tcp-ports",
        "none",
        "--udp-ports",
        "none",
    ]
    .map(str::to_owned)
    .into();
    if !nat.host_loopback {
        words.push("--no-map-gw".into());
    }
    if nat.as_root {
        words.extend(["--runas".into(), "0:0".into()]);
    }
    let dns = match nat.resolver {
        // To whom is what pasta reads in /etc/resolv.conf, as we did.
        Some((inside, _)) => ["--dns-forward".into(), inside.to_string()],
        None => ["--dns".into(), "none".into()],
    };
    words.extend(dns);
    words.into_iter().map(|word| CString::new(word).expect("made of ours and numbers")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::AbsolutePath;

    fn line(change: impl FnOnce(&mut Nat)) -> String {
        let mut nat = Nat {
            program: AbsolutePath::root(),
            resolver: None,
            host_loopback: false,
            as_root: false,
        };
        change(&mut nat);
        let words: Vec<_> = arguments(&nat).into_iter().map(|w| w.into_string().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn everything_is_switched_off_that_was_not_asked_for() {
        let line = line(|_| {});
        for part in [
            "--tcp-ports none",
            "--udp-ports none",
            "--tcp-ns none",
            "--udp-ns none",
            "--no-map-gw",
            "--dns none",
        ] {
            assert!(line.contains(part), "{line}");
        }
    }

    #[test]
    fn what_is_asked_for_is_passed_on() {
        let line = line(|nat| {
            nat.resolver = Some(([169, 254, 1, 1].into(), [127, 0, 0, 53].into()));
            nat.host_loopback = true;
            nat.as_root = true;
        });
        assert!(line.contains("--runas 0:0 --dns-forward 169.254.1.1"), "{line}");
        assert!(!line.contains("--no-map-gw"), "{line}");
    }
}
