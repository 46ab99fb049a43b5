//! What the policies let through, by example.

use super::*;
use crate::plan::filter::syscalls::{FIRST_X32, by_name};
use crate::profile::{Base, PathText};

const EPERM: Verdict = Verdict::NOT_PERMITTED;
const ENOSYS: Verdict = Verdict::NO_SUCH_CALL;
const EAFNOSUPPORT: Verdict = Verdict::NO_SUCH_FAMILY;
const ALLOW: Verdict = Verdict::Allow;
/// What the upper half of a 32-bit argument may hold: the kernel does not look there.
const NOISE: u64 = 0xdead_beef << 32;

fn words(list: &[&str]) -> Vec<Located<String>> {
    list.iter().map(|word| Located::new((*word).to_owned(), Origin::Flag("--x".into()))).collect()
}

fn seccomp(policy: SeccompPolicy, allow: &[&str], deny: &[&str]) -> Seccomp {
    let policy = Some(Located::new(policy, Origin::BuiltIn));
    Seccomp { policy, allow: words(allow), deny: words(deny) }
}

fn drawn(seccomp: &Seccomp, text: Option<&str>) -> Result<Option<Filter>, Vec<Diagnostic>> {
    let source = text.map(|text| Arc::new(Source { name: "p.json".into(), text: text.into() }));
    let text = source.as_ref();
    let request = Request {
        seccomp,
        text,
        nesting: false,
        kept: &[],
        release: (6, 18),
        hugepages: None,
        ports: None,
    };
    draw(&request)
}

fn filter(policy: SeccompPolicy, allow: &[&str], deny: &[&str]) -> Filter {
    drawn(&seccomp(policy, allow, deny), None).unwrap().unwrap()
}

fn granted(nesting: bool, kept: &[Capability]) -> Filter {
    let seccomp = Seccomp::default();
    let seccomp = &seccomp;
    let request = Request {
        seccomp,
        text: None,
        nesting,
        kept,
        release: (6, 18),
        hugepages: None,
        ports: None,
    };
    draw(&request).unwrap().unwrap()
}

fn titles(seccomp: &Seccomp, text: Option<&str>) -> Vec<String> {
    drawn(seccomp, text).unwrap_err().into_iter().map(|error| error.title).collect()
}

#[track_caller]
fn check(filter: &Filter, call: &str, arguments: &[u64], expected: Verdict) {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    assert_eq!(filter.verdict(by_name(call).unwrap(), all), expected, "{call} {arguments:x?}");
}

#[track_caller]
fn check_all(filter: &Filter, calls: &str, expected: Verdict) {
    for call in calls.split_whitespace() {
        check(filter, call, &[0; 6], expected);
        check(filter, call, &[u64::MAX; 6], expected);
    }
}

fn default() -> Filter {
    filter(SeccompPolicy::Default, &[], &[])
}

#[test]
fn what_libc_falls_back_from_is_absent() {
    let absent = "clone3 io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen \
        fsconfig fsmount fspick mount_setattr statmount listmount quotactl_fd memfd_secret \
        userfaultfd open_tree_attr listns";
    check_all(&default(), absent, ENOSYS);
}

#[test]
fn what_reaches_beyond_the_sandbox_is_refused() {
    let refused = "setns mount umount2 pivot_root chroot keyctl add_key request_key bpf \
        perf_event_open fanotify_init open_by_handle_at name_to_handle_at kexec_load \
        kexec_file_load init_module finit_module delete_module syslog acct swapon swapoff reboot \
        settimeofday clock_settime clock_adjtime sethostname setdomainname iopl ioperm quotactl \
        vhangup nfsservctl uselib lookup_dcookie mbind migrate_pages move_pages set_mempolicy \
        set_mempolicy_home_node process_vm_readv process_vm_writev pidfd_getfd process_madvise \
        kcmp modify_ldt ptrace";
    check_all(&default(), refused, EPERM);
    check_all(&filter(SeccompPolicy::Strict, &[], &[]), refused, EPERM);
}

