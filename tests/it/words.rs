//! What jail says when it cannot do as it was told: whole, as its reader sees it.

mod commands;
mod machine;
mod profiles;

use snapbox::data::DataFormat;
use snapbox::{Assert, Data, Redactions, assert::DEFAULT_ACTION_ENV, str};

use crate::support::{Feature, Finished, Jail, jail_binary};

/// Jail itself failed with these words and nothing else, and no command ran.
#[track_caller]
pub fn says(jail: &Jail, finished: &Finished, status: i32, expected: impl Into<Data>) {
    finished.outputs("");
    assert!(!jail.project().join("ran").exists(), "the command ran");
    told(jail, finished, status, expected);
}

/// These words and nothing else were told, whatever the command did.
#[track_caller]
pub fn told(jail: &Jail, finished: &Finished, status: i32, expected: impl Into<Data>) {
    finished.exits(status);
    let mut places = Redactions::new();
    let place = |path: &std::path::Path| path.to_str().expect("a path in UTF-8").to_owned();
    places.insert("[PROJECT]", place(&jail.project())).expect("a name");
    places.insert("[HOME]", place(&jail.home())).expect("a name");
    places.insert("[ELSEWHERE]", place(&jail.elsewhere())).expect("a name");
    places.insert("[JAIL]", place(jail_binary())).expect("a name");
    let stderr = Data::binary(finished.stderr.clone()).coerce_to(DataFormat::Text);
    let assert = Assert::new().action_env(DEFAULT_ACTION_ENV).redact_with(places);
    assert.eq(stderr, expected.into());
}

#[track_caller]
fn refused(jail: Jail, expected: impl Into<Data>) {
    let finished = jail.run(["touch", "ran"]);
    says(&jail, &finished, 125, expected);
}

