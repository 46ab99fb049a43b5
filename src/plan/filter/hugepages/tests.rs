//! No policy lets huge pages through, and nothing else is refused for them.

use std::sync::Arc;

use super::*;
use crate::diagnostic::{Origin, Source};
use crate::plan::filter::syscalls::by_name;
use crate::plan::filter::{Request, draw};
use crate::profile::{Base, PathText, Seccomp, SeccompPolicy};

const ALLOW: Verdict = Verdict::Allow;
const EPERM: Verdict = Verdict::NOT_PERMITTED;
/// What the upper half of an argument may hold.
const NOISE: u64 = 0xdead_beef << 32;

fn drawn(
    policy: SeccompPolicy,
    [allow, deny]: [&[&str]; 2],
    text: Option<&str>,
    hugepages: Option<bool>,
) -> Result<Option<Filter>, Vec<Diagnostic>> {
    let flag = || Origin::Flag("--hugepages".into());
    let words =
        |list: &[&str]| list.iter().map(|word| Located::new((*word).to_owned(), flag())).collect();
    let policy = Some(Located::new(policy, Origin::BuiltIn));
    let seccomp = Seccomp { policy, allow: words(allow), deny: words(deny) };
    let source = text.map(|text| Arc::new(Source { name: "p.json".into(), text: text.into() }));
    let hugepages = hugepages.map(|value| Located::new(value, flag()));
    draw(&Request {
        seccomp: &seccomp,
        text: source.as_ref(),
        nesting: false,
        kept: &[],
        release: (6, 18),
        hugepages: hugepages.as_ref(),
        ports: None,
    })
}

fn without(policy: SeccompPolicy, allow: &[&str], deny: &[&str]) -> Filter {
    drawn(policy, [allow, deny], None, Some(false)).unwrap().unwrap()
}

fn from_file(policy: &str, allow: &[&str]) -> Filter {
    let file = PathText { text: "p.json".into(), base: Base::WorkingDirectory };
    let file = SeccompPolicy::File(file);
    drawn(file, [allow, &[]], Some(policy), Some(false)).unwrap().unwrap()
}

fn verdict(filter: &Filter, call: &str, arguments: [u64; 4]) -> Verdict {
    let [a, b, c, d] = arguments;
    filter.verdict(by_name(call).unwrap(), [a, b, c, d, 0, 0])
}

/// Each way in, with and without company for the flag, and its innocent neighbours.
#[track_caller]
fn check_refused(filter: &Filter) {
    for noise in [0, NOISE] {
        for flags in [0x4_0000, 0x4_0022, 0x4_0001, 0x7804_0022, u64::MAX] {
            assert_eq!(
                verdict(filter, "mmap", [0, 4096, 3, flags | noise]),
                NO_MEMORY,
                "{flags:x}"
            );
        }
        for flags in [4, 5, 0x7800_0004, u64::MAX] {
            assert_eq!(verdict(filter, "memfd_create", [1, flags | noise, 0, 0]), NO_MEMORY);
        }
        for flags in [0o4000, 0o5600, u64::MAX] {
            assert_eq!(verdict(filter, "shmget", [1, 4096, flags | noise, 0]), NO_MEMORY);
        }
    }
}

#[track_caller]
fn check_the_rest_allowed(filter: &Filter) {
    let all = u64::MAX;
    assert_eq!(verdict(filter, "mmap", [all, all, all, !0x4_0000]), ALLOW);
    assert_eq!(verdict(filter, "mmap", [0, 4096, 3, 0x22]), ALLOW);
    assert_eq!(verdict(filter, "memfd_create", [all, !4, all, all]), ALLOW);
    assert_eq!(verdict(filter, "shmget", [all, all, !0o4000, all]), ALLOW);
    assert_eq!(verdict(filter, "madvise", [0, 4096, 14, 0]), ALLOW);
    assert_eq!(verdict(filter, "mremap", [all; 4]), ALLOW);
}

