//! What a machine lacks, and what a profile asks for in vain: whole, as its reader sees it.

use super::*;

#[test]
fn a_kernel_without_landlock_is_refused_unless_that_was_given_up() {
    let case = here().with(|_, host| host.kernel.landlock_abi = 0);
    let told = |title: &str, help: &str| {
        format!(
            "jail: error: {title}\nhelp: {help}\n\
             help: `jail doctor`, with the same options, tries all that they need and says how to get \
             it here\n"
        )
    };
    let none = "this kernel has no Landlock";
    let boot = "boot with `lsm=landlock,...`, or give it up with `--degrade landlock`";
    assert_eq!(case.told(), told(none, boot));
    let case = case.with(|_, host| host.kernel.release = (5, 12));
    let newer = "use Linux 5.13 or newer, or give it up with `--degrade landlock`";
    assert_eq!(case.told(), told(none, newer));
    let case = case.with(|profile, _| profile.degrade.push(flag(Protection::Landlock)));
    case.lacks("landlock");
    assert_eq!(case.plan().notes[0].title, "this kernel has no Landlock; continuing without it");
    let old = here().with(|profile, host| {
        host.kernel.landlock_abi = 5;
        profile.network.mode = Some(flag(NetworkMode::Host));
    });
    assert_eq!(
        old.errors()[0].help[0],
        "use `[network] mode = \"none\"`, a newer kernel, or `--degrade landlock`"
    );
    assert_eq!(old.errors().len(), 1);
    let file =
        Descriptor { kind: FileKind::File, readable: true, writable: false, terminal: false };
    let old = here().with(|_, host| {
        host.kernel.landlock_abi = 2;
        host.descriptors.insert(0, file);
    });
    assert_eq!(
        old.noted(),
        "jail: warning: this kernel cannot keep the command from truncating the file on its standard \
         input; continuing without it\n"
    );
}

/// Beside a network that others use as well.
#[test]
fn each_thing_that_an_old_landlock_lacks_is_told_and_landlock_given_up_once() {
    let case = here().with(|profile, host| {
        host.kernel.landlock_abi = 3;
        profile.network.mode = Some(flag(NetworkMode::Host));
        profile.network.allow.push(flag("*:443".parse().unwrap()));
    });
    let scopes = "this kernel's Landlock cannot keep the command from the abstract sockets of the host's network";
    let ports = "this kernel's Landlock cannot keep the command to the ports of `allow`";
    let doctor = "help: `jail doctor`, with the same options, tries all that they need and says how to get \
         it here\n";
    assert_eq!(
        case.told(),
        format!(
            "jail: error: {scopes}\n\
             help: use `[network] mode = \"none\"`, a newer kernel, or `--degrade landlock`\n{doctor}\
             jail: error: {ports}\n\
             help: use Linux 6.7 or newer, or `--degrade landlock`\n{doctor}"
        )
    );
    let case = case.with(|profile, _| profile.degrade.push(flag(Protection::Landlock)));
    assert_eq!(
        case.noted(),
        format!(
            "jail: warning: {scopes}; continuing without it\n\
             jail: warning: {ports}; continuing without it\n"
        )
    );
    assert_eq!(case.plan().degraded, [Protection::Landlock]);
}

/// Rights that a first Landlock could not give are refused by it, to everybody.
#[test]
fn what_an_old_landlock_always_refuses_is_told() {
    let case = here().with(|_, host| {
        host.kernel = Kernel { release: (5, 15), landlock_abi: 1 };
    });
    assert_eq!(
        case.noted(),
        "jail: warning: the command cannot move files from one directory to another on this kernel; \
         continuing without that\n\
         because: its Landlock always refuses it [EXDEV]\n\
         help: use Linux 5.19 or newer\n"
    );
}

/// What somebody was to find before: a run without it would have less than it was promised.
#[test]
fn what_was_not_looked_for_is_refused() {
    let image = here().root(Root::Image("small:1".parse().unwrap()), RootMode::Overlay);
    let told = "jail: error: the image was not looked for\n --> --flag\n";
    assert_eq!(image.told(), told);
    let policy = here().with(|profile, _| {
        profile.seccomp.policy = Some(flag(SeccompPolicy::File(text("./policy.json"))));
    });
    let told = "jail: error: the file of `[seccomp] policy` has not been read\n --> --flag\n";
    assert_eq!(policy.told(), told);
}

/// The kernel counts a user's processes for root as well, and lets it have more all the same.
#[test]
fn root_is_told_that_its_processes_are_not_counted() {
    let root = || {
        here().with(|_, host| {
            host.identity.is_global_root = true;
        })
    };
    assert_eq!(
        root().noted(),
        "jail: note: root may start any number of processes, so a fork bomb is not stopped\n\
         help: limit them by `--pids`, or start jail as an ordinary user\n"
    );
}

