//! User namespaces that are forbidden: runs and the doctor name the same mechanism, and what to do.
//!
//! Here by what an ordinary user can do to herself; by settings of the whole machine in `machines`.

use std::fs;

use crate::require;
use crate::support::{Feature, Jail, jail_binary};

use super::{are_found, check, examine, findings, is, means};

/// What docker's own filter says to the calls that make namespaces, keys and mounts.
const CONTAINER: &str = include_str!("container.json");

/// The run and the doctor say that this forbids it, and what to do.
#[track_caller]
fn both_name(jail: &Jail, because: &str, fix: &str) {
    let run = jail.run(["touch", "ran"]);
    run.exits(125).outputs("").says(because).says(fix).says("`jail doctor`");
    assert!(!jail.project().join("ran").exists());
    examine(jail, &[]).exits(1).is_silent().output_has(because).output_has(fix);
    let (found, _) = findings(jail, &[]);
    is(&found, "user_namespace", "missing");
    // What needs none is tried all the same.
    is(&found, "filter", "ok");
    is(&found, "mounts", "not_tried");
    is(&found, "profile", "missing");
    are_found(
        &found,
        &[
            ("namespaces", "it needs what is missing above"),
            ("mounts", "it needs what is missing above"),
            ("profile", "what is missing above stands against it"),
        ],
    );
    let lost = "without it nobody but root can make a sandbox of namespaces";
    assert_eq!(check(&found, "user_namespace")["means"], lost);
}

#[test]
fn by_the_setting_of_an_outer_namespace() {
    require!(Feature::Userns);
    let script = "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"";
    let jail = Jail::new().through(["unshare", "-Ur", "sh", "-c", script, "sh"]);
    both_name(&jail, "user.max_user_namespaces is 0 [ENOSPC]", "`--nesting on`");
}

#[test]
fn by_the_filter_of_a_container() {
    let jail = Jail::new().file("container.json", CONTAINER);
    let jail = jail.through_probe("under-policy container.json");
    both_name(
        &jail,
        "the seccomp filter of this container or service forbids it [ENOSYS]",
        "--security-opt seccomp=unconfined",
    );
    // Who knows what is around it says only what is to be said there.
    for (variable, line) in [
        ("KUBERNETES_SERVICE_HOST", "procMount: Unmasked"),
        ("GITHUB_ACTIONS", "options: --security-opt seccomp=unconfined"),
        ("GITLAB_CI", "security_opt = [\"seccomp:unconfined\""),
    ] {
        let jail = Jail::new().file("container.json", CONTAINER).env(variable, "\u{1b}[31m");
        let jail = jail.through_probe("under-policy container.json");
        examine(&jail, &[]).exits(1).output_has(line).output_lacks("\u{1b}");
    }
}

/// What is proposed was done. The overlay is beyond it, and who has given namespaces up needs no proposal.
#[test]
fn to_do_without_is_proposed_where_it_works() {
    let in_container = |options: &[&str]| {
        let jail = Jail::new().file("container.json", CONTAINER).directory("d");
        let jail = jail.through_probe("under-policy container.json");
        let temporary = jail.elsewhere();
        let jail = jail.env("TMPDIR", &temporary);
        let examined = examine(&jail, options);
        // The directory of all such runs is one that stays.
        for left in fs::read_dir(&temporary).expect("it is there").flatten() {
            assert_eq!(fs::read_dir(left.path()).expect("a directory").count(), 0, "{left:?}");
        }
        examined
    };
    let proposed = "or run by Landlock and a filter alone, which was tried and works, but hides nothing: \
                    `--degrade namespaces`, in a profile `degrade = [\"namespaces\"]`\n";
    in_container(&[]).exits(1).output_has(proposed);
    in_container(&["--overlay", "d"]).exits(1).output_lacks("--degrade namespaces");
    // It can be planned, but its private directories cannot be made where others could replace them.
    let jail = Jail::new().file("container.json", CONTAINER).env("TMPDIR", "/var");
    let jail = jail.through_probe("under-policy container.json");
    examine(&jail, &[]).exits(1).output_lacks("--degrade namespaces");
    let given_up = in_container(&["--degrade", "namespaces"]);
    given_up.exits(0).output_lacks(proposed).output_has("runs `default`");
}

