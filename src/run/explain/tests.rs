//! Words for what no test can bring about by itself.

use snapbox::{assert_data_eq, str};

use crate::diagnostic::{Palette, render};
use crate::image::{Form, Kept};
use crate::plan::{
    CgroupParent, IdMap, Limit, Nat, NetworkSpace,
    filter::{Filter, Verdict},
};

use super::*;

fn told(refused: &Refused) -> String {
    render(&refused.diagnostic, Palette::Plain)
}

fn step(action: Action) -> Step {
    Step { action, origin: Origin::BuiltIn }
}

/// A plan of one step, which failed so.
fn failed(action: Action, call: Call, errno: Errno) -> Refused {
    let plan = Plan { steps: vec![step(action)], notes: Vec::new(), degraded: Vec::new() };
    explain(Failure { step: 0, fault: Fault { call, errno } }, &plan)
}

fn exec(program: &str) -> Action {
    Action::Exec { argv: vec![program.into()], search: Vec::new() }
}

#[test]
fn a_command_with_too_many_words() {
    let refused = failed(exec("/bin/true"), Call::Execve, Errno::E2BIG);
    assert_eq!(refused.status, 126);
    assert_eq!(
        told(&refused),
        "jail: error: cannot execute `/bin/true`\n\
         because: its arguments and environment are too long together [E2BIG]\n\
         help: pass fewer variables, or put the arguments into a file\n"
    );
}

#[test]
fn a_step_that_is_not_in_the_plan() {
    let plan = Plan { steps: Vec::new(), notes: Vec::new(), degraded: Vec::new() };
    let fault = Fault { call: Call::Mount, errno: Errno::EPERM };
    let refused = explain(Failure { step: 7, fault }, &plan);
    assert_eq!(told(&refused), "jail: error: an unknown step failed\n");
    assert_eq!(refused.status, 125);
}

#[test]
fn a_kernel_without_namespaces() {
    assert_eq!(
        render(&explain_clone(Errno::EINVAL), Palette::Plain),
        "jail: error: cannot create the sandbox's namespaces\n\
         because: this kernel lacks one of the namespaces [EINVAL]\n\
         help: jail needs CONFIG_USER_NS, PID_NS, NET_NS, IPC_NS, UTS_NS and CGROUPS\n\
         help: `jail doctor`, with the same options, tries all that they need and says how to get \
         it here\n\
         help: to run without namespaces: --degrade namespaces, in a profile \
         degrade = [\"namespaces\"]\n"
    );
}

#[test]
fn ids_that_newuidmap_refuses() {
    let said = explain_mapping(OsStr::new("/usr/bin/newuidmap"), "range is not allowed\n");
    let said = render(&said, Palette::Plain);
    assert!(
        said.starts_with("jail: error: `/usr/bin/newuidmap` could not map the ids\n"),
        "{said}"
    );
    let help = "help: check your lines in /etc/subuid and /etc/subgid, or use --ids single\n";
    assert!(said.contains("range is not allowed") && said.ends_with(help), "{said}");
}

fn path(text: &str) -> AbsolutePath {
    AbsolutePath::new(text).expect("it begins with a slash")
}

fn layers(kept: Option<Kept>) -> Action {
    let image = "debian:12".to_owned();
    Action::Root(RootSource::Layers { image, lowers: Vec::new(), owned: false, kept })
}

fn filter() -> Filter {
    Filter { name: "default".into(), fallback: Verdict::Allow, decisions: Vec::new() }
}

fn mount(mount: Mount) -> Action {
    Action::Mount { path: path("/data"), create: true, mount }
}

/// Of what the kernel may refuse on machines that no test has.
#[test]
fn what_to_do_about_a_step_that_failed() {
    let overlay = || mount(Mount::Overlay { lower: path("/low") });
    let bind = || mount(Mount::Bind { from: path("/data"), write: true, directory: true });
    let kept = Kept {
        name: "web".into(),
        upper: path("/state/upper"),
        work: path("/state/work"),
        copy: path("/state/copy"),
        form: Form::Nothing,
    };
    let store = "the image store has to lie on a file system that overlays can read, and on no \
                 overlay over another; to run on a private copy of the image: --degrade overlay, in \
                 a profile degrade = [\"overlay\"]";
    for (action, call, errno, expected) in [
        (
            layers(None),
            Call::Open,
            Errno::EMFILE,
            "before Linux 6.7 each layer of an image takes a descriptor: ulimit -n 1024",
        ),
        (
            layers(None),
            Call::Mount,
            Errno::EOVERFLOW,
            "files of another user or group are below an overlay: in the image store all must be yours",
        ),
        (
            layers(None),
            Call::Mount,
            Errno::EPERM,
            "overlays may be forbidden here to all but root; to run on a private copy of the image: \
             --degrade overlay, in a profile degrade = [\"overlay\"]",
        ),
        (layers(None), Call::Mount, Errno::EINVAL, store),
        (layers(None), Call::Mount, Errno::EOPNOTSUPP, store),
        (
            layers(Some(kept)),
            Call::Mount,
            Errno::EINVAL,
            "what is kept lies on a file system that overlays can write to: ext4, xfs or btrfs, and \
             not another overlay; set XDG_STATE_HOME to a directory on one",
        ),
        (
            overlay(),
            Call::Mount,
            Errno::EINVAL,
            "the directory must not be on an overlay with an index; or a security module forbids \
             overlays to all but root",
        ),
        (
            bind(),
            Call::Open,
            Errno::ELOOP,
            "a directory on the way was replaced by a symbolic link while the sandbox was made; \
             look who did that",
        ),
        (
            bind(),
            Call::Open,
            Errno::ENOENT,
            "it, or the directory to mount on, vanished meanwhile; try again",
        ),
        (
            Action::Dev { devices: Vec::new() },
            Call::Open,
            Errno::ENOENT,
            "the /dev of this system lacks one of null, zero, full, random, urandom and tty: mount \
             one there",
        ),
        (
            Action::Ids(IdMap { uids: vec![], gids: vec![], mappers: None, uid: 0, gid: 0 }),
            Call::Write,
            Errno::EPERM,
            "this container or system forbids id maps; see user_namespaces(7)",
        ),
        (
            Action::Attend { filter: filter(), writable: Vec::new() },
            Call::Seccomp,
            Errno::EBUSY,
            "this container's own filter asks a process of its own, and the kernel allows one only; \
             run jail outside of it, or in one that allows user namespaces",
        ),
        (
            Action::Forward { places: Vec::new(), upstream: None },
            Call::HandOver,
            Errno::EPIPE,
            "the process that serves the network has ended: it said why, unless it was killed",
        ),
    ] {
        assert_eq!(help(&action, Fault { call, errno }), Some(expected), "{action:?}");
    }
    assert_eq!(help(&bind(), Fault { call: Call::Open, errno: Errno::EIO }), None);
}

