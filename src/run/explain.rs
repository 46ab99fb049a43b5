//! From a call and an errno to words that say what to do.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use nix::errno::Errno;

use crate::diagnostic::{Diagnostic, Origin, errno_cause};
use crate::plan::{Action, Mount, Plan, RootSource, Step};
use crate::units::AbsolutePath;

use super::message::{Call, Failure, Fault};
use super::outcome::Refused;

/// The words for a failed step, and the exit status.
pub fn explain(failure: Failure, plan: &Plan) -> Refused {
    let Some(step) = plan.steps.get(usize::from(failure.step)) else {
        return Refused {
            diagnostic: Diagnostic::error("an unknown step failed"),
            status: 125,
            started: false,
        };
    };
    match (&step.action, failure.fault.call) {
        (Action::Exec { argv, search }, Call::Execve) => {
            let command = argv.first().map_or(OsStr::new(""), |word| word);
            let refused = super::explain::command(command, search, failure.fault.errno, step);
            match image(plan) {
                Some(image) if refused.status == 127 => missing_in_image(command, image),
                _ => refused,
            }
        }
        _ => Refused { diagnostic: explain_step(step, failure.fault), status: 125, started: false },
    }
}

/// What to do where this machine refuses what a sandbox is made of.
const WITHOUT: &str =
    "to run without namespaces: --degrade namespaces, in a profile degrade = [\"namespaces\"]";

/// clone3(2), or what stands before it, said no.
pub fn explain_clone(errno: Errno) -> Diagnostic {
    let explained = explain_namespaces(errno);
    match errno {
        Errno::ENOSPC
        | Errno::EPERM
        | Errno::EACCES
        | Errno::ENOSYS
        | Errno::EINVAL
        | Errno::EUSERS => explained.help(WITHOUT),
        _ => explained,
    }
}

fn explain_namespaces(errno: Errno) -> Diagnostic {
    let diagnostic = Diagnostic::error("cannot create the sandbox's namespaces");
    let sysctl = |name: &str| {
        fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap_or_default().trim().to_owned()
    };
    match errno {
        Errno::ENOSPC | Errno::EPERM | Errno::ENOSYS
            if sysctl("user/max_user_namespaces") == "0" =>
        {
            diagnostic
                .because(format!(
                    "user namespaces are switched off: user.max_user_namespaces is 0 [{errno:?}]"
                ))
                .help("sudo sysctl user.max_user_namespaces=15000")
                .help("inside another jail: start that one with `--nesting on`")
        }
        Errno::ENOSPC => diagnostic
            .because("a limit on namespaces is reached: user.max_*_namespaces [ENOSPC]")
            .help("see `sysctl user` for the limits, or end other sandboxes"),
        Errno::EUSERS => {
            diagnostic.because("user namespaces are nested more than 32 deep [EUSERS]")
        }
        Errno::EPERM if sysctl("kernel/unprivileged_userns_clone") == "0" => diagnostic
            .because(
                "user namespaces are for root only: kernel.unprivileged_userns_clone is 0 [EPERM]",
            )
            .help("sudo sysctl kernel.unprivileged_userns_clone=1"),
        Errno::EPERM if !filtered() => diagnostic
            .because(
                "a security module forbids it, or this is a chroot(2), in which the kernel makes \
                 no user namespace [EPERM]",
            )
            .help("start jail outside the chroot, or make its root a real one with pivot_root(8)"),
        Errno::EPERM | Errno::EACCES => diagnostic
            .because(format!(
                "the seccomp filter of this container or service forbids it [{errno:?}]"
            ))
            .help(
                "in docker or podman: --security-opt seccomp=unconfined; in Kubernetes: \
                 seccompProfile.type=Unconfined",
            ),
        Errno::ENOSYS => diagnostic
            .because("this kernel, or the container's seccomp filter, has no clone3 [ENOSYS]")
            .help("jail needs Linux 5.12; in docker or podman: --security-opt seccomp=unconfined"),
        Errno::EINVAL => diagnostic
            .because("this kernel lacks one of the namespaces [EINVAL]")
            .help("jail needs CONFIG_USER_NS, PID_NS, NET_NS, IPC_NS, UTS_NS and CGROUPS"),
        Errno::EAGAIN => diagnostic
            .because("the limit of processes is reached (RLIMIT_NPROC or a pids cgroup) [EAGAIN]")
            .help("end some processes, or raise it: ulimit -u"),
        Errno::EMFILE | Errno::ENFILE => diagnostic
            .because(format!("no file descriptors are left [{errno:?}]"))
            .help("raise the limit of open files: ulimit -n 64"),
        _ => diagnostic.because(errno_cause(errno)),
    }
}

