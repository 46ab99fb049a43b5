//! From a step to its JSON.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::plan::{
    Access, Action, CgroupParent, Extent, IdMap, LandlockRule, Limit, Mount, NetworkSpace,
    RootSource, Ruleset, Subject,
};
use crate::units::{AbsolutePath, Span};

use super::keys::{
    CgroupOut, ExtentOut, LimitOut, MountOut, ResolverOut, RuleOut, StepOut, Text, UpstreamOut,
    Variable,
};

pub(super) fn step_out(action: &Action) -> StepOut<'_> {
    match action {
        Action::Cgroup(parent) => StepOut::Cgroup { parent: cgroup(parent) },
        Action::Limit(limit) => StepOut::Limit { limit: limit_out(limit) },
        Action::Namespaces(network) => namespaces(network),
        Action::Domain { errno } => StepOut::Domain { errno: *errno },
        Action::Place { path, directories, links } => StepOut::Place {
            path: of_path(path),
            directories: paths(directories),
            links: links.iter().map(|(path, target)| [of_path(path), of_path(target)]).collect(),
        },
        Action::Ids(map) => ids(map),
        Action::Scratch { size, inodes } => StepOut::Scratch { size: size.0, inodes: *inodes },
        Action::Root(source) => root(source),
        Action::Symlink { path, target: to } => {
            StepOut::Symlink { path: of_path(path), target: text(to) }
        }
        Action::Directory { path } => StepOut::Directory { path: of_path(path) },
        Action::File { path, content } => {
            StepOut::File { path: of_path(path), content: text(OsStr::from_bytes(content)) }
        }
        Action::Mount { path, create, mount } => {
            StepOut::Mount { path: of_path(path), create: *create, mount: mount_out(mount) }
        }
        Action::Proc { masked, read_only } => {
            StepOut::Proc { masked: paths(masked), read_only: paths(read_only) }
        }
        Action::Dev { devices } => StepOut::Dev { devices: paths(devices) },
        Action::SealRoot => StepOut::SealRoot,
        Action::Pivot => StepOut::Pivot,
        Action::Loopback => StepOut::Loopback,
        Action::Forward { places, upstream } => StepOut::Forward {
            places: places.iter().map(ToString::to_string).collect(),
            upstream: upstream.as_ref().map(|upstream| UpstreamOut {
                host: &upstream.host,
                port: upstream.port,
                variable: &upstream.variable,
            }),
        },
        Action::Allow(destination) => StepOut::Allow { destination: destination.to_string() },
        Action::Nat(nat) => StepOut::Nat {
            program: of_path(&nat.program),
            resolver: nat.resolver.map(|(inside, outside)| ResolverOut {
                inside: inside.to_string(),
                outside: outside.to_string(),
            }),
            host_loopback: nat.host_loopback,
            as_root: nat.as_root,
        },
        Action::Publish(all) => {
            StepOut::Publish { ports: all.iter().map(ToString::to_string).collect() }
        }
        Action::Hostname(name) => StepOut::Hostname { name },
        Action::Keyring { may_fail } => StepOut::Keyring { may_fail: *may_fail },
        Action::RefuseNesting => StepOut::RefuseNesting,
        Action::Rlimit { resource, bounds } => StepOut::Rlimit {
            resource: resource.name(),
            soft: bounds.soft.at(),
            hard: bounds.hard.at(),
        },
        Action::Nice(nice) => StepOut::Nice { nice: *nice },
        Action::Capabilities { keep } => {
            StepOut::Capabilities { keep: keep.iter().map(|keep| keep.0).collect() }
        }
        Action::NoNewPrivileges => StepOut::NoNewPrivileges,
        Action::NewSession => StepOut::NewSession,
        Action::Umask(mask) => StepOut::Umask { mask: format!("{mask:03o}") },
        Action::Environment(variables) => StepOut::Environment {
            variables: variables
                .iter()
                .map(|(name, value)| Variable { name: text(name), value: text(value) })
                .collect(),
        },
        Action::Workdir(path) => StepOut::Workdir { path: of_path(path) },
        Action::TimeLimit { limit, grace, signal } => StepOut::TimeLimit {
            milliseconds: milliseconds(*limit),
            grace_milliseconds: milliseconds(*grace),
            signal: *signal,
        },
        Action::Landlock(Ruleset { abi, scoped, rules, ports }) => StepOut::Landlock {
            abi: *abi,
            scoped: *scoped,
            ports: ports.clone(),
            rules: rules.iter().map(rule).collect(),
        },
        Action::Attend { filter, writable } => StepOut::Attend {
            filter: &filter.name,
            calls: filter.decisions.len(),
            writable: paths(writable),
        },
        Action::Seccomp(filter) => {
            StepOut::Seccomp { policy: &filter.name, calls: filter.decisions.len() }
        }
        Action::Descriptors { keep } => StepOut::Descriptors { keep },
        Action::Exec { argv, search } => StepOut::Exec {
            argv: argv.iter().map(|word| text(word)).collect(),
            search: paths(search),
        },
    }
}

