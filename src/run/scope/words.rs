//! Why there is no scope, for a person.

use std::time::Duration;

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, errno_cause};
use crate::sys::Change;

use super::answer::{Refusal, Who};
use super::keeper::unit_name;

const TITLE: &str = "cannot get a cgroup for the limits from the user's systemd";

/// What there is to do when the bus or systemd is not there.
const NO_BUS: &str = "log in as this user (with pam_systemd and the package dbus-user-session); \
                      where nobody logs in, run `loginctl enable-linger` once";
const STATUS: &str = "see `systemctl --user status`";

/// What the keeper was told, or found out.
pub fn refused(bus: &str, id: &str, refusal: &Refusal) -> Diagnostic {
    let (because, help) = reason(bus, id, refusal);
    error(because).help(help)
}

/// The keeper said nothing in time.
pub fn silence(bus: &str, limit: Duration) -> Diagnostic {
    error(format!("no answer by way of `{bus}` within {} s [ETIMEDOUT]", limit.as_secs()))
        .help(format!("{STATUS}: it may hang, or have many jobs to do"))
}

/// The keeper ended without a word.
pub fn keeper_died(how: Option<Change>) -> Diagnostic {
    let how = match how {
        Some(Change::Signaled(signal)) => format!("was killed by signal {signal}"),
        Some(Change::Exited(status)) => format!("ended with status {status}"),
        Some(Change::Stopped | Change::Continued) | None => "is gone".into(),
    };
    error(format!("the process that asks for it {how}"))
        .help("if you did not end it, look for its end in `journalctl`")
}

/// There is no keeper: a call of the supervisor failed.
pub fn no_keeper(call: &str, errno: Errno) -> Diagnostic {
    error(format!("{call}: {}", errno_cause(errno)))
}

fn error(because: String) -> Diagnostic {
    Diagnostic::error(TITLE).because(because)
}

/// The cause and what to do about it.
fn reason(bus: &str, id: &str, refusal: &Refusal) -> (String, String) {
    match refusal {
        Refusal::Address(words) => (
            format!("`{bus}` is no address of a D-Bus socket: {words}"),
            "unset DBUS_SESSION_BUS_ADDRESS, or set it to `unix:path=/run/user/UID/bus`".into(),
        ),
        Refusal::Connect(errno) => (
            format!("no D-Bus answers at `{bus}`: {}", errno_cause(Errno::from_raw(*errno))),
            NO_BUS.into(),
        ),
        Refusal::Authentication(words) => (
            format!("the D-Bus at `{bus}` does not let this process in: {words}"),
            "the bus must be that of the user who runs jail: compare `id -u` with the owner \
             of the socket"
                .into(),
        ),
        Refusal::OtherNumbers => (
            format!("the D-Bus at `{bus}` counts processes in another pid namespace"),
            "run jail outside of the container, or delegate a cgroup to it".into(),
        ),
        Refusal::Error { name, words } => of_systemd(id, name, words),
        Refusal::Job(result) => (
            format!("systemd could not start `{}`: its job ended as `{result}`", unit_name(id)),
            "see `journalctl --user -n 20`".into(),
        ),
        Refusal::Broken(words) => {
            (format!("the talk with systemd by way of `{bus}` broke off: {words}"), STATUS.into())
        }
        Refusal::Elsewhere { who, cgroup } => elsewhere(id, *who, cgroup),
        Refusal::Kernel { call, errno } => (
            format!("{call}: {}", errno_cause(Errno::from_raw(*errno))),
            "cgroup v2 must be there, and /proc readable".into(),
        ),
    }
}

/// An answer that is an error of D-Bus, in the words of whoever gave it.
fn of_systemd(id: &str, name: &str, words: &str) -> (String, String) {
    let said = if words.is_empty() { name.to_string() } else { format!("{words} [{name}]") };
    let error = name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name);
    let their_bus = "use the bus of the user's systemd, `unix:path=/run/user/UID/bus`, in \
                     DBUS_SESSION_BUS_ADDRESS";
    match error {
        "ServiceUnknown" | "NameHasNoOwner" => {
            (format!("no systemd is on that D-Bus: {said}"), their_bus.into())
        }
        // The bus tried to start one by a file that says that it cannot be started so.
        _ if error.starts_with("Spawn.") => (
            format!("no systemd is on that D-Bus, and none can be started: {said}"),
            their_bus.into(),
        ),
        // That of the whole machine, most likely.
        "AccessDenied" | "InteractiveAuthorizationRequired" => {
            (format!("systemd refuses `{}`: {said}", unit_name(id)), their_bus.into())
        }
        _ => (format!("systemd refuses `{}`: {said}", unit_name(id)), STATUS.into()),
    }
}

