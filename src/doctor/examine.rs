//! All attempts, in the order in which a run needs what they are about.

use std::ffi::OsString;
use std::path::Path;

use nix::errno::Errno;

use crate::diagnostic::Diagnostic;
use crate::host::Host;
use crate::plan::Plan;
use crate::profile::{Profile, Root};
use crate::remedy::{Forbidden, Settings, Surroundings, unmask_proc};

use super::check::BLOCKED;
use super::parts::{self, Bench};
use super::primitive::Primitive;
use super::rehearsal::Stumble;
use super::skeleton::Skeleton;
use super::types::{Check, Findings, Machine, State, VERSION};
use super::{limits, namespaces, place, walls, whole};

/// What is to be found out.
pub struct Question<'a> {
    pub profile: &'a Profile,
    /// The profiles, as they were named.
    pub names: &'a [OsString],
    /// Why the image that is the root cannot be had; or a layer of it, if there is one.
    pub image: Result<Option<&'a Path>, &'a Diagnostic>,
    /// What is known about this machine, if that could be found out.
    pub host: Option<&'a Host>,
    /// The plan as `jail run` would draw it, or all that stands against it.
    pub drawn: Result<Plan, Vec<Diagnostic>>,
    /// The plan without namespaces, if the machine refuses them and the profile has not given them up.
    pub without_namespaces: &'a dyn Fn() -> Option<Plan>,
}

/// What every run needs beside the namespaces, and what is said of it when it works.
const EVERY_RUN: [(Primitive, &str); 8] = [
    (Primitive::IdMap, "one id inside is the caller's"),
    (Primitive::Mounts, "by descriptor, with a root of its own"),
    (Primitive::Proc, "other processes are invisible in it"),
    (Primitive::Dev, "with six devices, and terminals of its own"),
    (Primitive::Loopback, "up in a network of its own"),
    (Primitive::HostName, "set"),
    (Primitive::Keyring, "joined"),
    (Primitive::Privileges, "no capabilities, no_new_privs, limits of each process"),
];

/// Tries everything. This process must be single-threaded.
pub fn examine(question: &Question) -> Findings {
    let (settings, surroundings) = (Settings::read(), Surroundings::look());
    let mut checks = Vec::new();
    checks.extend(kernel(&question.drawn));
    let user = namespaces::user(&settings, &surroundings);
    let user_is_there = user.state == State::Ok;
    checks.push(user);
    let others = namespaces::others(&settings, &surroundings, user_is_there);
    let are_there = others.state == State::Ok;
    checks.push(others);
    let skeleton = match are_there.then(Skeleton::try_it) {
        Some(Ok(skeleton)) => Some(skeleton),
        Some(Err(said)) => {
            checks.push(Check::refused(Primitive::Mounts, &said));
            None
        }
        None => None,
    };
    let because =
        |primitive, stumble: &Stumble| explained(primitive, stumble, &settings, &surroundings);
    checks.extend(every_run(skeleton.as_ref(), because));
    if !question.profile.network.mode.as_ref().is_none_or(|mode| mode.value.is_own()) {
        let loopback = |check: &&mut Check| check.name == Primitive::Loopback;
        checks.iter_mut().filter(loopback).for_each(|it| *it = Check::not_needed(it.name));
    }
    let bench = Bench {
        profile: question.profile,
        skeleton: skeleton.as_ref(),
        surroundings: &surroundings,
    };
    checks.extend(of_the_profile(question, bench));
    for check in checks.iter_mut().filter(|check| check.state == State::Missing) {
        check.means = check.means.take().or_else(|| check.name.means().map(str::to_owned));
    }
    let mut last = whole::whole(&question.drawn, &checks);
    let runs = last.state == State::Ok;
    match runs {
        true => checks.iter_mut().for_each(dispensable),
        false => last = last.fixes(whole::without_namespaces(question.without_namespaces)),
    }
    checks.push(last);
    Findings {
        version: VERSION,
        jail: env!("CARGO_PKG_VERSION").to_owned(),
        profiles: question.names.iter().map(|name| name.to_string_lossy().into_owned()).collect(),
        runs,
        machine: machine(&surroundings),
        checks,
    }
}