#[test]
fn what_programs_need_is_allowed() {
    let allowed = "openat2 faccessat2 rseq close_range futex_wait futex_waitv pidfd_open \
        pidfd_send_signal landlock_create_ruleset landlock_add_rule landlock_restrict_self \
        execve fork vfork wait4 mmap chmod fchmodat2 sched_setscheduler ioprio_set vmsplice \
        seccomp inotify_add_watch memfd_create statx getrandom mseal";
    check_all(&default(), allowed, ALLOW);
}

#[test]
fn numbers_that_nobody_knows_are_absent() {
    for number in [337, 400, 472, 1000, FIRST_X32 - 1, FIRST_X32, FIRST_X32 + 16, u32::MAX] {
        assert_eq!(default().verdict(number, [0; 6]), ENOSYS, "{number}");
    }
}

#[test]
fn namespace_flags_are_refused_and_threads_are_not() {
    let filter = default();
    for flag in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000] {
        check(&filter, "clone", &[flag | 17], EPERM);
        check(&filter, "clone", &[flag | NOISE], EPERM);
        check(&filter, "unshare", &[flag | 0x400], EPERM);
    }
    check(&filter, "clone", &[0x4000_0000], EPERM);
    check(&filter, "unshare", &[0x80], EPERM);
    check(&filter, "clone", &[0x80], ALLOW);
    check(&filter, "clone", &[0x3d_0f00], ALLOW);
    check(&filter, "clone", &[0x120_0011], ALLOW);
    check(&filter, "unshare", &[0x600], ALLOW);
}

#[test]
fn sockets_are_of_a_few_families() {
    let filter = default();
    for (arguments, expected) in [
        ([1, 1, 0], ALLOW),
        ([1, 0x80802, 0], ALLOW),
        ([2, 1, 6], ALLOW),
        ([10, 0x80802, 17], ALLOW),
        ([2, 3, 1], EAFNOSUPPORT),
        ([10, 0x80803, 58], EAFNOSUPPORT),
        ([2, 10, 0], EAFNOSUPPORT),
        ([2, 6, 0], EAFNOSUPPORT),
        ([16, 0x80003, 0], ALLOW),
        ([16, 3, 15], EAFNOSUPPORT),
        ([16, 3, 6], EAFNOSUPPORT),
        ([38, 5, 0], EAFNOSUPPORT),
        ([40, 1, 0], EAFNOSUPPORT),
        ([17, 3, 0], EAFNOSUPPORT),
        ([0, 1, 0], EAFNOSUPPORT),
    ] {
        check(&filter, "socket", &arguments, expected);
        check(&filter, "socket", &arguments.map(|argument| argument | NOISE), expected);
    }
    check(&filter, "socketpair", &[1, 1, 0], ALLOW);
    check(&filter, "socketpair", &[2, 1, 0], EAFNOSUPPORT);
}

#[test]
fn arguments_that_change_more_than_the_process_are_refused() {
    let filter = default();
    for request in [0x5412, 0x541c, 0x5423] {
        check(&filter, "ioctl", &[0, request], EPERM);
        check(&filter, "ioctl", &[0, request | NOISE], EPERM);
    }
    check(&filter, "ioctl", &[0, 0x5401], ALLOW);
    check(&filter, "prctl", &[35], EPERM);
    check(&filter, "prctl", &[35 | NOISE], EPERM);
    check(&filter, "prctl", &[22], ALLOW);
    for value in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff, u64::MAX] {
        check(&filter, "personality", &[value], ALLOW);
    }
    for value in [0x4_0000, 0x40_0000, 1] {
        check(&filter, "personality", &[value], EPERM);
    }
    for (kind, expected) in [(0o20666, EPERM), (0o60666, EPERM), (0o10666, ALLOW), (0o644, ALLOW)] {
        check(&filter, "mknod", &[0, kind], expected);
        check(&filter, "mknodat", &[0, 0, kind | 0x1_0000], expected);
    }
    assert!(filter.refuses_keyring());
    assert!(filter.refuses_terminal_injection());
}