/// newuidmap(1) or newgidmap(1) said no.
pub fn explain_mapping(program: &OsStr, words: &str) -> Diagnostic {
    Diagnostic::error(format!("`{}` could not map the ids", program.display()))
        .because(words.to_owned())
        .help("check your lines in /etc/subuid and /etc/subgid, or use --ids single")
}

/// Is this process under a seccomp filter already? Whether it is in a chroot(2) an ordinary
/// user cannot ask.
fn filtered() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() != "0"))
}

fn explain_step(step: &Step, fault: Fault) -> Diagnostic {
    let Fault { call, errno } = fault;
    let diagnostic = Diagnostic::error(format!("cannot {}", deed(&step.action))).because(format!(
        "{}: {}",
        call.name(),
        errno_cause(errno)
    ));
    let diagnostic = located(diagnostic, step);
    let diagnostic = match help(&step.action, fault) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    };
    match (&step.action, fault.errno) {
        (
            Action::Ids(_) | Action::Scratch { .. } | Action::Proc { .. },
            Errno::EPERM | Errno::EACCES,
        ) => diagnostic.help(WITHOUT),
        _ => diagnostic,
    }
}

/// The place of what was asked for. What is built in has none that a user could change.
fn located(diagnostic: Diagnostic, step: &Step) -> Diagnostic {
    if step.origin == Origin::BuiltIn { diagnostic } else { diagnostic.at(&step.origin) }
}

/// What the step was to do, after "cannot".
fn deed(action: &Action) -> String {
    match action {
        Action::Cgroup(_) => "make a cgroup for this run".into(),
        Action::Limit(_) => "limit what the command may use".into(),
        Action::Namespaces(_) => "start the sandbox's first process".into(),
        Action::Domain { .. } => "hold the command in a Landlock domain".into(),
        Action::Place { path, .. } => format!("make the private directory `{path}`"),
        Action::Ids(_) => "map the ids of the user namespace".into(),
        Action::Scratch { .. } => "make the sandbox's scratch file system".into(),
        Action::Root(RootSource::Empty) => "make the root directory".into(),
        Action::Root(RootSource::Overlay { lower: path } | RootSource::Directory { path }) => {
            format!("use `{path}` as the root directory")
        }
        Action::Root(RootSource::Layers { image, .. } | RootSource::Copy { image, .. }) => {
            format!("use the image `{image}` as the root directory")
        }
        Action::Symlink { path, .. } => format!("make the symbolic link `{path}`"),
        Action::Directory { path } => format!("make the directory `{path}`"),
        Action::File { path, .. } => format!("write `{path}`"),
        Action::Mount { path, mount, .. } => mount_deed(path, mount),
        Action::Proc { .. } => "mount /proc".into(),
        Action::Dev { .. } => "make /dev".into(),
        Action::SealRoot => "make the root directory read-only".into(),
        Action::Pivot => "leave the host's file system".into(),
        Action::Loopback => "bring up the loopback interface".into(),
        Action::Forward { .. } => "set up the network".into(),
        Action::Allow(destination) => format!("allow `{destination}`"),
        Action::Nat(_) => "wait for the sandbox's network".into(),
        Action::Publish(_) => "wait until the sandbox's ports are published".into(),
        Action::Hostname(name) => format!("set the host name `{name}`"),
        Action::Keyring { .. } => "make a new session keyring".into(),
        Action::RefuseNesting => "refuse nested user namespaces".into(),
        Action::Rlimit { resource, .. } => format!("limit `{}`", resource.name()),
        Action::Nice(nice) => format!("set the niceness to {nice}"),
        Action::Capabilities { .. } => "drop capabilities".into(),
        Action::NoNewPrivileges => "set no_new_privs".into(),
        Action::NewSession => "start a new session".into(),
        Action::Umask(_) => "set the umask".into(),
        Action::Environment(_) => "set the environment".into(),
        Action::Workdir(path) => format!("start in `{path}`"),
        Action::TimeLimit { .. } => "limit the time of the command".into(),
        Action::Landlock(_) => "enforce the Landlock ruleset".into(),
        Action::Attend { .. } => "attend to calls that Landlock has no say in".into(),
        Action::Seccomp(_) => "install the seccomp filter".into(),
        Action::Descriptors { .. } => "close inherited descriptors".into(),
        Action::Exec { .. } => "start the command's process".into(),
    }
}