#[test]
fn a_profile_that_is_not_there() {
    refused(
        Jail::new().args(["--profile", "defualt"]),
        str![[r#"
jail: error: there is no profile `defualt`
 --> --profile
help: did you mean `default`?

"#]],
    );
    refused(
        Jail::new().args(["--profile", "./missing.toml"]),
        str![[r#"
jail: error: cannot read profile `./missing.toml`
 --> --profile
because: no such file or directory [ENOENT]

"#]],
    );
}

#[test]
fn a_profile_that_extends_itself() {
    let jail = Jail::new()
        .file("a.toml", "extends = [\"./b.toml\"]\n")
        .file("b.toml", "extends = [\"./a.toml\"]\n")
        .args(["--profile", "./a.toml"]);
    refused(
        jail,
        str![[r#"
jail: error: profile `./a.toml` extends itself
 --> ./b.toml:1:12
  |
1 | extends = ["./a.toml"]
  |            ^^^^^^^^^^
because: `./a.toml` extends `./b.toml` extends `./a.toml`
help: remove one of these from `extends`

"#]],
    );
}

#[test]
fn a_granted_path_that_is_not_there() {
    let profile = "extends = [\"default\"]\n[filesystem]\nread = [\"./missing\"]\n";
    refused(
        Jail::new().file("p.toml", profile).args(["--profile", "p.toml"]),
        str![[r#"
jail: error: cannot read `./missing`
 --> p.toml:3:9
  |
3 | read = ["./missing"]
  |         ^^^^^^^^^^^
because: no such file or directory [ENOENT]
help: create it, or set `optional = true`

"#]],
    );
    refused(
        Jail::new().args(["--read", "./missing"]),
        str![[r#"
jail: error: cannot read `./missing`
 --> --read
because: no such file or directory [ENOENT]
help: create it, or correct the path

"#]],
    );
}

#[test]
fn an_optional_path_that_is_not_there_is_no_error() {
    let profile = "extends = [\"default\"]\n[filesystem]\n\
                   bind = [{ from = \"./missing\", to = \"/data\", optional = true }]\n";
    Jail::new().profile(profile).run(["true"]).succeeds().is_silent();
}

#[test]
fn a_working_directory_that_was_removed() {
    let jail = Jail::new().directory("gone").cwd("gone");
    let script = "rmdir ../gone; exec \"$@\"";
    refused(
        jail.through(["sh", "-c", script, "sh"]),
        str![[r#"
jail: error: the working directory no longer exists
help: change to a directory that exists, for example `cd ~`

"#]],
    );
}

#[test]
fn a_working_directory_that_is_hidden() {
    refused(
        Jail::new().args(["--profile", "base"]),
        str![[r#"
jail: error: the working directory `[PROJECT]` is not visible inside
help: grant it with `--read .`
help: start elsewhere with `--workdir DIR`

"#]],
    );
    refused(
        Jail::new().args(["--mask", "."]),
        str![[r#"
jail: error: the working directory `[PROJECT]` is not visible inside
help: grant it with `--read .`
help: start elsewhere with `--workdir DIR`

"#]],
    );
    refused(
        Jail::new().args(["--workdir", "/missing"]),
        str![[r#"
jail: error: the working directory `/missing` is not visible inside
 --> --workdir
because: this machine has no such directory either
help: create it, or start elsewhere with `--workdir DIR`

"#]],
    );
}

#[test]
fn options_and_values_that_do_not_exist() {
    refused(
        Jail::new().args(["--raed", "x"]),
        str![[r#"
jail: error: unknown option `--raed`
help: did you mean `--read`?

"#]],
    );
    refused(
        Jail::new().args(["--umask", "9", "--tty", "x", "--cap-add", "FOO"]),
        str![[r#"
jail: error: unknown value for tty `x`
 --> --tty
help: use `auto`, `inherit` or `none`
jail: error: `9` is not a umask
 --> --umask
help: write three octal digits, such as `022`
jail: error: unknown capability `FOO`
 --> --cap-add
help: capabilities(7) has their names, such as `CAP_CHOWN`

"#]],
    );
    refused(
        Jail::new().args(["--preserve-fd", "7"]),
        str![[r#"
jail: error: cannot preserve descriptor 7
 --> --preserve-fd
because: it is not open [EBADF]
help: open it before the run

"#]],
    );
}

#[test]
fn a_directory_on_standard_input() {
    refused(
        Jail::new().through(["sh", "-c", "exec \"$@\" < /tmp", "sh"]),
        str![[r#"
jail: error: descriptor 0 is a directory
because: the command could leave the sandbox through it
help: close it, for example with `0<&-`, and grant it by path

"#]],
    );
}

#[test]
fn user_namespaces_that_are_switched_off() {
    crate::require!(Feature::Userns);
    let script = "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"";
    refused(
        Jail::new().through(["unshare", "-Ur", "sh", "-c", script, "sh"]),
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: user namespaces are switched off: user.max_user_namespaces is 0 [ENOSPC]
help: inside another jail: start that one with `--nesting on`
help: in a container: set user.max_user_namespaces for it, outside
help: `jail doctor`, with the same options, tries all that they need and says how to get it here
help: to run without namespaces: --degrade namespaces, in a profile degrade = ["namespaces"]

"#]],
    );
}

#[test]
fn a_jail_in_a_jail() {
    let binary = jail_binary();
    let directory = binary.parent().expect("it is in a directory");
    let jail = Jail::new().flag("--read").flag(directory);
    let inner = ["run", "--", "touch", "ran"].map(Into::into);
    let line: Vec<_> = std::iter::once(binary.as_os_str().to_owned()).chain(inner).collect();
    says(
        &jail,
        &jail.run(line),
        125,
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: user namespaces are switched off: user.max_user_namespaces is 0 [ENOSYS]
help: inside another jail: start that one with `--nesting on`
help: in a container: set user.max_user_namespaces for it, outside
help: `jail doctor`, with the same options, tries all that they need and says how to get it here
help: to run without namespaces: --degrade namespaces, in a profile degrade = ["namespaces"]

"#]],
    );
}

/// Runs jail under a filter as of a container, which answers clone3(2) with `errno`.
fn under_filter(errno: i32) -> (Jail, Finished) {
    let binary = jail_binary();
    let directory = binary.parent().expect("it is in a directory");
    let policy = format!(
        r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": {errno}}}]}}"#
    );
    let jail = Jail::new().file("policy.json", policy);
    let jail = jail.args(["--nesting", "on", "--landlock", "off", "--seccomp", "./policy.json"]);
    let jail = jail.flag("--read").flag(directory);
    let inner = ["run", "--", "touch", "ran"].map(Into::into);
    let line: Vec<_> = std::iter::once(binary.as_os_str().to_owned()).chain(inner).collect();
    let finished = jail.run(line);
    (jail, finished)
}

#[test]
fn a_filter_that_forbids_namespaces() {
    let (jail, finished) = under_filter(libc::EPERM);
    says(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: the seccomp filter of this container or service forbids it [EPERM]
help: start the container without its filter of system calls: docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined --security-opt apparmor=unconfined ...
help: in podman: podman run --security-opt seccomp=unconfined --security-opt unmask=ALL --security-opt apparmor=unconfined ...
help: or loosen the filter of the service: RestrictNamespaces=no, and no SystemCallFilter= without @mount
help: `jail doctor`, with the same options, tries all that they need and says how to get it here
help: to run without namespaces: --degrade namespaces, in a profile degrade = ["namespaces"]

"#]],
    );
    let (jail, finished) = under_filter(libc::ENOSYS);
    says(
        &jail,
        &finished,
        125,
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: the seccomp filter of this container or service forbids it [ENOSYS]
help: start the container without its filter of system calls: docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined --security-opt apparmor=unconfined ...
help: in podman: podman run --security-opt seccomp=unconfined --security-opt unmask=ALL --security-opt apparmor=unconfined ...
help: or loosen the filter of the service: RestrictNamespaces=no, and no SystemCallFilter= without @mount
help: `jail doctor`, with the same options, tries all that they need and says how to get it here
help: to run without namespaces: --degrade namespaces, in a profile degrade = ["namespaces"]

"#]],
    );
}

#[test]
fn a_kernel_that_makes_no_more_namespaces() {
    crate::require!(Feature::Program("strace"));
    crate::require!(Feature::Tracing);
    let forbid = |errno: &str| {
        let fault = format!("inject=clone3:error={errno}");
        Jail::new().through(["strace", "-f", "-qq", "-o", "/dev/null", "-e", fault.as_str()])
    };
    refused(
        forbid("ENOSPC"),
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: a limit on namespaces is reached: user.max_*_namespaces [ENOSPC]
help: see `sysctl user` for the limits, or end other sandboxes
help: `jail doctor`, with the same options, tries all that they need and says how to get it here
help: to run without namespaces: --degrade namespaces, in a profile degrade = ["namespaces"]

"#]],
    );
    refused(
        forbid("EUSERS"),
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: a limit on namespaces is reached: user.max_*_namespaces [EUSERS]
help: see `sysctl user` for the limits, or end other sandboxes
help: `jail doctor`, with the same options, tries all that they need and says how to get it here
help: to run without namespaces: --degrade namespaces, in a profile degrade = ["namespaces"]

"#]],
    );
}

#[test]
fn a_chroot() {
    crate::require!(Feature::Userns);
    let script = "mkdir ../root; mount --rbind / ../root; exec /usr/sbin/chroot ../root \
                  sh -c 'cd \"$0\"; exec \"$@\"' \"$PWD\" \"$@\"";
    refused(
        Jail::new().through(["unshare", "-Urm", "sh", "-c", script, "sh"]),
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: a security module forbids it, or this is a chroot(2), in which the kernel makes no user namespace [EPERM]
help: start jail outside the chroot, or make its root a real one with pivot_root(8); ask the security module's log: dmesg | grep -i -e denied -e audit
help: `jail doctor`, with the same options, tries all that they need and says how to get it here
help: to run without namespaces: --degrade namespaces, in a profile degrade = ["namespaces"]

"#]],
    );
}

#[test]
fn limits_that_are_too_low() {
    let below = |limit: &str| {
        let script = format!("ulimit {limit}; exec \"$@\"");
        Jail::new().through(["bash", "-c", script.as_str(), "bash"])
    };
    refused(
        below("-n 5"),
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: no file descriptors are left [EMFILE]
help: raise the limit of open files: ulimit -n 64

"#]],
    );
    refused(
        below("-u 1"),
        str![[r#"
jail: error: cannot create the sandbox's namespaces
because: the limit of processes is reached (RLIMIT_NPROC or a pids cgroup) [EAGAIN]
help: end some processes, or raise it: ulimit -u

"#]],
    );
    refused(
        below("-f 0"),
        str![[r#"
jail: error: cannot write `/etc/passwd`
because: write: file too large [EFBIG]
help: raise the limit of file sizes: ulimit -f unlimited

"#]],
    );
}

/// A program for the kernel has an end.
#[test]
fn a_policy_with_too_many_conditions() {
    let argument = |number| format!(r#"{{"index": 0, "value": {number}, "op": "SCMP_CMP_EQ"}}"#);
    let rule = |numbers: std::ops::Range<u32>| {
        let arguments: Vec<String> = numbers.map(argument).collect();
        let arguments = arguments.join(", ");
        format!(r#"{{"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "args": [{arguments}]}}"#)
    };
    let policy = |count: u32| {
        let policy = format!(
            "{{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n\"syscalls\": [{}]}}\n",
            rule(0..count)
        );
        Jail::new().file("policy.json", policy).args(["--seccomp", "./policy.json"])
    };
    policy(300).run(["true"]).succeeds();
    refused(
        policy(301),
        str![[r#"
jail: error: the policy `./policy.json` has too many conditions
 --> ./policy.json:1:1
  |
1 | {"defaultAction": "SCMP_ACT_ALLOW",
  | ^
because: the kernel takes programs of up to 4096 instructions
help: keep to 300 conditions

"#]],
    );
}
