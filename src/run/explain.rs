//! From a call and an errno to words that say what to do.

mod command;

use std::ffi::OsStr;

use nix::errno::Errno;

use crate::diagnostic::{ASK_THE_DOCTOR, Diagnostic, Origin, WITHOUT_NAMESPACES, errno_cause};
use crate::plan::{Action, Mount, Plan, RootSource, Step};
use crate::remedy::{Fix, Forbidden, Settings, Surroundings, load_module, unmask_proc};
use crate::units::AbsolutePath;

use super::message::{Call, Failure, Fault};
use super::outcome::Refused;

/// The words for a failed step, and the exit status.
pub fn explain(failure: Failure, plan: &Plan) -> Refused {
    let Some(step) = plan.steps.get(usize::from(failure.step)) else {
        return Refused::before_the_command(Diagnostic::error("an unknown step failed"));
    };
    let refused = explain_at(step, failure.fault, plan);
    Refused { failed: Some((failure.step, failure.fault.errno)), ..refused }
}

fn explain_at(step: &Step, fault: Fault, plan: &Plan) -> Refused {
    match (&step.action, fault.call) {
        (Action::Exec { argv, search }, Call::Execve) => {
            let command = argv.first().map_or(OsStr::new(""), |word| word);
            command::explain(command, search, fault.errno, step, plan)
        }
        _ => Refused::before_the_command(explain_step(step, fault, plan)),
    }
}

/// What to do where a process of ours was killed, and nobody of us did it.
pub const LOOK_FOR_ITS_END: &str = "if nobody did that on purpose, the machine may have run out of \
                                    memory: dmesg | grep -i kill";

/// clone3(2), or what stands before it, said no.
pub fn explain_clone(errno: Errno) -> Diagnostic {
    let explained = explain_namespaces(errno);
    match errno {
        Errno::ENOSPC
        | Errno::EPERM
        | Errno::EACCES
        | Errno::ENOSYS
        | Errno::EINVAL
        | Errno::EUSERS => explained.help(WITHOUT_NAMESPACES),
        _ => explained,
    }
}

fn explain_namespaces(errno: Errno) -> Diagnostic {
    let diagnostic = Diagnostic::error("cannot create the sandbox's namespaces");
    if let Some(forbidden) = Forbidden::by(errno, &Settings::read()) {
        let fixes = forbidden.fixes(&Surroundings::look());
        return helped(diagnostic.because(forbidden.because(errno)), &fixes);
    }
    match errno {
        Errno::EINVAL => diagnostic
            .because("this kernel lacks one of the namespaces [EINVAL]")
            .help("jail needs CONFIG_USER_NS, PID_NS, NET_NS, IPC_NS, UTS_NS and CGROUPS")
            .help(ASK_THE_DOCTOR),
        _ => used_up(diagnostic, errno),
    }
}

/// What else keeps a process from being made: something is used up.
pub fn used_up(diagnostic: Diagnostic, errno: Errno) -> Diagnostic {
    match errno {
        Errno::EAGAIN => diagnostic
            .because("the limit of processes is reached (RLIMIT_NPROC or a pids cgroup) [EAGAIN]")
            .help("end some processes, or raise it: ulimit -u"),
        Errno::EMFILE | Errno::ENFILE => diagnostic
            .because(format!("no file descriptors are left [{errno:?}]"))
            .help("raise the limit of open files: ulimit -n 64"),
        _ => diagnostic.because(errno_cause(errno)),
    }
}

/// With all that there is to do, and with whom to ask.
fn helped(diagnostic: Diagnostic, fixes: &[Fix]) -> Diagnostic {
    let fixes = fixes.iter().map(Fix::in_one_line);
    fixes.fold(diagnostic, Diagnostic::help).help(ASK_THE_DOCTOR)
}

/// newuidmap(1) or newgidmap(1) said no.
pub fn explain_mapping(program: &OsStr, words: &str) -> Diagnostic {
    Diagnostic::error(format!("`{}` could not map the ids", program.display()))
        .because(words.to_owned())
        .help("check your lines in /etc/subuid and /etc/subgid, or use --ids single")
}

fn explain_step(step: &Step, fault: Fault, plan: &Plan) -> Diagnostic {
    let Fault { call, errno } = fault;
    let diagnostic = Diagnostic::error(format!("cannot {}", deed(&step.action))).because(format!(
        "{}: {}",
        call.name(),
        errno_cause(errno)
    ));
    let diagnostic = located(diagnostic, step);
    let diagnostic = advised(diagnostic, step, fault, plan);
    match (&step.action, fault.errno) {
        (
            Action::Ids(_) | Action::Scratch { .. } | Action::Proc { .. },
            Errno::EPERM | Errno::EACCES,
        ) => diagnostic.help(WITHOUT_NAMESPACES),
        _ => diagnostic,
    }
}

