//! The caller's own systemd: is there one to ask, and for what?

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::mounts::Mount;
use super::{Systemd, read_controllers};

/// Looks for the bus of the caller's login, and for what the manager on it has.
pub fn survey(
    booted: bool,
    uid: u32,
    environment: &BTreeMap<OsString, OsString>,
    unified: Option<&Mount>,
) -> Systemd {
    if !booted {
        return Systemd::Absent;
    }
    let Some(address) = address(uid, environment) else { return Systemd::NoBus };
    let controllers = unified.and_then(|mount| {
        let directory = mount.point.join(manager_of(uid));
        directory.as_path().is_dir().then(|| read_controllers(&directory, "cgroup.controllers"))
    });
    Systemd::Bus { address, controllers }
}

/// Where the manager of this user makes scopes, below the mount of cgroups (systemd.special(7)).
pub fn scopes_of(uid: u32) -> String {
    format!("{}/app.slice", manager_of(uid))
}

fn manager_of(uid: u32) -> String {
    format!("user.slice/user-{uid}.slice/user@{uid}.service")
}

/// As sd_bus_open_user(3): what the environment says, else the socket in the runtime directory.
fn address(uid: u32, environment: &BTreeMap<OsString, OsString>) -> Option<String> {
    let variable = |name: &str| environment.get(OsStr::new(name)).filter(|value| !value.is_empty());
    if let Some(address) = variable("DBUS_SESSION_BUS_ADDRESS") {
        return address.to_str().map(str::to_owned);
    }
    let runtime =
        variable("XDG_RUNTIME_DIR").map_or_else(|| format!("/run/user/{uid}").into(), Clone::clone);
    let socket = Path::new(&runtime).join("bus");
    // A path with other characters would have to be escaped in an address; none is made so.
    let plain = |text: &&str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte))
    };
    socket
        .exists()
        .then(|| socket.to_str().filter(plain).map(|path| format!("unix:path={path}")))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Option<String> {
        let environment =
            variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        address(4_000_000, &environment)
    }

    #[test]
    fn the_bus_is_where_the_environment_says() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let runtime = ("XDG_RUNTIME_DIR", path);
        assert_eq!(found(&[runtime]), None);
        assert_eq!(found(&[]), None);
        std::fs::write(directory.path().join("bus"), "").unwrap();
        assert_eq!(found(&[runtime]), Some(format!("unix:path={path}/bus")));
        let bus = ("DBUS_SESSION_BUS_ADDRESS", "unix:abstract=x");
        assert_eq!(found(&[bus, runtime]).as_deref(), Some("unix:abstract=x"));
        assert_eq!(found(&[("DBUS_SESSION_BUS_ADDRESS", ""), runtime]), found(&[runtime]));
    }
}
