//! What only some profiles need, each by itself on the skeleton: more ids, overlays, networks, ports.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, Located, Origin, cause};
use crate::host::overlays::{errno_of_a_removal, errno_of_an_overlay};
use crate::plan::{Action, Mount, Plan, RootSource};
use crate::profile::{Grant, Ids, NetworkMode, Profile, Protection, Root, RootMode};
use crate::remedy::{Fix, Surroundings, install, load_module};
use crate::units::AbsolutePath;

use super::check::BLOCKED;
use super::child::{LONG, SHORT, in_child};
use super::primitive::Primitive;
use super::rehearsal::{rehearse, without};
use super::skeleton::{self, Skeleton};
use super::types::{Check, State};

/// What parts are tried on.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    pub profile: &'a Profile,
    pub skeleton: Option<&'a Skeleton>,
    pub surroundings: &'a Surroundings,
}

impl Bench<'_> {
    fn is_blocked(&self) -> bool {
        self.skeleton.is_none_or(|skeleton| skeleton.is_blocked)
    }

    /// A small profile, planned and rehearsed.
    fn try_part(&self, name: Primitive, profile: &Profile, ok: &str, limit: Duration) -> Check {
        let plan = match skeleton::draw(profile) {
            Ok(plan) => plan,
            Err(said) => return self.refused(name, &said),
        };
        let Some(skeleton) = self.skeleton.filter(|_| !self.is_blocked()) else {
            return Check::not_tried(name, BLOCKED);
        };
        match rehearse(&without(&plan, &skeleton.left_out()), limit) {
            None => Check::ok(name, ok),
            Some(stumble) => Check::failed(name, &stumble),
        }
    }

    /// A program that is missing is installed by a command of this distribution.
    fn refused(&self, name: Primitive, said: &[Diagnostic]) -> Check {
        let mut check = Check::refused(name, said);
        let programs = ["newuidmap", "newgidmap", "pasta"];
        let is_missing = |program: &&&str| {
            said.iter().any(|said| said.title.ends_with(&format!("no program `{program}`")))
        };
        let installed = programs.iter().filter(is_missing).map(|it| install(it, self.surroundings));
        // One package has both programs for ids.
        let mut fixes: Vec<Fix> = installed.collect();
        fixes.dedup_by(|one, other| one.lines == other.lines);
        if !fixes.is_empty() {
            check.fixes.retain(|fix| !fix.title.starts_with("install the package"));
        }
        check.fixes(fixes)
    }
}

/// A range of ids, by the programs that map it.
pub fn subordinate_ids(bench: Bench) -> Check {
    let name = Primitive::SubordinateIds;
    let wanted = bench.profile.process.ids.as_ref().map_or(Ids::Single, |ids| ids.value);
    if wanted == Ids::Single {
        return Check::not_needed(name);
    }
    let mut profile = skeleton::profile();
    // Whatever is missing is an error then, and has words.
    profile.process.ids = Some(Located::new(Ids::Subuid, Origin::BuiltIn));
    profile.process.user = bench.profile.process.user.clone();
    let check = bench.try_part(name, &profile, "a range of ids, mapped by newuidmap", LONG);
    match check.state {
        State::Missing if wanted == Ids::Auto => {
            check.degraded("with `ids = \"auto\"` there is one id inside instead")
        }
        _ => check,
    }
}

/// Overlays of what this profile lays them over.
pub fn overlay(bench: Bench, plan: Option<&Plan>, image: Option<&Path>) -> Check {
    let name = Primitive::Overlay;
    let filesystem = &bench.profile.filesystem;
    let root = filesystem.root.as_ref().map(|root| &root.value);
    let over_root = filesystem.root_mode.as_ref().is_some_and(|it| it.value == RootMode::Overlay);
    let is_overlay = |grant: &Grant| matches!(grant, Grant::Overlay);
    let by_rules = filesystem.rules.iter().any(|rule| is_overlay(&rule.value.grant));
    if !by_rules && !over_root && !matches!(root, Some(Root::Image(_))) {
        return Check::not_needed(name);
    }
    if bench.is_blocked() {
        return Check::not_tried(name, BLOCKED);
    }
    let lowers = lowers(plan, image);
    for lower in &lowers {
        let attempt = || errno_of_an_overlay(lower.as_path()).unwrap_or(0);
        let errno = match in_child(SHORT, attempt) {
            Ok(0) => continue,
            Ok(errno) => Errno::from_raw(errno),
            Err(lost) => return Check::missing(name, lost.words()),
        };
        let check = Check::missing(name, refusal(errno, lower))
            .fixes(overlay_fixes(errno, bench.surroundings));
        return if by_rules { check } else { with_a_copy(check, bench.profile) };
    }
    match in_child(SHORT, || errno_of_a_removal().unwrap_or(0)) {
        Ok(0) => Check::ok(name, "mounted, and a directory removed in one"),
        Ok(errno) => without_removal(Errno::from_raw(errno)),
        Err(lost) => Check::missing(name, lost.words()),
    }
}