/// With what is known of the step's failure on a machine like this one.
fn advised(diagnostic: Diagnostic, step: &Step, fault: Fault, plan: &Plan) -> Diagnostic {
    let errno = fault.errno;
    if let Some(forbidden) = forbidden(&step.action, fault) {
        let fixes = forbidden.fixes(&Surroundings::look());
        return helped(diagnostic.because(forbidden.because(errno)), &fixes);
    }
    if let Some(fixes) = fixes(&step.action, fault) {
        return helped(diagnostic, &fixes);
    }
    if let (Call::Landlock, Errno::E2BIG) = (fault.call, errno) {
        return diagnostic.help(nested_too_deep(plan));
    }
    match help(&step.action, fault) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// Ubuntu's AppArmor lets everybody make a user namespace, and takes the rights in it away; filters and
/// profiles of containers allow one thing and not the next.
fn forbidden(action: &Action, fault: Fault) -> Option<Forbidden> {
    let asks_for_no_more = matches!(
        action,
        Action::Ids(_)
            | Action::Scratch { .. }
            | Action::Dev { .. }
            | Action::Pivot
            | Action::Loopback
            | Action::Hostname(_)
            | Action::Keyring { .. }
    );
    let is_asked = match fault.errno {
        Errno::EPERM | Errno::EACCES => asks_for_no_more,
        // Every kernel that jail runs on has the call: a filter that does not know it says so.
        errno => errno == Errno::ENOSYS,
    };
    is_asked.then(|| Forbidden::inside(fault.errno, &Settings::read())).flatten()
}

/// What can be done about it depends on what is around us.
fn fixes(action: &Action, fault: Fault) -> Option<Vec<Fix>> {
    match (action, fault.call, fault.errno) {
        (Action::Proc { .. }, Call::Mount, Errno::EPERM) => {
            Some(unmask_proc(&Surroundings::look()))
        }
        (
            Action::Root(RootSource::Layers { .. } | RootSource::Overlay { .. })
            | Action::Mount { mount: Mount::Overlay { .. }, .. },
            Call::Mount,
            Errno::ENODEV,
        ) => {
            let instead = match action {
                Action::Root(RootSource::Layers { .. }) => {
                    "or run on a private copy of the image: \
                     --degrade overlay, in a profile degrade = [\"overlay\"]"
                }
                _ => "only an image can be copied instead, by --degrade overlay",
            };
            Some(vec![load_module("overlay", &Surroundings::look()), Fix::new(instead)])
        }
        _ => None,
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
        (Action::Ids(_), _, Errno::EPERM) => {
            Some("this container or system forbids id maps; see user_namespaces(7)")
        }
        (Action::Mount { mount: Mount::Overlay { .. }, .. }, _, Errno::EPERM | Errno::EINVAL) => {
            Some(
                "the directory must not be on an overlay with an index; or a security module forbids \
                 overlays to all but root",
            )
        }
        (Action::Root(RootSource::Layers { .. }), Call::Mount, Errno::EPERM | Errno::EACCES) => {
            Some(
                "overlays may be forbidden here to all but root; to run on a private copy of the image: \
                 --degrade overlay, in a profile degrade = [\"overlay\"]",
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
        (Action::Forward { .. }, Call::HandOver, Errno::EPIPE | Errno::ECONNRESET) => {
            Some("the process that serves the network has ended: it said why, unless it was killed")
        }
        (Action::Attend { .. }, Call::Seccomp, Errno::EBUSY) => Some(
            "this container's own filter asks a process of its own, and the kernel allows one only; \
             run jail outside of it, or in one that allows user namespaces",
        ),
        _ => None,
    }
}

/// Each ruleset stands inside of those of whoever started jail. Without namespaces none can be left out.
fn nested_too_deep(plan: &Plan) -> &'static str {
    if plan.steps.iter().any(|step| matches!(step.action, Action::Domain { .. })) {
        "the kernel nests 16 Landlock rulesets at most, and without namespaces jail takes two: start \
         it further outside"
    } else {
        "the kernel nests 16 Landlock rulesets at most: start jail further outside, or do without \
         this one: --landlock off"
    }
}

#[cfg(test)]
mod tests;
