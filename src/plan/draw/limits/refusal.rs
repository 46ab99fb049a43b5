//! Why a limit cannot be held here, and what to change so that it can.

use crate::diagnostic::{ASK_THE_DOCTOR, Diagnostic, Located, pasted};
use crate::host::cgroups::{Controller, Layout};
use crate::plan::Limit;

use super::parent::Obstacle;

/// The error for `limit`, which is one of those that cannot be held.
pub(super) fn words(obstacle: &Obstacle, limit: &Located<Limit>, login: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("cannot limit {}", name(&limit.value)))
        .at(&limit.origin)
        .because(cause(obstacle));
    let error = remedies(obstacle, login).into_iter().fold(error, Diagnostic::help);
    error.help(without(&limit.value)).help(ASK_THE_DOCTOR)
}

/// The key of a limit.
pub(super) fn name(limit: &Limit) -> &'static str {
    match limit {
        Limit::Memory(_) => "memory",
        Limit::Swap(_) => "swap",
        Limit::Cpus(_) => "cpus",
        Limit::Cpuset(_) => "cpuset",
        Limit::Pids(_) => "pids",
        Limit::Io { .. } => "io",
    }
}

/// What stands in the way.
pub(super) fn cause(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Layout(Layout::Hybrid) => {
            "this machine has cgroup v1 and v2 side by side (hybrid), and the controllers are \
             with v1, where only root can set limits"
                .into()
        }
        Obstacle::Layout(Layout::Legacy) => {
            "this machine has cgroup v1, where only root can set limits".into()
        }
        Obstacle::Layout(Layout::Absent | Layout::Unified) => {
            "no cgroup file system is mounted here".into()
        }
        Obstacle::NotInKernel(controller) => {
            format!("this kernel has no {} controller in cgroup v2", controller.name())
        }
        Obstacle::Busy { path, others } => format!(
            "the cgroup `{path}` is ours to change, but holds {others} other processes, and the \
             kernel limits no cgroup beside processes"
        ),
        Obstacle::NotDelegated { path, missing } => {
            format!(
                "the cgroup `{path}` is ours to change, but has no {} controller",
                missing.name()
            )
        }
        Obstacle::NotInScope { missing } => {
            format!("systemd does not let its users have the {} controller", missing.name())
        }
        Obstacle::Leaves(outer) => format!(
            "a scope of systemd would leave the cgroup that jail was started in, `{}`, which is \
             limited by {}",
            outer.path,
            outer.limits.join(", ")
        ),
        Obstacle::NoOneToAsk => {
            "no cgroup here is ours to change, and there is no systemd to ask for one".into()
        }
        Obstacle::NoBus => {
            "no cgroup here is ours to change, and the user's systemd has no bus to be asked on"
                .into()
        }
    }
}

fn remedies(obstacle: &Obstacle, login: &str) -> Vec<String> {
    match obstacle {
        Obstacle::Layout(Layout::Hybrid | Layout::Legacy) => vec![
            "boot with cgroup v2 alone: systemd.unified_cgroup_hierarchy=1 on the kernel's command line".into(),
        ],
        Obstacle::Layout(Layout::Absent | Layout::Unified) => {
            vec!["mount it: mount -t cgroup2 none /sys/fs/cgroup".into()]
        }
        Obstacle::NotInKernel(controller) => vec![format!(
            "look for cgroup_disable={} in /proc/cmdline, and for v1 mounts that use it",
            controller.name()
        )],
        Obstacle::Busy { path, .. } => {
            let path = pasted(path);
            vec![format!(
                "move those to a child first: mkdir {path}/rest && for p in $(cat \
                 {path}/cgroup.procs); do echo $p >{path}/rest/cgroup.procs; done"
            )]
        }
        Obstacle::NotDelegated { path, missing } => {
            let place = pasted(path);
            let name = missing.name();
            vec![format!(
                "whoever made `{path}` has to enable it: echo +{name} >{place}/../cgroup.subtree_control"
            )]
        }
        Obstacle::NotInScope { missing } => drop_in(*missing),
        Obstacle::Leaves(_) => vec![
            "start jail outside of it, and give all limits to jail; or limit a slice, which scopes can be in".into(),
        ],
        Obstacle::NoOneToAsk => vec![
            "in a container: give it a writable cgroup, as in `podman run --cgroupns=private \
             --security-opt unmask=/sys/fs/cgroup` or `docker run --cgroupns=private \
             --security-opt writable-cgroups=true`".into(),
            "on a machine without systemd: have root make a cgroup that belongs to you".into(),
        ],
        Obstacle::NoBus => vec![
            format!("log in, or have your systemd run without a login: sudo loginctl enable-linger {login}"),
            "install the package dbus-user-session, and pass XDG_RUNTIME_DIR on".into(),
        ],
    }
}