/// The root of an image can be copied instead, which a profile has to allow.
fn with_a_copy(check: Check, profile: &Profile) -> Check {
    if profile.degrade.iter().any(|it| it.value == Protection::Overlay) {
        check.degraded("the profile goes on with a private copy of the image")
    } else {
        check
    }
}

fn without_removal(errno: Errno) -> Check {
    Check::ok(Primitive::Overlay, "mounted")
        .degraded(format!(
            "directories of the lower layer cannot be removed or renamed inside [{errno:?}]: this \
             kernel's tmpfs takes no user.* attributes"
        ))
        .fix(Fix::new("use Linux 6.6 or newer"))
}

/// Those of the plan, or else what stands for them.
fn lowers(plan: Option<&Plan>, image: Option<&Path>) -> Vec<AbsolutePath> {
    let steps = plan.map(|plan| plan.steps.as_slice()).unwrap_or_default();
    let planned = steps.iter().filter_map(|step| match &step.action {
        Action::Mount { mount: Mount::Overlay { lower }, .. }
        | Action::Root(RootSource::Overlay { lower }) => Some(lower.clone()),
        _ => None,
    });
    let mut lowers: Vec<AbsolutePath> = planned.chain(image.and_then(AbsolutePath::new)).collect();
    if lowers.is_empty() {
        lowers.extend(AbsolutePath::new("/usr"));
    }
    lowers
}

fn refusal(errno: Errno, lower: &AbsolutePath) -> String {
    match errno {
        Errno::ENODEV => "this kernel has no overlayfs, or not its module [ENODEV]".to_owned(),
        Errno::EPERM | Errno::EACCES => format!("overlays without root are forbidden [{errno:?}]"),
        _ => format!("overlayfs does not take the file system of `{lower}` [{errno:?}]"),
    }
}

fn overlay_fixes(errno: Errno, surroundings: &Surroundings) -> Vec<Fix> {
    match errno {
        Errno::ENODEV => vec![load_module("overlay", surroundings)],
        Errno::EPERM | Errno::EACCES => vec![Fix::new(
            "see which security module forbids them to all but root: dmesg | grep -i -e denied -e audit",
        )],
        _ => vec![Fix::new(
            "have what is below on a file system that overlays can read, such as ext4, xfs or btrfs, \
             and on no overlay over another",
        )],
    }
}

/// Who connects the sandbox with a network, and what it needs: a check for each.
pub fn network(bench: Bench) -> Vec<Check> {
    let none = NetworkMode::None;
    let mode = bench.profile.network.mode.as_ref().map_or(&none, |mode| &mode.value);
    let with = |mode: NetworkMode| {
        let mut profile = skeleton::profile();
        profile.network.mode = Some(Located::new(mode, Origin::BuiltIn));
        profile
    };
    let mut checks = Vec::new();
    if *mode == NetworkMode::Nat {
        let (pasta, tun) = (Primitive::Pasta, tun(bench));
        // One cause is enough.
        checks.push(match tun.state {
            State::Missing => Check::not_tried(pasta, "it needs /dev/net/tun"),
            _ => bench.try_part(pasta, &with(NetworkMode::Nat), "connected, by pasta", LONG),
        });
        checks.push(tun);
    } else {
        checks.push(Check::not_needed(Primitive::Pasta));
        checks.push(Check::not_needed(Primitive::Tun));
    }
    checks.push(if *mode == NetworkMode::Allow {
        let mut profile = with(NetworkMode::Allow);
        profile.network.allow = bench.profile.network.allow.clone();
        bench.try_part(Primitive::Forwarder, &profile, "served by a process outside", SHORT)
    } else {
        Check::not_needed(Primitive::Forwarder)
    });
    checks.push(if bench.profile.network.publish.is_empty() {
        Check::not_needed(Primitive::Publish)
    } else {
        let mut profile = with(NetworkMode::None);
        profile.network.publish = bench.profile.network.publish.clone();
        bench.try_part(Primitive::Publish, &profile, "free to listen on", SHORT)
    });
    checks
}

