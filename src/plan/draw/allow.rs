//! `mode = "allow"`: what may be reached, and who takes it there.

use crate::diagnostic::Diagnostic;
use crate::forward::{RESOLVER, Rules};
use crate::plan::Action;
use crate::profile::{NetworkMode, Target};

use super::{Drawing, Steps};

/// The first ABI of Landlock that knows of TCP ports.
const PORTS: u32 = 4;

/// Adds the steps: the sockets and their server, and one for each entry.
pub(super) fn draw(drawing: &mut Drawing, steps: &mut Steps) {
    let mode = drawing.network();
    if mode.value != NetworkMode::Allow {
        return;
    }
    let allow = &drawing.profile.network.allow;
    // A built-in profile leaves the list to its user, who is told of each refusal.
    if allow.is_empty() && mode.origin.built_in_profile().is_none() {
        let note = Diagnostic::note("nothing may be reached: `[network] allow` is empty");
        drawing.notes.push(note.at(&mode.origin).help("name hosts, or use `mode = \"none\"`"));
    }
    for entry in allow {
        if let Target::Name(name) = &entry.value.target
            && name == "localhost"
        {
            let note = Diagnostic::note(format!("`{}` is the command's own loopback", entry.value));
            let help =
                "name this machine by an address, as `127.0.0.1:PORT`, to reach its loopback";
            drawing.notes.push(note.at(&entry.origin).help(help));
        }
    }
    let abi = drawing.host.kernel.landlock_abi;
    if abi < PORTS {
        let title = "this kernel cannot keep the forwarder to the ports of `allow`";
        let warning = Diagnostic::warning(format!("{title}; continuing without that second wall"));
        let because =
            "its Landlock knows no ports, before Linux 6.7; the forwarder itself keeps to them";
        drawing.notes.push(warning.at(&mode.origin).because(because));
    }
    let upstream = match drawing.host.network.proxy.upstream() {
        Ok(upstream) => upstream,
        Err(error) => return drawing.errors.push(error),
    };
    let rules = Rules::new(allow.iter().map(|entry| entry.value.clone()).collect());
    steps.push(Action::Forward { places: rules.places(), upstream }, &mode.origin);
    for entry in allow {
        steps.push(Action::Allow(entry.value.clone()), &entry.origin);
    }
}

/// What /etc/resolv.conf says.
pub(super) fn resolver() -> Vec<u8> {
    format!("nameserver {RESOLVER}\n").into_bytes()
}
