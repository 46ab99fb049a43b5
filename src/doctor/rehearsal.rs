//! A plan, carried out without its command.

use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::plan::{Action, CgroupParent, Plan, RootSource};
use crate::run;

use super::child::{Lost, in_child};
use super::primitive::Primitive;

/// What stopped it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stumble {
    /// Index of the step, if it is known.
    pub step: Option<u16>,
    pub errno: Option<i32>,
    pub title: String,
    pub because: Option<String>,
    pub help: Vec<String>,
}

impl Stumble {
    pub fn errno(&self) -> Option<Errno> {
        self.errno.map(Errno::from_raw)
    }

    fn lost(lost: Lost) -> Self {
        let title = "it could not be tried to the end".to_owned();
        let because = Some(lost.words());
        Self { step: None, errno: None, title, because, help: Vec::new() }
    }
}

/// Carries the plan out, all but its command, in a child. `None`: it would run.
pub fn rehearse(plan: &Plan, limit: Duration) -> Option<Stumble> {
    let attempt = || {
        let refused = run::rehearse(plan).err()?;
        Some(Stumble {
            step: refused.failed.map(|(step, _)| step),
            errno: refused.failed.map(|(_, errno)| errno as i32),
            title: refused.diagnostic.title,
            because: refused.diagnostic.because,
            help: refused.diagnostic.help,
        })
    };
    in_child(limit, attempt).unwrap_or_else(|lost| Some(Stumble::lost(lost)))
}

/// The plan without what these are about.
pub fn without(plan: &Plan, left_out: &[Primitive]) -> Plan {
    let mut plan = plan.clone();
    plan.steps.retain(|step| !left_out.contains(&Primitive::of(&step.action)));
    plan
}

/// Why a rehearsal would change what stays, or could not tell the truth; `None` if it can be had.
pub fn obstacle(plan: &Plan) -> Option<&'static str> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Root(RootSource::Copy { .. }) => {
            Some("a private copy of the image would be made for it")
        }
        Action::Root(RootSource::Layers { kept: Some(_), .. }) => {
            Some("what is kept of earlier runs would be written to")
        }
        Action::Root(RootSource::Layers { owned: true, lowers, .. })
            if lowers.iter().any(|lower| !lower.as_path().is_dir()) =>
        {
            Some("copies of the layers with their owners would be made for it")
        }
        Action::Cgroup(CgroupParent::Delegated { leave: true, .. }) => {
            Some("the cgroup of this process would have to hold no other, and the doctor is two")
        }
        _ => None,
    })
}
