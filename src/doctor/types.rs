//! The findings. The keys of their JSON, and what they mean, are a promise: programs read them.
//!
//! docs/doctor.schema.json is made from these types; the comments of types and fields are its
//! descriptions. All keys are always there: one without a value is null.

use schemars::JsonSchema;
use serde::Serialize;

use crate::remedy::{self, Container, Distribution, Runner};

use super::primitive::Primitive;

/// The version of the format. It grows when a key goes away or changes its meaning, and not when
/// one is added: readers skip what they do not know.
pub const VERSION: u32 = 1;

/// What `jail doctor` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Findings of jail doctor", deny_unknown_fields)]
pub struct Findings {
    /// The version of this format: 1.
    #[schemars(extend("const" = VERSION))]
    pub version: u32,
    /// The version of jail.
    pub jail: String,
    /// The profiles that were asked about, from left to right, as they were named.
    pub profiles: Vec<String>,
    /// Would a command start with them, here and now?
    pub runs: bool,
    pub machine: Machine,
    /// What was tried, in the order in which a run needs it.
    pub checks: Vec<Check>,
}

/// Where it was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Machine {
    /// The release of the kernel, as `uname -r` prints it.
    pub kernel: String,
    /// The family of distributions that the commands in `fixes` are for.
    pub distribution: Distribution,
    /// What made the container around us; null if none is seen.
    pub container: Option<Container>,
    /// The service that runs us as part of a job; null if none is seen.
    pub runner: Option<Runner>,
}

/// One thing that a run needs, and whether it can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Check {
    pub name: Primitive,
    pub state: State,
    /// What was seen; the cause, if it cannot be had, with the name of the errno in brackets.
    pub found: String,
    /// What follows from that for the profile; null if nothing does.
    pub means: Option<String>,
    /// What can be done about it, the best first.
    pub fixes: Vec<Fix>,
}

/// Whether it can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// In part, or not at all; the profile runs all the same.
    Degraded,
    /// The profile does not run without it.
    Missing,
    /// Something else is missing that has to be there to try it.
    NotTried,
    /// The profile does not ask for it.
    NotNeeded,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Fix {
    pub title: String,
    /// What to type in a shell, or to write into the file that the title names.
    pub lines: Vec<String>,
}

impl From<remedy::Fix> for Fix {
    fn from(remedy::Fix { title, lines }: remedy::Fix) -> Self {
        Self { title, lines }
    }
}
