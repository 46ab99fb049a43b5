//! What a profile that nobody has read may do: take away.
//!
//! Its writer is an attacker. Nothing of it may grant anything, have anything run or made, name a variable of the
//! caller's (which would show inside as the name of a mask), or lead through a link. So this is a list
//! of what is taken, and all else is left out: new keys too, until somebody has thought about them.

use std::path::{Component, Path, PathBuf};

use nix::sys::resource::getrlimit;

use crate::diagnostic::{Located, Origin};
use crate::profile::listing::{Line, lines};
use crate::profile::parse::Parsed;
use crate::profile::{
    Bounds, Cap, Grant, Limits, Network, NetworkMode, Profile, Rlimit, Rule, SeccompPolicy, Swap,
    Tty,
};

/// Where relative paths and `$PROJECT` lead.
pub struct Here<'a> {
    pub workdir: &'a Path,
    pub project: &'a Path,
}

/// `base` with what `untrusted` takes away; and each line of it that was left out.
pub fn tightened(mut base: Profile, untrusted: &Parsed, here: &Here) -> (Profile, Vec<String>) {
    let mut layer = Profile::default();
    let said = &untrusted.profile;
    layer.filesystem.rules =
        said.filesystem.rules.iter().filter_map(|rule| mask(rule, here)).collect();
    layer.limits = limits(&base.limits, &said.limits);
    layer.seccomp.deny = said.seccomp.deny.clone();
    layer.seccomp.policy = said.seccomp.policy.clone().filter(|policy| {
        policy.value == SeccompPolicy::Strict
            && !matches!(
                base.seccomp.policy.as_ref().map(|policy| &policy.value),
                Some(SeccompPolicy::Strict | SeccompPolicy::File(_))
            )
    });
    layer.process.tty = said.process.tty.clone().filter(|tty| tty.value == Tty::None);
    layer.network.mode = said.network.mode.clone().filter(|mode| {
        mode.value == NetworkMode::None
            && base.network.mode.as_ref().is_some_and(|base| base.value != NetworkMode::None)
    });
    let left_out = left_out(&base, &layer, untrusted, here.workdir);
    if layer.network.mode.is_some() {
        // What is published or allowed means nothing without a network.
        base.network = Network::default();
    }
    (base.merge(layer), left_out)
}

/// The rule, if it masks what is certainly below the working directory or the project.
fn mask(rule: &Located<Rule>, here: &Here) -> Option<Located<Rule>> {
    if rule.value.grant != Grant::Mask {
        return None;
    }
    let text = rule.value.path.text.to_str()?;
    let of_project = ["$PROJECT/", "${PROJECT}/"].iter().find_map(|start| text.strip_prefix(start));
    let (above, rest) = match of_project {
        Some(rest) => (here.project, rest),
        None => (here.workdir, text),
    };
    if rest.contains('$') || rest.starts_with('~') {
        return None;
    }
    let mut at = PathBuf::from(above);
    let mut named = false;
    for component in Path::new(rest).components() {
        match component {
            Component::CurDir => continue,
            Component::Normal(name) => at.push(name),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
        named = true;
        match at.symlink_metadata() {
            Ok(found) if found.is_symlink() => return None,
            // Where there is nothing, nothing is masked.
            Ok(_) | Err(_) => {}
        }
    }
    let mut mask = rule.clone();
    mask.value.optional = true;
    named.then_some(mask)
}

fn limits(base: &Limits, said: &Limits) -> Limits {
    let mut taken = Limits {
        memory: lower(&base.memory, &said.memory),
        cpus: lower(&base.cpus, &said.cpus),
        pids: lower(&base.pids, &said.pids),
        time: lower(&base.time, &said.time),
        swap: said.swap.clone().filter(|swap| less_swap(base, swap.value)),
        hugepages: said.hugepages.clone().filter(|may| !may.value),
        ..Limits::default()
    };
    for (rlimit, bounds) in &said.rlimits {
        if is_within(bounds.value, in_force(base, *rlimit)) {
            taken.rlimits.insert(*rlimit, bounds.clone());
        }
    }
    taken
}

fn lower<T: Copy + PartialOrd>(
    base: &Option<Located<Cap<T>>>,
    said: &Option<Located<Cap<T>>>,
) -> Option<Located<Cap<T>>> {
    let limit = base.as_ref().and_then(|base| base.value.at());
    said.clone().filter(|said| match (said.value.at(), limit) {
        (Some(said), Some(limit)) => said < limit,
        (Some(_), None) => true,
        (None, _) => false,
    })
}

/// With a limit of memory and nothing said about swap, there is none to be limited.
fn less_swap(base: &Limits, said: Swap) -> bool {
    let Swap::At(said) = said else { return false };
    match base.swap.as_ref().map(|swap| swap.value) {
        Some(Swap::At(limit)) => said < limit,
        Some(Swap::WithMemory(_)) => false,
        Some(Swap::Unlimited) => true,
        None => base.memory.is_none(),
    }
}

/// What holds without the untrusted profile; `None` where it cannot be told.
fn in_force(base: &Limits, rlimit: Rlimit) -> Option<Bounds> {
    if let Some(bounds) = base.rlimits.get(&rlimit) {
        return Some(bounds.value);
    }
    match rlimit {
        Rlimit::Core => Some(Bounds::both(0)),
        Rlimit::Nproc => Some(Bounds::both(4096)),
        Rlimit::CpuTime
        | Rlimit::Data
        | Rlimit::Fsize
        | Rlimit::Memlock
        | Rlimit::Nofile
        | Rlimit::Stack => {
            let (soft, hard) = getrlimit(rlimit.resource()).ok()?;
            Some(Bounds { soft: Cap::At(soft), hard: Cap::At(hard) })
        }
    }
}

fn is_within(said: Bounds, limit: Option<Bounds>) -> bool {
    let number = |cap: Cap<u64>| cap.at().unwrap_or(u64::MAX);
    limit.is_some_and(|limit| {
        number(said.soft) <= number(limit.soft) && number(said.hard) <= number(limit.hard)
    })
}

/// The keys that are not used, with their lines; what is so anyway is not among them.
fn left_out(base: &Profile, used: &Profile, untrusted: &Parsed, workdir: &Path) -> Vec<String> {
    let taken = |profile: &Profile| lines(profile, workdir).unwrap_or_default();
    let (base, used) = (taken(base), taken(used));
    let is_in = |lines: &[Line], line: &Line| {
        lines.iter().any(|other| {
            other.name() == line.name() && other.place == line.place && other.value == line.value
        })
    };
    let at_the_place = |line: &Line| used.iter().any(|used| used.origin == line.origin);
    let mut left_out: Vec<(usize, String)> = Vec::new();
    let mut tell = |name: &str, origin: &Origin| {
        let line = origin.line().unwrap_or(1);
        let words = format!("{name} (line {line})");
        if !left_out.iter().any(|(_, told)| *told == words) {
            left_out.push((line, words));
        }
    };
    for name in &untrusted.extends {
        // These two are what it is laid over.
        if !["base", "default"].iter().any(|known| name.value == *known) {
            tell("extends", &name.origin);
        }
    }
    for line in taken(&untrusted.profile) {
        if line.key != "description" && !at_the_place(&line) && !is_in(&base, &line) {
            tell(&line.name(), &line.origin);
        }
    }
    left_out.sort();
    left_out.into_iter().map(|(_, words)| words).collect()
}
