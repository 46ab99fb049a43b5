//! `mode = "allow"`: what may be reached, and who takes it there.

use crate::diagnostic::Diagnostic;
use crate::forward::{RESOLVER, Rules};
use crate::plan::Action;
use crate::profile::{NetworkMode, Target};

use super::{Drawing, Steps};

/// Adds the steps: the sockets and their server, and one for each entry.
pub(super) fn draw(drawing: &mut Drawing, steps: &mut Steps) {
    let mode = drawing.network();
    if mode.value != NetworkMode::Allow {
        return;
    }
    let allow = &drawing.profile.network.allow;
    if allow.is_empty() {
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