fn mount_deed(path: &AbsolutePath, mount: &Mount) -> String {
    match mount {
        Mount::Private { .. } | Mount::Tmpfs { .. } => format!("mount a tmpfs at `{path}`"),
        Mount::Bind { from, write, .. } => {
            let mode = if *write { "writing" } else { "reading" };
            if from == path {
                format!("grant `{path}` for {mode}")
            } else {
                format!("bind `{from}` to `{path}` for {mode}")
            }
        }
        Mount::Overlay { lower } => format!("mount an overlay over `{lower}`"),
        Mount::File { .. } => format!("mount a generated file on `{path}`"),
        Mount::Mask { .. } => format!("mask `{path}`"),
    }
}

fn help(action: &Action, fault: Fault) -> Option<&'static str> {
    match (action, fault.call, fault.errno) {
        (_, Call::MountSetattr, Errno::ENOSYS) => Some("jail needs Linux 5.12 or newer"),
        (Action::Root(RootSource::Layers { .. }), _, Errno::EMFILE) => {
            Some("before Linux 6.7 each layer of an image takes a descriptor: ulimit -n 1024")
        }
        (_, _, Errno::EMFILE | Errno::ENFILE) => {
            Some("raise the limit of open files: ulimit -n 64")
        }
        (_, _, Errno::EOVERFLOW) => Some(
            "files of another user or group are below an overlay: in the image store all must be yours",
        ),
        (_, _, Errno::EFBIG) => Some("raise the limit of file sizes: ulimit -f unlimited"),
        (_, Call::Clone, Errno::EAGAIN) => {
            Some("end some processes, or raise the limit: ulimit -u")
        }
        (_, _, Errno::ENOMEM) => Some("free some memory, or raise the limit of this container"),
        (Action::Ids(_) | Action::Scratch { .. }, _, Errno::EPERM | Errno::EACCES)
            if apparmor_restricts() =>
        {
            Some(
                "AppArmor allows user namespaces to known programs only \
                 (kernel.apparmor_restrict_unprivileged_userns=1): install an AppArmor profile \
                 for jail with `userns,`, or sudo sysctl \
                 kernel.apparmor_restrict_unprivileged_userns=0",
            )
        }
        (Action::Ids(_), _, Errno::EPERM) => {
            Some("this container or system forbids id maps; see user_namespaces(7)")
        }
        (Action::Proc { .. }, Call::Mount, Errno::EPERM) => Some(
            "the /proc of this container hides parts of itself, so the kernel allows no new one; \
             in docker or podman: --security-opt systempaths=unconfined",
        ),
        (Action::Root(RootSource::Layers { .. }), Call::Mount, Errno::ENODEV) => Some(
            "this kernel has no overlayfs: sudo modprobe overlay; or run on a private copy of the image: --degrade overlay, \
             in a profile degrade = [\"overlay\"]",
        ),
        (
            Action::Root(RootSource::Overlay { .. })
            | Action::Mount { mount: Mount::Overlay { .. }, .. },
            Call::Mount,
            Errno::ENODEV,
        ) => Some(
            "this kernel has no overlayfs: sudo modprobe overlay; only an image can be copied instead, \
             by --degrade overlay",
        ),
        (Action::Mount { mount: Mount::Overlay { .. }, .. }, _, Errno::EPERM | Errno::EINVAL) => {
            Some(
                "overlays without root need Linux 5.11, and a lower directory that is no overlay with index",
            )
        }
        (Action::Root(RootSource::Layers { .. }), Call::Mount, Errno::EPERM | Errno::EACCES) => {
            Some(
                "overlays without root need Linux 5.11, and may be forbidden here; to run on a private copy of \
             the image: --degrade overlay, in a profile degrade = [\"overlay\"]",
            )
        }
        (Action::Root(RootSource::Layers { kept: Some(_), .. }), Call::Mount, _) => Some(
            "what is kept lies on a file system that overlays can write to: ext4, xfs or btrfs, and \
             not another overlay; set XDG_STATE_HOME to a directory on one",
        ),
        (
            Action::Root(RootSource::Layers { kept: None, .. }),
            Call::Mount,
            Errno::EINVAL | Errno::EOPNOTSUPP,
        ) => Some(
            "the image store has to lie on a file system that overlays can read, and on no overlay over \
             another; to run on a private copy of the image: --degrade overlay, in a profile degrade = \
             [\"overlay\"]",
        ),
        (Action::Mount { .. } | Action::Root(_), Call::Open, Errno::ELOOP) => Some(
            "a directory on the way was replaced by a symbolic link while the sandbox was made; \
             look who did that",
        ),
        (Action::Mount { .. }, Call::Open | Call::Mkdir, Errno::ENOENT | Errno::EROFS) => {
            Some("it, or the directory to mount on, vanished meanwhile; try again")
        }
        (Action::Dev { .. }, _, Errno::ENOENT) => Some(
            "the /dev of this system lacks one of null, zero, full, random, urandom and tty: mount one there",
        ),
        (_, Call::PivotRoot, Errno::EINVAL) => {
            Some("the root of this system is an initial ramdisk, which cannot be left")
        }
        (Action::Attend { .. }, Call::Seccomp, Errno::EBUSY) => Some(
            "this container's own filter asks a process of its own, and the kernel allows one only; \
             run jail outside of it, or in one that allows user namespaces",
        ),
        (Action::Domain { .. }, Call::Landlock, Errno::E2BIG) => {
            Some("more than 16 Landlock rulesets are nested")
        }
        (Action::Landlock(_), Call::Landlock, Errno::E2BIG) => {
            Some("more than 16 Landlock rulesets are nested; --landlock off")
        }
        _ => None,
    }
}

