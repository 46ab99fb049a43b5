//! What is run when no command is given: a shell, for somebody who sits at a terminal.

use std::ffi::OsString;
use std::io::{IsTerminal, stderr, stdin};
use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::host::Host;
use crate::image::Rootfs;
use crate::plan::{self, Plan};
use crate::profile::{Profile, Root};

/// Every system has it.
const PLAIN: &str = "/bin/sh";

/// Whether there is somebody to talk with, in the way in which shells ask this (POSIX, `sh`). A script
/// with an empty variable in `jail run $COMMAND` must not wait for what nobody will type.
pub fn is_wanted() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Draws the plan of running the caller's shell, or `/bin/sh` where that is not visible inside.
pub fn draw(
    profile: &Profile,
    rootfs: Option<&Rootfs>,
    host: &Host,
) -> Result<Plan, Vec<Diagnostic>> {
    let plain = [OsString::from(PLAIN)];
    let Some(shell) = std::env::var_os("SHELL").filter(|shell| Path::new(shell).is_absolute())
    else {
        return plan::draw(profile, rootfs, host, &plain);
    };
    let root = profile.filesystem.root.as_ref().map(|root| &root.value);
    let is_foreign = !matches!(root, None | Some(Root::Host));
    let plan = plan::draw(profile, rootfs, host, std::slice::from_ref(&shell))?;
    // The caller's shell means nothing in another system.
    if !is_foreign && is_there(&plan, Path::new(&shell)) {
        return Ok(plan);
    }
    let mut plan = plan::draw(profile, rootfs, host, &plain)?;
    if !is_foreign {
        let title =
            format!("your shell `{}` is not visible inside; using {PLAIN}", shell.display());
        plan.notes.push(Diagnostic::note(title));
    }
    Ok(plan)
}

fn is_there(plan: &Plan, shell: &Path) -> bool {
    shell.canonicalize().is_ok_and(|real| plan::is_shown(plan, &real))
}