/// What is missing cannot be needed by a profile that has been carried out.
fn dispensable(check: &mut Check) {
    if check.state == State::Missing {
        check.state = State::Degraded;
        check.means = Some("these options do without it".to_owned());
    }
}

/// A kernel that is too old has been refused by name.
fn kernel(drawn: &Result<Plan, Vec<Diagnostic>>) -> Option<Check> {
    let said = drawn.as_ref().err()?;
    let old = said.iter().find(|said| said.title.starts_with("this kernel is too old"))?;
    Some(Check::refused(Primitive::Kernel, std::slice::from_ref(old)))
}

/// Until something failed that nothing after it can be tried without.
fn every_run(
    skeleton: Option<&Skeleton>,
    because: impl Fn(Primitive, &Stumble) -> Check,
) -> Vec<Check> {
    let failed = skeleton.map(|skeleton| skeleton.failed.as_slice()).unwrap_or_default();
    let is_known = |primitive| EVERY_RUN.iter().any(|(name, _)| *name == primitive);
    let mut is_open = skeleton.is_some();
    let mut checks: Vec<Check> = Vec::new();
    for (primitive, ok) in EVERY_RUN {
        let stumble = failed.iter().find(|(failed, _)| *failed == primitive);
        checks.push(match stumble {
            Some((_, stumble)) => because(primitive, stumble),
            None if is_open => Check::ok(primitive, ok),
            None => Check::not_tried(primitive, BLOCKED),
        });
        is_open &= stumble.is_none() || primitive.can_be_left_out();
    }
    // What no step could be named for.
    let others = failed.iter().filter(|(primitive, _)| !is_known(*primitive));
    let others = others.map(|(primitive, stumble)| because(*primitive, stumble));
    others.collect::<Vec<_>>().into_iter().chain(checks).collect()
}

/// In the words of whoever knows more than the step that failed.
fn explained(
    primitive: Primitive,
    stumble: &Stumble,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Check {
    let check = Check::failed(primitive, stumble);
    let Some(errno) = stumble.errno() else { return check };
    if primitive == Primitive::Proc && errno == Errno::EPERM {
        return check.only_fixes(unmask_proc(surroundings));
    }
    match Forbidden::inside(errno, settings) {
        Some(forbidden) => Check { found: forbidden.because(errno), ..check }
            .only_fixes(forbidden.fixes(surroundings)),
        None => check,
    }
}

fn of_the_profile(question: &Question, bench: Bench) -> Vec<Check> {
    let profile = question.profile;
    let plan = question.drawn.as_ref().ok();
    let mut checks = vec![
        parts::subordinate_ids(bench),
        parts::overlay(bench, plan, question.image.ok().flatten()),
        walls::landlock(profile),
        walls::filter(profile),
    ];
    checks.extend(limits::controllers(profile, bench.skeleton));
    checks.extend(parts::network(bench));
    checks.push(place::terminal(plan));
    let login = question.host.map_or_else(|| "$USER".to_owned(), |host| host.identity.login());
    checks.push(place::runtime_directory(bench.surroundings, &login));
    checks.push(match question.image {
        Err(said) => Check::refused(Primitive::Image, std::slice::from_ref(said)),
        Ok(_) if is_image(profile) => Check::ok(Primitive::Image, "in the store"),
        Ok(_) => Check::not_needed(Primitive::Image),
    });
    checks
}

fn is_image(profile: &Profile) -> bool {
    profile.filesystem.root.as_ref().is_some_and(|root| matches!(root.value, Root::Image(_)))
}

fn machine(surroundings: &Surroundings) -> Machine {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_os_string());
    Machine {
        kernel: release.unwrap_or_default().to_string_lossy().into_owned(),
        distribution: surroundings.distribution,
        container: surroundings.container,
        runner: surroundings.runner,
    }
}