#[test]
fn strict_takes_away_the_network_and_keeps_a_shell_going() {
    let filter = filter(SeccompPolicy::Strict, &[], &[]);
    check(&filter, "socket", &[1, 1, 0], ALLOW);
    for family in [2, 10, 16, 17, 38] {
        check(&filter, "socket", &[family, 1, 0], EAFNOSUPPORT);
    }
    check_all(&filter, "shmget mq_open semop personality remap_file_pages vmsplice", EPERM);
    check_all(&filter, "io_setup clone3", ENOSYS);
    check_all(&filter, "execve fork wait4 pipe2 mmap splice unlinkat kill futex", ALLOW);
    check(&filter, "mknodat", &[0, 0, 0o10600], ALLOW);
    assert!(filter.refuses_keyring() && filter.refuses_terminal_injection());
}

#[test]
fn nesting_opens_what_a_sandbox_inside_needs() {
    let filter = granted(true, &[]);
    let open = "setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsmount \
        mount_setattr sethostname unshare clone clone3";
    check_all(&filter, open, ALLOW);
    check_all(&filter, "bpf keyctl ptrace open_by_handle_at", EPERM);
}

#[test]
fn a_kept_capability_opens_what_it_is_for() {
    for (capability, call, arguments) in [
        (18, "chroot", [0; 3]),
        (13, "socket", [2, 3, 1]),
        (13, "socket", [17, 3, 0]),
        (19, "ptrace", [0; 3]),
        (21, "sethostname", [0; 3]),
        (22, "reboot", [0; 3]),
        (23, "mbind", [0; 3]),
        (25, "clock_settime", [0; 3]),
    ] {
        assert!(!default().verdict(by_name(call).unwrap(), [0; 6]).allows());
        check(&granted(false, &[Capability(capability)]), call, &arguments, ALLOW);
    }
    let administrator = granted(false, &[Capability(21)]);
    check_all(&administrator, "mount umount2", EPERM);
    assert!(administrator.refuses_mount_changes() && !granted(true, &[]).refuses_mount_changes());
    let device_maker = granted(false, &[Capability(27)]);
    check(&device_maker, "mknod", &[0, 0o20666], EPERM);
    check(&granted(false, &[Capability(22)]), "kexec_load", &[], EPERM);
}

#[test]
fn allow_names_calls_and_groups() {
    let debug = filter(SeccompPolicy::Default, &["@debug"], &[]);
    check_all(&debug, "ptrace process_vm_readv kcmp", ALLOW);
    check(&debug, "personality", &[0x4_0000], ALLOW);
    check(&debug, "personality", &[0x40_0000], EPERM);

    let named = filter(SeccompPolicy::Default, &["ioctl", "socket", "clone", "keyctl"], &[]);
    check(&named, "ioctl", &[0, 0x5412], ALLOW);
    check(&named, "socket", &[38, 5, 0], ALLOW);
    check(&named, "clone", &[0x1000_0000], EPERM);
    assert!(!named.refuses_terminal_injection() && !named.refuses_keyring());

    check_all(&filter(SeccompPolicy::Default, &["@mount"], &[]), "mount fsopen chroot", ALLOW);
    let network = filter(SeccompPolicy::Strict, &["@internet"], &[]);
    check(&network, "socket", &[2, 1, 0], ALLOW);
    check(&network, "socket", &[2, 3, 0], EAFNOSUPPORT);
    check(&network, "socket", &[16, 3, 0], ALLOW);
    // A group never opens what carries its flags in memory but by its own name.
    check_all(&filter(SeccompPolicy::Default, &["@process", "@namespace"], &[]), "clone3", ENOSYS);
}

