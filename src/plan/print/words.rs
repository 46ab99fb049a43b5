//! What a step says about itself, in a few words.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::diagnostic::{escaped, pasted};
use crate::forward::Upstream;
use crate::image::Kept;
use crate::plan::filter::{Decision, Filter, Verdict};
use crate::plan::{
    Access, Action, CgroupParent, Extent, IdMap, Limit, Mount, Nat, NetworkSpace, RootSource,
    Ruleset, Subject,
};
use crate::profile::{Bounds, Cap, Rlimit, RlimitUnit};
use crate::units::{AbsolutePath, Size};

/// The word for a step and what it does, on one line.
pub(super) fn headline(action: &Action) -> (&'static str, String) {
    match action {
        Action::Cgroup(parent) => ("cgroup", cgroup(parent)),
        Action::Limit(limit) => ("limit", limited(limit)),
        Action::Namespaces(network) => {
            let net = match network {
                NetworkSpace::Empty => " net: no network".into(),
                NetworkSpace::Connected => " net".into(),
                NetworkSpace::Host => ": the host's network".into(),
                NetworkSpace::Joined(path) => format!(": the network of {}", shown(path)),
            };
            ("namespaces", format!("user mount pid ipc uts cgroup{net}"))
        }
        Action::Domain { errno } => ("no namespaces", refusal(*errno)),
        Action::Place { path, directories, .. } => ("private", place(path, directories)),
        Action::Ids(map) => ("ids", ids(map)),
        Action::Scratch { size, inodes } => {
            ("scratch", format!("{size} of memory, at most {inodes} files"))
        }
        Action::Root(source) => ("root", root(source)),
        Action::Symlink { path, target } => {
            ("symlink", format!("{} -> {}", shown(path), escaped(target)))
        }
        Action::Directory { path } => ("directory", shown(path)),
        Action::File { path, content } => {
            ("file", format!("{} ({} bytes)", shown(path), content.len()))
        }
        Action::Mount { path, create: _, mount } => mounted(path, mount),
        Action::Proc { masked, read_only } => {
            let (masked, read_only) = (masked.len(), read_only.len());
            ("proc", format!("/proc: {masked} paths masked, {read_only} read-only"))
        }
        Action::Dev { devices } => ("dev", format!("/dev: {}", device_names(devices))),
        Action::SealRoot => ("seal", "/ becomes read-only".into()),
        Action::Pivot => ("pivot", "leave the host's file system".into()),
        Action::Loopback => ("loopback", "lo".into()),
        Action::Nat(nat) => ("nat", connection(nat)),
        Action::Forward { places, upstream } => ("network", forward(places, upstream.as_ref())),
        Action::Allow(destination) => ("allow", destination.to_string()),
        Action::Publish(all) => {
            let ports: Vec<String> = all.iter().map(ToString::to_string).collect();
            ("publish", ports.join(" "))
        }
        Action::Hostname(name) => ("hostname", escaped(OsStr::new(name))),
        Action::Keyring { .. } => ("keyring", "a new session keyring".into()),
        Action::RefuseNesting => ("nesting", "no user namespaces inside".into()),
        Action::Rlimit { resource, bounds } => ("rlimit", rlimit(*resource, bounds)),
        Action::Nice(nice) => ("nice", nice.to_string()),
        Action::Capabilities { keep } if keep.is_empty() => ("capabilities", "none".into()),
        Action::Capabilities { keep } => {
            let names: Vec<String> = keep.iter().map(ToString::to_string).collect();
            ("capabilities", format!("keep {}", names.join(" ")))
        }
        Action::NoNewPrivileges => ("privileges", "none to be gained (no_new_privs)".into()),
        Action::NewSession => ("session", "a new one, without a terminal".into()),
        Action::Umask(mask) => ("umask", format!("{mask:03o}")),
        Action::Environment(variables) => ("environment", format!("{} variables", variables.len())),
        Action::Workdir(path) => ("workdir", shown(path)),
        Action::TimeLimit { limit, grace, signal } => {
            let signal = signal_name(*signal);
            ("time", format!("{limit}, then {signal}, and SIGKILL {grace} later"))
        }
        Action::Landlock(ruleset) => ("landlock", landlock(ruleset)),
        Action::Attend { filter, .. } => ("attend", attended(filter)),
        Action::Seccomp(filter) => ("seccomp", seccomp(filter)),
        Action::Descriptors { keep } => {
            let more: String = keep.iter().fold(String::new(), |mut text, fd| {
                let _ = write!(text, " {fd}");
                text
            });
            ("descriptors", format!("keep 0 1 2{more}"))
        }
        Action::Exec { argv, .. } => {
            let words: Vec<String> = argv.iter().map(pasted).collect();
            ("exec", words.join(" "))
        }
    }
}