fn apparmor_restricts() -> bool {
    fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
        .is_ok_and(|value| value.trim() == "1")
}

/// The command is not there, or cannot be executed.
fn command(name: &OsStr, search: &[AbsolutePath], errno: Errno, step: &Step) -> Refused {
    let shown = name.display();
    let found = on_host(name, search);
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => {
            let diagnostic =
                Diagnostic::error(format!("command `{shown}` not found in the sandbox"));
            let diagnostic = match found {
                Some(path) if interpreter(&path).is_some() => {
                    let interpreter = interpreter(&path).unwrap_or_default();
                    diagnostic
                        .because(format!(
                            "`{}` is a script for `{interpreter}`; one of the two is not visible inside",
                            path.display()
                        ))
                        .help(format!("grant both: --read {} --read {interpreter}", path.display()))
                }
                Some(path) => {
                    let directory = path.parent().unwrap_or(Path::new("/")).display().to_string();
                    diagnostic
                        .because(format!("the host has `{}`, but the sandbox does not show it", path.display()))
                        .help(format!(
                            "grant its directory: --read {directory}, or `read = [\"{directory}\"]` below [filesystem] in the profile"
                        ))
                }
                None if name.as_encoded_bytes().contains(&b'/') => {
                    diagnostic.because("the host has no such file either")
                }
                None => diagnostic
                    .because("the host does not have it in the directories of PATH either"),
            };
            Refused { diagnostic, status: 127, started: false }
        }
        Errno::E2BIG => Refused {
            diagnostic: Diagnostic::error(format!("cannot execute `{shown}`"))
                .because("its arguments and environment are too long together [E2BIG]")
                .help("pass fewer variables, or put the arguments into a file"),
            status: 126,
            started: false,
        },
        _ => {
            let diagnostic =
                Diagnostic::error(format!("cannot execute `{shown}`")).because(errno_cause(errno));
            let diagnostic = located(diagnostic, step);
            let diagnostic = match errno {
                Errno::EACCES => diagnostic
                    .help("it must be a file with the x bit (`chmod +x`), and on no noexec mount"),
                Errno::ENOEXEC => diagnostic.help("a script needs a first line such as #!/bin/sh"),
                _ => diagnostic,
            };
            Refused { diagnostic, status: 126, started: false }
        }
    }
}

/// The image that is the root, if one is.
fn image(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Root(RootSource::Layers { image, .. } | RootSource::Copy { image, .. }) => {
            Some(image.as_str())
        }
        _ => None,
    })
}

/// What this machine has is no help there.
fn missing_in_image(name: &OsStr, image: &str) -> Refused {
    let diagnostic =
        Diagnostic::error(format!("command `{}` not found in the sandbox", name.display()));
    let because = if name.as_encoded_bytes().contains(&b'/') {
        format!("the image `{image}` has no such file, or not the interpreter that it names")
    } else {
        format!("the image `{image}` does not have it in the directories of PATH")
    };
    Refused { diagnostic: diagnostic.because(because), status: 127, started: false }
}

/// Where the host has the command.
fn on_host(name: &OsStr, search: &[AbsolutePath]) -> Option<std::path::PathBuf> {
    let candidates = if name.as_encoded_bytes().contains(&b'/') {
        vec![std::path::PathBuf::from(name)]
    } else {
        search.iter().map(|directory| directory.as_path().join(name)).collect()
    };
    candidates.into_iter().find(|path| path.is_file())
}

/// The program that a script names in its first line.
fn interpreter(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut start = [0; 256];
    let length = fs::File::open(path).and_then(|mut file| file.read(&mut start)).ok()?;
    let line = start[..length].strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().next().map(str::to_owned)
}
