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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diagnostic::Origin;
    use crate::image::{Form, Kept};
    use crate::plan::Step;
    use crate::units::AbsolutePath;

    /// Of this one step.
    pub fn plan(action: Action) -> Plan {
        let steps = vec![Step { action, origin: Origin::BuiltIn }];
        Plan { steps, notes: Vec::new(), degraded: Vec::new() }
    }

    fn path(path: &str) -> AbsolutePath {
        AbsolutePath::new(path).expect("it is absolute")
    }

    /// A root that cannot be rehearsed, as it would be copied.
    pub fn copy() -> Plan {
        let lowers = vec![path("/layer")];
        let image = "x:1".to_owned();
        plan(Action::Root(RootSource::Copy { image, lowers, path: path("/copy"), kept: None }))
    }

    fn layers(lower: &str, owned: bool, is_kept: bool) -> Plan {
        let kept = is_kept.then(|| Kept {
            name: "work".into(),
            upper: path("/upper"),
            work: path("/work"),
            copy: path("/copy"),
            form: Form::Nothing,
        });
        let image = "x:1".to_owned();
        plan(Action::Root(RootSource::Layers { image, lowers: vec![path(lower)], owned, kept }))
    }

    #[test]
    fn what_would_stay_is_not_rehearsed() {
        for (plan, expected) in [
            (copy(), Some("a private copy of the image would be made for it")),
            (layers("/", false, true), Some("what is kept of earlier runs would be written to")),
            (
                layers("/missing", true, false),
                Some("copies of the layers with their owners would be made for it"),
            ),
            (layers("/", true, false), None),
            (layers("/missing", false, false), None),
        ] {
            assert_eq!(obstacle(&plan), expected);
        }
    }

    #[test]
    fn a_rehearsal_without_an_end_is_told_as_such() {
        let stumble = Stumble::lost(Lost::Silent);
        assert_eq!(stumble.title, "it could not be tried to the end");
        let because = stumble.because.expect("there is a cause");
        assert_eq!(because, "the process that tried it ended without an answer");
    }
}
