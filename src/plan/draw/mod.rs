//! A profile and the facts about the host become a [`Plan`].
//!
//! Nothing here touches the system. Everything that is wrong is collected, so that the user
//! sees all of it at once. One file for each subject:
//!
//! - [`root`]: what `/` is made of; [`image`]: what an image says; [`inside`]: where its links lead;
//!   [`builtin`]: what stands below it without being asked for.
//! - [`rules`]: what the profile grants; [`here`]: when `.` is not granted; [`planted`]: links
//!   that a command could have made to be granted more the next time; [`sys`]: below /sys;
//!   [`policy`]: the profile's own files; [`stores`]: our own directories; [`masks`]: what is masked where it shows a second time.
//! - [`tree`]: all mounts by path; [`settle`]: their mount points and links.
//! - the rest of the steps: [`identity`], [`etc`], [`devices`], [`environment`], [`workdir`],
//!   [`landlock`], [`process`], [`network`], [`limits`]; [`kernel`]: what it is too old for; [`overlays`]: where none can be mounted;
//!   [`bare`]: where there are no namespaces at all.

mod allow;
mod bare;
mod builtin;
mod devices;
mod environment;
mod etc;
mod here;
mod identity;
mod image;
mod inside;
mod kernel;
mod landlock;
mod limits;
mod masks;
mod network;
mod overlays;
mod planted;
mod policy;
mod process;
mod root;
mod rules;
mod settle;
mod stores;
mod sys;
#[cfg(test)]
mod tests;
mod tree;
mod workdir;

use std::ffi::OsString;

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host::Host;
use crate::image::Rootfs;
use crate::profile::{NetworkMode, Profile, Protection};

use super::filter::{self, Filter};
use super::{Action, Plan, Step};
use inside::Inside;

/// Draws the plan of running `argv`, or says everything that stands against it. `rootfs` is the image
/// that the profile names, if it names one.
pub fn draw(
    profile: &Profile,
    rootfs: Option<&Rootfs>,
    host: &Host,
    argv: &[OsString],
) -> Result<Plan, Vec<Diagnostic>> {
    let mut drawing = Drawing::new(profile, rootfs, host);
    if let Some(facts) = &host.bare {
        return bare::draw(drawing, facts, argv);
    }
    network::check(&mut drawing);
    let filter = drawing.filter();
    let image = image::draw(&mut drawing);
    let ids = identity::draw(&drawing, &image);
    let root = root::draw(&mut drawing, &ids.value);
    let mut inside = Inside::new((!root.is_own()).then_some(&host.rootfs));
    let mut tree = builtin::draw(&mut drawing, &root, &mut inside);
    let rules = rules::draw(&mut drawing, inside);
    planted::refuse(&mut drawing, &root, &rules.facts);
    tree.extend(rules.tree);
    policy::keep(&drawing, &mut tree);
    stores::hide(&mut drawing, &mut tree);
    sys::hide(&drawing, &mut tree);
    masks::spread(&mut tree, &rules.masks);
    let inside = rules.inside;
    tree.extend(etc::mounts(&drawing, &root, &tree, &inside, &ids.value));
    masks::hide_interfaces(&drawing, &root, &mut tree);
    let settled = settle::settle(&mut drawing, &root, tree);
    kernel::draw(&mut drawing, &root, &settled.tree);
    overlays::refuse_rules(&mut drawing, &settled.tree);
    let home = workdir::home(&drawing, &root, &settled.tree, &inside, &ids.value);
    let place = workdir::Place { root: &root, tree: &settled.tree, inside: &inside, home: &home };
    let (workdir, made) = workdir::draw(&mut drawing, &place, &image, rules.withheld);
    let devices = devices::draw(&mut drawing);
    let environment = environment::draw(&drawing, &home, &ids.value, &image);
    let ruleset = landlock::draw(&mut drawing, &root, &settled.tree, filter.as_ref());
    let descriptors = process::descriptors(&mut drawing);

    let limits = limits::draw(&mut drawing);

    let mut steps = Steps(limits.cgroup.clone());
    let network = network::space(&mut drawing);
    steps.push(Action::Namespaces(network), &drawing.network().origin);
    let etc = etc::files(&drawing, &root, &settled, &ids.value, &home);
    steps.push(Action::Ids(ids.value), &ids.origin);
    steps.push(process::scratch(), &Origin::BuiltIn);
    steps.push(Action::Root(root.source.clone()), &root.origin);
    steps.0.extend(settled.root_links);
    steps.0.extend(etc);
    steps.0.extend(settled.steps);
    steps.0.extend(made);
    steps.push(devices::proc(), &Origin::BuiltIn);
    steps.0.push(devices);
    if root.sealed() {
        steps.push(Action::SealRoot, &root.origin);
    }
    steps.push(Action::Pivot, &Origin::BuiltIn);
    process::isolate(&mut drawing, &mut steps, filter.as_ref(), &limits);
    let search = environment::search(&environment);
    steps.push(Action::Environment(environment), &Origin::BuiltIn);
    steps.push(Action::Workdir(workdir.value), &workdir.origin);
    limits::time(&mut drawing, &mut steps);
    steps.0.extend(ruleset);
    if let Some(filter) = filter {
        steps.push(Action::Seccomp(filter), &drawing.seccomp_origin());
    }
    steps.push(Action::Descriptors { keep: descriptors }, &Origin::BuiltIn);
    let argv = process::command(&mut drawing, argv);
    steps.push(Action::Exec { argv, search }, &Origin::BuiltIn);
    drawing.finish(steps.0)
}