/// Where what is said about the managers of all users is added to.
const DROP_INS: &str = "/etc/systemd/system/user@.service.d";

/// systemd.resource-control(5): what a user's manager gets is set in the system's unit for it.
fn drop_in(missing: Controller) -> Vec<String> {
    let mut controllers = vec!["cpu", "memory", "pids"];
    controllers.push(missing.name());
    controllers.sort_unstable();
    controllers.dedup();
    vec![
        format!(
            "have root delegate it: sudo mkdir -p {DROP_INS} && printf '[Service]\\nDelegate={}\\n' | \
             sudo tee {DROP_INS}/delegate.conf",
            controllers.join(" ")
        ),
        "then: sudo systemctl daemon-reload, and log in again".into(),
    ]
}

/// What to do without.
fn without(limit: &Limit) -> String {
    match limit {
        Limit::Memory(_) | Limit::Pids(_) => {
            "or limit each process by itself instead: --degrade limits".into()
        }
        Limit::Swap(_) | Limit::Cpus(_) | Limit::Cpuset(_) | Limit::Io { .. } => {
            "or go on without it: --degrade limits".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Origin, Palette, render};
    use crate::host::cgroups::Outer;
    use crate::units::{AbsolutePath, Cpus, Size};

    /// What is said about a limit of memory, but for the lines that are always the same.
    fn told(obstacle: &Obstacle) -> String {
        let limit = Located::new(Limit::Memory(Size(1)), Origin::Flag("--memory".into()));
        let told = render(&words(obstacle, &limit, "ann"), Palette::Plain);
        let start = "jail: error: cannot limit memory\n --> --memory\nbecause: ";
        let end = "help: or limit each process by itself instead: --degrade limits\n\
                   help: `jail doctor`, with the same options, tries all that they need and says how \
                   to get it here\n";
        let rest = told.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        rest.unwrap_or_else(|| panic!("{told}")).to_owned()
    }

    #[test]
    fn machines_that_cannot_limit_are_told_apart() {
        let v1 = "help: boot with cgroup v2 alone: systemd.unified_cgroup_hierarchy=1 on the kernel's \
                  command line\n";
        let hybrid = "this machine has cgroup v1 and v2 side by side (hybrid), and the controllers \
                      are with v1, where only root can set limits\n";
        assert_eq!(told(&Obstacle::Layout(Layout::Hybrid)), format!("{hybrid}{v1}"));
        let legacy = "this machine has cgroup v1, where only root can set limits\n";
        assert_eq!(told(&Obstacle::Layout(Layout::Legacy)), format!("{legacy}{v1}"));
        assert_eq!(
            told(&Obstacle::Layout(Layout::Absent)),
            "no cgroup file system is mounted here\n\
             help: mount it: mount -t cgroup2 none /sys/fs/cgroup\n"
        );
        assert_eq!(
            told(&Obstacle::NotInKernel(Controller::Memory)),
            "this kernel has no memory controller in cgroup v2\n\
             help: look for cgroup_disable=memory in /proc/cmdline, and for v1 mounts that use it\n"
        );
    }

    /// Only what setrlimit(2) has as well can be had for each process.
    #[test]
    fn what_to_do_without_depends_on_the_limit() {
        let last = |limit| {
            let limit = Located::new(limit, Origin::Flag("--flag".into()));
            let told = words(&Obstacle::NoOneToAsk, &limit, "ann");
            told.help[told.help.len() - 2].clone()
        };
        let by_itself = "or limit each process by itself instead: --degrade limits";
        assert_eq!(last(Limit::Memory(Size(1))), by_itself);
        assert_eq!(last(Limit::Pids(1)), by_itself);
        let without = "or go on without it: --degrade limits";
        assert_eq!(last(Limit::Swap(Size(1))), without);
        assert_eq!(last(Limit::Cpus(Cpus(1))), without);
    }

    #[test]
    fn a_cgroup_of_ours_that_cannot_limit_is_named() {
        let path = "/g/mine".to_owned();
        assert_eq!(
            told(&Obstacle::Busy { path: path.clone(), others: 2 }),
            "the cgroup `/g/mine` is ours to change, but holds 2 other processes, and the kernel limits \
             no cgroup beside processes\n\
             help: move those to a child first: mkdir /g/mine/rest && for p in $(cat \
             /g/mine/cgroup.procs); do echo $p >/g/mine/rest/cgroup.procs; done\n"
        );
        assert_eq!(
            told(&Obstacle::NotDelegated { path, missing: Controller::Memory }),
            "the cgroup `/g/mine` is ours to change, but has no memory controller\n\
             help: whoever made `/g/mine` has to enable it: echo +memory \
             >/g/mine/../cgroup.subtree_control\n"
        );
    }

    #[test]
    fn a_systemd_that_cannot_help_is_told_with_what_it_lacks() {
        let place = "/etc/systemd/system/user@.service.d";
        assert_eq!(
            told(&Obstacle::NotInScope { missing: Controller::Cpuset }),
            format!(
                "systemd does not let its users have the cpuset controller\n\
                 help: have root delegate it: sudo mkdir -p {place} && printf \
                 '[Service]\\nDelegate=cpu cpuset memory pids\\n' | sudo tee {place}/delegate.conf\n\
                 help: then: sudo systemctl daemon-reload, and log in again\n"
            )
        );
        let path = AbsolutePath::root().join("g/outer");
        let outer = Outer { path, limits: vec!["memory.max"], pids: None };
        assert_eq!(
            told(&Obstacle::Leaves(outer)),
            "a scope of systemd would leave the cgroup that jail was started in, `/g/outer`, which is \
             limited by memory.max\n\
             help: start jail outside of it, and give all limits to jail; or limit a slice, which \
             scopes can be in\n"
        );
        assert_eq!(
            told(&Obstacle::NoOneToAsk),
            "no cgroup here is ours to change, and there is no systemd to ask for one\n\
             help: in a container: give it a writable cgroup, as in `podman run --cgroupns=private \
             --security-opt unmask=/sys/fs/cgroup` or `docker run --cgroupns=private --security-opt \
             writable-cgroups=true`\n\
             help: on a machine without systemd: have root make a cgroup that belongs to you\n"
        );
        assert_eq!(
            told(&Obstacle::NoBus),
            "no cgroup here is ours to change, and the user's systemd has no bus to be asked on\n\
             help: log in, or have your systemd run without a login: sudo loginctl enable-linger ann\n\
             help: install the package dbus-user-session, and pass XDG_RUNTIME_DIR on\n"
        );
    }

    #[test]
    fn no_name_of_a_cgroup_is_a_command_of_a_shell() {
        let path = "/g/$(reboot) x".to_owned();
        let busy = Obstacle::Busy { path: path.clone(), others: 1 };
        let said = remedies(&busy, "ann").concat();
        assert!(said.contains("mkdir '/g/$(reboot) x'/rest && "), "{said}");
        let lacks = Obstacle::NotDelegated { path, missing: Controller::Io };
        let said = remedies(&lacks, "ann").concat();
        assert!(said.ends_with("echo +io >'/g/$(reboot) x'/../cgroup.subtree_control"), "{said}");
    }
}
