//! The report as JSON. Its keys, units and meanings are a promise: programs read them.
//!
//! docs/report.schema.json is made from these types; the comments of types and fields are its
//! descriptions. All keys are always there: one without a value is null.

use schemars::JsonSchema;
use serde::Serialize;

/// The version of the format. It grows when a key goes away or changes its meaning, and not when
/// one is added: readers skip what they do not know.
pub const VERSION: u32 = 1;

/// What one `jail run` did, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "Report of jail run", deny_unknown_fields)]
pub struct Report {
    /// The version of this format: 1.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The version of jail.
    pub jail: String,
    /// Eight hexadecimal digits that name the run, as its cgroup does; null unless the command ran.
    pub id: Option<String>,
    /// When jail was started: seconds since 1970-01-01 00:00 UTC.
    pub started_at: f64,
    /// The command and its arguments; empty if the command line was not understood.
    pub command: Vec<Text>,
    /// How far it came.
    pub phase: Phase,
    /// The exit status of jail itself.
    pub status: u8,
    /// The exit status of the command; null unless it exited by itself.
    pub exit_code: Option<u8>,
    /// The number of the signal that ended the command; null unless one did.
    pub signal: Option<i32>,
    /// Did the time limit end the command?
    pub timed_out: bool,
    /// Did the kernel end the command, because memory was used up?
    pub oom_killed: bool,
    /// What jail reported as an error, in the order in which it was found.
    pub errors: Vec<Message>,
    /// The limits in force; empty if it did not come so far that they were known.
    pub limits: Vec<Limit>,
    /// The limits that the command ran into.
    pub reached: Vec<Reached>,
    /// Protections that were asked for and are missing, in whole or in part, because `degrade`
    /// names them.
    pub degraded: Vec<Protection>,
    /// The cgroup that held the limits, as a directory of the host that is gone by now; null if
    /// there was none.
    pub cgroup: Option<Text>,
    /// What the network refused; null unless its mode is `allow` and the command ran.
    pub network: Option<Network>,
    /// What was used; null unless the command ran.
    pub usage: Option<Usage>,
}

/// A string. One that is not UTF-8 is an object with what can be read of it and its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Text {
    Plain(String),
    #[schemars(extend("additionalProperties" = false))]
    Bytes {
        lossy: String,
        bytes: Vec<u8>,
    },
}

/// How far a run came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The command line was not understood.
    Arguments,
    /// A profile could not be read, or it or a flag says something wrong.
    Profile,
    /// This machine cannot do what was asked for.
    Plan,
    /// The sandbox could not be made, or the command could not be executed.
    Start,
    /// The command ran, and has ended; or the sandbox was destroyed from outside around it, and
    /// nobody knows how it ended.
    Run,
}

/// An error: what, why, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Message {
    pub title: String,
    /// The cause; with the name of the errno in brackets, if there is one.
    pub because: Option<String>,
    /// Things to do.
    pub help: Vec<String>,
    /// Where the value stands that it is about.
    pub origin: Option<Origin>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// Part of jail.
    #[schemars(extend("additionalProperties" = false))]
    BuiltIn,
    /// A line of a file, counted from 1.
    #[schemars(extend("additionalProperties" = false))]
    File { file: String, line: usize },
    /// A flag of the command line.
    #[schemars(extend("additionalProperties" = false))]
    Flag { flag: String },
    /// An environment variable.
    #[schemars(extend("additionalProperties" = false))]
    Variable { variable: String },
}

/// A limit in force.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Limit {
    /// The key of `[limits]` in a profile; those about one device are `io-read`, `io-write`,
    /// `io-read-ops` and `io-write-ops`.
    pub name: &'static str,
    /// The limit; of an rlimit the soft one.
    pub value: Amount,
    /// The limit up to which the command may raise it by itself; null unless it is an rlimit.
    pub hard: Option<Amount>,
    pub unit: LimitUnit,
    /// Major and minor number of the block device that it is about; null for all others.
    pub device: Option<String>,
    pub enforced_by: Enforcer,
    /// Who asked for it.
    pub origin: Origin,
}

/// A number; `unlimited`; or processors by their numbers, such as `0-3,5`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    Whole(u64),
    Fraction(f64),
    Signed(i32),
    Words(String),
}

