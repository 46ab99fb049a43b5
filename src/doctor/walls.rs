//! Landlock and the filter: walls that need no namespace, so that they are tried without.

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
};
use nix::errno::Errno;

use crate::diagnostic::errno_cause;
use crate::profile::{Profile, Protection, SeccompPolicy};
use crate::remedy::{Fix, Forbidden, Surroundings};
use crate::script::compile;
use crate::sys::{landlock_abi, no_new_privileges};

use super::child::{SHORT, in_child};
use super::primitive::Primitive;
use super::skeleton;
use super::types::Check;

/// What is lost below each ABI, from the newest on. What a profile cannot do without is refused.
const LEVELS: [(u32, &str); 4] = [
    (6, "signals and abstract unix sockets stay inside by namespaces alone"),
    (5, "ioctl(2) on devices is not kept to anything"),
    (3, "a file behind a read-only descriptor can be truncated"),
    (2, "files cannot be moved from one directory to another"),
];

/// Whether the ruleset of this profile can be had.
pub fn landlock(profile: &Profile) -> Check {
    let name = Primitive::Landlock;
    let is_off = profile.landlock.enabled.as_ref().is_some_and(|enabled| !enabled.value);
    if is_off {
        return Check::not_needed(name);
    }
    let mut small = skeleton::profile();
    small.landlock.enabled = None;
    small.network.mode = profile.network.mode.clone();
    small.network.allow = profile.network.allow.clone();
    small.seccomp.policy = None;
    let said = skeleton::draw(&small).err().unwrap_or_default();
    let said: Vec<_> = said.into_iter().filter(|said| said.title.contains("Landlock")).collect();
    let degrades = profile.degrade.iter().any(|it| it.value == Protection::Landlock);
    if !said.is_empty() {
        let check = Check::refused(name, &said);
        return if degrades { check.degraded("the profile goes on without it") } else { check };
    }
    match in_child(SHORT, enforce_landlock) {
        Ok(0) => {}
        Ok(errno) => return Check::missing(name, errno_cause(Errno::from_raw(errno))),
        Err(lost) => return Check::missing(name, lost.words()),
    }
    of_abi(landlock_abi().unwrap_or(0))
}

fn of_abi(abi: u32) -> Check {
    let lacking: Vec<&str> =
        LEVELS.iter().filter(|(level, _)| abi < *level).map(|(_, lacking)| *lacking).collect();
    let check = Check::ok(Primitive::Landlock, format!("ABI {abi}"));
    if lacking.is_empty() {
        check
    } else {
        check.degraded(lacking.join("; ")).fix(Fix::new("use Linux 6.12 or newer, which has ABI 6"))
    }
}

/// A ruleset that allows nothing, for a process that does nothing any more.
fn enforce_landlock() -> i32 {
    let enforced = || {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))
            .ok()?
            .create()
            .ok()?;
        ruleset.restrict_self().ok()
    };
    match enforced() {
        Some(status) if status.ruleset == RulesetStatus::FullyEnforced => 0,
        Some(_) => Errno::ENOTSUP as i32,
        None => Errno::last_raw(),
    }
}

/// Whether the filter of this profile can be loaded.
pub fn filter(profile: &Profile, surroundings: &Surroundings) -> Check {
    let name = Primitive::Filter;
    if profile.seccomp.policy.as_ref().is_some_and(|it| it.value == SeccompPolicy::Off) {
        return Check::not_needed(name);
    }
    let mut small = skeleton::profile();
    small.seccomp = profile.seccomp.clone();
    let script = match skeleton::draw(&small) {
        Ok(plan) => compile(&plan).map_err(|error| vec![error]),
        Err(said) => Err(said),
    };
    let program = match script {
        Ok(script) => script.payload.seccomp.map(|(_, program)| program),
        Err(said) => return Check::refused(name, &said),
    };
    let Some(program) = program else { return Check::not_needed(name) };
    let load = || {
        if let Err(errno) = no_new_privileges() {
            return errno as i32;
        }
        // The answer is written below the filter: one that refuses even that lets no command run.
        match seccompiler::apply_filter(&program) {
            Ok(()) => 0,
            Err(_) => Errno::last_raw(),
        }
    };
    match in_child(SHORT, load) {
        Ok(0) => Check::ok(name, format!("{} instructions, and no_new_privs", program.len())),
        Ok(errno) => {
            let errno = Errno::from_raw(errno);
            Check::missing(name, errno_cause(errno)).fixes(filter_fixes(errno, surroundings))
        }
        Err(lost) => Check::missing(name, lost.words()),
    }
}

/// A kernel without filters does not know the call; that it may not be made is said by another filter.
fn filter_fixes(errno: Errno, surroundings: &Surroundings) -> Vec<Fix> {
    match errno {
        Errno::EINVAL | Errno::ENOSYS => {
            vec![Fix::new("boot a kernel with CONFIG_SECCOMP_FILTER=y")]
        }
        Errno::EPERM | Errno::EACCES => Forbidden::Filter.fixes(surroundings),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::types::State;

    #[test]
    fn an_old_landlock_is_told_by_what_it_does_not_do() {
        let newest = of_abi(6);
        assert_eq!((newest.state, newest.found.as_str()), (State::Ok, "ABI 6"));
        let oldest = of_abi(1);
        assert_eq!((oldest.state, oldest.found.as_str()), (State::Degraded, "ABI 1"));
        assert_eq!(
            oldest.means.as_deref(),
            Some(
                "signals and abstract unix sockets stay inside by namespaces alone; \
                 ioctl(2) on devices is not kept to anything; \
                 a file behind a read-only descriptor can be truncated; \
                 files cannot be moved from one directory to another"
            )
        );
        assert_eq!(oldest.fixes[0].title, "use Linux 6.12 or newer, which has ABI 6");
        let newer = of_abi(5).means;
        let signals = "signals and abstract unix sockets stay inside by namespaces alone";
        assert_eq!(newer.as_deref(), Some(signals));
    }
}