/// A filter that refuses with EPERM, and the setting as Ubuntu's kernels show it.
#[test]
fn by_a_restriction_like_ubuntus() {
    require!(Feature::Userns);
    let policy = CONTAINER.replace("\"errnoRet\": 38", "\"errnoRet\": 1");
    let script = "mount -t tmpfs none /proc/sys/kernel &&
        echo 1 >/proc/sys/kernel/apparmor_restrict_unprivileged_userns && exec \"$@\"";
    let probe = crate::support::probe_binary().to_str().expect("a path in UTF-8");
    let words = ["unshare", "-Urm", "sh", "-c", script, "sh", probe, "under-policy", "p.json"];
    let jail = Jail::new().file("p.json", policy).through(words);
    let because = "kernel.apparmor_restrict_unprivileged_userns is 1 [EPERM]";
    both_name(&jail, because, "a profile of AppArmor's");
    let program = jail_binary().canonicalize().expect("the program is there");
    // Where the caller can put another program in its place, it is installed elsewhere first.
    let held = format!("profile jail \"{}\" flags=(unconfined) {{", program.display());
    let found = examine(&jail, &[]);
    let is_held = found.stdout_text().contains(&held);
    let installed = format!("install -m 0755 \"{}\" /usr/local/bin/jail\n", program.display());
    assert_ne!(is_held, found.stdout_text().contains(&installed), "{found:?}");
    found.output_has("  userns,\n");
    examine(&jail, &[]).output_has("apparmor_parser -r /etc/apparmor.d/jail");
}

#[test]
fn by_a_chroot() {
    require!(Feature::Userns);
    let script = "mkdir -p t/proc t/tmp && mount --rbind /proc t/proc && cp \"$0\" t/jail &&
        exec /usr/sbin/chroot t /jail \"$@\"";
    let binary = jail_binary().to_str().expect("a path in UTF-8");
    let jail = Jail::new();
    let outside = |words: &[&str]| {
        let start = ["unshare", "-Urm", "sh", "-c", script, binary];
        jail.run_outside(start.iter().chain(words))
    };
    let because = "this is a chroot(2), in which the kernel makes no user namespace [EPERM]";
    outside(&["run", "/jail"]).exits(125).outputs("").says(because).says("pivot_root(8)");
    outside(&["doctor"]).exits(1).output_has(because).output_has("pivot_root(8)");
}

#[test]
fn by_their_depth() {
    require!(Feature::Userns);
    // Each is made in the one before; the kernel allows 33 of them.
    let script =
        "n=$1; shift; if [ $n -gt 0 ]; then exec unshare -r sh \"$0\" $((n - 1)) \"$@\"; fi
        exec \"$@\"";
    let jail = Jail::new().file("deep.sh", script);
    let path = jail.project().join("deep.sh");
    let jail = jail.through(["sh", path.to_str().expect("a path in UTF-8"), "33"]);
    let (found, status) = findings(&jail, &[]);
    let said = check(&found, "user_namespace")["found"].as_str().unwrap().to_owned();
    assert_eq!(status, Some(1), "{found:#}");
    assert!(said.contains("nested more than 32 deep") && said.ends_with("[ENOSPC]"), "{said}");
    jail.run(["true"]).exits(125).says("nested more than 32 deep");
}

/// Jail under a filter that says this to this call.
fn refusing(call: &str, errno: u16) -> Jail {
    let policy = format!(
        r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
            [{{"names": ["{call}"], "action": "SCMP_ACT_ERRNO", "errnoRet": {errno}}}]}}"#
    );
    Jail::new().file("p.json", policy).through_probe("under-policy p.json")
}

/// The walls that need no namespace are refused by filters as well, or by kernels that lack them.
#[test]
fn a_wall_that_is_missing_is_named() {
    require!(Feature::Userns);
    let lost = "without it every system call of the kernel would be open";
    for (errno, found, fix) in [
        (22, "invalid argument [EINVAL]", "boot a kernel with CONFIG_SECCOMP_FILTER=y"),
        (
            1,
            "operation not permitted [EPERM]",
            "start the container without its filter of system calls",
        ),
    ] {
        let (findings, status) = findings(&refusing("seccomp", errno), &[]);
        assert_eq!(status, Some(1), "{findings:#}");
        is(&findings, "filter", "missing");
        are_found(&findings, &[("filter", found)]);
        means(&findings, "filter", lost, fix);
    }
    let (refused, status) = findings(&refusing("landlock_restrict_self", 1), &[]);
    assert_eq!(status, Some(1), "{refused:#}");
    is(&refused, "landlock", "missing");
    let lost = "without it there is one wall around files and signals, and not two";
    assert_eq!(check(&refused, "landlock")["means"], lost);
    let old = refusing("landlock_create_ruleset", 38);
    let (degraded, status) = findings(&old, &["--degrade", "landlock"]);
    assert_eq!(status, Some(0), "{degraded:#}");
    is(&degraded, "landlock", "degraded");
    assert_eq!(check(&degraded, "landlock")["means"], "the profile goes on without it");
}

#[test]
fn a_jail_in_a_jail_is_told_where_to_begin() {
    require!(Feature::Userns);
    let directory = jail_binary().parent().expect("it is in a directory");
    let jail = Jail::new().flag("--read").flag(directory);
    let inner = jail.run([jail_binary().as_os_str(), "doctor".as_ref()]);
    inner.exits(1).output_has("user.max_user_namespaces is 0 [ENOSYS]");
    inner.output_has("inside another jail: start that one with `--nesting on`");
}
