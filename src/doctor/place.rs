//! What a run finds around it: the kernel, the terminal, the runtime directory.

use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::plan::{Action, Plan};
use crate::remedy::{Fix, Surroundings};
use crate::run;

use super::primitive::Primitive;
use super::types::{Check, State};

/// Whether the command shares the terminal of its caller.
pub fn terminal(plan: Option<&Plan>) -> Check {
    let name = Primitive::Terminal;
    if !run::has_controlling_terminal() {
        return Check::new(name, State::NotNeeded, "jail was started without one");
    }
    let has_own_session =
        plan.is_some_and(|plan| plan.steps.iter().any(|step| step.action == Action::NewSession));
    if has_own_session {
        Check::ok(name, "kept from the command, which could type on it")
    } else {
        Check::ok(name, "shared with the command, which may not type on it")
    }
}

/// Nothing depends on it but what tells of runs.
pub fn runtime_directory(surroundings: &Surroundings, login: &str) -> Check {
    let name = Primitive::RuntimeDirectory;
    let without = "no program can be told what runs; runs themselves do not need it";
    let variable = std::env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty());
    let found = match &variable {
        None => "XDG_RUNTIME_DIR is not set",
        Some(directory) if access(Path::new(directory), AccessFlags::W_OK).is_err() => {
            "what XDG_RUNTIME_DIR names cannot be written to"
        }
        Some(_) => return Check::ok(name, "can be written to"),
    };
    let check = Check::ok(name, found).degraded(without);
    if !surroundings.systemd {
        return check.fix(Fix::new("set XDG_RUNTIME_DIR to a directory of your own, mode 0700"));
    }
    let linger = format!("loginctl enable-linger {login}");
    check.fix(
        Fix::new("log in by a way that sets it, or have systemd keep it without a login")
            .line(surroundings.as_root(&linger))
            .line("export XDG_RUNTIME_DIR=/run/user/$(id -u)"),
    )
}