/// A file system of huge pages is one of the kernel's interfaces where the profile refuses those.
#[test]
fn an_interface_of_the_kernel_is_not_granted_under_another_name() {
    let told = |hugepages: Option<bool>| {
        let case = here().directories(&["/srv/huge"]).rule("/srv/huge", Grant::Read);
        let case = case.with(|profile, host| {
            host.interfaces.push(path("/srv/huge"));
            profile.limits.hugepages = hugepages.map(flag);
        });
        case.told()
    };
    let told_with = |because: &str| {
        format!(
            "jail: error: cannot read `/srv/huge`\n --> --flag\n\
             because: `/srv/huge` is {because}\n\
             help: remove the rule; each run has a `/proc` and a `/dev` of its own\n"
        )
    };
    let interface = "an interface to the kernel of this machine";
    assert_eq!(told(None), told_with(interface));
    assert_eq!(told(Some(true)), told_with(interface));
    let or_pages =
        "an interface to the kernel of this machine, or huge pages, which the profile refuses";
    assert_eq!(told(Some(false)), told_with(or_pages));
}

/// From a path to the disk below it, which other machines have differently.
#[test]
fn a_limit_of_io_needs_a_disk() {
    let told = |device: Option<BlockDevice>| {
        let case = here().with(|profile, host| {
            let read = Some(Size(1 << 20));
            let limit =
                IoLimit { path: text("/d"), read, write: None, read_ops: None, write_ops: None };
            profile.limits.io.push(flag(limit));
            host.block_devices = device.map(|device| (path("/d"), device)).into_iter().collect();
        });
        let told = case.told();
        let rest = told.strip_prefix("jail: error: cannot limit io of `/d`\n --> --flag\n");
        rest.unwrap_or_else(|| panic!("{told}")).to_owned()
    };
    assert_eq!(
        told(Some(BlockDevice::None { filesystem: "tmpfs".into() })),
        "because: it lies on no block device, or on several: tmpfs\n\
         help: name the device itself, such as /dev/sda; `lsblk` lists those of this machine\n"
    );
    assert_eq!(
        told(Some(BlockDevice::Unknown { major: 8, minor: 1 })),
        "because: /sys does not say what device 8:1 is\n\
         help: mount /sys; if it is, no driver has that device: `lsblk` lists the disks of this \
         machine\n"
    );
    let missing = "because: no such file or directory [ENOENT]\n\
                   help: correct the path; `lsblk` lists the disks of this machine\n";
    assert_eq!(told(Some(BlockDevice::Missing)), missing);
    assert_eq!(told(None), missing);
    assert_eq!(
        told(Some(BlockDevice::Unreachable(libc::EACCES))),
        "because: permission denied [EACCES]\n"
    );
}

/// What cannot be granted is not advised to be granted.
#[test]
fn why_a_working_directory_is_not_visible_is_told() {
    let asked = |case: Case, at: &'static str| {
        let told = case.with(|profile, _| profile.process.workdir = Some(flag(text(at)))).told();
        let start = format!("jail: error: the working directory `{at}` is not visible inside\n");
        let rest = told.strip_prefix(&format!("{start} --> --flag\n"));
        rest.unwrap_or_else(|| panic!("{told}")).to_owned()
    };
    let elsewhere = "help: start elsewhere with `--workdir DIR`\n";
    assert_eq!(
        asked(here().directories(&["/srv/a b"]), "/srv/a b"),
        format!("help: grant it with `--read '/srv/a b'`\n{elsewhere}")
    );
    assert_eq!(
        asked(here().file("/srv/f", FileKind::File), "/srv/f"),
        format!("because: it is not a directory [ENOTDIR]\n{elsewhere}")
    );
    assert_eq!(
        asked(here().file("/srv/s", FileKind::Unreachable(libc::EACCES)), "/srv/s"),
        format!("because: permission denied [EACCES]\n{elsewhere}")
    );
    for (at, place) in [("/proc/self", "/proc"), ("/dev/pts", "/dev")] {
        let because = format!("because: each run has a `{place}` of its own\n");
        assert_eq!(asked(here().directories(&[at]), at), format!("{because}{elsewhere}"));
    }
    let create = "help: create it, or start elsewhere with `--workdir DIR`\n";
    assert_eq!(
        asked(here(), "/gone"),
        format!("because: this machine has no such directory either\n{create}")
    );
    let root = here().directories(&["/srv/r"]).inside(&["/proc", "/dev", "/tmp"]);
    let root = root.root(Root::Directory(text("/srv/r")), RootMode::Overlay);
    assert_eq!(
        asked(root, "/gone"),
        format!("because: neither the root directory nor this machine has it\n{create}")
    );
}