/// pasta opens it as whoever calls.
fn tun(bench: Bench) -> Check {
    let name = Primitive::Tun;
    let opened = OpenOptions::new().read(true).write(true).open("/dev/net/tun");
    let Err(error) = opened else { return Check::ok(name, "may be opened") };
    let errno = error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
    Check::missing(name, cause(&error)).fix(tun_fix(errno, bench.surroundings))
}

fn tun_fix(errno: Errno, surroundings: &Surroundings) -> Fix {
    match errno {
        _ if surroundings.is_contained() => Fix::new("start the container with the device")
            .line("docker run --device /dev/net/tun ...")
            .line("podman run --device /dev/net/tun ..."),
        Errno::EACCES | Errno::EPERM => Fix::new("give it the mode that udev gives it")
            .line(surroundings.as_root("chmod 0666 /dev/net/tun")),
        _ => load_module("tun", surroundings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::{Container, Distribution};

    #[test]
    fn who_refuses_an_overlay_is_told_by_the_errno() {
        let lower = AbsolutePath::new("/low").expect("it is absolute");
        let surroundings = Surroundings::look();
        for (errno, found, fix) in [
            (
                Errno::ENODEV,
                "this kernel has no overlayfs, or not its module [ENODEV]",
                load_module("overlay", &surroundings).title.as_str(),
            ),
            (
                Errno::EPERM,
                "overlays without root are forbidden [EPERM]",
                "see which security module forbids them to all but root: dmesg | grep -i -e denied -e \
                 audit",
            ),
            (
                Errno::EINVAL,
                "overlayfs does not take the file system of `/low` [EINVAL]",
                "have what is below on a file system that overlays can read, such as ext4, xfs or btrfs, \
                 and on no overlay over another",
            ),
        ] {
            assert_eq!(refusal(errno, &lower), found);
            let fixes = overlay_fixes(errno, &surroundings);
            assert_eq!((fixes.len(), fixes[0].title.as_str()), (1, fix));
        }
    }

    #[test]
    fn an_image_is_copied_where_the_profile_allows_that() {
        let refused = || Check::missing(Primitive::Overlay, "mounted by nobody");
        let mut profile = Profile::default();
        assert_eq!(with_a_copy(refused(), &profile), refused());
        profile.degrade.push(Located::new(Protection::Overlay, Origin::BuiltIn));
        let check = with_a_copy(refused(), &profile);
        let instead = "the profile goes on with a private copy of the image";
        assert_eq!((check.state, check.means.as_deref()), (State::Degraded, Some(instead)));
    }

    #[test]
    fn the_device_comes_from_udev_or_from_the_module_or_from_outside() {
        let container = Some(Container::Podman);
        let on_a_machine = Surroundings {
            distribution: Distribution::Debian,
            container: None,
            runner: None,
            program: None,
            is_replaceable: false,
            is_root: false,
            systemd: true,
        };
        let closed = tun_fix(Errno::EACCES, &on_a_machine);
        assert_eq!(closed.title, "give it the mode that udev gives it");
        assert_eq!(closed.lines, ["sudo chmod 0666 /dev/net/tun"]);
        let none = tun_fix(Errno::ENOENT, &on_a_machine);
        assert_eq!(none, load_module("tun", &on_a_machine));
        let contained = tun_fix(Errno::EACCES, &Surroundings { container, ..on_a_machine });
        assert_eq!(contained.title, "start the container with the device");
        assert_eq!(
            contained.lines,
            ["docker run --device /dev/net/tun ...", "podman run --device /dev/net/tun ..."]
        );
    }

    #[test]
    fn an_overlay_that_removes_no_directory_is_told_so() {
        let check = without_removal(Errno::EOPNOTSUPP);
        assert_eq!((check.state, check.found.as_str()), (State::Degraded, "mounted"));
        let means = check.means.expect("it means something");
        assert_eq!(
            means,
            "directories of the lower layer cannot be removed or renamed inside [EOPNOTSUPP]: this \
             kernel's tmpfs takes no user.* attributes"
        );
        assert_eq!(check.fixes[0].title, "use Linux 6.6 or newer");
    }
}