#[test]
fn the_flags_are_refused_and_nothing_else() {
    let filter = without(SeccompPolicy::Default, &[], &[]);
    check_refused(&filter);
    check_the_rest_allowed(&filter);
}

#[test]
fn a_call_that_the_profile_allows_keeps_to_the_limit() {
    let calls = ["mmap", "memfd_create", "shmget", "@memory", "@ipc"];
    check_refused(&without(SeccompPolicy::Default, &calls, &[]));
    check_refused(&without(SeccompPolicy::Strict, &calls, &[]));
}

#[test]
fn what_is_refused_anyway_stays_as_it_is() {
    let strict = without(SeccompPolicy::Strict, &[], &[]);
    assert_eq!(verdict(&strict, "shmget", [0, 0, 0o4000, 0]), EPERM);
    let denied = without(SeccompPolicy::Default, &[], &["memfd_create"]);
    assert_eq!(verdict(&denied, "memfd_create", [0, 4, 0, 0]), EPERM);
}

#[test]
fn a_policy_from_a_file_keeps_to_the_limit() {
    check_refused(&from_file(r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#, &[]));
    check_refused(&from_file(r#"{"defaultAction": "SCMP_ACT_LOG"}"#, &["mmap"]));

    let listed = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW",
        "names": ["execve", "exit", "exit_group", "rt_sigreturn", "write", "mmap", "memfd_create",
        "shmget", "madvise", "mremap"]}]}"#;
    check_refused(&from_file(listed, &[]));
    check_the_rest_allowed(&from_file(listed, &[]));
}

#[test]
fn the_rules_of_a_file_stay_around_the_refusal() {
    let policy = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mmap"], "action": "SCMP_ACT_KILL_PROCESS",
         "args": [{"index": 2, "value": 7, "op": "SCMP_CMP_EQ"}]},
        {"names": ["mmap"], "action": "SCMP_ACT_LOG",
         "args": [{"index": 2, "value": 5, "op": "SCMP_CMP_EQ"}]},
        {"names": ["shmget"], "action": "SCMP_ACT_TRAP"}]}"#;
    let filter = from_file(policy, &[]);
    let mmap = |protection, flags| verdict(&filter, "mmap", [0, 4096, protection, flags]);
    assert_eq!(mmap(7, 0x4_0022), Verdict::KillProcess);
    assert_eq!((mmap(5, 0x4_0022), mmap(5, 0x22)), (NO_MEMORY, Verdict::Log));
    assert_eq!((mmap(3, 0x4_0022), mmap(3, 0x22)), (NO_MEMORY, ALLOW));
    assert_eq!(verdict(&filter, "shmget", [0, 0, 0o4000, 0]), Verdict::Trap);
}

#[test]
fn who_does_not_ask_gets_the_filter_as_it_was() {
    for policy in [SeccompPolicy::Default, SeccompPolicy::Strict] {
        let drawn = |hugepages| drawn(policy.clone(), [&[], &[]], None, hugepages);
        assert_eq!(drawn(None), drawn(Some(true)));
        assert_ne!(drawn(None), drawn(Some(false)));
        let plain = drawn(None).unwrap().unwrap();
        assert_eq!(verdict(&plain, "mmap", [0, 4096, 3, 0x4_0022]), ALLOW);
    }
    assert_eq!(drawn(SeccompPolicy::Off, [&[], &[]], None, Some(true)), Ok(None));
}

#[test]
fn without_a_filter_they_cannot_be_refused() {
    let errors = drawn(SeccompPolicy::Off, [&["mmap"], &[]], None, Some(false)).unwrap_err();
    let titles: Vec<_> = errors.iter().map(|error| error.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "`allow` of `mmap` has no effect: there is no filter",
            "cannot refuse huge pages: there is no filter",
        ]
    );
    assert_eq!(errors[1].origin, Some(Origin::Flag("--hugepages".into())));
    assert_eq!(errors[1].because.as_deref(), Some("`[seccomp] policy` is `off`"));
    assert_eq!(errors[1].help, ["take the policy `default`, or leave `hugepages` out"]);
}
