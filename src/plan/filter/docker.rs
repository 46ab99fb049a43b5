//! Policies in docker's JSON format.
//!
//! Names that are no calls of x86_64 are ignored, as docker ignores them: its profile lists the
//! calls of all architectures. Where several rules match one call, the strictest verdict
//! counts. libseccomp, which docker uses, refuses some such policies and lets the order decide
//! in others; the strictest is what every order must at least give. Arguments that the kernel
//! reads as 32 bits are compared as such, which libseccomp leaves to the author.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, Origin, Source};
use crate::profile::Capability;

use super::guard::is_narrow;
use super::syscalls::by_name;
use super::types::{Case, Comparison, Condition, Decision, Filter, Verdict};

/// A BPF program has at most 4096 instructions; a condition takes up to nine of them.
const MOST_CONDITIONS: usize = 300;

/// Reads a policy for a command that keeps these capabilities, on this kernel.
pub(super) fn read(
    source: &Arc<Source>,
    kept: &[Capability],
    release: (u32, u32),
) -> Result<Filter, Diagnostic> {
    let policy: Policy =
        serde_json::from_str(&source.text).map_err(|error| malformed(source, &error))?;
    if !policy.is_for_this_architecture() {
        let title = format!("the policy `{}` is not for x86_64", source.name);
        return Err(Diagnostic::error(title)
            .at(&place(source, "\"SCMP_ARCH_"))
            .help("add `SCMP_ARCH_X86_64` to its architectures"));
    }
    let filter = filter_of(&policy, source, kept, release);
    let cases = filter.decisions.iter().flat_map(|decision| &decision.cases);
    if cases.map(|case| case.conditions.len()).sum::<usize>() > MOST_CONDITIONS {
        let title = format!("the policy `{}` has too many conditions", source.name);
        return Err(Diagnostic::error(title)
            .at(&Origin::File { source: Arc::clone(source), span: 0..0 })
            .because("the kernel takes programs of up to 4096 instructions")
            .help(format!("keep to {MOST_CONDITIONS} conditions")));
    }
    Ok(filter)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Policy {
    default_action: Action,
    default_errno_ret: Option<Errno>,
    /// podman's name for the same number, for people.
    #[serde(rename = "defaultErrno")]
    _default_errno: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
    #[serde(default)]
    arch_map: Vec<Architecture>,
    #[serde(default)]
    syscalls: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Architecture {
    architecture: String,
    #[serde(default, rename = "subArchitectures")]
    _sub_architectures: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    names: Vec<String>,
    name: Option<String>,
    action: Action,
    errno_ret: Option<Errno>,
    #[serde(rename = "errno")]
    _errno: Option<String>,
    #[serde(rename = "comment")]
    _comment: Option<String>,
    args: Option<Vec<Argument>>,
    #[serde(default)]
    includes: Scope,
    #[serde(default)]
    excludes: Scope,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scope {
    #[serde(default)]
    caps: Vec<CapabilityName>,
    #[serde(default)]
    arches: Vec<String>,
    min_kernel: Option<Release>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Argument {
    index: ArgumentIndex,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: Operator,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
enum Action {
    Allow,
    Log,
    Errno,
    Trap,
    KillThread,
    KillProcess,
}

#[derive(Clone, Copy, Deserialize)]
enum Operator {
    #[serde(rename = "SCMP_CMP_EQ")]
    Equal,
    #[serde(rename = "SCMP_CMP_NE")]
    NotEqual,
    #[serde(rename = "SCMP_CMP_LT")]
    Less,
    #[serde(rename = "SCMP_CMP_LE")]
    LessOrEqual,
    #[serde(rename = "SCMP_CMP_GT")]
    Greater,
    #[serde(rename = "SCMP_CMP_GE")]
    GreaterOrEqual,
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEqual,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
struct Errno(u16);

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
struct ArgumentIndex(u8);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct Release(u32, u32);

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct CapabilityName(Capability);

impl TryFrom<String> for Action {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "SCMP_ACT_ALLOW" => Ok(Self::Allow),
            "SCMP_ACT_LOG" => Ok(Self::Log),
            "SCMP_ACT_ERRNO" => Ok(Self::Errno),
            "SCMP_ACT_TRAP" => Ok(Self::Trap),
            "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Ok(Self::KillThread),
            "SCMP_ACT_KILL_PROCESS" => Ok(Self::KillProcess),
            "SCMP_ACT_TRACE" | "SCMP_ACT_NOTIFY" => {
                Err(format!("`{word}` needs a supervisor that answers for each call"))
            }
            _ => Err(format!("`{word}` is no action")),
        }
    }
}

impl TryFrom<u64> for Errno {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        match u16::try_from(number) {
            Ok(errno @ 1..=4095) => Ok(Self(errno)),
            _ => Err(format!("`{number}` is no errno: it must be from 1 to 4095")),
        }
    }
}

impl TryFrom<u64> for ArgumentIndex {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        match u8::try_from(number) {
            Ok(index @ 0..=5) => Ok(Self(index)),
            _ => Err(format!("`{number}` is no argument: a call has those from 0 to 5")),
        }
    }
}

impl TryFrom<String> for Release {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.split_once('.')
            .and_then(|(major, minor)| Some(Self(major.parse().ok()?, minor.parse().ok()?)))
            .ok_or_else(|| format!("`{text}` is no kernel version such as `4.8`"))
    }
}

impl TryFrom<String> for CapabilityName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = Capability::all().find(|known| known.to_string() == name);
        known.map(Self).ok_or_else(|| format!("`{name}` is no capability"))
    }
}