/// What a step consists of, where a number would hide what matters: lines of words.
pub(super) fn details(action: &Action) -> Vec<Vec<String>> {
    match action {
        Action::Environment(variables) => variables
            .iter()
            .map(|(name, value)| vec![format!("{}={}", escaped(name), escaped(value))])
            .collect(),
        Action::Landlock(ruleset) => rules_by_access(ruleset),
        Action::Place { path: place, links, .. } => {
            let short = |path: &AbsolutePath| {
                let rest = path.as_path().strip_prefix(place).unwrap_or(path.as_path());
                escaped(rest.as_os_str())
            };
            links
                .iter()
                .map(|(path, to)| vec![format!("{} -> {}", short(path), shown(to))])
                .collect()
        }
        Action::Attend { writable, .. } => {
            let below = ["modes,", "owners", "and", "times", "below"].map(str::to_owned);
            vec![below.into_iter().chain(writable.iter().map(shown)).collect()]
        }
        _ => Vec::new(),
    }
}

fn cgroup(parent: &CgroupParent) -> String {
    match parent {
        CgroupParent::Delegated { path, leave, .. } => {
            let leaving = if *leave { ", after we have moved to a leaf" } else { "" };
            format!("below {}, which is delegated to us{leaving}", shown(path))
        }
        CgroupParent::Scope { bus, .. } => {
            format!("a scope of the user's systemd, by {}", escaped(OsStr::new(bus)))
        }
    }
}

fn limited(limit: &Limit) -> String {
    match limit {
        Limit::Memory(size) => format!("memory {size}"),
        Limit::Swap(size) => format!("swap {size}"),
        Limit::Cpus(cpus) => format!("cpus {cpus}"),
        Limit::Cpuset(cpus) => format!("cpuset {cpus}"),
        Limit::Pids(count) => format!("pids {count}"),
        Limit::Io { device: (major, minor), read, write, read_ops, write_ops } => {
            let mut words = format!("io of device {major}:{minor}:");
            for (word, size) in [("read", read), ("write", write)] {
                if let Some(size) = size {
                    let _ = write!(words, " {word} {size}/s");
                }
            }
            for (word, count) in [("read-ops", read_ops), ("write-ops", write_ops)] {
                if let Some(count) = count {
                    let _ = write!(words, " {word} {count}/s");
                }
            }
            words
        }
    }
}

fn rlimit(resource: Rlimit, bounds: &Bounds) -> String {
    let number = |bound: Cap<u64>| match (bound, resource.unit()) {
        (Cap::Unlimited, _) => "unlimited".to_owned(),
        (Cap::At(0), _) => "0".to_owned(),
        (Cap::At(bytes), RlimitUnit::Bytes) => Size(bytes).to_string(),
        (Cap::At(seconds), RlimitUnit::Seconds) => format!("{seconds}s"),
        (Cap::At(count), RlimitUnit::Count) => count.to_string(),
    };
    let Bounds { soft, hard } = *bounds;
    let name = resource.name();
    if soft == hard {
        format!("{name} {}", number(soft))
    } else {
        format!("{name} {}, at most {}", number(soft), number(hard))
    }
}

fn ids(map: &IdMap) -> String {
    let extents = |extents: &[Extent]| {
        let one = |Extent { inside, outside, count }: &Extent| match count {
            1 => format!("{inside}={outside}"),
            count => format!("{inside}={outside}+{count}"),
        };
        extents.iter().map(one).collect::<Vec<_>>().join(" ")
    };
    let IdMap { uids, gids, uid, gid, mappers } = map;
    let single = |extents: &[Extent], id| extents == [Extent { inside: id, outside: id, count: 1 }];
    if single(uids, *uid) && single(gids, *gid) {
        return format!("{uid}:{gid}, the same as outside");
    }
    let by = if mappers.is_some() { ", by newuidmap" } else { "" };
    format!("{uid}:{gid} inside; uid {}, gid {}{by}", extents(uids), extents(gids))
}

fn root(source: &RootSource) -> String {
    match source {
        RootSource::Empty => "an empty directory".into(),
        RootSource::Overlay { lower } => format!("overlay of {}", shown(lower)),
        RootSource::Directory { path } => format!("{}, writable", shown(path)),
        RootSource::Layers { image, lowers, owned, kept } => {
            let owned = if *owned { ", with their owners" } else { "" };
            let (image, layers) = (escaped(OsStr::new(image)), layers(lowers));
            format!("overlay of {layers} of {image}{owned}{}", kept_as(kept.as_ref()))
        }
        RootSource::Copy { image, lowers, path, kept } => {
            let image = escaped(OsStr::new(image));
            let (layers, place) = (layers(lowers), shown(path));
            format!("private copy of {layers} of {image}, {place}{}", kept_as(kept.as_ref()))
        }
    }
}

fn layers(lowers: &[AbsolutePath]) -> String {
    match lowers.len() {
        1 => "1 layer".to_owned(),
        count => format!("{count} layers"),
    }
}

fn kept_as(kept: Option<&Kept>) -> String {
    kept.map_or_else(String::new, |kept| format!(", changes kept as {}", kept.name))
}

fn connection(nat: &Nat) -> String {
    let loopback = if nat.host_loopback { "and" } else { "but not" };
    let mut words = format!(
        "eth0, by {}: what the host reaches, {loopback} its loopback interface",
        shown(&nat.program)
    );
    if let Some((inside, outside)) = nat.resolver {
        let _ = write!(words, "; DNS to {inside} goes to {outside}");
    }
    words
}

