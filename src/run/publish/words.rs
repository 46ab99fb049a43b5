//! What a person reads when a port cannot be published.

use std::time::Duration;

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::profile::{Publish, Transport};
use crate::run::explain::LOOK_FOR_ITS_END;

/// The place cannot be listened at.
pub fn refused(publish: &Publish, errno: Errno) -> Diagnostic {
    let error = Diagnostic::error(format!("cannot publish `{publish}`")).because(format!(
        "{}: {}",
        publish.outside,
        errno_cause(errno)
    ));
    match (errno, publish.transport) {
        (Errno::EADDRINUSE, Transport::Tcp) => error.help("`ss -ltnp` says which program has it"),
        (Errno::EADDRINUSE, Transport::Udp) => error.help("`ss -lunp` says which program has it"),
        (Errno::EADDRNOTAVAIL, _) => {
            error.help("`ip address` says which addresses this machine has")
        }
        (Errno::EACCES, _) => error.help(
            "ports below net.ipv4.ip_unprivileged_port_start, as a rule 1024, are root's: choose a higher one",
        ),
        _ => error,
    }
}

/// The process that passes connections on could not be made.
pub fn failed(call: &str, errno: Errno) -> Diagnostic {
    Diagnostic::error("cannot publish the ports of the sandbox")
        .because(format!("{call}: {}", errno_cause(errno)))
}

/// It has not said that it is ready.
pub fn silence(limit: Duration) -> Diagnostic {
    Diagnostic::error("cannot publish the ports of the sandbox")
        .because(format!("the process that does it was not ready within {} s", limit.as_secs()))
        .help("see whether the machine is overloaded, and try again")
}

/// It ended without a word.
pub fn gone() -> Diagnostic {
    Diagnostic::error("cannot publish the ports of the sandbox")
        .because("the process that does it was killed")
        .help(LOOK_FOR_ITS_END)
}

/// It had ended when the command did.
pub fn lost() -> Diagnostic {
    Diagnostic::warning("the process that published ports ended before the command did")
        .because("from then on nobody outside could connect")
}
