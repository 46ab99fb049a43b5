//! What could not be done when a call of the set-up failed, in the words of the user, and what to do.

use snapbox::str;

use crate::support::{Feature, Finished, Jail};
use crate::words::{says, told};

/// One call fails, for this reason and for the time given.
fn with_fault(fault: [&str; 3], flags: &[&str]) -> (Jail, Finished) {
    let [call, errno, time] = fault;
    let trace = format!("trace={call}");
    let fault = format!("inject={call}:error={errno}:when={time}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &fault];
    let jail = Jail::new().directory("low").through(strace).args(flags);
    let finished = jail.run(["touch", "ran"]);
    (jail, finished)
}

#[track_caller]
fn refused(fault: [&str; 3], flags: &[&str], expected: &str) {
    let (jail, finished) = with_fault(fault, flags);
    says(&jail, &finished, 125, expected.to_owned());
}

const MEMORY: &str = "out of memory [ENOMEM]\n\
                      help: free some memory, or raise the limit of this container";

#[test]
fn each_deed_has_its_words() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    for (fault, flags, deed, because) in [
        (
            ["sethostname", "ENOMEM", "1"],
            &["--hostname", "box"][..],
            "set the host name `box`\n --> --hostname",
            format!("sethostname: {MEMORY}"),
        ),
        (["keyctl", "ENOMEM", "1"], &[], "make a new session keyring", format!("keyctl: {MEMORY}")),
        (["capset", "ENOMEM", "1"], &[], "drop capabilities", format!("capset: {MEMORY}")),
        (
            ["close_range", "ENOMEM", "1"],
            &[],
            "close inherited descriptors",
            format!("close_range: {MEMORY}"),
        ),
        (
            ["symlinkat", "ENOMEM", "1"],
            &[],
            "make the symbolic link `/[..]`",
            format!("symlink: {MEMORY}"),
        ),
        (
            ["fchdir", "ENOMEM", "1"],
            &[],
            "leave the host's file system",
            format!("chdir: {MEMORY}"),
        ),
        (
            ["fsconfig", "ENODEV", "1"],
            &[],
            "make the sandbox's scratch file system",
            "mount: no such device [ENODEV]".into(),
        ),
        (
            ["setsid", "EPERM", "1"],
            &["--tty", "none"],
            "start a new session\n --> --tty",
            "setsid: operation not permitted [EPERM]".into(),
        ),
        (
            ["setpriority", "EACCES", "1"],
            &["--nice", "5"],
            "set the niceness to 5\n --> --nice",
            "setpriority: permission denied [EACCES]".into(),
        ),
        (
            ["clone", "EAGAIN", "1"],
            &[],
            "start the command's process",
            "clone: try again [EAGAIN]\n\
             help: end some processes, or raise the limit: ulimit -u"
                .into(),
        ),
        (
            ["pivot_root", "EINVAL", "1"],
            &[],
            "leave the host's file system",
            "pivot_root: invalid argument [EINVAL]\n\
             help: the root of this system is an initial ramdisk, which cannot be left"
                .into(),
        ),
    ] {
        refused(fault, flags, &format!("jail: error: cannot {deed}\nbecause: {because}\n"));
    }
}

/// What the built-in profile asks for has its place there.
#[test]
fn each_wall_has_its_words() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    let (jail, finished) = with_fault(["landlock_restrict_self", "E2BIG", "1"], &[]);
    told(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot enforce the Landlock ruleset
  --> <built-in base>:[..]
...
because: landlock: argument list too long [E2BIG]
help: the kernel nests 16 Landlock rulesets at most: start jail further outside, or do without this one: --landlock off

"#]],
    );
    let (jail, finished) = with_fault(["seccomp", "EINVAL", "1"], &[]);
    told(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot install the seccomp filter
  --> <built-in base>:[..]
...
because: seccomp: invalid argument [EINVAL]

"#]],
    );
}

/// The second file system is that of the overlay, after our own.
#[test]
fn a_kernel_without_overlays_is_told_what_to_load() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    let (jail, finished) = with_fault(["fsopen", "ENODEV", "2"], &["--overlay", "./low"]);
    says(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot mount an overlay over `[PROJECT]/low`
 --> --overlay
because: mount: no such device [ENODEV]
help: load the kernel's module `overlay`, now and at later starts: [..]
help: only an image can be copied instead, by --degrade overlay
help: `jail doctor`, with the same options, tries all that they need and says how to get it here

"#]],
    );
}

/// That of an engine that is older than the call.
#[test]
fn a_filter_that_does_not_know_a_call_is_named() {
    let policy = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mount_setattr"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}"#;
    let jail = Jail::new().file("policy.json", policy).through_probe("under-policy policy.json");
    jail.run(["touch", "ran"])
        .exits(125)
        .outputs("")
        .says("jail: error: cannot grant `/")
        .says("because: the seccomp filter of this container or service forbids it [ENOSYS]\n")
        .says("help: start the container without its filter of system calls: ");
    assert!(!jail.project().join("ran").exists());
}