impl Policy {
    fn is_for_this_architecture(&self) -> bool {
        let mapped = self.arch_map.iter().map(|entry| &entry.architecture);
        let mut named = self.architectures.iter().chain(mapped).peekable();
        named.peek().is_none() || named.any(|name| name == "SCMP_ARCH_X86_64")
    }
}

impl Rule {
    /// Whether the rule is part of the policy here.
    fn applies(&self, kept: &[Capability], release: (u32, u32)) -> bool {
        let release = Release(release.0, release.1);
        let keeps = |name: &CapabilityName| kept.contains(&name.0);
        let ours = |arches: &[String]| arches.iter().any(|arch| arch == "amd64");
        let included = self.includes.caps.iter().all(keeps)
            && (self.includes.arches.is_empty() || ours(&self.includes.arches))
            && self.includes.min_kernel.is_none_or(|least| release >= least);
        let excluded = self.excludes.caps.iter().any(keeps)
            || ours(&self.excludes.arches)
            || self.excludes.min_kernel.is_some_and(|least| release >= least);
        included && !excluded
    }

    /// What must hold for a match: one of the lists, all of it. Two conditions on one argument
    /// are alternatives, as docker has it.
    fn alternatives(&self, call: u32) -> Vec<Vec<Condition>> {
        let arguments = self.args.as_deref().unwrap_or_default();
        let conditions: Vec<_> = arguments.iter().map(|one| one.condition(call)).collect();
        let twice = (0..6).any(|index| conditions.iter().filter(|c| c.index == index).count() > 1);
        if twice {
            conditions.into_iter().map(|condition| vec![condition]).collect()
        } else {
            vec![conditions]
        }
    }
}

impl Argument {
    fn condition(&self, call: u32) -> Condition {
        let index = self.index.0;
        let whole = if is_narrow(call, index) { u64::from(u32::MAX) } else { u64::MAX };
        let (comparison, mask, value) = match self.op {
            Operator::Equal => (Comparison::Equal, whole, self.value),
            Operator::NotEqual => (Comparison::NotEqual, whole, self.value),
            Operator::Less => (Comparison::Less, whole, self.value),
            Operator::LessOrEqual => (Comparison::LessOrEqual, whole, self.value),
            Operator::Greater => (Comparison::Greater, whole, self.value),
            Operator::GreaterOrEqual => (Comparison::GreaterOrEqual, whole, self.value),
            Operator::MaskedEqual => (Comparison::Equal, self.value & whole, self.value_two),
        };
        Condition { index, mask, comparison, value: value & whole }
    }
}