/// What the number of a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    Bytes,
    BytesPerSecond,
    OperationsPerSecond,
    Seconds,
    /// How many at once: of `cpus`, and not a whole number.
    Processors,
    /// Which ones: of `cpuset`.
    ProcessorNumbers,
    Processes,
    Descriptors,
    /// From 0 to 19: of `nice`.
    Niceness,
}

/// Who sees to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enforcer {
    /// The cgroup: it holds for everything inside together.
    Cgroup,
    /// The kernel by setrlimit(2): it holds for each process by itself, but for `nproc`.
    Rlimit,
    /// The first process of the sandbox.
    Init,
}

/// A limit that the command ran into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Reached {
    pub limit: ReachedLimit,
    /// Where the file system is mounted inside that is full; null for all others.
    pub path: Option<Text>,
    /// How often something was refused; null where nobody counts it.
    pub times: Option<u64>,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReachedLimit {
    Memory,
    /// Memory, but not by a limit of this run: one of a cgroup above, or of the machine.
    OuterMemory,
    Pids,
    Time,
    /// The size of the scratch file system, which is at `/` and shared by all private directories.
    Scratch,
    /// The number of files of the scratch file system.
    ScratchFiles,
    /// The size of a tmpfs.
    Tmpfs,
    /// The number of files of a tmpfs.
    TmpfsFiles,
    Fsize,
    CpuTime,
}

/// What the network refused in mode `allow`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Network {
    /// In the order in which each happened first; at most 256.
    pub refused: Vec<Refused>,
    /// How often something else was refused, when there was no room to remember what.
    pub further: u64,
    /// Did connections come faster than refused ones are counted? Then the numbers may be too low, and
    /// something may be missing.
    pub uncounted: bool,
    /// Did the process that serves the network end before the command did?
    pub died: bool,
}

/// Something that was tried and did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Refused {
    /// A name or an address.
    pub host: String,
    /// Null where a name was only asked for.
    pub port: Option<u16>,
    /// One line about it.
    pub words: String,
    pub why: RefusedWhy,
    pub times: u64,
    /// The program that was refused first, as it calls itself; null where that could not be found out.
    pub program: Option<String>,
    /// The entry of `[network] allow` that would let it through; null if none would.
    pub entry: Option<String>,
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusedWhy {
    /// No entry allows it.
    NotAllowed,
    /// The name leads to an address that is not of the internet.
    LeadsInward,
    /// Its first bytes name another host.
    MeantForAnother,
    /// Its first bytes can be read in more than one way.
    Nonsense,
    /// A bound of jail itself.
    Limit,
    /// It was allowed, and could not be reached.
    Unreachable,
}

/// A protection that `degrade` may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    Landlock,
    Limits,
    Overlay,
    Namespaces,
    #[serde(rename = "nested-rules")]
    NestedRules,
}

/// What a run used. A figure that nobody counted is null.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Usage {
    /// From the start of the command to its end.
    pub wall: Time,
    /// Processor time outside of the kernel.
    pub user: Time,
    /// Processor time in the kernel.
    pub system: Time,
    /// The most memory at once. From `rusage` it is that of the largest process, and from
    /// `cgroup` that of all together, with files in memory.
    pub peak_memory: Count,
    /// The most processes and threads at once.
    pub peak_pids: Option<Count>,
    /// Read from block devices.
    pub io_read: Option<Count>,
    /// Written to block devices.
    pub io_written: Option<Count>,
    /// How long processes had to wait because of the limit on processors, added up.
    pub throttled: Option<Time>,
}

/// A length of time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Time {
    /// In seconds.
    pub value: f64,
    #[schemars(extend("const" = "seconds"))]
    pub unit: &'static str,
    pub source: Source,
}

/// A number of something.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Count {
    pub value: u64,
    pub unit: CountUnit,
    pub source: Source,
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountUnit {
    Bytes,
    Processes,
}

/// Who counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The clock, which the machine's sleep stops.
    Clock,
    /// The cgroup: everything inside.
    Cgroup,
    /// wait4(2): the processes that were waited for.
    Rusage,
}