#[test]
fn deny_wins_over_allow() {
    let filter = |allow: &[&str], deny: &[&str]| filter(SeccompPolicy::Default, allow, deny);
    check(&filter(&["ptrace"], &["@debug"]), "ptrace", &[], EPERM);
    check(&filter(&["@debug"], &["ptrace"]), "ptrace", &[], EPERM);
    check(&filter(&["@debug"], &["ptrace"]), "kcmp", &[], ALLOW);
    check(&filter(&["clone3"], &["clone3"]), "clone3", &[], ENOSYS);
    check(&filter(&["socket"], &["@internet"]), "socket", &[2, 1, 0], EAFNOSUPPORT);
    check(&filter(&["unshare"], &["@namespace"]), "unshare", &[0x1000_0000], EPERM);
    check(&filter(&[], &["@network"]), "connect", &[], EPERM);
}

#[test]
fn names_that_are_none_are_all_told_with_a_guess() {
    let seccomp = seccomp(SeccompPolicy::Default, &["ptrcae", "@debgu"], &["opennat"]);
    let errors = drawn(&seccomp, None).unwrap_err();
    let told: Vec<_> = errors.iter().map(|e| (e.title.as_str(), e.help[0].as_str())).collect();
    assert_eq!(
        told,
        [
            ("no system call is named `ptrcae`", "did you mean `ptrace`?"),
            ("no group of system calls is named `@debgu`", "did you mean `@debug`?"),
            ("no system call is named `opennat`", "did you mean `openat`?"),
        ]
    );
    assert!(errors.iter().all(|error| error.origin == Some(Origin::Flag("--x".into()))));
}

#[test]
fn what_no_command_can_do_without_cannot_be_denied() {
    let seccomp = seccomp(SeccompPolicy::Strict, &[], &["execve", "@basic-io"]);
    assert_eq!(
        titles(&seccomp, None),
        [
            "cannot deny `execve`: no command could run",
            "cannot deny `@basic-io`: it holds `write`, and no command could run",
        ]
    );
}

#[test]
fn without_a_filter_there_is_nothing_to_change() {
    assert_eq!(drawn(&seccomp(SeccompPolicy::Off, &[], &[]), None), Ok(None));
    assert_eq!(
        titles(&seccomp(SeccompPolicy::Off, &["@debug"], &["mount"]), None),
        [
            "`allow` of `@debug` has no effect: there is no filter",
            "`deny` of `mount` has no effect: there is no filter",
        ]
    );
}

fn file() -> SeccompPolicy {
    SeccompPolicy::File(PathText { text: "p.json".into(), base: Base::WorkingDirectory })
}

const OPEN: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#;

#[test]
fn allow_and_deny_change_a_policy_from_a_file() {
    let seccomp = seccomp(file(), &["clone"], &["mount", "@keyring", "clone3"]);
    let filter = drawn(&seccomp, Some(OPEN)).unwrap().unwrap();
    assert_eq!(filter.name, "p.json");
    check_all(&filter, "mount keyctl", EPERM);
    check_all(&filter, "clone3", ENOSYS);
    check_all(&filter, "bpf unshare", ALLOW);
    check(&filter, "clone", &[0x1000_0000], EPERM);
    assert!(filter.refuses_keyring() && !filter.refuses_terminal_injection());
}

#[test]
fn a_rule_about_arguments_cannot_change_a_policy_from_a_file() {
    assert_eq!(
        titles(&seccomp(file(), &["@raw-sockets"], &["@namespace"]), Some(OPEN)),
        [
            "`@raw-sockets` cannot change a policy from a file",
            "`@namespace` cannot change a policy from a file",
        ]
    );
}

#[test]
fn a_policy_from_a_file_must_let_a_command_start() {
    let closed = r#"{"defaultAction": "SCMP_ACT_ERRNO"}"#;
    assert_eq!(
        titles(&seccomp(file(), &[], &[]), Some(closed)),
        ["the policy `p.json` refuses `execve`: no command could run"]
    );
}