impl Action {
    fn verdict(self, errno: Option<Errno>) -> Verdict {
        match self {
            Self::Allow => Verdict::Allow,
            Self::Log => Verdict::Log,
            Self::Errno => errno.map_or(Verdict::NOT_PERMITTED, |errno| Verdict::Errno(errno.0)),
            Self::Trap => Verdict::Trap,
            Self::KillThread => Verdict::KillThread,
            Self::KillProcess => Verdict::KillProcess,
        }
    }
}

/// The rules about one call, so far.
#[derive(Default)]
struct Collected {
    cases: Vec<Case>,
    always: Option<Verdict>,
}

fn filter_of(policy: &Policy, source: &Source, kept: &[Capability], release: (u32, u32)) -> Filter {
    let mut collected: BTreeMap<u32, Collected> = BTreeMap::new();
    for rule in policy.syscalls.iter().filter(|rule| rule.applies(kept, release)) {
        let verdict = rule.action.verdict(rule.errno_ret);
        for call in rule.names.iter().chain(&rule.name).filter_map(|name| by_name(name)) {
            let rules = collected.entry(call).or_default();
            for conditions in rule.alternatives(call) {
                if conditions.is_empty() {
                    rules.always = rules.always.max(Some(verdict));
                } else {
                    rules.cases.push(Case { conditions, verdict });
                }
            }
        }
    }
    let fallback = policy.default_action.verdict(policy.default_errno_ret);
    let decisions = collected.into_iter().map(|(call, rules)| rules.decision(call, fallback));
    Filter { name: source.name.clone(), fallback, decisions: decisions.collect() }
}

impl Collected {
    fn decision(mut self, number: u32, fallback: Verdict) -> Decision {
        if let Some(always) = self.always {
            self.cases.retain(|case| case.verdict > always);
        }
        self.cases.sort_by_key(|case| std::cmp::Reverse(case.verdict));
        Decision { number, cases: self.cases, otherwise: self.always.unwrap_or(fallback) }
    }
}

fn malformed(source: &Arc<Source>, error: &serde_json::Error) -> Diagnostic {
    let words = error.to_string();
    let cause = words.split(" at line ").next().unwrap_or(&words).to_owned();
    let lines = source.text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let offset = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    let span = blamed(&source.text, offset, &cause);
    Diagnostic::error(format!("cannot read the policy `{}`", source.name))
        .at(&Origin::File { source: Arc::clone(source), span })
        .because(cause)
        .help("write it in the format of docker's seccomp profiles")
}

/// What the error is about: the last word before `offset` that the cause names. serde_json only
/// says how far it has read, which for a value that we refuse is the end of its object.
fn blamed(text: &str, offset: usize, cause: &str) -> Range<usize> {
    let end = (offset..=text.len()).find(|end| *end > offset && text.is_char_boundary(*end));
    let end = end.unwrap_or(text.len());
    let named = cause.split('`').nth(1).and_then(|word| {
        let quoted = format!("\"{word}\"");
        let found = |word: &str| text[..end].rfind(word).map(|start| start..start + word.len());
        found(&quoted).or_else(|| found(word))
    });
    named.unwrap_or_else(|| {
        let last = text[..end].char_indices().next_back();
        last.map_or(0..0, |(start, _)| start..end)
    })
}

/// Where `word` first stands in the text.
fn place(source: &Arc<Source>, word: &str) -> Origin {
    let start = source.text.find(word).unwrap_or(0);
    let end = source.text[start..].find(['\n', ',', ']']).map_or(start, |length| start + length);
    Origin::File { source: Arc::clone(source), span: start..end }
}

#[cfg(test)]
mod tests;