fn namespaces(network: &NetworkSpace) -> StepOut<'_> {
    match network {
        NetworkSpace::Empty | NetworkSpace::Connected => {
            StepOut::Namespaces { network: true, joins: None }
        }
        NetworkSpace::Host => StepOut::Namespaces { network: false, joins: None },
        NetworkSpace::Joined(path) => {
            StepOut::Namespaces { network: false, joins: Some(of_path(path)) }
        }
    }
}

fn cgroup(parent: &CgroupParent) -> CgroupOut<'_> {
    match parent {
        CgroupParent::Delegated { path, enable, leave } => CgroupOut::Delegated {
            path: of_path(path),
            enable: enable.iter().map(|controller| controller.name()).collect(),
            leave: *leave,
        },
        CgroupParent::Scope { bus, mount: _, enable: _ } => CgroupOut::Scope { bus },
    }
}

fn limit_out(limit: &Limit) -> LimitOut {
    match limit {
        Limit::Memory(size) => LimitOut::Memory { bytes: size.0 },
        Limit::Swap(size) => LimitOut::Swap { bytes: size.0 },
        Limit::Cpus(cpus) => LimitOut::Cpus { millicpus: cpus.0 },
        Limit::Cpuset(cpus) => LimitOut::Cpuset { cpus: cpus.to_string() },
        Limit::Pids(count) => LimitOut::Pids { count: *count },
        Limit::Io { device: (major, minor), read, write, read_ops, write_ops } => LimitOut::Io {
            device: format!("{major}:{minor}"),
            read_bytes: read.map(|size| size.0),
            write_bytes: write.map(|size| size.0),
            read_ops: *read_ops,
            write_ops: *write_ops,
        },
    }
}

fn milliseconds(span: Span) -> u64 {
    u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX)
}

fn ids(map: &IdMap) -> StepOut<'_> {
    let extents = |extents: &[Extent]| {
        let one = |Extent { inside, outside, count }: &Extent| ExtentOut {
            inside: *inside,
            outside: *outside,
            count: *count,
        };
        extents.iter().map(one).collect()
    };
    let mappers = map.mappers.iter();
    StepOut::Ids {
        uid: map.uid,
        gid: map.gid,
        uids: extents(&map.uids),
        gids: extents(&map.gids),
        mappers: mappers.flat_map(|(uid, gid)| [of_path(uid), of_path(gid)]).collect(),
    }
}

fn root(source: &RootSource) -> StepOut<'_> {
    let (source, path) = match source {
        RootSource::Empty => ("empty", None),
        RootSource::Overlay { lower } => ("overlay", Some(of_path(lower))),
        RootSource::Directory { path } => ("directory", Some(of_path(path))),
        RootSource::Layers { image, lowers, owned, kept } => {
            return StepOut::Root {
                source: "image",
                path: None,
                image: Some(image),
                layers: lowers.iter().map(of_path).collect(),
                owned: Some(*owned),
                kept: kept.as_ref().map(|kept| of_path(&kept.upper)),
            };
        }
        RootSource::Copy { image, lowers, path, kept } => {
            return StepOut::Root {
                source: "copy",
                path: Some(of_path(path)),
                image: Some(image),
                layers: lowers.iter().map(of_path).collect(),
                owned: None,
                kept: kept.as_ref().map(|kept| of_path(&kept.copy)),
            };
        }
    };
    StepOut::Root { source, path, image: None, layers: Vec::new(), owned: None, kept: None }
}

fn mount_out(mount: &Mount) -> MountOut<'_> {
    match mount {
        Mount::Private { mode } => MountOut::Private { mode: format!("{mode:04o}") },
        Mount::Tmpfs { size } => MountOut::Tmpfs { size: size.0 },
        Mount::Bind { from, write, directory } => {
            MountOut::Bind { from: of_path(from), write: *write, directory: *directory }
        }
        Mount::Overlay { lower } => MountOut::Overlay { lower: of_path(lower) },
        Mount::File { content, write } => {
            MountOut::File { content: text(OsStr::from_bytes(content)), write: *write }
        }
        Mount::Mask { directory } => MountOut::Mask { directory: *directory },
    }
}

fn rule(rule: &LandlockRule) -> RuleOut<'_> {
    let access = match rule.access {
        Access::List => "list",
        Access::Read => "read",
        Access::Write => "write",
        Access::ReadWrite => "read_write",
        Access::ReadFile => "read_file",
        Access::WriteFile => "write_file",
        Access::ReadWriteFile => "read_write_file",
    };
    match &rule.subject {
        Subject::Path(path) => RuleOut { access, path: Some(of_path(path)), descriptor: None },
        Subject::Descriptor(fd) => RuleOut { access, path: None, descriptor: Some(*fd) },
    }
}

fn paths(paths: &[AbsolutePath]) -> Vec<Text<'_>> {
    paths.iter().map(of_path).collect()
}

fn of_path(path: &AbsolutePath) -> Text<'_> {
    text(path.as_path().as_os_str())
}

fn text(text: &OsStr) -> Text<'_> {
    match text.to_str() {
        Some(plain) => Text::Plain(plain),
        None => Text::Bytes { lossy: text.to_string_lossy().into_owned(), bytes: text.as_bytes() },
    }
}