/// After "cannot": steps whose calls hardly ever fail; `each_deed_has_its_words` brings the others about.
#[test]
fn what_could_not_be_done() {
    let second = crate::units::Span(std::time::Duration::from_secs(1));
    let bind = |from, write| Mount::Bind { from: path(from), write, directory: true };
    let said: Vec<String> = [
        Action::Cgroup(CgroupParent::Delegated { path: path("/c"), enable: vec![], leave: false }),
        Action::Limit(Limit::Pids(8)),
        Action::Namespaces(NetworkSpace::Empty),
        Action::Domain { errno: 1 },
        Action::Ids(IdMap { uids: vec![], gids: vec![], mappers: None, uid: 0, gid: 0 }),
        Action::Root(RootSource::Empty),
        Action::Root(RootSource::Directory { path: path("/tree") }),
        layers(None),
        Action::Directory { path: path("/made") },
        mount(bind("/data", false)),
        mount(bind("/data", true)),
        mount(bind("/from", true)),
        mount(Mount::Private { mode: 0o700 }),
        mount(Mount::File { content: Vec::new(), write: false }),
        mount(Mount::Mask { directory: true }),
        Action::SealRoot,
        Action::Loopback,
        Action::Forward { places: Vec::new(), upstream: None },
        Action::Nat(Nat {
            program: path("/usr/bin/pasta"),
            resolver: None,
            host_loopback: false,
            as_root: false,
        }),
        Action::Publish(Vec::new()),
        Action::RefuseNesting,
        Action::NoNewPrivileges,
        Action::Umask(0o22),
        Action::Environment(Vec::new()),
        Action::Workdir(path("/work")),
        Action::TimeLimit { limit: second, grace: second, signal: 15 },
        Action::Attend { filter: filter(), writable: Vec::new() },
    ]
    .iter()
    .map(|action| format!("{}\n", deed(action)))
    .collect();
    assert_data_eq!(
        said.concat(),
        str![[r#"
make a cgroup for this run
limit what the command may use
start the sandbox's first process
hold the command in a Landlock domain
map the ids of the user namespace
make the root directory
use `/tree` as the root directory
use the image `debian:12` as the root directory
make the directory `/made`
grant `/data` for reading
grant `/data` for writing
bind `/from` to `/data` for writing
mount a tmpfs at `/data`
mount a generated file on `/data`
mask `/data`
make the root directory read-only
bring up the loopback interface
set up the network
wait for the sandbox's network
wait until the sandbox's ports are published
refuse nested user namespaces
set no_new_privs
set the umask
set the environment
start in `/work`
limit the time of the command
attend to calls that Landlock has no say in

"#]]
    );
}

/// Which command loads a module depends on the machine.
#[test]
fn a_kernel_without_overlays() {
    let refused = failed(layers(None), Call::Mount, Errno::ENODEV);
    assert_data_eq!(
        told(&refused),
        str![[r#"
jail: error: cannot use the image `debian:12` as the root directory
because: mount: no such device [ENODEV]
help: load [..]
help: or run on a private copy of the image: --degrade overlay, in a profile degrade = ["overlay"]
help: `jail doctor`, with the same options, tries all that they need and says how to get it here

"#]]
    );
}

#[test]
fn a_command_that_the_image_has_not() {
    let missing = |name: &str| {
        let steps = vec![step(layers(None)), step(exec(name))];
        let plan = Plan { steps, notes: Vec::new(), degraded: Vec::new() };
        let fault = Fault { call: Call::Execve, errno: Errno::ENOENT };
        let refused = explain(Failure { step: 1, fault }, &plan);
        assert_eq!(refused.status, 127);
        told(&refused)
    };
    assert_eq!(
        missing("mke"),
        "jail: error: command `mke` not found in the sandbox\n\
         because: the image `debian:12` does not have it in the directories of PATH\n"
    );
    assert_eq!(
        missing("/opt/x"),
        "jail: error: command `/opt/x` not found in the sandbox\n\
         because: the image `debian:12` has no such file, or not the interpreter that it names\n"
    );
}