/// As programs print it: `SIGTERM`, or a number for what has no name.
fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.as_str().to_owned())
}

fn mounted(path: &AbsolutePath, mount: &Mount) -> (&'static str, String) {
    let shown_path = shown(path);
    match mount {
        Mount::Private { mode } => ("private", format!("{shown_path} ({mode:04o})")),
        Mount::Tmpfs { size } => ("tmpfs", format!("{shown_path}, {size}")),
        Mount::Bind { from, write, .. } => {
            let kind = if *write { "write" } else { "read" };
            if from == path {
                (kind, shown_path)
            } else {
                (kind, format!("{shown_path} from {}", shown(from)))
            }
        }
        Mount::Overlay { lower } if lower == path => ("overlay", shown_path),
        Mount::Overlay { lower } => ("overlay", format!("{shown_path} of {}", shown(lower))),
        Mount::File { content, .. } => ("file", format!("{shown_path} ({} bytes)", content.len())),
        Mount::Mask { .. } => ("mask", shown_path),
    }
}

fn device_names(devices: &[AbsolutePath]) -> String {
    let name = |path: &AbsolutePath| {
        let path = path.as_path();
        escaped(path.strip_prefix("/dev").unwrap_or(path).as_os_str())
    };
    devices.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn landlock(ruleset: &Ruleset) -> String {
    format!("ABI {}, {} rules", ruleset.abi, ruleset.rules.len())
}

/// One detail for each kind of access: `read /usr /opt`.
fn rules_by_access(ruleset: &Ruleset) -> Vec<Vec<String>> {
    let kinds = [
        (Access::List, "list"),
        (Access::Read, "read"),
        (Access::Write, "write"),
        (Access::ReadWrite, "use"),
        (Access::ReadFile, "read descriptor"),
        (Access::WriteFile, "write descriptor"),
        (Access::ReadWriteFile, "use descriptor"),
    ];
    let line = |(access, word): &(Access, &str)| {
        let rules = ruleset.rules.iter().filter(|rule| rule.access == *access);
        let subjects = rules.map(|rule| match &rule.subject {
            Subject::Path(path) => shown(path),
            Subject::Descriptor(fd) => fd.to_string(),
        });
        let words: Vec<String> = std::iter::once((*word).to_owned()).chain(subjects).collect();
        (words.len() > 1).then_some(words)
    };
    let scope = ["scope", "signals,", "abstract", "sockets"].map(str::to_owned).to_vec();
    let ports = ruleset.ports.as_ref().map(|ports| {
        let ports = ports.iter().map(ToString::to_string);
        ["connect", "to", "ports"].map(str::to_owned).into_iter().chain(ports).collect()
    });
    kinds.iter().filter_map(line).chain(ruleset.scoped.then_some(scope)).chain(ports).collect()
}

fn seccomp(filter: &Filter) -> String {
    let lets_through = |verdict: Verdict| matches!(verdict, Verdict::Allow | Verdict::Log);
    let mut allowed = 0;
    let mut sometimes = 0;
    for decision in &filter.decisions {
        let mut cases = decision.cases.iter().map(|case| case.verdict);
        if cases.len() == 0 && lets_through(decision.otherwise) {
            allowed += 1;
        } else if lets_through(decision.otherwise) || cases.any(lets_through) {
            sometimes += 1;
        }
    }
    let name = escaped(OsStr::new(&filter.name));
    format!("{name}: {allowed} calls allowed, {sometimes} by their arguments")
}

/// What stands against namespaces, and what is there instead.
fn refusal(errno: i32) -> String {
    let errno = nix::errno::Errno::from_raw(errno);
    format!("a Landlock domain instead, as this machine refuses them [{errno:?}]")
}

fn place(path: &AbsolutePath, directories: &[AbsolutePath]) -> String {
    let names = directories.iter().filter_map(|directory| directory.as_path().file_name());
    let names: Vec<String> = names.map(escaped).collect();
    format!("{} (0700): {}", shown(path), names.join(", "))
}

fn attended(filter: &Filter) -> String {
    let asks = |decision: &&Decision| decision.otherwise == Verdict::Ask;
    let asked = filter.decisions.iter().filter(asks).count();
    format!("{}: init is asked for {asked} calls", filter.name)
}

fn shown(path: &AbsolutePath) -> String {
    escaped(path.as_path().as_os_str())
}

fn forward(places: &[SocketAddr], upstream: Option<&Upstream>) -> String {
    let ports: BTreeSet<u16> = places.iter().map(SocketAddr::port).collect();
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let ports = ports.join(" ");
    match upstream {
        None => format!("a process outside serves the ports {ports}"),
        Some(upstream) => {
            let Upstream { host, port, variable, .. } = upstream;
            format!(
                "a process outside serves the ports {ports}, by the proxy {host}:{port} (${variable})"
            )
        }
    }
}

#[cfg(test)]
mod tests;
