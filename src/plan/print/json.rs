//! A plan as JSON. The keys are a promise: programs read them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Origin, Severity};
use crate::plan::{
    Access, Action, CgroupParent, Extent, IdMap, LandlockRule, Limit, Mount, NetworkSpace, Plan,
    RootSource, Ruleset, Step, Subject,
};
use crate::units::{AbsolutePath, Span};

/// Prints one object, indented, with a newline at the end.
pub fn to_json(plan: &Plan) -> String {
    let steps = plan.steps.iter().enumerate();
    let output = Output {
        version: 1,
        steps: steps.map(|(index, step)| numbered(index + 1, step)).collect(),
        notes: plan.notes.iter().map(note).collect(),
    };
    let mut text = serde_json::to_string_pretty(&output)
        .expect("all keys are strings, and writing to memory does not fail");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Output<'a> {
    version: u32,
    steps: Vec<NumberedStep<'a>>,
    notes: Vec<Note<'a>>,
}

#[derive(Serialize)]
struct NumberedStep<'a> {
    number: usize,
    #[serde(flatten)]
    step: StepOut<'a>,
    origin: OriginOut<'a>,
}

/// A string; one that is not UTF-8 is an object with what can be read of it and its bytes.
#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    Plain(&'a str),
    Bytes { lossy: String, bytes: &'a [u8] },
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StepOut<'a> {
    Cgroup {
        parent: CgroupOut<'a>,
    },
    Limit {
        limit: LimitOut,
    },
    Namespaces {
        /// Whether there is a new one for the network.
        network: bool,
        /// The file of the one that is joined.
        #[serde(skip_serializing_if = "Option::is_none")]
        joins: Option<Text<'a>>,
    },
    Domain {
        errno: i32,
    },
    Place {
        path: Text<'a>,
        directories: Vec<Text<'a>>,
        /// Path and target of each.
        links: Vec<[Text<'a>; 2]>,
    },
    Ids {
        uid: u32,
        gid: u32,
        uids: Vec<ExtentOut>,
        gids: Vec<ExtentOut>,
        mappers: Vec<Text<'a>>,
    },
    Scratch {
        size: u64,
        inodes: u64,
    },
    Root {
        source: &'static str,
        path: Option<Text<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<&'a str>,
        /// The topmost first.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        layers: Vec<Text<'a>>,
        /// The layers are copies in which files belong to whom the image says.
        #[serde(skip_serializing_if = "Option::is_none")]
        owned: Option<bool>,
        /// Where writes are kept.
        #[serde(skip_serializing_if = "Option::is_none")]
        kept: Option<Text<'a>>,
    },
    Symlink {
        path: Text<'a>,
        target: Text<'a>,
    },
    Directory {
        path: Text<'a>,
    },
    File {
        path: Text<'a>,
        content: Text<'a>,
    },
    Mount {
        path: Text<'a>,
        create: bool,
        mount: MountOut<'a>,
    },
    Proc {
        masked: Vec<Text<'a>>,
        read_only: Vec<Text<'a>>,
    },
    Dev {
        devices: Vec<Text<'a>>,
    },
    SealRoot,
    Pivot,
    Loopback,
    Forward {
        places: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        upstream: Option<UpstreamOut<'a>>,
    },
    Allow {
        destination: String,
    },
    Nat {
        program: Text<'a>,
        resolver: Option<ResolverOut>,
        host_loopback: bool,
        as_root: bool,
    },
    Publish {
        ports: Vec<String>,
    },
    Hostname {
        name: &'a str,
    },
    Keyring {
        may_fail: bool,
    },
    RefuseNesting,
    /// `null` is no limit.
    Rlimit {
        resource: &'static str,
        soft: Option<u64>,
        hard: Option<u64>,
    },
    Nice {
        nice: i32,
    },
    Capabilities {
        keep: Vec<u8>,
    },
    NoNewPrivileges,
    NewSession,
    Umask {
        mask: String,
    },
    Environment {
        variables: Vec<Variable<'a>>,
    },
    Workdir {
        path: Text<'a>,
    },
    TimeLimit {
        milliseconds: u64,
        grace_milliseconds: u64,
        signal: i32,
    },
    Landlock {
        abi: u32,
        scoped: bool,
        ports: Option<Vec<u16>>,
        rules: Vec<RuleOut<'a>>,
    },
    Attend {
        filter: &'a str,
        calls: usize,
        writable: Vec<Text<'a>>,
    },
    Seccomp {
        policy: &'a str,
        calls: usize,
    },
    Descriptors {
        keep: &'a [i32],
    },
    Exec {
        argv: Vec<Text<'a>>,
        search: Vec<Text<'a>>,
    },
}

/// Where questions about names go.
#[derive(Serialize)]
struct ResolverOut {
    inside: String,
    outside: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum MountOut<'a> {
    Private { mode: String },
    Tmpfs { size: u64 },
    Bind { from: Text<'a>, write: bool, directory: bool },
    Overlay { lower: Text<'a> },
    File { content: Text<'a>, write: bool },
    Mask { directory: bool },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum CgroupOut<'a> {
    Delegated { path: Text<'a>, enable: Vec<&'static str>, leave: bool },
    Scope { bus: &'a str },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum LimitOut {
    Memory {
        bytes: u64,
    },
    Swap {
        bytes: u64,
    },
    /// In thousandths of a processor.
    Cpus {
        millicpus: u32,
    },
    Cpuset {
        cpus: String,
    },
    Pids {
        count: u32,
    },
    /// Each a second; `null` is no limit.
    Io {
        device: String,
        read_bytes: Option<u64>,
        write_bytes: Option<u64>,
        read_ops: Option<u64>,
        write_ops: Option<u64>,
    },
}

#[derive(Serialize)]
struct ExtentOut {
    inside: u32,
    outside: u32,
    count: u32,
}

#[derive(Serialize)]
struct Variable<'a> {
    name: Text<'a>,
    value: Text<'a>,
}

#[derive(Serialize)]
struct RuleOut<'a> {
    access: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    descriptor: Option<i32>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum OriginOut<'a> {
    BuiltIn,
    File { file: &'a str, line: usize },
    Flag { flag: &'a str },
    Variable { variable: &'a str },
}

#[derive(Serialize)]
struct Note<'a> {
    severity: &'static str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'a str>,
    help: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginOut<'a>>,
}

/// Without the name and the password that it may want.
#[derive(Serialize)]
struct UpstreamOut<'a> {
    host: &'a str,
    port: u16,
    variable: &'a str,
}

fn numbered(number: usize, step: &Step) -> NumberedStep<'_> {
    NumberedStep { number, step: step_out(&step.action), origin: origin(&step.origin) }
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

fn step_out(action: &Action) -> StepOut<'_> {
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

fn origin(origin: &Origin) -> OriginOut<'_> {
    match origin {
        Origin::BuiltIn => OriginOut::BuiltIn,
        Origin::File { source, .. } => {
            OriginOut::File { file: &source.name, line: origin.line().unwrap_or(1) }
        }
        Origin::Flag(flag) => OriginOut::Flag { flag },
        Origin::Variable(variable) => OriginOut::Variable { variable },
    }
}

fn note(note: &Diagnostic) -> Note<'_> {
    let severity = match note.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    Note {
        severity,
        title: &note.title,
        because: note.because.as_deref(),
        help: &note.help,
        origin: note.origin.as_ref().map(origin),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_promised() {
        let path = AbsolutePath::new(OsStr::from_bytes(b"/a\xff")).unwrap();
        let mount = Mount::Mask { directory: false };
        let step = Step {
            action: Action::Mount { path, create: false, mount },
            origin: Origin::Flag("--mask".into()),
        };
        let plan = Plan {
            steps: vec![step],
            notes: vec![Diagnostic::note("words")],
            degraded: Vec::new(),
        };
        let value: serde_json::Value = serde_json::from_str(&to_json(&plan)).unwrap();
        let expected = serde_json::json!({
            "version": 1,
            "steps": [{
                "number": 1,
                "kind": "mount",
                "path": {"lossy": "/a\u{fffd}", "bytes": [47, 97, 255]},
                "create": false,
                "mount": {"type": "mask", "directory": false},
                "origin": {"kind": "flag", "flag": "--mask"},
            }],
            "notes": [{"severity": "note", "title": "words", "help": []}],
        });
        assert_eq!(value, expected);
    }
}