/// A plan in the making: what it is made from, and what there is to say about it.
struct Drawing<'a> {
    profile: &'a Profile,
    /// The image that is the root, if one is.
    rootfs: Option<&'a Rootfs>,
    host: &'a Host,
    errors: Vec<Diagnostic>,
    notes: Vec<Diagnostic>,
    /// Protections that were asked for and are missing, which the profile allows.
    degraded: Vec<Protection>,
}

impl<'a> Drawing<'a> {
    fn new(profile: &'a Profile, rootfs: Option<&'a Rootfs>, host: &'a Host) -> Self {
        Self { profile, rootfs, host, errors: Vec::new(), notes: Vec::new(), degraded: Vec::new() }
    }

    fn network(&self) -> Located<NetworkMode> {
        let default = || Located::new(NetworkMode::None, Origin::BuiltIn);
        self.profile.network.mode.clone().unwrap_or_else(default)
    }

    fn nesting(&self) -> bool {
        self.profile.process.nesting.as_ref().is_some_and(|nesting| nesting.value)
    }

    fn hostname(&self) -> Located<String> {
        let default = || Located::new("jail".to_owned(), Origin::BuiltIn);
        self.profile.process.hostname.clone().unwrap_or_else(default)
    }

    fn degrades(&self, protection: Protection) -> bool {
        self.profile.degrade.iter().any(|degraded| degraded.value == protection)
    }

    fn seccomp_origin(&self) -> Origin {
        self.profile.seccomp.policy.as_ref().map_or(Origin::BuiltIn, |policy| policy.origin.clone())
    }

    fn filter(&mut self) -> Option<Filter> {
        let kept: Vec<_> = self.profile.capabilities.keep.iter().map(|keep| keep.value).collect();
        let request = filter::Request {
            seccomp: &self.profile.seccomp,
            text: self.host.seccomp.as_ref(),
            nesting: self.nesting(),
            kept: &kept,
            release: self.host.kernel.release,
            hugepages: self.profile.limits.hugepages.as_ref(),
            ports: network::limiter(self),
        };
        filter::draw(&request).unwrap_or_else(|errors| {
            self.errors.extend(errors);
            None
        })
    }

    fn finish(self, steps: Vec<Step>) -> Result<Plan, Vec<Diagnostic>> {
        if self.errors.is_empty() {
            Ok(Plan { steps, notes: self.notes, degraded: self.degraded })
        } else {
            Err(self.errors)
        }
    }
}

/// Steps in order.
struct Steps(Vec<Step>);

impl Steps {
    fn push(&mut self, action: Action, origin: &Origin) {
        self.0.push(Step { action, origin: origin.clone() });
    }
}
