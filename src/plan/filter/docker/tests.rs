//! Policies in docker's format, by example.

use super::*;

const POLICY: &str = include_str!("tests/policy.json");
const EPERM: Verdict = Verdict::NOT_PERMITTED;

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source { name: "policy.json".into(), text: text.into() })
}

fn filter(kept: &[Capability], release: (u32, u32)) -> Filter {
    read(&source(POLICY), kept, release).unwrap()
}

#[track_caller]
fn check(filter: &Filter, call: &str, arguments: &[u64], expected: Verdict) {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    assert_eq!(filter.verdict(by_name(call).unwrap(), all), expected, "{call} {arguments:x?}");
}

/// A policy that allows all but for these rules.
fn with_rules(rules: &str) -> Filter {
    let text = format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rules}]}}"#);
    read(&source(&text), &[], (6, 18)).unwrap()
}

fn refusal(text: &str) -> Diagnostic {
    read(&source(text), &[], (6, 18)).unwrap_err()
}

fn pointed_at(error: &Diagnostic) -> &str {
    match &error.origin {
        Some(Origin::File { source, span }) => &source.text[span.clone()],
        other => panic!("{other:?} is no place in a file"),
    }
}

#[test]
fn actions_names_and_numbers_are_read() {
    let filter = filter(&[], (6, 18));
    assert_eq!(filter.name, "policy.json");
    assert_eq!(filter.fallback, Verdict::Errno(38));
    check(&filter, "read", &[], Verdict::Allow);
    check(&filter, "openat", &[], Verdict::Log);
    check(&filter, "bpf", &[], EPERM);
    check(&filter, "clone3", &[], Verdict::Errno(38));
    check(&filter, "kexec_load", &[], Verdict::KillProcess);
    check(&filter, "acct", &[], Verdict::KillThread);
    check(&filter, "syslog", &[], Verdict::Trap);
    check(&filter, "getpid", &[], Verdict::Errno(38));
}

#[test]
fn conditions_are_compared_as_the_kernel_reads_the_argument() {
    let filter = filter(&[], (6, 18));
    check(&filter, "personality", &[8], Verdict::Allow);
    check(&filter, "personality", &[8 | 1 << 32], Verdict::Allow);
    check(&filter, "personality", &[9], Verdict::Errno(38));
    check(&filter, "clone", &[0x11], Verdict::Allow);
    check(&filter, "clone", &[0x1000_0011], Verdict::Errno(38));
    check(&filter, "socket", &[40, 1], EPERM);
    check(&filter, "socket", &[40 | 1 << 32, 1], EPERM);
    check(&filter, "lseek", &[0, 1 << 32], Verdict::Allow);
    check(&filter, "lseek", &[0, 0], Verdict::Errno(38));
}

#[test]
fn scopes_look_at_capabilities_architecture_and_kernel() {
    let plain = filter(&[], (6, 18));
    check(&plain, "mount", &[], Verdict::Errno(38));
    check(&plain, "chroot", &[], Verdict::Allow);
    check(&plain, "arch_prctl", &[], Verdict::Allow);
    check(&plain, "sync_file_range", &[], Verdict::Errno(38));
    check(&plain, "modify_ldt", &[], Verdict::Errno(38));
    check(&plain, "ptrace", &[], Verdict::Allow);
    check(&plain, "kcmp", &[], Verdict::Errno(38));

    let admin = filter(&[Capability(21)], (6, 18));
    check(&admin, "mount", &[], Verdict::Allow);
    check(&admin, "chroot", &[], Verdict::Errno(38));
    // A major version is no decimal place.
    let old = filter(&[], (4, 7));
    check(&old, "ptrace", &[], Verdict::Errno(38));
    check(&old, "kcmp", &[], Verdict::Allow);
    check(&filter(&[], (4, 10)), "ptrace", &[], Verdict::Allow);
}

