//! What a step is in JSON.

use serde::Serialize;

/// A string; one that is not UTF-8 is an object with what can be read of it and its bytes.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Text<'a> {
    Plain(&'a str),
    Bytes { lossy: String, bytes: &'a [u8] },
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum StepOut<'a> {
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
pub(super) struct ResolverOut {
    pub inside: String,
    pub outside: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum MountOut<'a> {
    Private { mode: String },
    Tmpfs { size: u64 },
    Bind { from: Text<'a>, write: bool, directory: bool },
    Overlay { lower: Text<'a> },
    File { content: Text<'a>, write: bool },
    Mask { directory: bool },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum CgroupOut<'a> {
    Delegated { path: Text<'a>, enable: Vec<&'static str>, leave: bool },
    Scope { bus: &'a str },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum LimitOut {
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
pub(super) struct ExtentOut {
    pub inside: u32,
    pub outside: u32,
    pub count: u32,
}

#[derive(Serialize)]
pub(super) struct Variable<'a> {
    pub name: Text<'a>,
    pub value: Text<'a>,
}

#[derive(Serialize)]
pub(super) struct RuleOut<'a> {
    pub access: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptor: Option<i32>,
}

/// Without the name and the password that it may want.
#[derive(Serialize)]
pub(super) struct UpstreamOut<'a> {
    pub host: &'a str,
    pub port: u16,
    pub variable: &'a str,
}
