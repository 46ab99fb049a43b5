//! The least that can be planned: what every run needs, and nothing of this profile's own.

use crate::diagnostic::{Diagnostic, Located, Origin};
use crate::host;
use crate::plan::{self, Plan};
use crate::profile::{Base, Landlock, PathText, Profile, Root, Seccomp, SeccompPolicy};

use super::child::SHORT;
use super::primitive::Primitive;
use super::rehearsal::{Stumble, rehearse, without};

/// Plans are refused for older kernels, whatever they can do. Here it is tried.
const OLDEST: (u32, u32) = (5, 12);

/// What was found out about the least of plans.
pub struct Skeleton {
    /// What failed, and how. Plans are tried without it from now on.
    pub failed: Vec<(Primitive, Stumble)>,
    /// The first of these cannot be left out, so that no more can be tried.
    pub is_blocked: bool,
}

impl Skeleton {
    /// Tries it as often as there is something to leave out.
    pub fn try_it() -> Result<Self, Vec<Diagnostic>> {
        let whole = draw(&profile())?;
        let mut failed: Vec<(Primitive, Stumble)> = Vec::new();
        loop {
            let left_out: Vec<Primitive> = failed.iter().map(|(primitive, _)| *primitive).collect();
            let plan = without(&whole, &left_out);
            let Some(stumble) = rehearse(&plan, SHORT) else {
                return Ok(Self { failed, is_blocked: false });
            };
            let step = stumble.step.and_then(|step| plan.steps.get(usize::from(step)));
            let primitive = step.map_or(Primitive::Namespaces, |step| Primitive::of(&step.action));
            failed.push((primitive, stumble));
            if !primitive.can_be_left_out() {
                return Ok(Self { failed, is_blocked: true });
            }
        }
    }

    pub fn left_out(&self) -> Vec<Primitive> {
        self.failed.iter().map(|(primitive, _)| *primitive).collect()
    }
}

/// The profile of it.
pub fn profile() -> Profile {
    fn built_in<T>(value: T) -> Option<Located<T>> {
        Some(Located::new(value, Origin::BuiltIn))
    }
    let mut profile = Profile {
        landlock: Landlock { enabled: built_in(false) },
        seccomp: Seccomp { policy: built_in(SeccompPolicy::Off), ..Seccomp::default() },
        ..Profile::default()
    };
    profile.filesystem.root = built_in(Root::Empty);
    profile.process.workdir = built_in(PathText { text: "/".into(), base: Base::WorkingDirectory });
    profile
}

/// The plan of a small profile, for a kernel of any age. Its command is never executed.
pub fn draw(profile: &Profile) -> Result<Plan, Vec<Diagnostic>> {
    let mut host = host::survey(profile, None)?;
    host.kernel.release = host.kernel.release.max(OLDEST);
    // They are the business of the whole profile.
    host.descriptors.clear();
    plan::draw(profile, None, &host, &["/command".into()])
}
