//! The same profile where this machine refuses namespaces.
//!
//! Nothing can be mounted, so nothing can be put in the place of anything: what is granted is
//! granted where it is, and the rest is refused by Landlock. What Landlock has no say in, a filter
//! refuses, or has init do. [`express`] says what of the files cannot be had so, [`lacking`] what
//! else cannot.

mod express;
mod lacking;

use std::ffi::OsString;

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, Origin};
use crate::host::{Bare, FileKind, system};
use crate::plan::filter::bare;
use crate::plan::{Access, Action, LandlockRule, Mount, Plan, Ruleset, Subject};
use crate::profile::{NetworkMode, Protection};
use crate::units::AbsolutePath;

use super::image::Settings;
use super::inside::Inside;
use super::root::RootPlan;
use super::rules::Rules;
use super::tree::{Placement, Rank, Tree};
use super::{
    Drawing, Steps, builtin, devices, environment, identity, landlock, limits, masks, network,
    planted, policy, process, rules, stores, sys, workdir,
};

/// Where the command has what is its own.
struct Own {
    home: AbsolutePath,
    temporary: AbsolutePath,
}

/// Draws the plan without namespaces, or says what stands against that.
pub(super) fn draw(
    mut drawing: Drawing,
    facts: &Bare,
    argv: &[OsString],
) -> Result<Plan, Vec<Diagnostic>> {
    let own = Own { home: facts.place.join("home"), temporary: facts.place.join("tmp") };
    announce(&mut drawing, facts, &own);
    network::check(&mut drawing);
    lacking::refuse(&mut drawing);
    let root = RootPlan::of_the_host();
    let (granted, withheld) = granted(&mut drawing, &root);
    keep_apart(&mut drawing, &granted, &facts.place);
    let inside = Inside::new(None);
    let place = workdir::Place { root: &root, tree: &granted, inside: &inside, home: &own.home };
    let image = Settings::default();
    let (workdir, _) = workdir::draw(&mut drawing, &place, &image, withheld);
    let filter = drawing.filter();
    let devices = devices::draw(&mut drawing);
    let ruleset = ruleset(&drawing, &granted, &own, &devices.action);
    let descriptors = process::descriptors(&mut drawing);
    let limits = limits::draw(&mut drawing);

    let mut steps = Steps(limits.cgroup.clone());
    let built_in = Origin::BuiltIn;
    let origin = origin(&drawing);
    steps.push(Action::Domain { errno: facts.errno }, &origin);
    let directories = vec![own.home.clone(), own.temporary.clone()];
    let links = links(&drawing, &granted, &own);
    steps.push(Action::Place { path: facts.place.clone(), directories, links }, &origin);
    process::hold(&mut drawing, &mut steps, filter.as_ref(), &limits);
    let environment = environment(&mut drawing, &own, &image);
    let search = environment::search(&environment);
    steps.push(Action::Environment(environment), &built_in);
    steps.push(Action::Workdir(workdir.value), &workdir.origin);
    limits::time(&mut drawing, &mut steps);
    steps.push(Action::Landlock(ruleset), &landlock::origin(&drawing));
    let shares = !drawing.network().value.is_own();
    let writable = writable(&granted).chain([own.home, own.temporary]).collect();
    steps.push(Action::Attend { filter: bare(shares), writable }, &origin);
    if let Some(filter) = filter {
        steps.push(Action::Seccomp(filter), &drawing.seccomp_origin());
    }
    steps.push(Action::Descriptors { keep: descriptors }, &built_in);
    let argv = process::command(&mut drawing, argv);
    steps.push(Action::Exec { argv, search }, &built_in);
    drawing.finish(steps.0)
}

/// Who allows to do without.
fn origin(drawing: &Drawing) -> Origin {
    let all = &drawing.profile.degrade;
    let namespaces = all.iter().find(|it| it.value == Protection::Namespaces);
    namespaces.map_or(Origin::BuiltIn, |it| it.origin.clone())
}

fn announce(drawing: &mut Drawing, facts: &Bare, own: &Own) {
    let errno = Errno::from_raw(facts.errno);
    let title = "this machine refuses namespaces; continuing with Landlock, a system call filter \
                 and limits alone";
    let warning = Diagnostic::warning(title)
        .because(format!("{} [{errno:?}]", errno.desc().to_lowercase()))
        .help(format!("the command's home is `{}`, and its TMPDIR `{}`", own.home, own.temporary))
        .help(
            "it reaches no /tmp, no unix socket and little of /proc; names, sizes and times of \
             files it can see",
        );
    drawing.notes.push(warning);
    drawing.degraded.push(Protection::Namespaces);
}