fn elsewhere(id: &str, who: Who, cgroup: &str) -> (String, String) {
    let unit = unit_name(id);
    match who {
        Who::Keeper => (
            format!("systemd made `{unit}`, but what was to be in it is in `{cgroup}`"),
            "in a container, delegate a cgroup to it; else cgroup v2 must be mounted at \
             /sys/fs/cgroup"
                .into(),
        ),
        Who::Member => (
            format!("systemd made `{unit}`, but did not move all into it: one is in `{cgroup}`"),
            "see `journalctl --user -n 20`; if init was killed meanwhile, run it again".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    const BUS: &str = "unix:path=/run/user/1000/bus";

    #[test]
    fn every_refusal_says_why_and_what_to_do() {
        let error = |name: &str, words: &str| Refusal::Error {
            name: format!("org.freedesktop.{name}"),
            words: words.into(),
        };
        let elsewhere = |who| Refusal::Elsewhere { who, cgroup: "/user.slice/x.scope".into() };
        let refusals = [
            Refusal::Address("it is empty".into()),
            Refusal::Connect(Errno::ENOENT as i32),
            Refusal::Authentication("EXTERNAL rejected".into()),
            Refusal::OtherNumbers,
            error("DBus.Error.ServiceUnknown", "The name is not activatable"),
            error("DBus.Error.Spawn.ChildExited", "Process exited with status 1"),
            error("systemd1.UnitExists", "Unit jail-a1.scope was already loaded"),
            error("DBus.Error.AccessDenied", ""),
            Refusal::Job("failed".into()),
            Refusal::Broken("the bus hung up".into()),
            elsewhere(Who::Keeper),
            elsewhere(Who::Member),
            Refusal::Kernel { call: "prctl".into(), errno: Errno::EPERM as i32 },
        ];
        let said: Vec<_> =
            refusals.iter().map(|refusal| text(&refused(BUS, "a1", refusal))).collect();
        snapbox::assert_data_eq!(
            said.join("\n"),
            snapbox::str![[r#"
`unix:path=/run/user/1000/bus` is no address of a D-Bus socket: it is empty
    unset DBUS_SESSION_BUS_ADDRESS, or set it to `unix:path=/run/user/UID/bus`
no D-Bus answers at `unix:path=/run/user/1000/bus`: no such file or directory [ENOENT]
    log in as this user (with pam_systemd and the package dbus-user-session); where nobody logs in, run `loginctl enable-linger` once
the D-Bus at `unix:path=/run/user/1000/bus` does not let this process in: EXTERNAL rejected
    the bus must be that of the user who runs jail: compare `id -u` with the owner of the socket
the D-Bus at `unix:path=/run/user/1000/bus` counts processes in another pid namespace
    run jail outside of the container, or delegate a cgroup to it
no systemd is on that D-Bus: The name is not activatable [org.freedesktop.DBus.Error.ServiceUnknown]
    use the bus of the user's systemd, `unix:path=/run/user/UID/bus`, in DBUS_SESSION_BUS_ADDRESS
no systemd is on that D-Bus, and none can be started: Process exited with status 1 [org.freedesktop.DBus.Error.Spawn.ChildExited]
    use the bus of the user's systemd, `unix:path=/run/user/UID/bus`, in DBUS_SESSION_BUS_ADDRESS
systemd refuses `jail-a1.scope`: Unit jail-a1.scope was already loaded [org.freedesktop.systemd1.UnitExists]
    see `systemctl --user status`
systemd refuses `jail-a1.scope`: org.freedesktop.DBus.Error.AccessDenied
    use the bus of the user's systemd, `unix:path=/run/user/UID/bus`, in DBUS_SESSION_BUS_ADDRESS
systemd could not start `jail-a1.scope`: its job ended as `failed`
    see `journalctl --user -n 20`
the talk with systemd by way of `unix:path=/run/user/1000/bus` broke off: the bus hung up
    see `systemctl --user status`
systemd made `jail-a1.scope`, but what was to be in it is in `/user.slice/x.scope`
    in a container, delegate a cgroup to it; else cgroup v2 must be mounted at /sys/fs/cgroup
systemd made `jail-a1.scope`, but did not move all into it: one is in `/user.slice/x.scope`
    see `journalctl --user -n 20`; if init was killed meanwhile, run it again
prctl: operation not permitted [EPERM]
    cgroup v2 must be there, and /proc readable
"#]]
        );
    }

    #[test]
    fn so_do_the_failures_of_the_keeper() {
        let said = [
            silence(BUS, Duration::from_secs(25)),
            keeper_died(Some(Change::Signaled(9))),
            keeper_died(Some(Change::Exited(101))),
            keeper_died(None),
            no_keeper("fork", Errno::EAGAIN),
        ];
        let said: Vec<_> = said.iter().map(text).collect();
        assert_data_eq!(
            said.join("\n"),
            str![[r#"
no answer by way of `unix:path=/run/user/1000/bus` within 25 s [ETIMEDOUT]
    see `systemctl --user status`: it may hang, or have many jobs to do
the process that asks for it was killed by signal 9
    if you did not end it, look for its end in `journalctl`
the process that asks for it ended with status 101
    if you did not end it, look for its end in `journalctl`
the process that asks for it is gone
    if you did not end it, look for its end in `journalctl`
fork: try again [EAGAIN]
    
"#]]
        );
    }

    /// Without the title, which is always the same.
    fn text(diagnostic: &Diagnostic) -> String {
        let title = "cannot get a cgroup for the limits from the user's systemd";
        assert_eq!(diagnostic.title, title);
        let because = diagnostic.because.as_deref().unwrap_or("?");
        format!("{because}\n    {}", diagnostic.help.join("\n    "))
    }
}