#[test]
fn of_several_rules_the_strictest_counts() {
    let filter = with_rules(
        r#"{"names": ["mount"], "action": "SCMP_ACT_LOG"},
           {"names": ["mount"], "action": "SCMP_ACT_ERRNO"},
           {"names": ["ioctl"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_GE"}]},
           {"names": ["ioctl"], "action": "SCMP_ACT_TRAP", "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_GT"}]},
           {"names": ["prctl"], "action": "SCMP_ACT_ERRNO"},
           {"names": ["prctl"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_LT"}]}"#,
    );
    check(&filter, "mount", &[], EPERM);
    check(&filter, "ioctl", &[0], Verdict::Allow);
    check(&filter, "ioctl", &[3], Verdict::Log);
    check(&filter, "ioctl", &[4], Verdict::Trap);
    check(&filter, "prctl", &[1], EPERM);
}

#[test]
fn arguments_must_all_match_but_one_argument_twice_is_a_choice() {
    let filter = with_rules(
        r#"{"name": "lseek", "action": "SCMP_ACT_ERRNO", "args": [
                {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_NE"}]},
           {"name": "dup", "action": "SCMP_ACT_ERRNO", "args": [
                {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
           {"name": "dup2", "action": "SCMP_ACT_ERRNO", "args": [
                {"index": 1, "value": 4080, "valueTwo": 16, "op": "SCMP_CMP_MASKED_EQ"}]},
           {"name": "dup3", "action": "SCMP_ACT_ERRNO", "args": [
                {"index": 0, "value": 7, "op": "SCMP_CMP_LE"}]}"#,
    );
    check(&filter, "lseek", &[1, 3], EPERM);
    check(&filter, "lseek", &[1, 2], Verdict::Allow);
    check(&filter, "dup", &[1], EPERM);
    check(&filter, "dup", &[2], EPERM);
    check(&filter, "dup", &[3], Verdict::Allow);
    check(&filter, "dup2", &[0, 0x101f], EPERM);
    check(&filter, "dup2", &[0, 0x11f], Verdict::Allow);
    check(&filter, "dup3", &[7], EPERM);
    check(&filter, "dup3", &[8], Verdict::Allow);
}

#[test]
fn what_we_cannot_do_is_refused_where_it_stands() {
    let rule =
        |rule: &str| format!("{{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"syscalls\": [{rule}]}}");
    for (text, cause, place) in [
        (
            rule(r#"{"names": ["read"], "action": "SCMP_ACT_NOTIFY"}"#),
            "`SCMP_ACT_NOTIFY` needs a supervisor that answers for each call",
            "\"SCMP_ACT_NOTIFY\"",
        ),
        (
            rule(r#"{"names": ["read"], "action": "SCMP_ACT_TRACE"}"#),
            "`SCMP_ACT_TRACE` needs a supervisor that answers for each call",
            "\"SCMP_ACT_TRACE\"",
        ),
        (rule(r#"{"names": ["read"], "action": "ALLOW"}"#), "`ALLOW` is no action", "\"ALLOW\""),
        (
            rule(r#"{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5000}"#),
            "`5000` is no errno: it must be from 1 to 4095",
            "5000",
        ),
        (
            rule(
                r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW",
                    "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}"#,
            ),
            "`6` is no argument: a call has those from 0 to 5",
            "6",
        ),
        (
            rule(r#"{"names": [], "action": "SCMP_ACT_LOG", "includes": {"caps": ["CAP_X"]}}"#),
            "`CAP_X` is no capability",
            "\"CAP_X\"",
        ),
        (
            rule(r#"{"names": [], "action": "SCMP_ACT_LOG", "excludes": {"minKernel": "new"}}"#),
            "`new` is no kernel version such as `4.8`",
            "\"new\"",
        ),
    ] {
        let error = refusal(&text);
        assert_eq!(error.title, "cannot read the policy `policy.json`");
        assert_eq!(error.because.as_deref(), Some(cause));
        assert_eq!(pointed_at(&error), place, "{text}");
    }
}

#[test]
fn a_key_that_nobody_knows_is_refused() {
    let error = refusal("{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n\"listenerPath\": \"/x\"}");
    assert!(error.because.unwrap().starts_with("unknown field `listenerPath`"));
    let Some(origin) = error.origin else { panic!("no place") };
    assert_eq!(origin.line(), Some(2));
}

#[test]
fn text_that_is_no_json_is_refused_wherever_it_ends() {
    for length in 0..POLICY.len() - 2 {
        let error = refusal(&POLICY[..length]);
        assert_eq!(error.title, "cannot read the policy `policy.json`", "{length}");
        pointed_at(&error);
    }
    pointed_at(&refusal("{\"défaut\": é"));
}

#[test]
fn a_policy_for_another_architecture_is_refused() {
    let error =
        refusal(r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_AARCH64"]}"#);
    assert_eq!(error.title, "the policy `policy.json` is not for x86_64");
    assert_eq!(pointed_at(&error), "\"SCMP_ARCH_AARCH64\"");
}

#[test]
fn a_policy_that_would_not_fit_is_refused() {
    let argument = r#"{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}"#;
    let rule = format!(
        r#"{{"name": "read", "action": "SCMP_ACT_LOG", "args": [{}]}}"#,
        vec![argument; 301].join(",")
    );
    let error = refusal(&format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rule}]}}"#));
    assert_eq!(error.title, "the policy `policy.json` has too many conditions");
}