/// What of the host is granted, and whether `.` is not.
fn granted(drawing: &mut Drawing, root: &RootPlan) -> (Tree, bool) {
    let mut inside = Inside::new(None);
    let mut tree = builtin::draw(drawing, root, &mut inside);
    tree.extend(shown(drawing));
    let Rules { tree: ruled, masks, facts, withheld, .. } = rules::draw(drawing, inside);
    planted::refuse(drawing, root, &facts);
    tree.extend(ruled);
    policy::keep(drawing, &mut tree);
    stores::hide(drawing, &mut tree);
    sys::hide(drawing, &mut tree);
    masks::spread(&mut tree, &masks);
    masks::hide_interfaces(drawing, root, &mut tree);
    (express::express(drawing, tree), withheld)
}

/// Beside those of this run are those of others, which a grant above would show.
fn keep_apart(drawing: &mut Drawing, granted: &Tree, place: &AbsolutePath) {
    let Some((above, grant)) = granted.iter().find(|(path, _)| path.contains(place)) else {
        return;
    };
    let title = "cannot keep the private directories of other runs from the command";
    let error = Diagnostic::error(title)
        .at(&grant.origin)
        .because(format!("`{above}` is granted, and they are in it"))
        .help("set XDG_RUNTIME_DIR or TMPDIR to a directory that is not granted");
    drawing.errors.push(error);
}

/// Files for which a sandbox with mounts has its own.
fn shown(drawing: &Drawing) -> Tree {
    let facts = system::BARE.iter().filter_map(AbsolutePath::new).map(|it| drawing.host.fact(&it));
    let files = facts.filter(|fact| fact.kind == FileKind::File);
    let placed = files.map(|fact| {
        let from = fact.canonical.clone();
        let mount = Mount::Bind { from, write: false, directory: false };
        let (origin, kind, links) = (Origin::BuiltIn, fact.kind, Vec::new());
        (fact.canonical, Placement { mount, origin, kind, links, rank: Rank::BuiltIn })
    });
    placed.collect()
}

/// What is granted of the caller's home, in the command's: programs look there for it.
fn links(drawing: &Drawing, granted: &Tree, own: &Own) -> Vec<(AbsolutePath, AbsolutePath)> {
    let Some(home) = &drawing.host.identity.home else { return Vec::new() };
    let mut links: Vec<(AbsolutePath, AbsolutePath)> = Vec::new();
    for path in granted.keys() {
        let Ok(rest) = path.as_path().strip_prefix(home) else { continue };
        // It is seen by the link above it.
        let is_seen = links.iter().any(|(_, above)| above.contains(path));
        if !rest.as_os_str().is_empty() && !is_seen {
            links.push((own.home.join(rest), path.clone()));
        }
    }
    links
}

/// Programs that name /tmp themselves find it closed; most ask.
fn environment(drawing: &mut Drawing, own: &Own, image: &Settings) -> Vec<(OsString, OsString)> {
    let ids = identity::draw(drawing, image);
    let mut environment = environment::draw(drawing, &own.home, &ids.value, image);
    for name in ["TMPDIR", "TMP", "TEMP"] {
        let is_set = drawing.profile.env.set.keys().any(|set| set == name);
        if !is_set {
            environment.retain(|(known, _)| known != name);
            environment.push((name.into(), own.temporary.as_path().into()));
        }
    }
    environment.sort();
    environment
}

fn writable(granted: &Tree) -> impl Iterator<Item = AbsolutePath> {
    let writable =
        granted.iter().filter(|(_, it)| matches!(it.mount, Mount::Bind { write: true, .. }));
    writable.map(|(path, _)| path.clone())
}

fn ruleset(drawing: &Drawing, granted: &Tree, own: &Own, devices: &Action) -> Ruleset {
    let rule = |path: &AbsolutePath, access| {
        let subject = Subject::Path(path.clone());
        LandlockRule { subject, access }
    };
    let mut rules: Vec<LandlockRule> = granted
        .iter()
        .map(|(path, placement)| match placement.mount {
            Mount::Bind { write: true, .. } => rule(path, Access::Write),
            _ => rule(path, Access::Read),
        })
        .collect();
    rules.extend([&own.home, &own.temporary].map(|path| rule(path, Access::Write)));
    if let Action::Dev { devices } = devices {
        rules.extend(devices.iter().map(|path| rule(path, Access::ReadWrite)));
    }
    rules.extend(landlock::descriptors(drawing));
    let ports = match drawing.network().value {
        // The filter lets no socket be made; this is the second wall.
        NetworkMode::None => Some(Vec::new()),
        _ => network::ports(drawing),
    };
    Ruleset { abi: drawing.host.kernel.landlock_abi, rules, scoped: true, ports }
}
